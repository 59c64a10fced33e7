import { Job, job, Limit, Queue, SnoozeJob } from 'chancy'
import { cron, schedule } from 'chancy/plugins/cron'
import { testChancy } from 'chancy/testing'
import { describe, expect, inject, it } from 'vitest'
import { testKit } from '../support/kit.ts'

const NOW = new Date('2026-03-28T22:30:00Z')
const HOUR_MS = 3_600_000

const ran: string[] = []
const welcome = job(
  {
    name: 'welcome',
    queue: 'mail',
    maxAttempts: 4,
    backoff: { base: '1h', factor: 1, jitter: 0 },
  },
  ({ email }: { email: string; tags?: string[] }) => {
    ran.push(email)
    return { sent: email }
  },
)
const audit = job({ name: 'audit' }, () => null)
const later = job({ name: 'later' }, (_: object, { job }) => {
  if (job.createdAt.getTime() === job.startedAt?.getTime()) throw new SnoozeJob('2h')
  ran.push('later')
})
const hanging = job(
  { name: 'hanging', maxAttempts: 1, limits: [Limit.time('1h')] },
  (_: object, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    }),
)
let release: () => void = () => {}
const deaf = job(
  { name: 'deaf', maxAttempts: 1, limits: [Limit.time('1h')] },
  () =>
    new Promise<void>((resolve) => {
      release = resolve
    }),
)
const big = job({ name: 'big', limits: [Limit.memory('1GiB')] }, () => 'ran')
const t = await testKit({
  jobs: [welcome, audit, later, hanging, big],
  plugins: [cron()],
  now: NOW,
})
const push = (email: string) => t.chancy.push(welcome.job.withArgs({ email }))
const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing was thrown',
    (error: Error) => error.message,
  )

describe('what was pushed', () => {
  it('is listed in its order, whatever became of it, until a reset', async () => {
    await push('ada@example.org')
    await t.drain()
    await t.chancy.push(audit)
    await push('eve@example.org')
    expect((await t.pushed()).map(({ name, state }) => [name, state])).toEqual([
      ['welcome', 'succeeded'],
      ['audit', 'pending'],
      ['welcome', 'pending'],
    ])
    expect((await t.pushed(welcome)).map(({ args }) => args.email)).toEqual([
      'ada@example.org',
      'eve@example.org',
    ])
    expect((await t.last(welcome)).args).toEqual({ email: 'eve@example.org' })
    expect((await t.jobs({ state: 'succeeded' })).map(({ result }) => result)).toEqual([
      { sent: 'ada@example.org' },
    ])
    await t.reset()
    expect(await t.pushed()).toEqual([])
  })

  it('is found by a part of its arguments, and by how it was pushed', async () => {
    const at = new Date(NOW.getTime() + HOUR_MS)
    const args = { email: 'ada@example.org', tags: ['a', 'b'] }
    await t.chancy.push(welcome.job.withArgs(args).withScheduledAt(at).withPriority(3))
    const found = await t.assertPushed(welcome, {
      args: { email: 'ada@example.org' },
      queue: 'mail',
      priority: 3,
      scheduledAt: at,
      maxAttempts: 4,
      state: 'pending',
      times: 1,
    })
    expect(found.args.tags).toEqual(['a', 'b'])
    await t.assertPushed(welcome, { args: { email: expect.stringContaining('ada') } as object })
    await t.assertPushed('welcome')
    await t.assertPushed(Job.named('welcome'))
    await t.assertNotPushed(welcome, { queue: 'default' })
  })

  it('is compared with what was expected, and each thing that differs is named', async () => {
    await push('eve@example.org')
    const expected = { args: { email: 'ada@example.org', tags: ['x'] }, queue: 'fast' }
    const error = await t.assertPushed(welcome, expected).catch((thrown) => thrown)
    expect(error.name).toBe('AssertionError')
    expect(error.expected).toEqual(expected)
    expect(error.actual).toEqual({ args: { email: 'eve@example.org' }, queue: 'mail' })
    expect(error.message).toBe(
      `Expected the job "welcome" to have been pushed with args { email: 'ada@example.org', tags: [ 'x' ] }, queue 'fast'. It was pushed once, otherwise:
  1. args.email is 'eve@example.org', expected 'ada@example.org'
     args.tags is not there, expected [ 'x' ]
     queue is 'mail', expected 'fast'`,
    )
    expect(await messageOf(t.assertPushed(audit))).toBe(
      `Expected the job "audit" to have been pushed. It was not pushed; this was:
  - "welcome" with args { email: 'eve@example.org' }, queue 'mail', pending`,
    )
    expect(await messageOf(t.assertPushed(welcome, { times: 2 }))).toBe(
      'Expected the job "welcome" to have been pushed 2 times. It was pushed once so.',
    )
    expect(await messageOf(t.assertNotPushed(welcome, { queue: 'mail' }))).toBe(
      `Expected the job "welcome" not to have been pushed with queue 'mail'. It was pushed once:
  1. args { email: 'eve@example.org' }, queue 'mail', pending`,
    )
    await t.reset()
    expect(await messageOf(t.last(audit))).toBe(
      'Expected the job "audit" to have been pushed. Nothing was pushed since the last reset().',
    )
    expect(await messageOf(t.assertPushed({} as never))).toContain('expected a job function')
    expect(await messageOf(t.assertPushed(audit, { color: 'red' } as never))).toContain('color')
  })
})

