import { PGlite } from '@electric-sql/pglite'
import {
  Chancy,
  type ChancyOptions,
  ConfigError,
  type Driver,
  isChancyError,
  Job,
  job,
  Limit,
  Queue,
  Reference,
  Worker,
} from 'chancy'
import { pgDriver } from 'chancy/drivers/pg'
import { pgliteDriver } from 'chancy/drivers/pglite'
import { postgresJsDriver } from 'chancy/drivers/postgres-js'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'

// Nothing may be written, so there is nothing to empty.
const app = testApplication({ empties: false })
const task = Job.named('task')
const ID = '01890000-0000-7000-8000-000000000000'
const SECRET = 's3cr3t-w0rd'

/** What is done, and what the message must say: what was wrong, what was found, what to do. */
type Case = readonly [what: string, act: (chancy: Chancy) => unknown, ...says: (string | RegExp)[]]

/** A value that the types refuse, as plain JavaScript may pass it. */
const bad = (value: unknown) => value as never
const args = (value: unknown) => (chancy: Chancy) =>
  chancy.push(Job.named('task', { args: bad(value) }))
const create = (options: unknown, ...dsn: unknown[]) => {
  const given = dsn.length > 0 ? dsn[0] : 'postgres://localhost/app'
  return () => new Chancy(given as string, options as ChancyOptions)
}
const queue = (options: unknown) => () => new Queue('q', bad(options))
const worker = (options: unknown) => (chancy: Chancy) => new Worker(chancy, bad(options))
/** A push of a job whose schema answers so. */
const judged = (validate: () => unknown) => (chancy: Chancy) => {
  const schema = { '~standard': { version: 1, vendor: 'test', validate } }
  return chancy.push(bad(job(bad({ name: 'judged', schema }), () => 1)))
}
// None of them connects to anything.
const pool = new pg.Pool()
const sql = postgres()
const pglite = Object.create(PGlite.prototype) as PGlite
const cyclic: Record<string, unknown> = {}
cyclic.self = { back: cyclic }
const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)])

