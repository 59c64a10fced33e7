import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { Chancy, Job, job, Worker } from 'chancy'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Ran, runCommand } from '../../support/command.ts'
import { databaseUrl, withClient } from '../../support/database.ts'

const COMMAND = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const APP = './test/support/apps/notes.mjs'
const DEFINED = './test/support/apps/defined.mjs'
const TYPED = './test/support/apps/typed.ts'
const NAMED = './test/support/apps/named.mjs'
const TWO = './test/support/apps/two.mjs'
let schema = ''

/** Runs the command as a process of its own, which must end by itself. */
function chancy(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const { DATABASE_URL: _, CHANCY_APP: __, ...rest } = process.env
  const all = { ...rest, TEST_URL: databaseUrl(), TEST_SCHEMA: schema, ...env }
  const options = { cwd: ROOT, env: all, timeout: 55_000 }
  return new Promise((resolve) => {
    execFile(process.execPath, [COMMAND, ...args], options, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
    )
  })
}

beforeEach(() => {
  schema = `cli_${randomBytes(5).toString('hex')}`
})
afterEach(() =>
  withClient(async (client) => {
    for (const name of [schema, `${schema}_2`])
      await client.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`)
  }),
)

describe('chancy --app', () => {
  it('pushes a job as the application defines it, except for what the options say', async () => {
    await using app = new Chancy(databaseUrl(), { schema, defaultPlugins: false })
    await app.migrate()
    const push = ['--app', DEFINED, 'job', 'push']
    const pushed = await chancy([...push, 'mail', '--priority', '9', '--args', '{"to":"ada"}'])
    expect(pushed).toMatchObject({ code: 0, err: '' })
    expect(await app.getJob(pushed.out.trim())).toMatchObject({
      ...{ queue: 'post', priority: 9, maxAttempts: 4, args: { to: 'ada' } },
    })
    const unknown = await chancy([...push, 'other'])
    expect(await app.getJob(unknown.out.trim())).toMatchObject({ queue: 'default', priority: 0 })
  })

  it('migrates the tables of the plugins too, so that a worker of the application starts', async () => {
    expect(await chancy(['--app', APP, 'check-migrations'])).toMatchObject({ code: 1 })
    expect(await chancy(['--app', APP, 'migrate'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^line +before +after\nchancy.core +0 +\d\n[\s\S]*test.notes +0 +1\n$/,
      ),
      err: '',
    })
    const checked = await chancy(['check-migrations', '--app', APP, '--json'])
    expect(checked.code).toBe(0)
    expect(JSON.parse(checked.out)).toContainEqual({
      ...{ line: 'test.notes', have: 1, want: 1, begun: null, isServed: true },
    })
    process.env.TEST_URL = databaseUrl()
    process.env.TEST_SCHEMA = schema
    const { default: app } = (await import('../../support/apps/notes.mjs')) as { default: Chancy }
    expect(await app.isUpToDate()).toBe(true)
    await app.close()
  })

  it('is not needed for the commands of the default plugins', { timeout: 120_000 }, async () => {
    const where = ['--schema', schema]
    const env = { DATABASE_URL: databaseUrl() }
    const run = (...args: string[]): Promise<Ran> => runCommand([...args, ...where], { env })
    await run('migrate')
    expect(await run('metrics', '--queue', 'mail', '--json')).toMatchObject({
      code: 0,
      out: '[]\n',
      err: '',
    })
    const text = await run('metrics', 'prometheus')
    expect(text).toMatchObject({ code: 0, out: expect.stringMatching(/^chancy_workers 0$/m) })
    expect(await run('metrics', '--step', '2m')).toMatchObject({
      code: 2,
      err: expect.stringContaining('expected one of 10s, 1m, 5m, 1h, 1d, got "2m"'),
    })
  })

  it('moves the tables of one plugin, and on the way down those of the plugins first', async () => {
    const found = async () => {
      const text =
        'SELECT to_regclass($1) IS NOT NULL AS notes, to_regclass($2) IS NOT NULL AS jobs'
      const names = [`${schema}.test_notes_all`, `${schema}.jobs`]
      return (await withClient((client) => client.query(text, names))).rows[0] as object
    }
    await chancy(['--app', APP, 'migrate'])
    expect(await found()).toEqual({ notes: true, jobs: true })
    const down = await chancy([
      '--app',
      APP,
      'migrate',
      '--plugin',
      'test.notes',
      '--to',
      '0',
      '--yes',
    ])
    expect(down).toMatchObject({ code: 0, out: expect.stringMatching(/^test.notes +1 +0$/m) })
    expect(await found()).toEqual({ notes: false, jobs: true })
    await chancy(['--app', APP, 'migrate'])
    expect(await chancy(['--app', APP, 'migrate', '--to', '0', '--yes'])).toMatchObject({ code: 0 })
    expect(await found()).toEqual({ notes: false, jobs: false })
  })

  it('runs the commands of plugins, and prints a table, fields or JSON', async () => {
    await chancy([`--app=${APP}`, 'migrate'])
    expect(await chancy(['--app', APP, 'note', 'list'])).toMatchObject({ code: 1, out: 'none\n' })
    const add = await chancy(['--app', APP, 'note', 'add', 'milk', '--upper', '-r', '2'])
    expect(add).toMatchObject({ code: 0, out: 'kept   2\nfirst  MILK\n', err: '' })
    await chancy(['note', 'add', 'tea', '1', '--prefix', 'green ', '--app', APP])
    const list = await chancy(['note', 'list'], { CHANCY_APP: APP })
    expect(list).toMatchObject({ code: 0, out: 'text\nMILK\nMILK\ngreen tea\n' })
    const json = await chancy(['--json', '--app', APP, 'note', 'list'])
    expect(JSON.parse(json.out)).toEqual([
      { text: 'MILK' },
      { text: 'MILK' },
      { text: 'green tea' },
    ])
    expect(await chancy(['--app', APP, 'note', 'add', '--help'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/add \[options\] <text> \[times\][\s\S]*-r, --repeat <number>/),
    })
  })

  it('gives a command of a plugin its arguments and options by their names', async () => {
    const given = await chancy(['--json', '--app', APP, 'note', '7', '--dry-run'])
    expect(given).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(given.out)).toEqual({ 'first-id': '7', 'dry-run': true })
  })

  it('takes an export by its name, and a module in TypeScript', async () => {
    expect(await chancy(['--app', `${APP}#second`, 'migrate'])).toMatchObject({ code: 0 })
    const text = 'SELECT to_regnamespace($1)::text AS name'
    const rows = await withClient((client) => client.query(text, [`${schema}_2`]))
    expect(rows.rows).toEqual([{ name: `${schema}_2` }])
    expect(await chancy(['--app', TYPED, 'migrate'])).toMatchObject({ code: 0, err: '' })
    expect(await chancy(['--app', TYPED, 'show-grant', 'reader', 'r'])).toMatchObject({
      code: 0,
      out: expect.stringContaining(`ON SCHEMA "${schema}"`),
    })
  })

  it('takes the only application of a module without a default export', async () => {
    expect(await chancy(['--app', NAMED, 'migrate'])).toMatchObject({ code: 0, err: '' })
  })

  it.each([
    [['--app', TWO, 'migrate'], 2, /no default export. It exports first, second. Write/],
    [
      ['--app', `${APP}#clashing`, 'migrate'],
      2,
      /"test.clash" .* "migrate" is a command of Chancy/,
    ],
    [['--app', './nope.mjs', 'migrate'], 2, /there is no file .*nope\.mjs/],
    [
      ['--app', `${APP}#third`, 'migrate'],
      2,
      /no export "third".*exports clashing, default, number, second/,
    ],
    [['--app', `${APP}#number`, 'migrate'], 2, /"number" of .* is no Chancy but 7/],
    [['migrate', '--app'], 2, /--app takes a module|argument missing/],
    [
      ['--app', './test/support/apps/broken.mjs', 'migrate'],
      2,
      /could not be loaded: from its top/,
    ],
    [['--app', APP, '--schema', 'x', 'migrate'], 2, /Leave out --database and --schema/],
    [['migrate'], 2, /No database was given\. Add --app/],
    [['note', 'list'], 2, /unknown command 'note'.*--app/],
    [['--app', APP, 'note', 'add'], 2, /missing required argument 'text'/],
    [['--app', APP, 'note', 'add', 'x', '--repeat', 'often'], 2, /It takes a number/],
    [['--app', APP, 'migrate', '--to', 'x'], 2, /'--to <version>'.*It takes a whole number from 0/],
  ] as const)('%j exits with %i and says why', async (args, code, message) => {
    const env = { TEST_URL: databaseUrl(), TEST_SCHEMA: schema }
    Object.assign(process.env, env)
    const ran = await runCommand(args)
    expect(ran).toMatchObject({ code, out: '', err: expect.stringMatching(message) })
    expect(ran.err.trimEnd().split('\n')).toHaveLength(1)
  })

  it('says in one line what a command of a plugin failed with, and with --verbose where', async () => {
    const ran = await chancy(['--app', APP, 'note', 'fail'])
    expect(ran).toEqual({
      code: 1,
      out: '',
      err: 'error: on purpose (--verbose prints the stack)\n',
    })
    const verbose = await chancy(['--app', APP, 'note', 'fail', '--verbose'])
    expect(verbose.err).toMatch(/^error: on purpose\nError: on purpose\n +at .*notes\.mjs/)
  })

  it('says in one line that there is no plugin of a name', async () => {
    const ran = await chancy(['--app', APP, 'migrate', '--plugin', 'test.other'])
    expect(ran).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/no plugin "test.other"/),
    })
    expect(ran.err.trimEnd().split('\n')).toHaveLength(1)
  })

  it('names the migrations that are missing', async () => {
    const ran = await chancy(['--app', APP, 'note', 'list'])
    expect(ran).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^error: .*is at version 0.*migrate/),
    })
  })
})

describe('chancy --database', () => {
  it('says once that a password in it is seen by others', async () => {
    const dsn = 'postgres://ada:secret@localhost:1/x'
    const ran = await runCommand(['show-grant', 'reader', 'r', '--database', dsn])
    expect(ran.err).toBe(
      'note: the password in --database shows in the list of processes; set DATABASE_URL instead.\n',
    )
    const without = ['show-grant', 'reader', 'r', '--database', 'postgres://ada@localhost:1/x']
    expect(await runCommand(without)).toMatchObject({ code: 0, err: '' })
  })

  it('has the default plugins alone, and a worker of it starts', async () => {
    const env = { DATABASE_URL: databaseUrl() }
    expect(await runCommand(['migrate', '--schema', schema], { env })).toMatchObject({ code: 0 })
    const task = job({ name: 'task' }, () => 1)
    await using app = new Chancy(databaseUrl(), { schema, jobs: task })
    await using worker = new Worker(app, { signals: false })
    await worker.start()
    const done = await app.waitForJob(await app.push(Job.named('task')))
    expect(done).toMatchObject({ state: 'succeeded' })
  })
})
