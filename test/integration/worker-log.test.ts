import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Job, job, Queue } from 'chancy'
import { beforeEach, expect, it } from 'vitest'
import { empty, sql, startApp, type TestApp } from '../support/app.ts'
import { databaseUrl, testSchema } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const ok = job({ name: 'ok' }, () => 'ok')
const bad = job({ name: 'bad', maxAttempts: 2, backoff: 'none' }, () => {
  throw new Error('no\nand a second line')
})

beforeEach(async () => {
  await (await startApp({ schema })).chancy.close()
  await empty(schema)
})

const linesOf = (app: TestApp, message: string) =>
  app.lines.filter((line) => line.message?.startsWith(message))

it('logs the start of a worker, with what it runs, and its stop, a line each', async () => {
  await using app = await startApp({ schema, jobs: [ok, bad] })
  await app.chancy.declare(new Queue('mail', { executor: 'inline', concurrency: 4 }))
  const worker = await app.start()
  await worker.stop()
  const workerId = worker.id
  // Said where the tests run as root.
  const others = /^(worker runs as root|leadership)/
  const lines = app.lines.filter(({ message }) => !others.test(message ?? ''))
  expect(lines).toMatchObject([
    { level: 'info', message: 'queue declared with the defaults', fields: { queue: 'default' } },
    {
      level: 'info',
      message: 'worker started',
      fields: {
        workerId,
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        queues: [
          { queue: 'default', executor: 'inline', slots: 100 },
          { queue: 'mail', executor: 'inline', slots: 4 },
        ],
      },
    },
    { level: 'info', message: 'worker stopping', fields: { workerId, running: 0 } },
    { level: 'info', message: 'worker stopped', fields: { workerId } },
  ])
})

it('logs that a queue is served from now on, and that it is no longer served', async () => {
  await using app = await startApp({ schema, jobs: ok })
  await app.start()
  const started = app.next('queue.started', ({ queue }) => queue === 'mail')
  await app.chancy.declare(new Queue('mail', { executor: 'inline' }))
  await started
  const stopped = app.next('queue.stopped')
  await app.chancy.deleteQueue('mail')
  await stopped
  expect(linesOf(app, 'queue st')).toMatchObject([
    { message: 'queue started', fields: { queue: 'mail', executor: 'inline', slots: 100 } },
    { message: 'queue stopped', fields: { queue: 'mail' } },
  ])
})

it('logs a failed job and its error in one line, and its attempts at debug', async () => {
  await using app = await startApp({ schema, jobs: [ok, bad] })
  await app.start()
  const reference = await app.chancy.push(bad)
  await app.chancy.waitForJob(reference)
  await until(() => linesOf(app, 'job failed').length > 0)
  const fields = { job: reference.id, name: 'bad', kind: 'error', reason: 'no' }
  expect(linesOf(app, 'attempt failed')).toMatchObject([
    { level: 'debug', fields: { ...fields, attempt: 1 } },
  ])
  expect(linesOf(app, 'job failed')).toMatchObject([
    { level: 'error', fields: { ...fields, attempt: 2 } },
  ])
})

it('logs at most 50 failed jobs of a name a minute, and how many there were besides', async () => {
  const never = job({ name: 'never', maxAttempts: 1 }, () => {
    throw new Error('no')
  })
  await using app = await startApp({ schema, jobs: [never, bad] })
  const worker = await app.start()
  await app.chancy.pushMany([bad, ...Array.from({ length: 120 }, () => never)])
  await worker.idle()
  await worker.stop()
  expect(
    linesOf(app, 'job failed')
      .map(({ fields }) => fields.name)
      .sort(),
  ).toEqual(['bad', ...Array<string>(50).fill('never')])
  expect(linesOf(app, 'more jobs failed')).toMatchObject([
    { level: 'error', fields: { name: 'never', count: 70 } },
  ])
  expect(app.lines.at(-1)?.message).toBe('worker stopped')
})

it('logs that the worker was paused and resumed, and that it leads', async () => {
  await using app = await startApp({ schema, jobs: ok })
  const gained = app.next('leadership.gained')
  const worker = await app.start()
  await gained
  const { id: workerId } = worker
  await worker.pause()
  worker.resume()
  await worker.stop()
  for (const message of ['worker paused', 'worker resumed', 'leadership gained', 'leadership lost'])
    expect(linesOf(app, message)).toMatchObject([{ level: 'info', fields: { workerId } }])
})

it('logs a job that failed since its worker was lost three times', async () => {
  await using app = await startApp({ schema, jobs: ok })
  await sql(
    schema,
    `INSERT INTO $schema.workers (id, expires_at) VALUES ('01900000-0000-7000-8000-000000000001', now() - interval '1 day');
     INSERT INTO $schema.jobs (id, queue, name, state, worker_id, started_at, seq, position, crashes)
     VALUES ('01900000-0000-7000-8000-000000000002', 'default', 'ok', 'running',
             '01900000-0000-7000-8000-000000000001', now(), 1, 1, 2);
     INSERT INTO $schema.claims VALUES ('01900000-0000-7000-8000-000000000001', 1,
             '{01900000-0000-7000-8000-000000000002}')`,
  )
  const recovered = app.next('jobs.recovered')
  await app.start()
  await recovered
  expect(linesOf(app, 'job failed')).toMatchObject([
    {
      level: 'error',
      fields: {
        job: '01900000-0000-7000-8000-000000000002',
        name: 'ok',
        kind: 'crash',
        reason: 'its worker was lost, 3 times',
      },
    },
  ])
})