describe('a drain', () => {
  it('runs what is due and what that pushes, and nothing runs outside of it', async () => {
    ran.length = 0
    await push('ada@example.org')
    await t.chancy.push(welcome.job.withArgs({ email: 'late' }).withDelay('1m'))
    expect(ran).toEqual([])
    expect(await t.drain()).toEqual({
      ran: 1,
      succeeded: 1,
      failed: 0,
      retrying: 0,
      snoozed: 0,
      cancelled: 0,
      notes: [],
    })
    expect(ran).toEqual(['ada@example.org'])
    expect(await t.drain()).toMatchObject({ ran: 0 })
  })

  it('says what cannot run, and which limit is not enforced', async () => {
    await t.chancy.push(Job.named('unknown'))
    await t.chancy.push(Job.named('audit').withQueue('nowhere'))
    await t.chancy.push(big)
    expect(await t.drain()).toMatchObject({
      ran: 1,
      succeeded: 1,
      notes: [
        '1 job waits that cannot run: "unknown", since no function of that name is among the jobs of testChancy()',
        '1 job waits that cannot run: "audit", since the queue "nowhere" is not declared',
        expect.stringContaining('the memory limit of "big" is not enforced inline'),
      ],
    })
  })

  it('is refused while another one runs', async () => {
    const draining = t.drain()
    await expect(t.advance('1m')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('advance was called while drain() runs'),
    })
    await draining
  })
})

describe('failures that were asked for', () => {
  it('take the place of the next attempts, in their order', async () => {
    ran.length = 0
    t.failNext(welcome, new Error('smtp is down'))
    t.crashNext(welcome)
    t.failNext(welcome, new SnoozeJob('3h'))
    await push('ada@example.org')
    expect(await t.drain()).toMatchObject({ ran: 1, retrying: 1 })
    expect(await t.advance('1h')).toMatchObject({ ran: 1, retrying: 1 })
    expect(await t.advance('1h')).toMatchObject({ ran: 1, snoozed: 1 })
    expect(ran).toEqual([])
    expect(await t.advance('3h')).toMatchObject({ ran: 1, succeeded: 1 })
    const { errors, meta } = await t.last(welcome)
    expect(errors.map(({ kind, message }) => [kind, message])).toEqual([
      ['error', 'smtp is down'],
      ['crash', 'The process of the job died, as crashNext() asked for.'],
    ])
    // Nothing of it is stored.
    expect(meta).toEqual({})
    expect(ran).toEqual(['ada@example.org'])
  })

  it('are as many as were asked for, and none after a reset', async () => {
    t.failNext(welcome, 'down', { times: 9 })
    await t.reset()
    t.failNext(welcome, 'down', { times: 2 })
    await push('ada@example.org')
    expect(await t.advance('1d')).toMatchObject({ ran: 3, retrying: 2, succeeded: 1 })
    expect(() => t.failNext(welcome, 7 as never)).toThrow('expected an error')
  })
})

