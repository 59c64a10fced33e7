import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Chancy, Job, Queue } from 'chancy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../../support/command.ts'
import { databaseUrl, testSchema } from '../../support/database.ts'
import { startProcess, type TestProcess } from '../../support/process.ts'
import { sized } from '../../support/size.ts'
import { until } from '../../support/until.ts'

const COMMAND = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
/** It starts two servers of its own. */
const atFullSize = it.runIf(sized(false, true))
const PATIENCE = { timeoutMs: 50_000 }
const schema = testSchema()
const chancy = new Chancy(databaseUrl(), { schema })
const folder = mkdtempSync(path.join(tmpdir(), 'chancy-dev-'))

/** A port of this machine that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

interface Said {
  readonly event: string
  readonly modules?: readonly string[]
  readonly message?: string
}

/** Writes a module of the project as a whole, as an editor does. */
const write = (name: string, lines: readonly string[]): void => {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
  writeFileSync(path.join(folder, name), `${lines.join('\n')}\n`)
}
const answer = (text: string): void =>
  write('src/jobs.js', [
    "import { job } from 'chancy'",
    `export const answer = job({ name: 'answer' }, () => ({ text: '${text}', pid: process.pid }))`,
    "export const leave = job({ name: 'leave', maxAttempts: 1, queue: 'inline' }, () => process.exit(7))",
  ])
const app = (database: string): readonly string[] => [
  "import { Chancy } from 'chancy'",
  `export const chancy = new Chancy(${database}, { schema: '${schema}', jobs: './src/**/*.js' })`,
]
const run = async (name: string) =>
  (await chancy.waitForJob(await chancy.push(Job.named(name)), { timeout: '50s' })).result as {
    readonly text: string
    readonly pid: number
  }

/** `chancy dev` as a process of its own, which prints an event a line. */
const startDev = (...args: readonly string[]): TestProcess =>
  startProcess(COMMAND, {
    args: ['dev', '--json', '--database', databaseUrl(), '--app', 'src/app.mjs', ...args],
    cwd: folder,
  })
const next = (dev: TestProcess, event: string): Promise<Said> =>
  dev.next<Said>((said) => said.event === event, PATIENCE.timeoutMs)
const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