const CASES: Readonly<Record<string, readonly Case[]>> = {
  'unknown options': [
    ['of Chancy', create({ shema: 'x' }), '"shema"', 'Did you mean "schema"?'],
    [
      'of job()',
      () => job(bad({ name: 'a', maxAttempt: 2 }), () => 1),
      'Did you mean "maxAttempts"?',
    ],
    ['of Job.named', () => Job.named('a', bad({ que: 'x' })), 'Did you mean "queue"?'],
    ['of Queue', queue({ concurency: 2 }), 'Did you mean "concurrency"?'],
    ['of the executor', queue({ executorOptions: { kill: 1 } }), '"kill"'],
    ['of Worker', worker({ heartbeet: '1s' }), 'Did you mean "heartbeat"?'],
    ['of push', (c) => c.push(task, bad({ sesion: 1 })), 'Did you mean "session"?'],
    ['of pushMany', (c) => c.pushMany([task], bad({ batch: 1 })), '"batch"', 'batchSize'],
    [
      'of declare',
      (c) => c.declare(new Queue('q'), bad({ upsrt: true })),
      'Did you mean "upsert"?',
    ],
    ['of pauseQueue', (c) => c.pauseQueue('q', bad({ until: 1 })), '"until"', 'resumeAt'],
    ['of listJobs', (c) => c.listJobs(bad({ status: 'x' })), 'Did you mean "state"?'],
    ['of waitForJob', (c) => c.waitForJob(ID, bad({ timeoutMs: 5 })), 'Did you mean "timeout"?'],
    ['of migrate', (c) => c.migrate(bad({ too: 1 })), 'Did you mean "to"?'],
    ['of backoff', () => task.withBackoff(bad({ bse: 1 })), 'Did you mean "base"?'],
    ['of pgDriver', () => pgDriver(pool, bad({ poler: 'transaction' })), 'Did you mean "pooler"?'],
    ['of postgresJsDriver', () => postgresJsDriver(sql, bad({ max: 1 })), 'pooler, clock'],
    ['of pgliteDriver', () => pgliteDriver(pglite, bad({ pooler: 'x' })), '"pooler"', 'clock'],
    ['of embeddedPostgres', () => embeddedPostgres(bad({ maxx: 5 })), 'Did you mean "max"?'],
    ['that are no object', create(7), 'expected an object, got 7'],
    [
      'an event that does not exist',
      (c) => c.on(bad('job.finish'), () => {}),
      'Did you mean "job.finished"?',
    ],
    ['a listener that is no function', (c) => c.on('job.saved', bad('x')), 'expected a function'],
  ],
  'bad durations and sizes': [
    ['no unit', () => task.withDelay(bad('5')), '"5"', '"250ms"'],
    ['an unknown unit', () => task.withDelay(bad('5 weeks')), '"5 weeks"'],
    ['a negative number', () => task.withDelay(-1), 'got -1'],
    ['NaN', () => task.withDelay(Number.NaN), 'got NaN'],
    ['more than ten years', () => task.withDelay('3651d'), '3650d'],
    ['a null', () => task.withDelay(bad(null)), 'got null'],
    ['a retention under 10 minutes', () => task.withRetention('9m'), 'at least 10m', '"9m"'],
    ['a deadline that is too short', create({ pushDeadline: 5 }), '100ms to 10m', 'got 5'],
    ['a deadline that is too long', create({ pushDeadline: '11m' }), '"11m"'],
    ['a polling interval of nothing', queue({ pollingInterval: 0 }), '10ms to 1d'],
    ['a heartbeat that is too short', worker({ heartbeat: 50 }), 'at least 100ms'],
    [
      'a lease under three heartbeats',
      worker({ heartbeat: '5s', lease: '14s' }),
      'three heartbeats',
    ],
    ['a maxLoopBlock of nothing', worker({ maxLoopBlock: 0 }), 'at least 1s', 'got 0'],
    ['a lease of more than a day', worker({ lease: '25h' }), 'at most 1d', '"25h"'],
    ['a heartbeat of days', worker({ heartbeat: '10d', lease: '30d' }), 'at most 1d'],
    ['a size without a unit', () => Limit.memory(bad('512')), '"512"', '"512MiB"'],
    ['a size under 96 MiB', () => Limit.memory('95MiB'), 'at least 96MiB', '"95MiB"'],
    ['a time limit of nothing', () => Limit.time(0), 'at least 1ms'],
    ['a wait of no duration', (c) => c.waitForJob(ID, { timeout: bad('soon') }), '"soon"'],
  ],
  'names and numbers outside their limits': [
    ['a job name over 200 bytes', () => Job.named('ü'.repeat(101)), '200 bytes', 'got 202'],
    ['an empty job name', () => Job.named(''), 'got ""'],
    ['a job name with a colon', () => Job.named('a:b'), 'without ":"', '"a:b"'],
    ['no job name', () => job(bad({}), () => 1), '"name"', 'got undefined'],
    ['a queue name over 200 bytes', () => task.withQueue('q'.repeat(201)), '200 bytes', 'got 201'],
    ['a queue name with a NUL', () => new Queue('a\0b'), 'NUL'],
    ['a queue name with half a character', () => new Queue('a\ud800'), 'lone surrogate'],
    ['a unique key over 1,000 bytes', () => task.withUniqueKey('k'.repeat(1_001)), '1000 bytes'],
    ['an empty unique key', () => task.withUniqueKey(''), 'got ""'],
    ['a priority beyond 32 bits', () => task.withPriority(2 ** 31), '2147483648'],
    ['a priority that is no whole number', () => task.withPriority(1.5), 'got 1.5'],
    ['no attempts', () => task.withMaxAttempts(0), 'got 0'],
    ['a time that is no Date', () => task.withScheduledAt(bad('2030-01-01')), '"2030-01-01"'],
    ['an Invalid Date', () => task.withScheduledAt(new Date('x')), 'Invalid Date'],
    ['a concurrency of nothing', queue({ concurrency: 0 }), 'from 1 to 10000'],
    ['a tag that is no expression', queue({ tags: ['('] }), 'tags[0]', '"("'],
    ['101 tags', queue({ tags: Array(101).fill('x') }), 'at most 100', 'got 101'],
    ['a tag over 200 bytes', queue({ tags: ['x'.repeat(201)] }), '200 bytes'],
    ['a state that does not exist', queue({ state: 'pause' }), 'Did you mean "paused"?'],
    ['a resumeAt of an active queue', queue({ resumeAt: new Date() }), "state: 'paused'"],
    ['an executor that does not exist', queue({ executor: 'threads' }), 'Did you mean "thread"?'],
    ['a schema of 64 bytes', create({ schema: 'x'.repeat(64) }), '64 bytes', '1 to 63'],
    ['a reserved schema', create({ schema: 'pg_x' }), '"pg_x"'],
    ['a page of 1,001', (c) => c.listJobs({ limit: 1_001 }), 'from 1 to 1000'],
    [
      'a state to list that does not exist',
      (c) => c.listJobs({ state: bad('done') }),
      'got "done"',
    ],
    ['a queue to list that is no text', (c) => c.listJobs({ queue: bad(5) }), 'got 5'],
    ['a name to list with a NUL', (c) => c.listJobs({ name: 'a\0' }), 'NUL'],
    ['a page after nothing', (c) => c.listJobs({ after: bad('x') }), 'UUID'],
    [
      'a state to wait for that does not exist',
      (c) => c.waitForJob(ID, { states: bad(['done']) }),
      'an array of 1',
    ],
    ['no state to wait for', (c) => c.waitForJob(ID, { states: [] }), 'one or more of'],
    ['a signal that is none', (c) => c.waitForJob(ID, { signal: bad({}) }), 'AbortSignal'],
    ['an id that is none', (c) => c.getJob('7'), 'UUID', '"7"'],
    ['a reference of nothing', () => Reference.from(bad(undefined)), 'UUID'],
    [
      'one reference instead of many',
      (c) => c.getJobs(bad(new Reference(ID))),
      'an array of references',
    ],
    ['a text instead of many references', (c) => c.waitForJobs(bad(ID)), 'an array of references'],
    ['a queue by a number', (c) => c.getQueue(bad(7)), 'got 7'],
    ['a queue by a NUL', (c) => c.pauseQueue('a\0'), 'NUL'],
    ['a resumeAt that is no Date', (c) => c.pauseQueue('q', { resumeAt: bad('now') }), '"now"'],
    [
      'an upsert that is no flag',
      (c) => c.declare(new Queue('q'), { upsert: bad('yes') }),
      '"yes"',
    ],
    ['a queue that is none', (c) => c.declare(bad({ name: 'q' })), "declare(new Queue('mail'))"],
    ['notifications that are no flag', create({ notifications: 1 }), 'true or false, got 1'],
    ['a pooler that does not exist', create({ pooler: 'session' }), 'transaction', '"session"'],
    ['a logger without levels', create({ logger: { log: () => {} } }), "like pino's"],
    ['plugins that are no array', create({ plugins: {} }), 'expected an array'],
    ['a plugin without a name', create({ plugins: [{}] }), '"owner.name"', 'got undefined'],
    [
      'a hook that is no function',
      create({ plugins: [{ name: 'acme.p', onSaved: 7 }] }),
      '"acme.p"',
      'onSaved',
      'got 7',
    ],
    [
      'a hook that is misspelt',
      create({ plugins: [{ name: 'acme.p', beforeAtempt: () => {} }] }),
      '"beforeAtempt"',
      'beforeAttempt',
    ],
    ['needs that are no array', create({ plugins: [{ name: 'acme.p', needs: 'x' }] }), 'got "x"'],
    ['no Chancy', () => new Worker(bad(undefined)), 'got undefined', 'new Worker('],
    ['a Chancy that is none', () => new Worker(bad({})), 'expected the Chancy', 'new Worker('],
    ['queues that are a text', worker({ queues: 'default' }), 'names of queues', '["default"]'],
    ['a clock that is none', create({ clock: {} }), 'now(), monotonic() and sleep'],
    ['a pooler of pg that does not exist', () => pgDriver(pool, bad({ pooler: 'x' })), '"x"'],
    ['a clock of pg that is none', () => pgDriver(pool, bad({ clock: 7 })), 'got 7'],
    ['a pool of words', () => embeddedPostgres(bad({ max: 'x' })), 'max', 'whole number', '"x"'],
    ['a port beyond all', () => embeddedPostgres({ port: 65_536 }), 'port', 'from 1 to 65535'],
    ['a directory of nothing', () => embeddedPostgres({ directory: '' }), 'directory', 'got ""'],
    [
      'settings that are no texts',
      () => embeddedPostgres(bad({ settings: { max_connections: 20 } })),
      "{ max_connections: '200' }",
    ],
    ['a job that is a plain function', create({ jobs: [() => 1] }), 'Make it a job first'],
    ['jobs that are nothing', create({ jobs: [null] }), "new URL('./jobs.js'", 'got null'],
  ],
  'arguments that cannot be kept': [
    ['a BigInt', args({ a: { b: [1n] } }), 'args.a.b[0]', 'BigInt'],
    ['NaN', args({ a: Number.NaN }), 'args.a is NaN'],
    ['Infinity', args({ a: [0, Number.POSITIVE_INFINITY] }), 'args.a[1]'],
    ['undefined in an array', args({ a: [undefined] }), 'args.a[0]', 'null'],
    ['a function', args({ a: () => 1 }), 'args.a'],
    ['a symbol', args({ a: Symbol('x') }), 'args.a'],
    ['a cycle', args(cyclic), 'args.self.back', 'cycle'],
    ['a Map', args({ a: new Map() }), 'args.a', 'Map'],
    ['a class instance', args({ a: new (class Point {})() }), 'args.a', 'Point'],
    ['an Invalid Date', args({ a: new Date('x') }), 'args.a', 'Invalid Date'],
    ['a NUL', args({ a: 'x\0y' }), 'args.a', 'NUL'],
    ['a NUL in a key', args({ 'x\0y': 1 }), 'args[', 'NUL'],
    ['half a character', args({ a: ['\ud83d'] }), 'args.a[0]', 'lone surrogate'],
    ['__proto__', args(JSON.parse('{"a":{"__proto__":{"x":1}}}')), 'args.a', 'prototype'],
    ['constructor.prototype', args({ constructor: { prototype: {} } }), 'prototype'],
    ['more than a megabyte', args({ a: 'x'.repeat(1_048_577) }), '1 MiB'],
    ['a depth over 100', args({ a: deep(101) }), '100 deep'],
    ['an array as arguments', args([1]), 'expected an object, got an array'],
    ['a text as arguments', args('x'), 'expected an object, got "x"'],
    [
      'a getter that throws',
      args({
        get a() {
          throw new Error('mine')
        },
      }),
      'args',
      'mine',
    ],
    ['meta over 64 KiB', (c) => c.push(task.withMeta({ a: 'x'.repeat(65_537) })), 'meta', '64 KiB'],
    ['meta with NaN', (c) => c.push(task.withMeta({ a: Number.NaN })), 'meta.a'],
    ['a backoff function for one job', () => task.withBackoff(bad(() => 1)), 'A function is for'],
    ['what a schema gives no answer on', judged(() => undefined), '{ value } or { issues }'],
    ['what a schema gives half an answer on', judged(() => ({})), '{ value } or { issues }'],
    ['what a schema gives a text on', judged(async () => 'yes'), '"yes"'],
    ['two limits of a kind', () => task.withLimits([Limit.time(1), Limit.time(2)]), 'two of time'],
  ],
  'a database that is none': [
    ['another scheme', create({}, `mysql://u:${SECRET}@h/db`), 'postgres://', '***'],
    ['no address', create({}, 'localhost'), 'postgres://user:password@host:5432/database'],
    ['a port that is none', create({}, `postgres://u:${SECRET}@h:port/db`), '***'],
    ['a password among the parameters', create({}, `pg://h/db?password=${SECRET}`), '***'],
    [
      'a heartbeat elsewhere than PostgreSQL',
      worker({ heartbeatUrl: `http://u:${SECRET}@h` }),
      'heartbeatUrl',
      'postgres://',
      '***',
    ],
    ['a heartbeat at no port', worker({ heartbeatUrl: 'postgres://h:port/db' }), 'heartbeatUrl'],
    ['nothing', create({}, undefined), 'DSN', 'undefined'],
    ['a number', create({}, 5432), 'DSN', 'number'],
    ['a URL object', create({}, new URL('postgres://h/db')), 'url.href'],
    ['half a driver', create({}, { query: () => {} } as unknown as Driver), 'driver'],
  ],
}