describe('time', () => {
  it('stands still for the database and the engine, and moves by advance alone', async () => {
    expect(t.now).toEqual(NOW)
    await push('ada@example.org')
    await t.drain()
    const done = await t.last(welcome)
    expect([done.createdAt, done.startedAt, done.finishedAt]).toEqual([NOW, NOW, NOW])
    await t.advance('90m')
    expect(t.now).toEqual(new Date(NOW.getTime() + 1.5 * HOUR_MS))
    await t.advanceTo(new Date('2026-04-01T00:00:00Z'))
    expect((await t.chancy.getJob(await t.chancy.push(audit)))?.createdAt).toEqual(t.now)
    expect(await messageOf(t.advanceTo(NOW))).toContain('expected a time that has not passed')
    await t.reset()
    expect(t.now).toEqual(NOW)
  })

  it('comes to backoffs, snoozes and delays in their order, each at its own time', async () => {
    t.failNext(welcome, 'down')
    await t.chancy.push(later)
    await push('ada@example.org')
    await t.chancy.push(welcome.job.withArgs({ email: 'delayed' }).withDelay('30m'))
    ran.length = 0
    expect(await t.advance('1d')).toMatchObject({ ran: 5, retrying: 1, snoozed: 1, succeeded: 3 })
    expect(ran).toEqual(['delayed', 'ada@example.org', 'later'])
    expect((await t.last(later)).finishedAt).toEqual(new Date(NOW.getTime() + 2 * HOUR_MS))
  })

  it('fires each tick of a schedule at its time, also over a change to summer time', async () => {
    const at = { timeZone: 'Europe/Berlin', job: audit }
    await schedule(t.chancy, { ...at, key: 'nightly', cron: '30 2 * * *' })
    expect(await t.advance('3d')).toMatchObject({ ran: 3, succeeded: 3 })
    const ticks = t.fired('nightly')
    expect(ticks.map((tick) => tick.at.toISOString())).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
      '2026-03-31T00:30:00.000Z',
    ])
    const jobs = await t.pushed(audit)
    expect(jobs.map(({ id }) => id)).toEqual(ticks.map(({ job }) => job))
    expect(jobs.map(({ startedAt }) => startedAt)).toEqual(ticks.map((tick) => tick.at))
    await t.reset()
    expect(await t.advance('3d')).toMatchObject({ ran: 0 })
    expect(t.fired('nightly')).toEqual([])
  })

  it('ends the pause of a queue at its time', async () => {
    const resumeAt = new Date(NOW.getTime() + 5 * HOUR_MS)
    await t.chancy.pauseQueue('mail', { resumeAt })
    await push('ada@example.org')
    expect(await t.drain()).toMatchObject({ ran: 0 })
    expect(await t.advance('6h')).toMatchObject({ ran: 1 })
    expect((await t.last(welcome)).startedAt).toEqual(resumeAt)
  })

  it('passes the windows of a rate limit, and runs as many jobs in each as that allows', async () => {
    const queue = new Queue('slow', { executor: 'inline', rateLimit: { max: 2, per: '1m' } })
    await t.chancy.declare(queue)
    await t.chancy.pushMany(Array.from({ length: 5 }, () => audit.job.withQueue('slow')))
    expect(await t.drain()).toMatchObject({ ran: 2 })
    expect(await t.advance('10m')).toMatchObject({ ran: 3 })
    const minutes = (await t.pushed(audit)).map(
      ({ startedAt }) => ((startedAt?.getTime() ?? 0) - NOW.getTime()) / 60_000,
    )
    expect(minutes.sort()).toEqual([0, 0, 1, 1, 2])
    await t.chancy.deleteQueue('slow')
  })

  it('ends waits by their timeout', async () => {
    const ref = await t.chancy.push(audit.job.withDelay('2d'))
    const waited = t.chancy.waitForJob(ref, { timeout: '1d' }).catch((error) => error.code)
    await t.advance('1d')
    expect(await waited).toBe('WAIT_TIMED_OUT')
  })

  it('meets the time limit of a job that hangs, and of one that does not listen is said so', async () => {
    await using own = await testChancy({
      ...{ jobs: [hanging, deaf], database: inject('databaseUrl'), now: NOW, patience: '1s' },
    })
    const first = await own.chancy.push(hanging)
    expect(await messageOf(own.drain())).toMatch(
      /the job "hanging" .* has not ended within 1000 ms/,
    )
    expect(await messageOf(own.advance('59m'))).toMatch(/advance\(\) moves it to a time limit/)
    expect(await own.advance('1m')).toMatchObject({ ran: 1, failed: 1 })
    expect(await own.last(hanging)).toMatchObject({
      ...{ id: first.id, errors: [{ kind: 'timeout', attempt: 1 }] },
      finishedAt: new Date(NOW.getTime() + 3_600_000),
    })
    await own.chancy.push(deaf)
    expect(await messageOf(own.advance('2h'))).toMatch(
      /the job "deaf" .* does not end at it: a time limit ends code that listens to context\.signal/,
    )
    release()
    expect(await own.drain()).toMatchObject({ ran: 1 })
  })

  it('removes the history when its retention has passed', async () => {
    await t.chancy.push(audit.job.withRetention('10m'))
    await t.drain()
    expect(await t.pushed()).toHaveLength(1)
    await t.advance('3d')
    expect(await t.pushed()).toHaveLength(0)
  })
})

describe('one function', () => {
  it('is called with a context of the test, and writes no row', async () => {
    const seen = job({ name: 'seen' }, ({ n }: { n: number }, { attempt, job, signal }) => ({
      n,
      attempt,
      id: job.id,
      meta: job.meta,
      isAborted: signal.aborted,
    }))
    expect(await t.runJob(seen, { n: 1 })).toMatchObject({ n: 1, attempt: 1, isAborted: false })
    const progress: unknown[] = []
    const result = await t.runJob(
      seen,
      { n: 2 },
      {
        attempt: 3,
        signal: AbortSignal.abort(),
        job: { meta: { tenant: 'x' } },
        progress: (value) => progress.push(value),
      },
    )
    expect(result).toMatchObject({ n: 2, attempt: 3, meta: { tenant: 'x' }, isAborted: true })
    expect(await t.pushed()).toEqual([])
  })
})
