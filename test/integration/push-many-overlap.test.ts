import { type Chancy, type ChancyOptions, type Driver, job, pgDriver, Queue } from 'chancy'
import { afterEach, describe, expect, it } from 'vitest'
import { connectionLost, hooked, isPush, noting, testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import { chance } from '../support/seed.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const task = job({ name: 'task' }, ({ n }: { n: number }) => n)
const numbered = (n: number) => task.job.withArgs({ n })
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)
const some = (count: number) => upTo(count).map(numbered)

const isDraw = (text: string): boolean => text.includes('draw_positions_1')

/** The numbers of the jobs in the order of their places. */
async function line(): Promise<number[]> {
  const text = "SELECT (args->>'n')::int AS n FROM $jobs ORDER BY position"
  return (await app.sql<{ n: number }>(text)).map(({ n }) => n)
}

const over = (driver: Driver, options: ChancyOptions = {}): Chancy =>
  app.chancy({ notifications: false, ...options }, driver)

const gates: { open(): void }[] = []
// One that a failed test has left shut would hold the Chancy behind it.
afterEach(() => {
  for (const { open } of gates.splice(0)) open()
})

/** A gate that is shut until it is opened; `reached` resolves at the first arrival. */
function gate() {
  let open = (): void => {}
  let reach = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  const pass = (): Promise<void> => {
    reach()
    return opened
  }
  gates.push({ open })
  return { open, opened, reached, pass }
}

/** A Chancy whose n-th push of a batch comes to `at(n)` when the server has done it. */
function afterEachPush(
  at: (n: number) => Promise<void> | void,
  options: ChancyOptions = {},
): Chancy {
  let count = 0
  return over(
    hooked(pgDriver(app.pool(8)), async (text, send) => {
      const rows = await send()
      if (isPush(text)) await at(++count)
      return rows
    }),
    options,
  )
}

describe('two batches of a pushMany', () => {
  it('are written concurrently, and appear one after the other', async () => {
    const [first, second] = [gate(), gate()]
    const chancy = afterEachPush((n) => [undefined, first, second][n]?.pass())
    const pushing = chancy.pushMany(some(20), { batchSize: 10 })
    // The server has done both, and neither is committed.
    await Promise.all([first.reached, second.reached])
    expect(await line()).toEqual([])
    second.open()
    // The second is ready to be committed and waits for the first.
    const client =
      'SELECT count(*)::int AS n FROM pg_stat_activity WHERE state = $1 AND query LIKE $2'
    await until(async () => {
      const [row] = await app.sql<{ n: number }>(client, ['idle in transaction', `%${app.schema}%`])
      return row?.n === 2
    })
    expect(await line()).toEqual([])
    first.open()
    expect(await pushing).toHaveLength(20)
    expect(await line()).toEqual(upTo(20))
  })

  it('have their places in the order of the call, however many blocks of places they take', async () => {
    const chancy = over(pgDriver(app.pool(8)))
    const count = 2_600
    const [one, other] = await Promise.all([
      chancy.pushMany(some(count), { batchSize: 520 }),
      chancy.pushMany(some(count), { batchSize: 256 }),
      ...upTo(50).map((n) => chancy.push(numbered(-n))),
    ])
    const rows = await app.sql<{ id: string }>('SELECT id::text AS id FROM $jobs ORDER BY position')
    const ids = rows.map(({ id }) => id)
    for (const refs of [one, other]) {
      const own = new Set(refs.map(({ id }) => id))
      expect(ids.filter((id) => own.has(id))).toEqual(refs.map(({ id }) => id))
    }
    expect(new Set(ids).size).toBe(2 * count + 50)
  })

  it('are written one after the other where sessions are few, or a session is given', async () => {
    const few = noting(pgDriver(app.pool(3)))
    expect(await over(few).pushMany(some(50), { batchSize: 10 })).toHaveLength(50)
    expect(few.texts.filter(isDraw)).toEqual([])
    const client = await app.client()
    await client.query('BEGIN')
    const many = noting(pgDriver(app.pool(8)))
    await over(many).pushMany(some(50), { batchSize: 10, session: client })
    await client.query('ROLLBACK')
    expect(many.texts.filter(isDraw)).toEqual([])
    expect(await line()).toEqual(upTo(50))
  })

  it('leave sessions to others, when there are many such calls', async () => {
    const chancy = over(pgDriver(app.pool(4)))
    const calls = upTo(12).map(() => chancy.pushMany(some(60), { batchSize: 10 }))
    const lone = upTo(20).map((n) => chancy.push(numbered(n)))
    const pushed = await Promise.all([...calls, ...lone])
    expect(pushed).toHaveLength(32)
    expect(await app.count()).toBe(12 * 60 + 20)
  })

  it('with unique keys are written one after the other, in order with those without', async () => {
    const driver = noting(pgDriver(app.pool(8)))
    const chancy = over(driver)
    const held = await chancy.push(numbered(99).withUniqueKey('key 24'))
    const jobs = upTo(70).map((n) =>
      n >= 20 && n < 30 ? numbered(n).withUniqueKey(`key ${n}`) : numbered(n),
    )
    const refs = await chancy.pushMany(jobs, { batchSize: 10 })
    expect(refs.map(({ created }) => created)).toEqual(upTo(70).map((n) => n !== 24))
    expect(refs[24]!.id).toBe(held.id)
    expect(await line()).toEqual([99, ...upTo(70).filter((n) => n !== 24)])
    // Seven batches, of which one draws for itself.
    expect(driver.texts.filter(isDraw)).toHaveLength(6)
  })
})