describe.each(Object.entries(CASES))('%s', (_kind, cases) => {
  it.each(cases)('%s: an error that says so, and nothing written', async (...given) => {
    const [, act, ...says] = given as unknown as Case
    let error: unknown
    try {
      await act(chancy)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(ConfigError)
    expect(isChancyError(error)).toBe(true)
    expect(error).toMatchObject({ name: 'ConfigError', code: 'CONFIG_INVALID' })
    const { message, stack } = error as Error
    for (const part of says) expect(message).toMatch(part instanceof RegExp ? part : literal(part))
    expect(message.length).toBeLessThan(1_000)
    expect(`${message}${stack}${JSON.stringify(error)}`).not.toContain(SECRET)
    expect(await app.count()).toBe(0)
    expect((await chancy.getQueues()).map(({ name }) => name)).toEqual(['before'])
    expect(({} as Record<string, unknown>).x).toBe(undefined)
  })
})

let chancy: Chancy
beforeAll(async () => {
  chancy = new Chancy(databaseUrl(app.schema), { schema: app.schema, notifications: false })
  await chancy.declare(new Queue('before'))
})
afterAll(() => chancy.close())

const literal = (text: string) => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))

describe('a worker', () => {
  it('refuses two functions of one name', async () => {
    const one = job({ name: 'twin' }, () => 1)
    const two = job({ name: 'twin' }, () => 2)
    const worker = new Worker(app.chancy({ jobs: [one, two] }), { signals: false })
    await expect(worker.start()).rejects.toThrow(
      'Two job functions are named "twin": twice in the "jobs" option. Rename one of them.',
    )
    await worker.stop()
    expect(await app.sql('SELECT 1 FROM $workers')).toEqual([])
  })

  it('refuses to start without a job function', async () => {
    const worker = new Worker(app.chancy(), { signals: false })
    await expect(worker.start()).rejects.toThrow(/knows no job function.*jobs:/)
    await worker.stop()
  })
})

describe('a wrong password', () => {
  it('is said without the password', async () => {
    const url = new URL(databaseUrl(app.schema))
    url.username = 'nobody_at_all'
    url.password = SECRET
    const chancy = app.chancy({ notifications: false, pushDeadline: '300ms' }, url.href)
    const error = await chancy.push(task).catch((thrown) => thrown)
    expect(error).toMatchObject({ name: 'DatabaseError' })
    const all = `${error.message} ${error.stack} ${JSON.stringify(error)} ${error.cause}`
    expect(all).not.toContain(SECRET)
  })
})