beforeAll(async () => {
  mkdirSync(path.join(folder, 'node_modules'))
  symlinkSync(ROOT, path.join(folder, 'node_modules', 'chancy'))
  write('src/app.mjs', app('process.env.DATABASE_URL'))
  answer('one')
})
afterAll(async () => {
  await chancy.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('chancy dev', () => {
  it('runs jobs by the code that stands in the modules, and ends by one signal with all that it started', async () => {
    await using dev = startDev()
    await next(dev, 'running')
    const first = await run('answer')
    expect(first.text).toBe('one')

    answer('two')
    expect((await next(dev, 'changed')).modules).toEqual([path.join(folder, 'src/jobs.js')])
    await next(dev, 'running')
    const second = await run('answer')
    expect(second.text).toBe('two')
    expect(isGone(first.pid)).toBe(true)

    // It cannot be parsed: what is wrong is said once, and nothing starts until the next change.
    write('src/more/late.js', ['export const late = {,'])
    await next(dev, 'changed')
    expect((await next(dev, 'failed')).message).toContain('src/more/late.js')
    expect(dev.output).toMatch(/late\.js:1\n *export const late = \{,/)
    const job =
      "export const late = job({ name: 'late' }, () => ({ text: 'late', pid: process.pid }))"
    write('src/more/late.js', ["import { job } from 'chancy'", job])
    await next(dev, 'changed')
    await next(dev, 'running')
    const third = await run('late')
    expect(third.text).toBe('late')

    dev.kill('SIGINT')
    expect(await dev.exited).toEqual({ code: 0, signal: null })
    expect(isGone(third.pid)).toBe(true)
    expect((await chancy.getWorkers()).filter(({ alive }) => alive)).toEqual([])
  }, 120_000)

  it('starts a worker that ended by itself with the next change, and not before', async () => {
    await chancy.declare(new Queue('inline', { executor: 'inline' }), { upsert: true })
    await using dev = startDev()
    await next(dev, 'running')
    const { id } = await chancy.push(Job.named('leave', { queue: 'inline' }))
    expect((await next(dev, 'failed')).message).toContain('exit code 7')
    answer('three')
    await next(dev, 'changed')
    await next(dev, 'running')
    await chancy.cancel({ id } as never)
    const { text, pid } = await run('answer')
    expect(text).toBe('three')

    // Killed, it leaves nothing: its worker ends by itself.
    dev.kill('SIGKILL')
    await until(() => isGone(pid), { ...PATIENCE, what: 'the end of the job process' })
    await until(async () => (await chancy.getWorkers()).every(({ alive }) => !alive), PATIENCE)
  }, 120_000)

  atFullSize(
    'keeps the data of its own server at the port that it was given, and ends all by a second Ctrl+C',
    async () => {
      const port = await freePort()
      const sleep =
        "export const sleep = job({ name: 'sleep' }, () => new Promise((resolve) => setTimeout(resolve, 600_000)))"
      write('src/sleep.js', ["import { job } from 'chancy'", sleep])
      const args = ['dev', '--json', '--app', 'src/app.mjs', '--port', String(port)]
      await using dev = startProcess(COMMAND, { args, cwd: folder, env: { DATABASE_URL: '' } })
      const { url } = await dev.next<Said & { readonly url: string }>(
        ({ event }) => event === 'database',
        60_000,
      )
      expect(new URL(url).port).toBe(String(port))
      await next(dev, 'running')
      await using own = new Chancy(url, { schema })
      const slow = await own.push(Job.named('sleep'))
      await own.waitForJob(slow, { states: ['running'], timeout: '50s' })
      const taken = startProcess(COMMAND, {
        args: [...args, '--data', 'other'],
        cwd: folder,
        env: { DATABASE_URL: '' },
      })
      expect(await taken.exited).toMatchObject({ code: 2 })
      expect(taken.output).toMatch(new RegExp(`^error: .*${port}`, 'm'))

      dev.kill('SIGINT')
      await next(dev, 'stopping')
      // The same signal within a quarter of a second is an echo of the first.
      await new Promise((resolve) => setTimeout(resolve, 300))
      dev.kill('SIGINT')
      expect(await dev.exited).toEqual({ code: 130, signal: null })
      const isOver = () =>
        own.getQueues().then(
          () => false,
          () => true,
        )
      await until(isOver, { ...PATIENCE, what: 'the end of the server' })
    },
    120_000,
  )

  it('refuses an application that connects elsewhere before anything is changed there, and ends without a watch', async () => {
    const other = new URL(databaseUrl())
    other.pathname = '/elsewhere'
    write('src/app.mjs', app(JSON.stringify(other.href)))
    await using dev = startDev('--no-watch')
    expect((await next(dev, 'failed')).message).toMatch(
      /connects to \S+\/elsewhere, and the server of "chancy dev" is \S+\. Let it read DATABASE_URL/,
    )
    expect(await dev.exited).toEqual({ code: 1, signal: null })
    expect(dev.output).toContain('nothing starts it again')
    write('src/app.mjs', app('process.env.DATABASE_URL'))
  }, 60_000)

  it('says what is missing or contradicts itself, with exit code 2', async () => {
    const rows: [readonly string[], RegExp][] = [
      [[], /there is no application\. Add --app/],
      [['--app', './none.ts'], /there is no file .*none\.ts/],
      [['--app', COMMAND, '--schema', 'x'], /Leave out --schema/],
      [['--app', COMMAND, '--database', 'postgres://h/d', '--port', '5000'], /--data and --port/],
      [['--port', '0'], /a whole number from 1 to 65535/],
      [['--data', ''], /--data/],
    ]
    for (const [args, expected] of rows) {
      const { code, err } = await runCommand(['dev', ...args])
      expect({ args, code, err }).toEqual({ args, code: 2, err: expect.stringMatching(expected) })
    }
  })
})