describe('a batch that fails', () => {
  /** The server refuses the job with that number. */
  async function refusing(n: number, work: () => Promise<void>): Promise<void> {
    await app.sql(`ALTER TABLE $jobs ADD CONSTRAINT refused CHECK (args->>'n' <> '${n}')`)
    try {
      await work()
    } finally {
      await app.sql('ALTER TABLE $jobs DROP CONSTRAINT refused')
    }
  }

  it('keeps those before it, and takes those behind it along', async () => {
    await refusing(35, async () => {
      const pushing = over(pgDriver(app.pool(8))).pushMany(some(80), { batchSize: 10 })
      await expect(pushing).rejects.toMatchObject({ name: 'DatabaseError' })
      await expect(pushing).rejects.toThrow(/refused/)
      expect(await line()).toEqual(upTo(30))
    })
  })

  it('takes the next one along although the server has done that already', async () => {
    const second = gate()
    await refusing(5, async () => {
      let count = 0
      const driver = hooked(pgDriver(app.pool(8)), async (text, send) => {
        if (!isPush(text)) return send()
        count++
        // The first is sent when the second is done.
        if (count === 1) await second.reached
        const rows = await send()
        void second.pass()
        return rows
      })
      await expect(over(driver).pushMany(some(20), { batchSize: 10 })).rejects.toThrow(/refused/)
      expect(await line()).toEqual([])
    })
  })

  it.each([
    ['its draw', isDraw, 'cutReplies'],
    ['its insert', isPush, 'cutReplies'],
    ['its commit', 'COMMIT', 'cutReplies'],
    ['its begin', 'BEGIN', 'dropRequests'],
    ['its insert on the way', isPush, 'dropRequests'],
    ['its commit on the way', 'COMMIT', 'dropRequests'],
  ] as const)(
    'because the answer to %s is lost is tried again in its turn',
    async (_, which, how) => {
      await using proxy = await startProxy(databaseUrl(app.schema))
      const chancy = app.chancy({ notifications: false }, proxy.url)
      await chancy.getQueues()
      const fault = proxy[how](which)
      const refs = await chancy.pushMany(some(200), { batchSize: 10 })
      expect(fault.hits).toBe(1)
      expect(refs.every(({ created }) => created)).toBe(true)
      expect(new Set(refs.map(({ id }) => id)).size).toBe(200)
      expect(await line()).toEqual(upTo(200))
    },
  )

  it('does not keep those behind it from being written two at a time', async () => {
    const texts: string[] = []
    let fails = 1
    const driver = hooked(pgDriver(app.pool(8)), async (text, send) => {
      texts.push(text)
      if (isPush(text) && fails-- > 0) {
        throw Object.assign(new Error('deadlock detected'), { code: '40P01' })
      }
      return send()
    })
    await over(driver).pushMany(some(200), { batchSize: 10 })
    expect(await line()).toEqual(upTo(200))
    const pushes = texts.filter(isPush).length
    const draws = texts.filter(isDraw).length
    // The one that failed and the one beside it are pushed twice, and at most one more.
    expect(draws).toBe(20)
    expect(pushes).toBeLessThanOrEqual(23)
  })

  it('and is written at its second try stands before one that had drawn beside the first', async () => {
    const again = gate()
    let pushes = 0
    const driver = hooked(pgDriver(app.pool(8)), async (text, send) => {
      if (!isPush(text)) return send()
      const n = ++pushes
      // The first fails once the second is on its way, and that one waits for the first's second try.
      if (n === 1) {
        await second.reached
        throw Object.assign(new Error('deadlock detected'), { code: '40P01' })
      }
      if (n === 2) {
        const rows = await send()
        void second.pass()
        await again.opened
        return rows
      }
      const rows = await send()
      if (n === 3) setTimeout(again.open, 50)
      return rows
    })
    const second = gate()
    await over(driver).pushMany(some(20), { batchSize: 10 })
    expect(await line()).toEqual(upTo(20))
  })

  it('is searched for, and not offered as new to an idle worker of its process', async () => {
    const inner = noting(pgDriver(app.pool(8)))
    let losses = 1
    const losing: Driver = {
      ...inner,
      transaction: async (work) => {
        const result = await inner.transaction(work)
        if (losses-- > 0) throw connectionLost()
        return result
      },
    }
    const chancy = app.chancy({ jobs: [task] }, losing)
    await chancy.declare(new Queue('default', { executor: 'inline', pollingInterval: '1h' }))
    const polled = new Promise<void>((resolve) => void chancy.on('queue.polled', () => resolve()))
    await app.worker(chancy)
    await polled
    const refs = await chancy.pushMany(some(10), { batchSize: 10 })
    expect(losses).toBe(0)
    expect(inner.texts.filter((text) => text.includes('push_and_claim_1'))).toEqual([])
    await chancy.waitForJobs(refs)
    expect(await app.count()).toBe(10)
  })

  it('that its client abandons is ended by the server, and tried again in its turn', async () => {
    const [first, second] = [gate(), gate()]
    const chancy = afterEachPush((n) => [undefined, first, second][n]?.pass(), {
      pushDeadline: '6s',
    })
    const pushing = chancy.pushMany(some(40), { batchSize: 10 })
    await Promise.all([first.reached, second.reached])
    const idle =
      "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE $1"
    await until(async () => (await app.sql(idle, [`%${app.schema}%`])).length === 0)
    first.open()
    second.open()
    await pushing
    expect(await line()).toEqual(upTo(40))
  })

  it('because its session is ended while it waits is tried again behind the one before', async () => {
    const [first, second] = [gate(), gate()]
    const chancy = afterEachPush((n) => [undefined, first, second][n]?.pass())
    const pushing = chancy.pushMany(some(40), { batchSize: 10 })
    await Promise.all([first.reached, second.reached])
    second.open()
    // The one that came second waits, and is the one that has begun later.
    const ended = await app.sql<{ ended: boolean }>(
      `SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity
        WHERE state = 'idle in transaction' AND query LIKE $1
        ORDER BY xact_start DESC LIMIT 1`,
      [`%${app.schema}%`],
    )
    expect(ended).toEqual([{ ended: true }])
    first.open()
    await pushing
    expect(await line()).toEqual(upTo(40))
  })
})