it('logs how many jobs were recovered', async () => {
  await using app = await startApp({ schema, jobs: ok })
  await sql(
    schema,
    `INSERT INTO $schema.workers (id, expires_at) VALUES ('01900000-0000-7000-8000-000000000001', now() - interval '1 day');
     INSERT INTO $schema.jobs (id, queue, name, state, worker_id, started_at, seq, position)
     VALUES ('01900000-0000-7000-8000-000000000002', 'default', 'ok', 'running',
             '01900000-0000-7000-8000-000000000001', now(), 1, 1);
     INSERT INTO $schema.claims VALUES ('01900000-0000-7000-8000-000000000001', 1,
             '{01900000-0000-7000-8000-000000000002}')`,
  )
  const recovered = app.next('jobs.recovered')
  await app.start()
  await recovered
  expect(linesOf(app, 'jobs recovered')).toMatchObject([
    {
      level: 'warn',
      fields: {
        count: 1,
        workerIds: ['01900000-0000-7000-8000-000000000001'],
        jobs: ['01900000-0000-7000-8000-000000000002'],
      },
    },
  ])
})

it('logs once that the database cannot be reached, and once that it can', async () => {
  await using proxy = await startProxy(databaseUrl(schema))
  await using app = await startApp({ schema, jobs: ok, url: proxy.url })
  await app.start({ lease: '20s' })
  proxy.refuse()
  proxy.cut()
  await app.next('database.error')
  await app.next('database.error')
  proxy.refuse(false)
  await until(() => linesOf(app, 'connection to the database restored').length > 0)
  expect(linesOf(app, 'connection to the database')).toMatchObject([
    { level: 'warn', message: 'connection to the database lost, trying again' },
    { level: 'info', fields: { awayMs: expect.any(Number) } },
  ])
})

it('logs during its start that the database cannot be reached', async () => {
  await using proxy = await startProxy(databaseUrl(schema))
  await using app = await startApp({ schema, jobs: ok, url: proxy.url })
  proxy.refuse()
  proxy.cut()
  const failed = app.next('database.error')
  const starting = app.start()
  await failed
  expect(linesOf(app, 'connection to the database lost')).toMatchObject([
    { level: 'warn', fields: { during: 'starting' } },
  ])
  proxy.refuse(false)
  await starting
})

it('logs which jobs wait for a queue or a function that no worker has, by the oldest worker alone', async () => {
  await using app = await startApp({ schema, jobs: ok })
  await app.chancy.pushMany([
    ok.job.withQueue('nowhere'),
    ok.job.withQueue('nowhere'),
    Job.named('unknown'),
    ok,
  ])
  const found = app.all('jobs.unserved')
  const checked = app.next('unserved.checked', ({ found }) => found > 0)
  await app.start()
  await using other = await startApp({ schema, jobs: ok })
  const empty = other.next('unserved.checked')
  await other.start()
  await checked
  expect(found).toEqual([
    { kind: 'queue-undeclared', queue: 'nowhere', name: null, jobs: 2, hasMore: false },
    { kind: 'function-unknown', queue: 'default', name: 'unknown', jobs: 1, hasMore: false },
  ])
  expect(linesOf(app, 'jobs wait')).toMatchObject([
    {
      level: 'warn',
      message: 'jobs wait: their queue is not declared',
      fields: { queue: 'nowhere', jobs: 2 },
    },
    {
      level: 'warn',
      message: 'jobs wait: no worker of their queue knows the function',
      fields: { queue: 'default', name: 'unknown', jobs: 1 },
    },
  ])
  expect((await empty).found).toBe(0)
  expect(linesOf(other, 'jobs wait')).toEqual([])
})

it('logs soon that a queue is not declared when a job is pushed to it', async () => {
  await using app = await startApp({ schema, jobs: ok })
  const first = app.next('unserved.checked')
  await app.start()
  await first
  const unserved = app.next('jobs.unserved')
  await app.chancy.push(ok.job.withQueue('nowhere'))
  expect(await unserved).toMatchObject({ queue: 'nowhere', jobs: 1 })
})

it('writes no key twice in a line of JSON, nothing to the standard output, and the name of a job', async () => {
  const program = `
    import { Chancy, job, Worker } from 'chancy'
    const one = job({ name: 'one' }, (_, { log }) =>
      log.info({ name: 'x', msg: 'x', level: 'x', time: 1, pid: 1, hostname: 'x', job: 'x' }, 'said'))
    const chancy = new Chancy(${JSON.stringify(databaseUrl(schema))}, { jobs: one, schema: '${schema}' })
    const worker = new Worker(chancy)
    await worker.start()
    await chancy.waitForJob(await chancy.push(one))
    await worker.stop()
    await chancy.close()`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program])
  let printed = ''
  let logged = ''
  child.stdout.on('data', (chunk) => (printed += chunk))
  child.stderr.on('data', (chunk) => (logged += chunk))
  expect(await once(child, 'close')).toEqual([0, null])
  expect(printed).toBe('')
  const lines = logged.trim().split('\n')
  for (const line of lines) {
    const keys = [...line.matchAll(/[{,]"(\w+)":/g)].map(([, key]) => key)
    if (!line.includes('"queues"')) expect(new Set(keys).size, line).toBe(keys.length)
  }
  const said = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'said')
  expect(said).toMatchObject({ name: 'one', level: 30, attempt: 1, msg_: 'x', level_: 'x' })
})
