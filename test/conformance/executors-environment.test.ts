import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resultOf, start } from '../support/executors.ts'
import { jobModule, testPools } from '../support/pools.ts'

const pools = testPools()
const jobs = [jobModule('flags')]
const program = fileURLToPath(new URL('../support/processes/flagged.mjs', import.meta.url))

interface Seen {
  readonly mark: string | null
  readonly execArgv: readonly string[]
  readonly heapMib: number
  readonly env: Readonly<Record<string, string>>
}

let folder: string
let mark: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'chancy flags-'))
  const file = path.join(folder, 'mark.mjs')
  writeFileSync(file, "globalThis.mark = 'made by a loader'")
  mark = pathToFileURL(file).href
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Run {
  readonly kind: 'process' | 'thread'
  readonly job?: string
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly childEnv?: unknown
}

/** What a job returns in a worker that is started with these flags. */
function resultWith({ kind, job = 'sees', flags = [], env = {}, childEnv }: Run): unknown {
  const args = [...flags, program, kind, jobs[0]!, job]
  if (childEnv !== undefined) args.push(JSON.stringify(childEnv))
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 30_000,
    env: { PATH: process.env.PATH, SECRET: 'of the worker', ...env },
  })
  const line = stdout.split('\n').find((one) => one.includes('"kind"'))
  if (line === undefined) throw new Error(`${stdout}${stderr}`)
  const { kind: end, result, error } = JSON.parse(line) as Record<string, string>
  if (end !== 'returned') throw new Error(JSON.stringify(error))
  return JSON.parse(result!)
}

const seenWith = (run: Run): Seen => resultWith(run) as Seen

describe.each(['process', 'thread'] as const)('the options of Node.js in a child of %s', (kind) => {
  it('are those of the worker that load and resolve modules', () => {
    const flags = ['--import', mark, '--enable-source-maps', '--conditions=own', '--no-warnings']
    const { mark: made, execArgv } = seenWith({ kind, flags })
    expect(made).toBe('made by a loader')
    for (const flag of flags) expect(execArgv).toContain(flag)
  })

  it('do not keep it from starting when only a process can have them', () => {
    const flags = ['--max-old-space-size=333', '--expose-gc', '--import', mark]
    const { mark: made, heapMib } = seenWith({ kind, flags })
    expect(made).toBe('made by a loader')
    if (kind === 'process') expect(heapMib).toBeLessThan(450)
  })

  it('come from NODE_OPTIONS too', () => {
    const env = { NODE_OPTIONS: `--import="${mark}" --max-old-space-size=333` }
    expect(seenWith({ kind, env }).mark).toBe('made by a loader')
    const childEnv = ['PATH']
    const seen = seenWith({ kind, env, childEnv })
    if (kind === 'process') expect(seen.mark).toBe('made by a loader')
    expect(seen.env.NODE_OPTIONS).toBe(undefined)
  })

  it('leave out the inspector and what the worker was asked to evaluate', () => {
    const env = { NODE_OPTIONS: '--inspect=127.0.0.1:0 --stack-trace-limit=17' }
    const seen = seenWith({ kind, env, flags: ['--inspect-port=0', '--title=worker'] })
    expect(`${seen.execArgv} ${kind === 'process' ? seen.env.NODE_OPTIONS : ''}`).not.toMatch(
      /inspect|title/,
    )
    if (kind === 'process') expect(seen.env.NODE_OPTIONS).toBe('--stack-trace-limit=17')
  })

  it('of the executor do not reach what a job forks', () => {
    const options = resultWith({ kind, job: 'forks', flags: ['--no-warnings'] }) as string[]
    expect(options.filter((one) => one.includes('chancy'))).toEqual([])
    expect(options).toContain('--no-warnings')
  })
})

describe.each(['process', 'thread'] as const)('the environment of a child of %s', (kind) => {
  const own = (env: Readonly<Record<string, string>>): string[] =>
    Object.keys(env)
      .filter((name) => name !== 'CHANCY_CHILD')
      .sort()

  it('is that of the worker unless it is said', () => {
    expect(seenWith({ kind }).env).toMatchObject({ SECRET: 'of the worker' })
  })

  it('is what the worker has of a list of names', () => {
    const { env } = seenWith({ kind, env: { TZ: 'UTC' }, childEnv: ['PATH', 'TZ', 'MISSING'] })
    expect(own(env)).toEqual(['PATH', 'TZ'])
    expect(env.TZ).toBe('UTC')
  })

  it('is an object that is given', () => {
    const { env } = seenWith({ kind, childEnv: { GIVEN: 'text' } })
    expect(own(env)).toEqual(['GIVEN'])
    expect(env.GIVEN).toBe('text')
  })
})

describe.each(['process', 'thread'] as const)('a child of %s for one job only', (kind) => {
  it('keeps nothing of the job before', async () => {
    const executor = pools[kind]({ jobs, concurrency: 1, maximumJobsPerChild: 1 })
    const counts = Array.from({ length: 4 }, () => start(executor, 'counts'))
    expect(await Promise.all(counts.map(resultOf))).toEqual([1, 1, 1, 1])
  })
})