it('shows a part from the beginning at every moment, whatever is lost on the way', async () => {
  await using proxy = await startProxy(databaseUrl(app.schema))
  const chancy = app.chancy({ notifications: false, pushDeadline: '60s' }, proxy.url)
  const count = 3_000
  const luck = chance('faults under a pushMany')
  const says = (what: string) => (text: string) => text.includes(what)
  const faults = [isDraw, isPush, says('COMMIT'), says('BEGIN')].flatMap((which) => [
    proxy.cutReplies((text) => which(text) && luck.next() < 0.03, { times: 5 }),
    proxy.dropRequests((text) => which(text) && luck.next() < 0.03, { times: 5 }),
  ])
  const seen = new Set<number>()
  const poll = async (): Promise<void> => {
    const [row] = await app.sql<{ n: number; first: number; last: number }>(
      `SELECT count(*)::int AS n, coalesce(min((args->>'n')::int), 0) AS first,
              coalesce(max((args->>'n')::int), -1) AS last FROM $jobs`,
    )
    expect(row).toEqual({ n: row!.n, first: 0, last: row!.n - 1 })
    seen.add(row!.n)
  }
  let isOver = false
  const pushing = chancy.pushMany(some(count), { batchSize: 10 }).finally(() => {
    isOver = true
  })
  while (!isOver) await poll()
  expect(await pushing).toHaveLength(count)
  expect(await line()).toEqual(upTo(count))
  expect(seen.size).toBeGreaterThan(5)
  expect(faults.reduce((sum, { hits }) => sum + hits, 0)).toBeGreaterThan(5)
}, 120_000)
