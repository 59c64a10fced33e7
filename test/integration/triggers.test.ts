import { type Chancy, grant, job } from 'chancy'
import { pluginAccess } from 'chancy/plugin'
import {
  addTrigger,
  getTriggers,
  pauseTrigger,
  removeTrigger,
  resumeTrigger,
  type TriggerArgs,
  triggers,
} from 'chancy/plugins/triggers'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sql, startApp, type TestApp } from '../support/app.ts'
import { databaseUrl, ownerUrl, testDatabase, withClient } from '../support/database.ts'
import { sized } from '../support/size.ts'
import { until } from '../support/until.ts'

const schema = testDatabase()
const MANY = sized(20_000, 100_000)
const onOrder = job({ name: 'on-order' }, (args: TriggerArgs) => args.key)
const plugins = [triggers()]

let app: TestApp
let chancy: Chancy
beforeAll(async () => {
  app = await startApp({ schema, jobs: onOrder, plugins })
  chancy = app.chancy
})
afterAll(() => app[Symbol.asyncDispose]())

beforeEach(async () => {
  for (const { key } of await getTriggers(chancy)) await removeTrigger(chancy, key)
  await sql(schema, 'DROP TABLE IF EXISTS public.orders CASCADE')
  await sql(schema, 'TRUNCATE $schema.jobs')
  await sql(
    schema,
    'CREATE TABLE public.orders (id bigint PRIMARY KEY, total numeric, note text, at timestamptz)',
  )
})

const run = <Row = Record<string, unknown>>(text: string) => sql<Row>(schema, text)
/** The arguments of the jobs, in the order in which they run. */
const made = async (): Promise<TriggerArgs[]> =>
  (await run<{ args: TriggerArgs }>('SELECT args FROM $schema.jobs ORDER BY position')).map(
    ({ args }) => args,
  )
const add = (options: object): Promise<void> =>
  addTrigger(chancy, {
    ...{ key: 'orders', table: 'public.orders', on: ['insert', 'update', 'delete'], each: 'row' },
    ...options,
    job: (options as { job?: typeof onOrder.job }).job ?? onOrder.job,
  } as Parameters<typeof addTrigger>[1])
const table = 'public.orders'
const insertsOnly = { key: 'orders', table, on: ['insert'], each: 'row', job: onOrder } as const

