import { type Chancy, ConfigError, job, Queue, type Reference, RetryJob, SnoozeJob } from 'chancy'
import { afterEach, describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { until } from '../support/until.ts'

const app = testApplication()
/** Not so short that a busy machine loses a lease, and with it the order of the starts. */
const QUICK = { heartbeat: '300ms', lease: '3s', shutdownTimeout: '500ms' } as const

interface Args {
  readonly user?: unknown
  readonly n?: number
}

/** Starts and ends as the functions saw them, by group. */
const seen: string[] = []
/** Jobs of `held` wait for their gate. */
const gates = new Map<number, (how: 'end' | 'fail' | 'snooze') => void>()
const short = job({ name: 'short' }, async ({ user, n }: Args) => {
  seen.push(`start ${JSON.stringify(user)} ${n}`)
  await new Promise((resolve) => setTimeout(resolve, 2))
  seen.push(`end ${JSON.stringify(user)} ${n}`)
})
const held = job({ name: 'held' }, async ({ n }: Args, { signal }) => {
  seen.push(`start ${n}`)
  const how = await new Promise<string>((resolve) => {
    gates.set(n ?? 0, resolve)
    signal.addEventListener('abort', () => resolve('end'))
  })
  if (how === 'fail') throw new RetryJob('10m')
  if (how === 'snooze') throw new SnoozeJob('10m')
})
const holding = (n: number, max = 1) => held.job.withArgs({ n }).withConcurrency(max)
const jobs = [short, held]

afterEach(async () => {
  for (const end of gates.values()) end('end')
  gates.clear()
  seen.length = 0
  await app.sql('TRUNCATE $rate_starts')
})

/** The most that ran concurrently by what the functions noted, for one user or for all. */
function mostSeen(user?: unknown): number {
  const of = user === undefined ? '' : `${JSON.stringify(user)} `
  let running = 0
  let most = 0
  for (const line of seen) {
    if (line.startsWith(`start ${of}`)) running++
    else if (line.startsWith(`end ${of}`)) running--
    most = Math.max(most, running)
  }
  return most
}

/** The most that ran concurrently by the stored times, for each group. */
async function mostStored(): Promise<Record<string, number>> {
  const rows = await app.sql<{ key: string; most: number }>(
    `SELECT f.concurrency_key AS key,
            max((SELECT count(*)::int FROM $finished_jobs g
                  WHERE g.concurrency_key = f.concurrency_key AND g.started_at <= f.started_at
                    AND g.finished_at > f.started_at)) AS most
       FROM $finished_jobs f WHERE f.started_at IS NOT NULL GROUP BY 1`,
  )
  return Object.fromEntries(rows.map(({ key, most }) => [key, most]))
}

/** A test ends before the first poll, so what starts was started by a notification. */
async function declare(chancy: Chancy, name = 'default', concurrency = 50): Promise<void> {
  await chancy.declare(new Queue(name, { executor: 'inline', concurrency, pollingInterval: '1m' }))
}

/**
 * An application with a queue and two workers on it. Of jobs that are pushed together each of them
 * may take one, and then the younger may be the first in their group: where a test needs an order, it
 * pushes one after the other.
 */
async function running(): Promise<Chancy> {
  const chancy = app.chancy({ jobs })
  await declare(chancy)
  await app.worker(chancy, QUICK)
  await app.worker(app.chancy({ jobs }), QUICK)
  return chancy
}

const started = (...numbers: number[]) =>
  until(() => numbers.every((n) => seen.includes(`start ${n}`)), { what: `starts of ${numbers}` })
/** Numbers of `held` in the order of their starts. */
const starts = () => seen.map((line) => Number(line.split(' ')[1]))
const blocked = (count: number) =>
  until(
    async () => {
      const rows = await app.sql<{ n: number }>(
        'SELECT count(*)::int AS n FROM $jobs WHERE blocked',
      )
      return rows[0]!.n === count
    },
    { what: `${count} blocked jobs` },
  )

describe('a concurrency limit', () => {
  it('of a name is never exceeded by two workers', async () => {
    const chancy = await running()
    const many = Array.from({ length: 200 }, (_, n) => short.job.withArgs({ n }).withConcurrency(3))
    await chancy.waitForJobs(await chancy.pushMany(many))
    expect(mostSeen()).toBe(3)
    expect(await mostStored()).toEqual({ short: 3 })
  })

  it('by an argument counts each value by itself, 0 and the empty text too', async () => {
    const chancy = await running()
    const users = [0, '', 7, '7', true, 'true', 'a']
    const many = Array.from({ length: 280 }, (_, n) =>
      short.job.withArgs({ user: users[n % users.length], n }).withConcurrency(2, 'user' as never),
    )
    await chancy.waitForJobs(await chancy.pushMany(many))
    for (const user of users) expect(mostSeen(user)).toBe(2)
    expect(mostSeen()).toBeGreaterThan(4)
    expect(await mostStored()).toEqual(
      Object.fromEntries(users.map((user) => [`short:user=${JSON.stringify(user)}`, 2])),
    )
  })

  it('by a function counts what it gave at the push', async () => {
    const chancy = await running()
    const many = Array.from({ length: 150 }, (_, n) =>
      short.job.withArgs({ user: n % 3, n }).withConcurrency(1, ({ user }) => `u${user}`),
    )
    await chancy.waitForJobs(await chancy.pushMany(many))
    for (const user of [0, 1, 2]) expect(mostSeen(user)).toBe(1)
    expect(await mostStored()).toEqual({ 'short:"u0"': 1, 'short:"u1"': 1, 'short:"u2"': 1 })
  })

  it.each([
    ['a missing argument', {}, 'user'],
    ['null', { user: null }, 'user'],
    ['an object', { user: {} }, 'user'],
    ['what every object has', {}, 'toString'],
    ['a function that gives nothing', {}, () => undefined],
    ['a function that gives null', {}, () => null],
    ['a function that gives no number', {}, () => Number.NaN],
    [
      'a function that throws',
      {},
      () => {
        throw new Error('no')
      },
    ],
  ])('with a key from %s is refused at the push', async (_, args, key) => {
    const wrong = short.job.withArgs(args).withConcurrency(1, key as never)
    await expect(async () => app.chancy().push(wrong)).rejects.toThrow(ConfigError)
    await expect(async () => app.chancy().pushMany([wrong])).rejects.toThrow('concurrency key')
    expect(await app.count()).toBe(0)
  })

  it('is shared by the queues of a group', async () => {
    const chancy = app.chancy({ jobs })
    await declare(chancy, 'one')
    await declare(chancy, 'two')
    await app.worker(chancy, QUICK)
    const many = Array.from({ length: 100 }, (_, n) =>
      short.job
        .withArgs({ n })
        .withQueue(n % 2 ? 'one' : 'two')
        .withConcurrency(2),
    )
    await chancy.waitForJobs(await chancy.pushMany(many))
    expect(await mostStored()).toEqual({ short: 2 })
  })

  it('lets a group go by priority and then by age', async () => {
    const chancy = app.chancy({ jobs })
    await declare(chancy)
    await app.worker(chancy, QUICK)
    await chancy.push(holding(0))
    await started(0)
    const priorities = [0, 5, 0, 5, 9, -1]
    const waiting = priorities.map((priority, n) => holding(n + 1).withPriority(priority))
    const refs = await chancy.pushMany(waiting)
    await blocked(6)
    for (const n of [0, 5, 2, 4, 1, 3, 6]) {
      await started(n)
      gates.get(n)!('end')
    }
    await chancy.waitForJobs(refs)
    expect(starts()).toEqual([0, 5, 2, 4, 1, 3, 6])
  })

  it('that is small is not overtaken by younger jobs with a larger one', async () => {
    const chancy = await running()
    await chancy.pushMany([holding(0, 3), holding(1, 3)])
    await started(0, 1)
    await chancy.push(holding(2, 1))
    await blocked(1)
    await chancy.pushMany([holding(3, 9), holding(4, 9)])
    await blocked(3)
    gates.get(0)!('end')
    await until(async () => (await app.sql('SELECT 1 FROM $finished_jobs')).length === 1)
    await app.sql('SELECT * FROM $sweep_blocked_1(NULL, 100)')
    await blocked(3)
    gates.get(1)!('end')
    await started(2, 3, 4)
    expect(starts().indexOf(2)).toBe(2)
  })

  it('rises and falls with the jobs that are pushed', async () => {
    const chancy = await running()
    await chancy.push(holding(0, 1))
    await started(0)
    await chancy.push(holding(1, 1))
    await blocked(1)
    gates.get(0)!('end')
    await started(1)
    // Up: younger ones with a larger max run beside it.
    await chancy.pushMany([holding(2, 3), holding(3, 3)])
    await started(2, 3)
    // Down: the next starts only when fewer than its own max run.
    const last = await chancy.push(holding(4, 1))
    await blocked(1)
    gates.get(1)!('end')
    gates.get(2)!('end')
    await until(async () => (await app.sql('SELECT 1 FROM $finished_jobs')).length === 3)
    expect(await chancy.explain(last)).toMatchObject({ reasons: [{ kind: 'concurrency', max: 1 }] })
    gates.get(3)!('end')
    await started(4)
  })

  it.each(['end', 'fail', 'snooze'] as const)('gives the slot back on %s', async (how) => {
    const chancy = await running()
    await chancy.push(holding(0).withMaxAttempts(2))
    await started(0)
    await chancy.push(holding(1))
    await blocked(1)
    gates.get(0)!(how)
    await started(1)
  })

  it('passes over a waiting job that is cancelled, and ends with a running one', async () => {
    const chancy = await running()
    const refs: Reference[] = []
    for (const n of [0, 1, 2, 3]) {
      refs.push(await chancy.push(holding(n)))
      await (n === 0 ? started(0) : blocked(n))
    }
    expect(await chancy.cancel(refs[1]!)).toBe('cancelled')
    expect(await chancy.cancel(refs[0]!)).toBe('requested')
    await started(2)
    expect(starts()).toEqual([0, 2])
    expect(await chancy.waitForJob(refs[0]!)).toMatchObject({ state: 'cancelled' })
  })

  it('gives a place to the next when a ready job of the group is cancelled', async () => {
    const chancy = app.chancy({ jobs })
    await declare(chancy)
    const refs = await chancy.pushMany([holding(0), holding(1), holding(2)])
    // As before the claim that follows a wake-up: one ready, two blocked.
    await app.sql('UPDATE $jobs SET blocked = true, position = NULL WHERE id <> $1', [refs[0]!.id])
    await app.sql("INSERT INTO $concurrency_groups (key) VALUES ('held')")
    expect(await chancy.cancel(refs[0]!)).toBe('cancelled')
    const rows = await app.sql('SELECT id FROM $jobs WHERE position IS NOT NULL')
    expect(rows).toEqual([{ id: refs[1]!.id }])
  })

  it('is free again for the jobs of a worker that stopped', async () => {
    const chancy = app.chancy({ jobs })
    await declare(chancy)
    const first = await app.worker(app.chancy({ jobs }), QUICK)
    const [running] = await chancy.pushMany([holding(0), holding(1)])
    await started(0)
    await blocked(1)
    await first.stop()
    await app.worker(chancy, QUICK)
    await until(() => seen.length === 2)
    expect(await chancy.getJob(running!)).toMatchObject({ attempts: expect.any(Number) })
    expect(await mostRunning()).toBe(1)
  })

  it('is free again when the worker of a holder was lost', async () => {
    const chancy = app.chancy({ jobs })
    await declare(chancy)
    const refs = await chancy.pushMany([holding(0), holding(1)])
    const dead = '01890000-0000-7000-8000-00000000dead'
    await app.sql("INSERT INTO $workers (id, expires_at) VALUES ($1, now() - interval '1s')", [
      dead,
    ])
    await app.sql("SELECT * FROM $claim_1('default', $1, 2, '{held}', true)", [dead])
    expect(await mostRunning()).toBe(1)
    await app.worker(chancy, QUICK)
    await until(() => seen.length === 1)
    expect(await mostRunning()).toBe(1)
    gates.get(starts()[0]!)!('end')
    await started(0, 1)
    gates.get(starts()[1]!)!('end')
    const done = await chancy.waitForJobs(refs)
    expect(done.map(({ state }) => state)).toEqual(['succeeded', 'succeeded'])
  })

  it('leaves no row behind in a helper table', { timeout: 150_000 }, async () => {
    const chancy = await running()
    const many = Array.from({ length: 10_000 }, (_, n) =>
      short.job.withArgs({ user: n % 2_000, n }).withConcurrency(1, 'user' as never),
    )
    await chancy.pushMany(many)
    await until(async () => (await app.sql('SELECT 1 FROM $jobs LIMIT 1')).length === 0, {
      timeoutMs: 120_000,
      everyMs: 200,
    })
    const most = await app.sql<{ n: number }>(
      'SELECT count(*)::int AS n FROM $finished_jobs f JOIN $finished_jobs g USING (concurrency_key) WHERE f.id <> g.id AND g.started_at <= f.started_at AND g.finished_at > f.started_at',
    )
    expect(most).toEqual([{ n: 0 }])
    let after: string | null = null
    let removed = 0
    do {
      const [row]: { removed: number; last_key: string | null }[] = await app.sql(
        'SELECT * FROM $sweep_groups_1($1, 1000)',
        [after],
      )
      removed += row!.removed
      after = row!.last_key
    } while (after !== null)
    expect(removed).toBeGreaterThan(0)
    expect(await app.sql('SELECT * FROM $concurrency_groups')).toEqual([])
  })
})

async function mostRunning(): Promise<number> {
  const rows = await app.sql<{ n: number }>(
    "SELECT count(*)::int AS n FROM $jobs WHERE state = 'running'",
  )
  return rows[0]!.n
}

describe('a rate limit', () => {
  const paced = (n: number) => short.job.withArgs({ n }).withQueue('paced')
  const declarePaced = (chancy: Chancy, max: number, per: string) =>
    chancy.declare(
      new Queue('paced', {
        executor: 'inline',
        concurrency: 50,
        pollingInterval: '1m',
        rateLimit: { max, per: per as '1s' },
      }),
    )

  it('holds in every window over two workers, and the queue sleeps until the next start', async () => {
    const chancy = app.chancy({ jobs })
    await declarePaced(chancy, 5, '400ms')
    const polls: unknown[] = []
    chancy.on('queue.polled', (poll) => void polls.push(poll))
    await app.worker(chancy, QUICK)
    await app.worker(app.chancy({ jobs }), QUICK)
    const refs = await chancy.pushMany(Array.from({ length: 30 }, (_, n) => paced(n)))
    const begun = performance.now()
    await chancy.waitForJobs(refs)
    // Only the time of the next start can have woken it: it polls once a minute.
    expect(performance.now() - begun).toBeLessThan(50_000)
    expect(polls.length).toBeLessThan(60)
    const windows = await app.sql<{ most: number; starts: number }>(
      `SELECT count(*)::int AS starts, max((SELECT count(*)::int FROM $finished_jobs g
                    WHERE g.started_at <= f.started_at
                      AND g.started_at > f.started_at - interval '400ms')) AS most
         FROM $finished_jobs f`,
    )
    expect(windows).toEqual([{ starts: 30, most: 5 }])
  })

  it('counts a start once, and not a job that was blocked', async () => {
    const chancy = app.chancy({ jobs })
    await declarePaced(chancy, 3, '10m')
    await app.worker(chancy, QUICK)
    const limited = (n: number) => holding(n).withQueue('paced')
    await chancy.pushMany([limited(0), limited(1), limited(2)])
    await started(0)
    await blocked(2)
    expect(await app.sql('SELECT queue FROM $rate_starts')).toEqual([{ queue: 'paced' }])
    gates.get(0)!('end')
    await started(1)
    expect(await app.sql('SELECT queue FROM $rate_starts')).toHaveLength(2)
  })
})
