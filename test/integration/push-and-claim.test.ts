import { type Chancy, type EventMap, Job, job, pgDriver, Queue } from 'chancy'
import { afterEach, describe, expect, it } from 'vitest'
import { noting, pushesOf, testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const ran: number[] = []
let holding: Promise<void> = Promise.resolve()
const task = job({ name: 'task' }, ({ n }: { n: number }) => {
  ran.push(n)
  return n
})
const held = job({ name: 'held' }, () => holding)
const numbered = (n: number) => task.job.withArgs({ n })
/** No poll comes while a test lasts: a claim is made by a push or after a notification. */
const settings = { executor: 'inline', pollingInterval: '1h' } as const

/** An inline worker whose first poll found nothing, and how often each function was called since. */
async function atRest(options: ConstructorParameters<typeof Queue>[1] = {}) {
  const driver = noting(pgDriver(app.pool()))
  const chancy = app.chancy({ jobs: [task, held] }, driver)
  await chancy.declare(new Queue('default', { ...settings, ...options }))
  const polled = next(chancy, 'queue.polled')
  await app.worker(chancy)
  await polled
  driver.texts.length = 0
  ran.length = 0
  const claiming = (text: string) => text.includes('."push_and_claim_1"')
  /** Pushes that claim as well, and those that do not. */
  const sent = () => [driver.texts.filter(claiming).length, pushesOf(driver)]
  return { chancy, sent }
}

function next<Name extends keyof EventMap>(
  chancy: Chancy,
  name: Name,
  test: (payload: EventMap[Name]) => boolean = () => true,
): Promise<EventMap[Name]> {
  return new Promise((resolve) => {
    const end = chancy.on(name, (payload) => {
      if (!test(payload)) return
      end()
      resolve(payload)
    })
  })
}

describe('a push beside an idle worker', () => {
  it('is claimed in the transaction of the push', async () => {
    const { chancy, sent } = await atRest()
    const pushed = next(chancy, 'queue.pushed')
    const ref = await chancy.push(numbered(1))
    expect(await pushed).toEqual({ queue: 'default', isTaken: true })
    expect(await chancy.waitForJob(ref)).toMatchObject({
      state: 'succeeded',
      result: 1,
      attempts: 1,
    })
    expect(sent()).toEqual([1, 0])
  })

  it('takes gathered pushes together', async () => {
    const { chancy, sent } = await atRest()
    const refs = await Promise.all([1, 2, 3].map((n) => chancy.push(numbered(n))))
    await chancy.waitForJobs(refs)
    expect(ran).toEqual([1, 2, 3])
    expect(sent()).toEqual([1, 0])
  })

  it('starts in the order of the queue, not the job that was pushed last', async () => {
    const { chancy } = await atRest({ concurrency: 1 })
    // Written by the SQL function, past the producer of this process.
    for (const n of [1, 2]) {
      await app.sql('SELECT $push($1, $2, priority => 1)', ['task', JSON.stringify({ n })])
    }
    await chancy.waitForJob(await chancy.push(numbered(3)))
    expect(ran).toEqual([1, 2, 3])
  })

  it.each([
    ['a date', numbered(1).withDelay('10ms')],
    ['a unique key', numbered(1).withUniqueKey('k')],
    ['a concurrency limit', numbered(1).withConcurrency(1)],
  ])('keeps to itself with %s', async (_what, wanted) => {
    const { chancy, sent } = await atRest()
    const ref = await chancy.push(wanted)
    expect(sent()).toEqual([0, 1])
    expect(await chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded' })
  })

  it.each([
    ['with a function that the worker does not know', Job.named('unknown', { args: {} })],
    ['in a queue that the worker does not run', Job.named('task', { args: {} }).withQueue('other')],
  ])('keeps to itself %s', async (_what, wanted) => {
    const { chancy, sent } = await atRest()
    const ref = await chancy.push(wanted)
    expect(sent()).toEqual([0, 1])
    expect(await chancy.getJob(ref)).toMatchObject({ state: 'pending' })
  })

  it('keeps to itself in a queue with a rate limit, whose starts are not used up by it', async () => {
    const { chancy, sent } = await atRest({ rateLimit: { max: 1, per: '1h' } })
    await chancy.waitForJob(await chancy.push(numbered(1)))
    const second = await chancy.push(numbered(2))
    expect(sent()).toEqual([0, 2])
    expect(await chancy.explain(second)).toMatchObject({ reasons: [{ kind: 'rate-limit' }] })
  })

  it('is not claimed while the worker is busy, and the worker is notified', async () => {
    const { chancy, sent } = await atRest()
    let release = (): void => {}
    holding = new Promise((resolve) => {
      release = resolve
    })
    const first = await chancy.push(held)
    const second = await chancy.push(numbered(2))
    await chancy.waitForJob(second)
    expect(sent()).toEqual([1, 1])
    release()
    await chancy.waitForJob(first)
  })

  it('starts nothing in a queue that was paused a moment ago', async () => {
    const { chancy } = await atRest()
    // In SQL, without a notification to the worker.
    await app.sql("UPDATE $queues SET state = 'paused'")
    const ref = await chancy.push(numbered(1))
    expect(await chancy.getJob(ref)).toMatchObject({ state: 'pending', attempts: 0 })
    expect(ran).toEqual([])
  })

  it('refuses one bad row of gathered ones, and runs the others', async () => {
    const { chancy } = await atRest()
    // Only the server can find this: the row violates a constraint of its own.
    await app.sql('ALTER TABLE $jobs ADD CONSTRAINT no_13 CHECK (args <> \'{"n": 13}\')')
    try {
      const pushes = await Promise.allSettled([12, 13, 14].map((n) => chancy.push(numbered(n))))
      expect(pushes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      await chancy.waitForJobs(
        pushes.flatMap((push) => (push.status === 'fulfilled' ? [push.value] : [])),
      )
      expect(ran.toSorted()).toEqual([12, 14])
    } finally {
      await app.sql('ALTER TABLE $jobs DROP CONSTRAINT no_13')
    }
  })
})

describe('the statement of a push with a claim', () => {
  const WORKER = '01890000-0000-7000-8000-000000000001'
  afterEach(() => app.sql('TRUNCATE $claims'))

  /** Pushes one job of this priority and claims; the ids that came back, the pushed one as "new". */
  async function pushed(priority = 0): Promise<string[]> {
    const id = crypto.randomUUID()
    const rows = await app.sql<{ id: string | null }>(
      `SELECT id FROM $push_and_claim_1(ARRAY['${id}']::uuid[], '{line}', '{task}', '{"{}"}',
         '{${priority}}', '{1}', NULL, NULL, 'line', '${WORKER}', 5, '{task}', true,
         NULL, NULL, NULL, NULL)`,
    )
    return rows.flatMap((row) => (row.id === id ? 'new' : (row.id ?? [])))
  }

  async function line(): Promise<void> {
    await app.sql(`INSERT INTO $queues (name, executor) VALUES ('line', 'inline')`)
    await app.sql(`INSERT INTO $workers (id, expires_at) VALUES ('${WORKER}', 'infinity')`)
  }

  it('writes the row as running, once, where nothing else is in the line', async () => {
    await line()
    expect(await pushed()).toEqual(['new'])
    // A row that was inserted waiting and then claimed has a dead version of it in front.
    expect(
      await app.sql(
        `SELECT state, attempts, fence::int AS fence, ctid::text AS place,
                (SELECT cardinality(ids) FROM $claims WHERE worker_id = '${WORKER}') AS claimed
           FROM $jobs`,
      ),
    ).toEqual([{ state: 'running', attempts: 1, fence: 1, place: '(0,1)', claimed: 1 }])
  })

  it('takes what is in the line with it, by the rules of the line', async () => {
    await line()
    const waiting = await app.sql<{ id: string }>(
      `SELECT $push('task', queue => 'line', priority => 3) AS id`,
    )
    expect((await pushed()).sort()).toEqual(['new', waiting[0]!.id].sort())
  })

  it('sees what is in the queue behind its watermarks, and no watermark hides it', async () => {
    await line()
    await app.sql(`SELECT $advance_watermarks_1('line', '{0}')`)
    await app.sql(`UPDATE $scan_watermarks SET advanced_at = advanced_at - interval '1 second'`)
    await app.sql(`SELECT $advance_watermarks_1('line', '{0}')`)
    expect(await app.sql('SELECT cardinality(highs) > 0 AS has FROM $scan_watermarks')).toEqual([
      { has: true },
    ])
    expect(await pushed()).toEqual(['new'])
    const waiting = await app.sql<{ id: string }>(`SELECT $push('task', queue => 'line') AS id`)
    expect((await pushed()).sort()).toEqual(['new', waiting[0]!.id].sort())
  })
})

describe('what other processes are notified of', () => {
  it('is nothing when it was taken, and everything else', async () => {
    const { chancy } = await atRest({ concurrency: 1 })
    const other = app.chancy({ jobs: [task] })
    await other.declare(new Queue('elsewhere', { executor: 'inline', tags: ['unused'] }))
    const received: string[] = []
    other.on('queue.pushed', ({ queue }) => received.push(queue))
    await app.worker(other, { queues: ['elsewhere'] })

    await chancy.waitForJob(await chancy.push(numbered(1)))
    const pushed = next(other, 'queue.pushed', ({ queue }) => queue === 'elsewhere')
    await chancy.push(numbered(2).withQueue('elsewhere'))
    await pushed
    expect(received).toEqual(['elsewhere'])

    // Of two in one statement there is room for one.
    const second = next(other, 'queue.pushed', ({ queue }) => queue === 'default')
    await app.sql("UPDATE $queues SET state = 'paused' WHERE name = 'default'")
    await chancy.push(numbered(3))
    await second
  })
})

describe('a push with a claim, whose connection is cut', () => {
  it.each([
    ['after the commit', 'cutReplies', true],
    ['before it reached the server', 'dropRequests', false],
  ] as const)('%s is one job, which runs once', async (_when, fault, isCommitted) => {
    await using proxy = await startProxy(databaseUrl(app.schema))
    const chancy = app.chancy({ jobs: [task], notifications: false }, proxy.url)
    await chancy.declare(new Queue('default', settings))
    const polled = next(chancy, 'queue.polled')
    const worker = await app.worker(chancy)
    await polled
    ran.length = 0
    const reclaimed: string[] = []
    chancy.on('jobs.reclaimed', ({ ids }) => reclaimed.push(...ids))
    const cut = proxy[fault]('push_and_claim_1')
    const ref = await chancy.push(numbered(1))
    expect(cut.hits).toBe(1)
    expect(await chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded', attempts: 1 })
    expect(ran).toEqual([1])
    expect(await app.count()).toBe(1)
    await until(() => reclaimed.length >= Number(isCommitted))
    expect(reclaimed).toEqual(isCommitted ? [ref.id] : [])
    await worker.stop()
    await chancy.close()
  })
})
