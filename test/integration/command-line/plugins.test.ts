import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Chancy, Job } from 'chancy'
import { cron, schedule } from 'chancy/plugins/cron'
import { addTrigger, triggers } from 'chancy/plugins/triggers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CommandSurroundings, type Ran, runCommand } from '../../support/command.ts'
import { databaseUrl, testSchema, withClient } from '../../support/database.ts'

// The commands of Chancy's plugins, without an application.
const schema = testSchema()
let folder = ''
const runAll = (args: readonly string[], surroundings?: CommandSurroundings): Promise<Ran> =>
  runCommand([...args, '--schema', schema], {
    ...surroundings,
    env: { DATABASE_URL: databaseUrl(schema) },
  })
const run = (args: string, surroundings?: CommandSurroundings) =>
  runAll(args.split(' '), surroundings)

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chancy-plugins-'))
  await using chancy = new Chancy(databaseUrl(schema), { schema, plugins: [cron(), triggers()] })
  await chancy.migrate()
  for (const key of ['daily', 'hourly']) {
    await schedule(chancy, {
      key,
      cron: '0 7 * * *',
      timeZone: 'Europe/Berlin',
      job: Job.named('report'),
    })
  }
  await withClient((client) =>
    client.query(`CREATE TABLE ${schema}.test_orders (id int PRIMARY KEY)`),
  )
  await withClient((client) =>
    client.query(`CREATE TABLE public.orders_${schema} (id int PRIMARY KEY)`),
  )
  await addTrigger(chancy, {
    ...{ key: 'orders', table: `public.orders_${schema}`, on: ['insert'], each: 'row' },
    job: Job.named('on-order'),
  })
})
afterAll(async () => {
  await withClient((client) => client.query(`DROP TABLE public.orders_${schema}`))
  await rm(folder, { recursive: true })
})

describe('chancy schedule', () => {
  it('lists, shows, previews, pauses, resumes, runs and deletes', async () => {
    expect((await run('schedule list')).out).toMatch(
      /^key +timing +job[\s\S]*^daily +0 7 \* \* \* Europe\/Berlin +report +active/m,
    )
    expect(JSON.parse((await run('schedule list --json')).out)).toContainEqual(
      expect.objectContaining({
        ...{ key: 'daily', cron: '0 7 * * *', timeZone: 'Europe/Berlin' },
        ...{ catchUp: 'last', overlap: 'skip', pausedUntil: null },
      }),
    )
    expect((await run('schedule list --state paused')).out).toBe('none\n')
    expect((await run('schedule show daily')).out).toMatch(/^time zone +Europe\/Berlin$/m)
    const preview = await runAll([
      'schedule',
      'preview',
      '--cron',
      '30 2 29 3 *',
      '--zone',
      'Europe/Berlin',
      '-n',
      '1',
      '--json',
    ])
    expect(JSON.parse(preview.out)).toHaveLength(1)
    expect((await run('schedule preview daily -n 3 --json')).out.match(/"at"/g)).toHaveLength(3)
    expect(
      await runAll(['schedule', 'pause', 'daily', '--reason', 'a move', '--until', '2h']),
    ).toMatchObject({ code: 0 })
    expect((await run('schedule list --state paused')).out).toContain('daily')
    expect(await run('schedule resume daily')).toMatchObject({ code: 0 })
    expect((await run('schedule run daily')).out).toMatch(/^job +[0-9a-f-]{36}\ncreated +yes$/m)
    expect(await run('schedule delete daily')).toMatchObject({ code: 0, out: 'removed  daily\n' })
  })

  it.each(['show', 'preview', 'pause', 'resume', 'run', 'delete'])(
    '%s exits with 1 where there is no such schedule',
    async (name) => {
      expect(await run(`schedule ${name} nope`)).toMatchObject({
        ...{ code: 1, out: '', err: expect.stringMatching(/^error: [^\n]*"nope"[^\n]*\n$/) },
      })
    },
  )

  it.each([
    [['schedule', 'preview'], /either a key or --cron/],
    [['schedule', 'preview', '--cron', '0 0 31 2 *'], /never/],
    [['schedule', 'pause', 'hourly', '--until', 'soon'], /--until: expected/],
    [['schedule', 'list', '--state', 'odd'], /--state: expected one of/],
    [['schedule', 'diff'], /declares no schedules in code/],
    [['schedule', 'apply'], /declares no schedules in code/],
    [['metrics', '--step', '2m'], /expected one of 10s, 1m, 5m, 1h, 1d/],
    [['metrics', '--last', 'week'], /--last/],
    [['prune'], /--where is missing/],
    [['prune', '--where', 'name tick'], /expected =, !=/],
    [['prune', '--where', 'namme = tick'], /Did you mean "name"/],
  ])('%j exits with 2 and says why in a line', async (args, message) => {
    const ran = await runAll(args)
    expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringMatching(message) })
    expect(ran.err).toMatch(/^error: [^\n]*\n$/)
  })
})

