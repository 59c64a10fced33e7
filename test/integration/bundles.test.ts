import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseUrl, testSchema } from '../support/database.ts'
import { startProcess } from '../support/process.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const schema = testSchema()
let folder = ''

const BEGIN = `
  import { Chancy, job, Queue, Worker } from 'chancy'
  const greet = job({ name: 'greet' }, ({ name }) => 'Hello, ' + name)
  const url = process.env.URL
  const schema = process.env.SCHEMA`
const RUN = `
  await chancy.migrate()
  const worker = new Worker(chancy)
  await worker.start()
  const done = await chancy.waitForJob(await chancy.push(greet.job.withArgs({ name: 'Ada' })))
  console.log(JSON.stringify({ result: done.result }))
  await worker.stop()
  await chancy.close()`
const programs = {
  producer: `${BEGIN}
    const chancy = new Chancy(url, { schema })
    await chancy.migrate()
    const { id } = await chancy.push(greet.job.withArgs({ name: 'Ada' }))
    console.log(JSON.stringify({ pushed: (await chancy.getJob(id)).name }))
    await chancy.cancel(id)
    await chancy.close()`,
  inline: `${BEGIN}
    const chancy = new Chancy(url, { schema, jobs: greet })${RUN}`,
  process: `${BEGIN}
    const chancy = new Chancy(url, { schema, jobs: process.env.JOBS })
    await chancy.declare(new Queue('default', { executor: process.env.EXECUTOR }), { upsert: true })${RUN}`,
  embedded: `
    import { Chancy } from 'chancy'
    import { embeddedPostgres } from 'chancy/embedded-postgres'
    await new Chancy(embeddedPostgres()).migrate()`,
}
const JOBS = `
  import { job } from 'chancy'
  export const greet = job({ name: 'greet' }, ({ name }) => 'Hello, ' + name)`

const COMMON = { bundle: true, platform: 'node', logLevel: 'error' } as const

/** CommonJS has no await outside of a function. */
function asCommonJs(text: string): string {
  const imports = /^\s*import .*$/gm
  return `${text.match(imports)?.join('\n')}\nvoid (async () => {${text.replaceAll(imports, '')}})()`
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chancy-bundles-'))
  for (const [name, contents] of Object.entries({ ...programs, jobs: JOBS })) {
    await build({
      stdin: { contents, resolveDir: ROOT },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: join(folder, `${name}.mjs`),
      banner: {
        js: "import { createRequire as making } from 'node:module'; const require = making(import.meta.url)",
      },
      logLevel: 'error',
    })
  }
  for (const name of ['producer', 'inline'] as const) {
    const contents = asCommonJs(programs[name])
    const outfile = join(folder, `${name}.cjs`)
    // It says that "import.meta" is empty there, which the package expects.
    await build({ ...COMMON, stdin: { contents, resolveDir: ROOT }, format: 'cjs', outfile })
  }
  const beside = join(folder, 'with')
  await mkdir(join(beside, 'node_modules'), { recursive: true })
  await symlink(ROOT, join(beside, 'node_modules', 'chancy'), 'junction')
  await copyFile(join(folder, 'process.mjs'), join(beside, 'process.mjs'))
  await writeFile(join(beside, 'jobs.mjs'), JOBS)
}, 60_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

const run = (program: string, env: Record<string, string> = {}) =>
  startProcess(join(folder, program), {
    env: { URL: databaseUrl(schema), SCHEMA: schema, ...env },
  })

describe('a bundled program', () => {
  it('pushes, and runs jobs inline, as CommonJS too', async () => {
    await using producer = run('producer.cjs')
    expect(await producer.next()).toEqual({ pushed: 'greet' })
    expect(await producer.exited, producer.output).toEqual({ code: 0, signal: null })
    await using worker = run('inline.cjs')
    expect(await worker.next()).toEqual({ result: 'Hello, Ada' })
    expect(await worker.exited, worker.output).toEqual({ code: 0, signal: null })
  })

  it('pushes', async () => {
    await using one = run('producer.mjs')
    expect(await one.next()).toEqual({ pushed: 'greet' })
    expect(await one.exited, one.output).toEqual({ code: 0, signal: null })
  })

  it('runs jobs inline, and says that its heartbeat needs a file of the package', async () => {
    await using one = run('inline.mjs')
    expect(await one.next()).toEqual({ result: 'Hello, Ada' })
    expect(await one.exited, one.output).toEqual({ code: 0, signal: null })
    expect(one.output).toContain('chancy/dist/worker/lease/heartbeat-thread.js was not found')
    expect(one.output).toContain('--external:chancy')
  })

  it.each(['process', 'thread'])(
    'reports at its start which file the executor %s needs',
    async (EXECUTOR) => {
      await using one = run('process.mjs', { EXECUTOR, JOBS: join(folder, 'jobs.mjs') })
      expect(await one.exited).toEqual({ code: 1, signal: null })
      expect(one.output).toContain(`chancy/dist/executors/child/${EXECUTOR}.js was not found`)
      expect(one.output).toContain('--external:chancy')
    },
  )

  it('says that a job module that was not bundled is missing', async () => {
    await using one = run('process.mjs', { EXECUTOR: 'inline', JOBS: join(folder, 'gone.mjs') })
    expect(await one.exited).toEqual({ code: 1, signal: null })
    expect(one.output).toContain('make it an entry of its own')
  })

  it('says which file the embedded server needs', async () => {
    await using one = run('embedded.mjs')
    expect(await one.exited).toEqual({ code: 1, signal: null })
    expect(one.output).toContain('chancy/dist/database/embedded/supervisor.js')
  })

  it.each(['process', 'thread', 'inline'])(
    'runs jobs by the executor %s, and its heartbeat, where the package is installed beside it',
    async (EXECUTOR) => {
      const JOBS = join(folder, 'with', 'jobs.mjs')
      await using one = run(join('with', 'process.mjs'), { EXECUTOR, JOBS })
      expect(await one.next(), one.output).toEqual({ result: 'Hello, Ada' })
      expect(await one.exited, one.output).toEqual({ code: 0, signal: null })
      expect(one.output).not.toContain('was not found')
    },
  )
})