describe('a trigger on a table', () => {
  it('makes a job of each row of a statement, which a worker runs', async () => {
    await add({})
    await run(`INSERT INTO public.orders VALUES (1, 10), (2, 20)`)
    await run(`UPDATE public.orders SET total = total + 1`)
    await run(`DELETE FROM public.orders WHERE id = 1`)
    await run('TRUNCATE public.orders')
    expect(await made()).toEqual([
      { operation: 'insert', table, key: { id: 1 } },
      { operation: 'insert', table, key: { id: 2 } },
      { operation: 'update', table, key: { id: 1 } },
      { operation: 'update', table, key: { id: 2 } },
      { operation: 'delete', table, key: { id: 1 } },
    ])
    const [first] = await run<{ id: string; meta: unknown }>(
      'SELECT id, meta FROM $schema.jobs ORDER BY position LIMIT 1',
    )
    expect(first?.meta).toEqual({ triggers: { key: 'orders' } })
    const worker = await app.start()
    expect((await chancy.waitForJob(first!.id)).result).toEqual({ id: 1 })
    await worker.stop()
  })

  it('makes one run of many changes where its job says so', async () => {
    const debounced = onOrder.job.withUniqueKey('orders', { whenTaken: { debounce: '5s' } })
    await add({ job: debounced })
    await run(`INSERT INTO public.orders VALUES (1, 10), (2, 20)`)
    await run(`UPDATE public.orders SET total = total + 1 WHERE id = 2`)
    await run(`DELETE FROM public.orders WHERE id = 1`)
    expect(await made()).toEqual([{ operation: 'delete', table, key: { id: 1 } }])
    expect(await run('SELECT 1 FROM $schema.jobs WHERE run_at > now()')).toHaveLength(1)
  })

  it('gives the whole row or some columns, before and after', async () => {
    await add({ payload: 'row', on: ['update', 'delete'] })
    await add({ key: 'some', payload: ['total', 'note'], on: ['insert', 'update'] })
    await run(`INSERT INTO public.orders VALUES (1, 10.50, 'a "quoted" ''text''')`)
    await run(`UPDATE public.orders SET total = 11, note = NULL`)
    await run(`DELETE FROM public.orders`)
    const note = `a "quoted" 'text'`
    const after = { id: 1, total: 11, note: null, at: null }
    // Triggers on one statement have no order that is promised.
    const all = await made()
    expect(all).toHaveLength(4)
    expect(all).toEqual(
      expect.arrayContaining([
        { operation: 'insert', table, key: { id: 1 }, row: { total: 10.5, note } },
        {
          ...{ operation: 'update', table, key: { id: 1 } },
          ...{ row: after, old: { ...after, total: 10.5, note } },
        },
        {
          ...{ operation: 'update', table, key: { id: 1 } },
          ...{ row: { total: 11, note: null }, old: { total: 10.5, note } },
        },
        { operation: 'delete', table, key: { id: 1 }, old: after },
      ]),
    )
  })

  it('counts updates only where a named column has changed, and pairs rows whose key changes', async () => {
    await add({ on: ['update'], columns: ['total'], payload: ['id'] })
    await run(`INSERT INTO public.orders SELECT n, n FROM generate_series(1, 5) n`)
    await run(`UPDATE public.orders SET note = 'x'`)
    await run(`UPDATE public.orders SET id = id + 100, total = total + (id % 2)`)
    expect(await made()).toEqual(
      [1, 3, 5].map((id) => ({
        ...{ operation: 'update', table, key: { id: id + 100 } },
        ...{ row: { id: id + 100 }, old: { id } },
      })),
    )
  })

  it('makes one job of a statement where that is asked for, and none where no row has changed', async () => {
    await add({ each: 'statement' })
    await run(`INSERT INTO public.orders SELECT n FROM generate_series(1, 500) n`)
    await run(`UPDATE public.orders SET total = 1 WHERE id < 0`)
    await run(`DELETE FROM public.orders WHERE id <= 20`)
    expect(await made()).toEqual([
      { operation: 'insert', table, rows: 500 },
      { operation: 'delete', table, rows: 20 },
    ])
  })

  it('sends a row over 1 MiB as its key, and the others as they are', async () => {
    await add({ payload: 'row', on: ['insert', 'update'] })
    await run(
      `INSERT INTO public.orders VALUES (1, 1, repeat('x', 1048577)), (2, 2, repeat('é', 500000))`,
    )
    await run(`UPDATE public.orders SET total = 3 WHERE id = 2`)
    const [first, second, third] = await made()
    expect(first).toEqual({ operation: 'insert', table, key: { id: 1 }, truncated: true })
    expect(second).toMatchObject({ key: { id: 2 }, row: { note: 'é'.repeat(500_000) } })
    // Both versions together are over it.
    expect(third).toEqual({ operation: 'update', table, key: { id: 2 }, truncated: true })
  })

  it('keeps the digits of a key that JavaScript cannot hold', async () => {
    await add({ on: ['insert'] })
    await run('INSERT INTO public.orders VALUES (9007199254740993), (9007199254740991)')
    expect((await made()).map(({ key }) => key)).toEqual([
      { id: '9007199254740993' },
      { id: 9_007_199_254_740_991 },
    ])
  })

  it('makes jobs of the transaction of the statement, and none when that is rolled back', async () => {
    await add({ on: ['insert'] })
    await withClient(async (client) => {
      await client.query('BEGIN')
      await client.query('INSERT INTO public.orders VALUES (1)')
      const { rows } = await client.query(`SELECT count(*)::int AS n FROM ${schema}.jobs`)
      expect(rows).toEqual([{ n: 1 }])
      await client.query('ROLLBACK')
    }, ownerUrl(schema))
    expect(await made()).toEqual([])
  })

  it(`makes ${MANY.toLocaleString('en')} jobs of one COPY, all in its transaction`, {
    timeout: 300_000,
  }, async () => {
    await add({ payload: 'row', on: ['insert'] })
    await run(`COPY public.orders (id, total) FROM PROGRAM 'seq 1 ${MANY} | sed "s/$/\\t7/"'`)
    const [found] = await run(`
      SELECT count(*)::int AS n, count(DISTINCT xmin::text)::int AS transactions,
             count(DISTINCT args #>> '{row,id}')::int AS rows, min(name) AS name
        FROM $schema.jobs`)
    expect(found).toEqual({ n: MANY, transactions: 1, rows: MANY, name: 'on-order' })
    const [order] = await run(`
      SELECT bool_and(expected = id) AS is_in_order
        FROM (SELECT row_number() OVER (ORDER BY position) AS expected, (args #>> '{row,id}')::bigint AS id
                FROM $schema.jobs) o`)
    expect(order).toEqual({ is_in_order: true })
  })

  it('works for a role that may do nothing but insert into the table', async () => {
    const role = `${schema}_writer`
    await add({ payload: 'row', on: ['insert', 'update', 'delete'] })
    await run(`CREATE ROLE ${role} LOGIN PASSWORD 'test'`)
    try {
      await run(`GRANT INSERT ON public.orders TO ${role}`)
      const url = new URL(databaseUrl(schema))
      url.username = role
      url.password = 'test'
      await withClient(async (client) => {
        await client.query('INSERT INTO public.orders VALUES (1, 1), (2, 2)')
        await expect(client.query(`SELECT FROM ${schema}.jobs`)).rejects.toThrow(
          /permission denied/,
        )
        await expect(client.query(`SELECT ${schema}.triggers_fire_1()`)).rejects.toThrow(
          /permission denied/,
        )
      }, url.href)
      expect((await made()).map(({ key }) => key)).toEqual([{ id: 1 }, { id: 2 }])
    } finally {
      await run(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  })

  it('is called with the table by a trigger of another, and makes nothing then', async () => {
    await add({ on: ['insert'] })
    await run('CREATE TABLE public.other (id int PRIMARY KEY)')
    await run(`CREATE TRIGGER forged AFTER INSERT ON public.other REFERENCING NEW TABLE AS new_rows
      FOR EACH STATEMENT EXECUTE FUNCTION $schema.triggers_fire_1('orders')`)
    await run('INSERT INTO public.other VALUES (1)')
    expect(await made()).toEqual([])
    await run('DROP TABLE public.other')
  })

  it('pushes with what the job says: queue, priority, delay, unique key', async () => {
    const whole = onOrder.job.withQueue('orders').withPriority(5).withUniqueKey('sync')
    await add({ on: ['insert'], job: whole.withDelay('1h').withMeta({ own: 1 }) })
    await run('INSERT INTO public.orders VALUES (1), (2)')
    await run('INSERT INTO public.orders VALUES (3)')
    const rows = await run(
      'SELECT queue, priority, unique_key, meta, args, scheduled_at > now() AS is_later FROM $schema.jobs',
    )
    expect(rows).toEqual([
      {
        ...{ queue: 'orders', priority: 5, unique_key: 'sync', is_later: true },
        meta: { own: 1, triggers: { key: 'orders' } },
        args: { operation: 'insert', table, key: { id: 1 } },
      },
    ])
  })
})

describe('the functions', () => {
  it('pause and resume without the rows between, replace by key, remove, and emit events', async () => {
    const events = (['added', 'paused', 'resumed', 'removed'] as const).map((name) =>
      app.all(`triggers.${name}`),
    )
    await add({ on: ['insert'] })
    expect(await pauseTrigger(chancy, 'orders')).toBe(true)
    await run('INSERT INTO public.orders VALUES (1)')
    await add({ on: ['insert', 'delete'], payload: 'row' })
    expect(await getTriggers(chancy)).toEqual([
      {
        ...{ key: 'orders', table, on: ['insert', 'delete'], columns: null, each: 'row' },
        ...{ payload: 'row', job: 'on-order', state: 'paused' },
      },
    ])
    expect(await resumeTrigger(chancy, 'orders')).toBe(true)
    await run('INSERT INTO public.orders VALUES (2)')
    expect((await made()).map(({ key }) => key)).toEqual([{ id: 2 }])
    expect(await removeTrigger(chancy, 'orders')).toBe(true)
    await run('DELETE FROM public.orders')
    expect(await made()).toHaveLength(1)
    expect(
      await run(
        `SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'public.orders'::regclass`,
      ),
    ).toEqual([])
    expect(await removeTrigger(chancy, 'orders')).toBe(false)
    expect(await pauseTrigger(chancy, 'orders')).toBe(false)
    const key = { key: 'orders' }
    expect(events).toEqual([
      [
        { ...key, table },
        { ...key, table },
      ],
      [key],
      [key],
      [key],
    ])
  })

  it('are commands too, which answer no where there is no such trigger', async () => {
    const access = pluginAccess(chancy, 'chancy.triggers')
    const command = async (name: string, given = {}) => {
      const found = triggers().commands?.find((one) => one.name.startsWith(name))
      const answer = await found?.run(access, given)
      return [answer, found?.isNo?.(answer) ?? false]
    }
    await add({ on: ['insert', 'update'], payload: ['total', 'note'] })
    const key = { key: 'orders' }
    expect(await command('trigger pause', key)).toEqual([true, false])
    const shown = { ...key, table, on: 'insert update', columns: '', each: 'row', job: 'on-order' }
    expect(await command('trigger list')).toEqual([
      [{ ...shown, payload: 'total note', state: 'paused' }],
      false,
    ])
    expect(await command('trigger resume', key)).toEqual([true, false])
    expect(await command('trigger delete', key)).toEqual([true, false])
    expect(await command('trigger delete', key)).toEqual([false, true])
    expect(await command('trigger pause', key)).toEqual([false, true])
  })

  it('are part of the transaction of the caller, also of one that is rolled back', async () => {
    const inTransaction = (end: string, work: (session: pg.Client) => Promise<unknown>) =>
      withClient(async (client) => {
        await client.query('BEGIN')
        await work(client)
        await client.query(end)
      }, ownerUrl(schema))
    const options = insertsOnly
    await inTransaction('ROLLBACK', (session) => addTrigger(chancy, options, { session }))
    expect(await getTriggers(chancy)).toEqual([])
    await inTransaction('COMMIT', async (session) => {
      await addTrigger(chancy, options, { session })
      await pauseTrigger(chancy, 'orders', { session })
      // What is wrong does not end the transaction.
      const wrong = { ...options, key: 'wrong', table: 'public.nowhere' }
      await expect(addTrigger(chancy, wrong, { session })).rejects.toThrow(/no table/)
    })
    expect(await getTriggers(chancy)).toMatchObject([{ key: 'orders', state: 'paused' }])
    await inTransaction('ROLLBACK', async (session) => {
      await resumeTrigger(chancy, 'orders', { session })
      await removeTrigger(chancy, 'orders', { session })
    })
    expect(await getTriggers(chancy)).toMatchObject([{ key: 'orders', state: 'paused' }])
  })

  it('refuse what cannot be, with the reason', async () => {
    const wrong: [object, RegExp][] = [
      [{ key: '' }, /key/],
      [{ on: [] }, /on: expected an array/],
      [{ on: ['truncate'] }, /one of insert, update, delete/],
      [{ each: 'rows' }, /one of row, statement/],
      [{ payload: 'all' }, /one of key, row/],
      [{ each: 'statement', payload: 'row' }, /a job for a statement has no row/],
      [{ on: ['insert'], columns: ['id'] }, /add "update" to on/],
      [{ columns: ['nothing'] }, /no column "nothing"/],
      [{ payload: ['id"; DROP TABLE orders; --'] }, /no column/],
      [{ payload: ['ctid'] }, /no column "ctid"/],
      [{ table: 'public.nowhere' }, /no table "public.nowhere"/],
      [{ table: 'orders; DROP TABLE public.orders' }, /no table/],
      [{ table: 'a.b.c.d' }, /no table/],
      [{ table: '"' }, /no table/],
      [{ table: `${schema}.jobs` }, /no table of the application/],
      [{ table: 'pg_catalog.pg_class' }, /no table of the application/],
      [{ table: 'information_schema.tables' }, /no table of the application/],
      [
        { job: onOrder.job.withConcurrency(1, ({ key }: TriggerArgs) => String(key)) },
        /by its arguments/,
      ],
    ]
    for (const [options, reason] of wrong)
      await expect(add(options), JSON.stringify(options)).rejects.toThrow(reason)
    expect(await getTriggers(chancy)).toEqual([])
    await run('CREATE TABLE public.keyless (a int)')
    await expect(add({ table: 'public.keyless' })).rejects.toThrow(/no primary key/)
    await run('DROP TABLE public.keyless')
  })

  it('are refused to a role without rights, and granted to a producer that may make triggers', async () => {
    const role = `${schema}_producer`
    await run(`CREATE ROLE ${role} LOGIN PASSWORD 'test'`)
    const url = new URL(databaseUrl(schema))
    url.username = role
    url.password = 'test'
    const other = new TestProducer(url.href)
    try {
      const options = insertsOnly
      await expect(addTrigger(other.chancy, options)).rejects.toThrow()
      await grant(chancy, 'producer', role)
      await run(`GRANT TRIGGER ON public.orders TO ${role}`)
      await addTrigger(other.chancy, options)
      await run('INSERT INTO public.orders VALUES (1)')
      expect(await made()).toHaveLength(1)
    } finally {
      await other.chancy.close()
      await run(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  })
})

class TestProducer {
  readonly chancy: Chancy
  constructor(url: string) {
    const Application = chancy.constructor as new (...given: unknown[]) => Chancy
    this.chancy = new Application(url, { schema, plugins, notifications: false })
  }
}

describe('a table of another kind', () => {
  it('may have any name, and columns of any name', async () => {
    await run(`CREATE SCHEMA IF NOT EXISTS "od""d ; '"`)
    await run(
      `CREATE TABLE "od""d ; '"."Ta'ble -- x" ("the ""key""" text, "it's" int, PRIMARY KEY ("the ""key""", "it's"))`,
    )
    try {
      const odd = `"od""d ; '"."Ta'ble -- x"`
      await add({
        table: odd,
        key: `k'"\\ ; --`,
        payload: ['the "key"', "it's"],
        columns: ["it's"],
      })
      await run(`INSERT INTO ${odd} VALUES ('a', 1)`)
      await run(`UPDATE ${odd} SET "it's" = 2`)
      const [, update] = await made()
      const key = { 'the "key"': 'a', "it's": 2 }
      expect(update).toEqual({
        ...{ operation: 'update', table: odd, key, row: key },
        old: { ...key, "it's": 1 },
      })
      expect(await getTriggers(chancy)).toMatchObject([{ table: odd, state: 'active' }])
      expect(await removeTrigger(chancy, `k'"\\ ; --`)).toBe(true)
    } finally {
      await run(`DROP SCHEMA "od""d ; '" CASCADE`)
    }
  })

  it('may be partitioned, also where an update moves a row', async () => {
    await run('DROP TABLE public.orders')
    await run('CREATE TABLE public.orders (id int PRIMARY KEY, total int) PARTITION BY RANGE (id)')
    await run('CREATE TABLE public.orders_a PARTITION OF public.orders FOR VALUES FROM (0) TO (10)')
    await run(
      'CREATE TABLE public.orders_b PARTITION OF public.orders FOR VALUES FROM (10) TO (20)',
    )
    await add({ payload: ['id'] })
    await run('INSERT INTO public.orders VALUES (1), (11), (2)')
    await run('UPDATE public.orders SET id = id + 8 WHERE id <= 2')
    const args = await made()
    expect(args.slice(0, 3).map(({ key }) => key)).toEqual([{ id: 1 }, { id: 11 }, { id: 2 }])
    const updates = args.slice(3).map(({ operation, old, row }) => [operation, old?.id, row?.id])
    expect(updates).toEqual([
      ['update', 1, 9],
      ['update', 2, 10],
    ])
  })

  it('needs no primary key where the payload is not the key', async () => {
    await run('CREATE TABLE public.keyless (a int)')
    await add({ table: 'public.keyless', payload: 'row', on: ['insert'] })
    await add({ table: 'public.keyless', key: 'each', each: 'statement', on: ['insert'] })
    await run('INSERT INTO public.keyless VALUES (7)')
    expect(await made()).toEqual(
      expect.arrayContaining([
        { operation: 'insert', table: 'public.keyless', key: null, row: { a: 7 } },
        { operation: 'insert', table: 'public.keyless', rows: 1 },
      ]),
    )
    await run('DROP TABLE public.keyless')
    expect((await getTriggers(chancy)).map(({ state }) => state)).toEqual(['broken', 'broken'])
    expect(await removeTrigger(chancy, 'each')).toBe(true)
  })

  it('may be given new names, for itself and its columns, and lose columns', async () => {
    await add({ payload: ['total', 'note'], columns: ['total', 'note'], on: ['update'] })
    await run('INSERT INTO public.orders VALUES (1, 1)')
    await run('UPDATE public.orders SET total = 2')
    await run('ALTER TABLE public.orders RENAME COLUMN id TO number')
    await run('ALTER TABLE public.orders RENAME COLUMN total TO sum')
    await run('ALTER TABLE public.orders DROP COLUMN note')
    await run('ALTER TABLE public.orders RENAME TO purchases')
    try {
      await run('UPDATE public.purchases SET sum = 3')
      expect((await made()).at(-1)).toEqual({
        ...{ operation: 'update', table: 'public.purchases', key: { number: 1 } },
        ...{ row: { sum: 3 }, old: { sum: 2 } },
      })
      expect(await getTriggers(chancy)).toMatchObject([
        { table: 'public.purchases', columns: ['sum'], payload: ['sum'], state: 'active' },
      ])
    } finally {
      await run('DROP TABLE public.purchases')
    }
  })

  it('that was dropped leaves a broken trigger, which can be made again or removed', async () => {
    await add({ on: ['insert'] })
    await run('DROP TABLE public.orders')
    expect(await getTriggers(chancy)).toMatchObject([{ table, state: 'broken' }])
    await run('CREATE TABLE public.orders (id int PRIMARY KEY)')
    expect(await getTriggers(chancy)).toMatchObject([{ state: 'broken' }])
    await add({ on: ['insert'] })
    await run('INSERT INTO public.orders VALUES (1)')
    expect(await made()).toHaveLength(1)
    await run('ALTER TABLE public.orders DISABLE TRIGGER ALL')
    await until(async () => (await getTriggers(chancy))[0]?.state === 'broken')
    expect(await removeTrigger(chancy, 'orders')).toBe(true)
  })
})