describe('chancy schedule diff and apply', () => {
  let made = 0
  /** Runs a command with these schedules in the code: a module of its own each time, since a command closes its application. */
  const release =
    (schedules: string) =>
    async (args: string, surroundings?: CommandSurroundings): Promise<Ran> => {
      const file = path.join(folder, `app-${made++}.mjs`)
      const of = (name: string): URL => new URL(`../../../dist/${name}.js`, import.meta.url)
      await writeFile(
        file,
        `import { Chancy, Job } from '${of('index')}'
         import { cron } from '${of('plugins/cron/cron')}'
         const job = Job.named('report')
         const schedules = [${schedules}]
         const plugins = [cron({ schedules, set: 'app', apply: 'manual' })]
         export default new Chancy('${databaseUrl(schema)}', { schema: '${schema}', plugins })`,
      )
      return runCommand(['--app', file, 'schedule', ...args.split(' ')], surroundings)
    }

  it('show what the code changes, exit with 1 where it differs, and make the rows what it says', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((key) => `{ key: '${key}', cron: '0 7 * * *', job }`)
    const first = release(`${a}, ${b}, ${c}`)
    const table = 'key  what   fields\na    added  -\nb    added  -\nc    added  -\n'
    expect(await first('diff')).toEqual({ code: 1, out: table, err: '' })
    expect(await first('apply --dry-run')).toMatchObject({
      code: 0,
      out: table,
    })
    expect(await first('diff')).toMatchObject({ code: 1 })
    expect(await first('apply')).toEqual({ code: 0, out: table, err: '' })
    expect(await first('diff')).toEqual({ code: 0, out: 'none\n', err: '' })

    const second = release("{ key: 'a', cron: '0 8 * * *', job }")
    const changes = [
      { key: 'a', what: 'changed', fields: 'cron' },
      { key: 'b', what: 'removed', fields: null },
      { key: 'c', what: 'removed', fields: null },
    ]
    const differs = await second('diff --json')
    expect(differs.code).toBe(1)
    expect(JSON.parse(differs.out)).toEqual(changes)
    expect(await second('apply')).toMatchObject({
      ...{ code: 2, out: '', err: expect.stringMatching(/Remove the schedules b, c\?.*Add --yes/) },
    })
    const no = await second('apply', { columns: 80, input: 'n\r' })
    expect(no).toMatchObject({ code: 1, err: expect.stringContaining('Nothing was changed.') })
    const applied = await second('apply --yes --json')
    expect({ ...applied, out: JSON.parse(applied.out) }).toEqual({ code: 0, out: changes, err: '' })
    expect(await second('diff')).toMatchObject({ code: 0 })
    // What other sets and no set have stays.
    expect((await run('schedule list')).out).toMatch(/^hourly /m)
  })
})

describe('chancy trigger', () => {
  it('lists, pauses, resumes and deletes, and exits with 1 where there is none', async () => {
    expect((await run('trigger list')).out).toMatch(
      /^orders +public\.orders_\S+ +on-order +row +active +insert/m,
    )
    expect(await run('trigger pause orders')).toEqual({ code: 0, out: 'Done.\n', err: '' })
    expect((await run('trigger list')).out).toContain('paused')
    expect(await run('trigger resume orders')).toMatchObject({ code: 0 })
    expect(await run('trigger delete orders')).toMatchObject({ code: 0 })
    for (const name of ['pause', 'resume', 'delete']) {
      expect(await run(`trigger ${name} orders`)).toEqual({
        ...{ code: 1, out: 'There is no trigger with this key.\n', err: '' },
      })
    }
  })
})

describe('chancy metrics and chancy prune', () => {
  it('print series, and text for Prometheus', async () => {
    expect(await run('metrics --queue mail --last 15m --step 10s')).toMatchObject({
      code: 0,
      err: '',
    })
    expect((await run('metrics prometheus')).out).toMatch(/^chancy_workers 0$/m)
  })

  it('counts with --dry-run, asks before it removes more than one, and says how many it removed', async () => {
    await run('job push tick --queue p --from -', { input: '{}\n'.repeat(3) })
    await run('job cancel --queue p --yes')
    await withClient((client) =>
      client.query(
        `UPDATE ${schema}.finished_jobs SET finished_at = finished_at - interval '11 minutes' WHERE queue = 'p'`,
      ),
    )
    const where = ['prune', '--where', 'queue = p and age > 10m']
    expect(await runAll([...where, '--dry-run'])).toEqual({
      ...{ code: 0, out: 'matched  3\nremoved  0\n', err: '' },
    })
    expect(await runAll(where)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/Remove 3 finished jobs\?.*Add --yes/),
    })
    expect(await runAll(where, { columns: 80, input: 'n\r' })).toMatchObject({ code: 1 })
    expect(await runAll([...where, '--yes'])).toEqual({
      code: 0,
      out: 'matched  3\nremoved  3\n',
      err: '',
    })
  })
})
