import { DiscardJob, Job, job, Limit, Queue, RetryJob, SnoozeJob } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()

beforeEach(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
  await empty(schema)
})

describe('a result', () => {
  const results: [string, () => unknown, unknown][] = [
    ['a text', () => 'Hello', 'Hello'],
    ['nothing', () => undefined, null],
    ['null', () => null, null],
    ['nested data', () => ({ a: [1, { b: 'ü' }] }), { a: [1, { b: 'ü' }] }],
    ['a promise', async () => 7, 7],
    ['a date', () => new Date(0), '1970-01-01T00:00:00.000Z'],
  ]
  it('is stored, whatever its shape', async () => {
    const jobs = results.map(([name, fn]) => job({ name }, fn))
    await using app = await startApp({ schema, jobs: jobs as never })
    await app.start()
    const refs = await Promise.all(jobs.map((one) => app.chancy.push(one as never)))
    const done = await app.chancy.waitForJobs(refs)
    for (const [index, [title, , stored]] of results.entries()) {
      expect(done[index], title).toMatchObject({ state: 'succeeded', attempts: 1, result: stored })
      expect(done[index]?.finishedAt).toBeInstanceOf(Date)
    }
  })

  it('that cannot be stored fails the job, with the path in the message', async () => {
    const circle: Record<string, unknown> = {}
    circle.self = circle
    const bad: Record<string, unknown> = {
      nul: { text: 'a\u0000b' },
      surrogate: ['\ud800'],
      function: { f: () => 1 },
      bigint: 1n,
      nan: Number.NaN,
      circle,
      large: 'x'.repeat(1_100_000),
    }
    const give = job({ name: 'give', maxAttempts: 5 }, ({ what }: { what: string }) => bad[what])
    await using app = await startApp({ schema, jobs: give })
    await app.start()
    const refs = await app.chancy.pushMany(
      Object.keys(bad).map((what) => give.job.withArgs({ what }) as never),
    )
    for (const one of await app.chancy.waitForJobs(refs)) {
      expect(one).toMatchObject({ state: 'failed', attempts: 1, result: null })
      expect(one.errors).toMatchObject([{ attempt: 1, kind: 'result-not-storable' }])
      expect(one.errors[0]?.message).toContain('result')
    }
  })
})

describe('an attempt that throws', () => {
  it('is made again until its attempts are used, and keeps every error', async () => {
    const flaky = job({ name: 'flaky', maxAttempts: 3, backoff: 'none' }, (_: object, context) => {
      throw new TypeError(`attempt ${context.attempt}`)
    })
    await using app = await startApp({ schema, jobs: flaky })
    const failures = app.all('job.failed')
    // The row is there before the worker has the answer to what wrote it.
    const last = app.next('job.failed', ({ retried }) => !retried)
    await app.start()
    const done = await app.chancy.waitForJob(await app.chancy.push(flaky))
    await last
    expect(done).toMatchObject({ state: 'failed', attempts: 3, maxAttempts: 3, result: null })
    expect(done.errors).toMatchObject(
      [1, 2, 3].map((attempt) => ({
        attempt,
        kind: 'error',
        name: 'TypeError',
        message: `attempt ${attempt}`,
        stack: expect.stringContaining('worker.test.ts'),
        at: expect.any(Date),
      })),
    )
    expect(failures.map(({ attempt, retried }) => [attempt, retried])).toEqual([
      [1, true],
      [2, true],
      [3, false],
    ])
  })

  it('waits for its backoff: of the job, and of a function', async () => {
    const starts = new Map<string, number[]>()
    const options = { maxAttempts: 2 } as const
    const run = (_: object, context: { job: { name: string }; attempt: number }) => {
      const { name } = context.job
      starts.set(name, [...(starts.get(name) ?? []), performance.now()])
      if (context.attempt === 1) throw new Error('again')
      return 'ok'
    }
    const seen: unknown[] = []
    const jobs = [
      job({ ...options, name: 'fixed', backoff: { base: '300ms', jitter: 0 } }, run),
      job(
        {
          ...options,
          name: 'computed',
          backoff: (attempt, error) => {
            seen.push(attempt, error.message)
            return '1s'
          },
        },
        run,
      ),
      job({ ...options, name: 'none', backoff: 'none' }, run),
    ]
    await using app = await startApp({ schema, jobs })
    await app.start()
    const refs = await app.chancy.pushMany(jobs)
    const done = await app.chancy.waitForJobs(refs)
    expect(done.map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded'])
    expect(done.map(({ errors }) => errors.length)).toEqual([1, 1, 1])
    const gap = (name: string) => starts.get(name)![1]! - starts.get(name)![0]!
    expect(gap('fixed')).toBeGreaterThan(295)
    expect(gap('computed')).toBeGreaterThan(995)
    expect(starts.get('none')![1]!).toBeLessThan(starts.get('computed')![1]!)
    expect(seen).toEqual([1, 'again'])
  })

  it('survives a backoff function that throws or returns nonsense', async () => {
    const thrower = (name: string, backoff: () => never) =>
      job({ name, maxAttempts: 2, backoff }, (_: object, context) => {
        if (context.attempt === 1) throw new Error('again')
      })
    const jobs = [
      thrower('throws', () => {
        throw new Error('no backoff today')
      }),
      thrower('nonsense', () => 'soon' as never),
    ]
    await using app = await startApp({ schema, jobs })
    await app.start()
    const done = await app.chancy.waitForJobs(await app.chancy.pushMany(jobs))
    expect(done.map(({ state }) => state)).toEqual(['succeeded', 'succeeded'])
  })

  it('may ask for what comes next: DiscardJob, SnoozeJob, RetryJob', async () => {
    const calls: string[] = []
    const jobs = [
      job({ name: 'discard', maxAttempts: 5 }, () => {
        throw new DiscardJob('not worth it')
      }),
      job({ name: 'snooze' }, (_: object, context) => {
        calls.push(`snooze ${context.attempt}`)
        if (calls.filter((call) => call.startsWith('snooze')).length < 3) throw new SnoozeJob(50)
        return 'slept'
      }),
      job({ name: 'retry', maxAttempts: 2, backoff: { base: '1h' } }, (_: object, context) => {
        if (context.attempt === 1) throw new RetryJob(50, { cause: new Error('busy') })
        return 'at last'
      }),
      job({ name: 'retry-last' }, () => {
        throw new RetryJob(50)
      }),
    ]
    await using app = await startApp({ schema, jobs })
    await app.start()
    const done = await app.chancy.waitForJobs(await app.chancy.pushMany(jobs))
    expect(done).toMatchObject([
      {
        state: 'failed',
        attempts: 1,
        errors: [{ kind: 'discarded', message: 'not worth it' }],
      },
      { state: 'succeeded', attempts: 1, errors: [], result: 'slept' },
      {
        state: 'succeeded',
        attempts: 2,
        errors: [
          {
            kind: 'error',
            message: 'Retry asked for in 50 ms: busy',
            stack: expect.stringMatching(/\nCaused by: Error: busy\n +at /),
          },
        ],
        result: 'at last',
      },
      { state: 'failed', attempts: 1, errors: [{ kind: 'error' }] },
    ])
    // A snooze gives its attempt back.
    expect(calls).toEqual(['snooze 1', 'snooze 1', 'snooze 1'])
  })

  it('may throw anything at all', async () => {
    const cycle = new Error('bites its tail')
    cycle.cause = cycle
    const evil = (name: string) =>
      Object.defineProperty(new Error('evil'), name, {
        get() {
          throw new Error('from the getter')
        },
      })
    const large = new Error('large')
    large.stack = 's'.repeat(50_000_000)
    const throws: unknown[] = [
      null,
      undefined,
      0,
      Number.NaN,
      1n,
      '',
      'a text',
      'nul \u0000 and \ud800',
      Symbol('s'),
      true,
      [],
      {},
      { message: 7 },
      { message: 'only a message' },
      { toString: () => 'mine', message: { toString: null } },
      () => {},
      new Date(Number.NaN),
      Object.create(null),
      new Proxy(
        {},
        {
          get() {
            throw new Error('trapped')
          },
          has() {
            throw new Error('trapped')
          },
        },
      ),
      new Error('m'.repeat(5_000_000)),
      large,
      cycle,
      new AggregateError([new Error('one'), null], 'several'),
      evil('message'),
      evil('stack'),
      evil('name'),
      evil('cause'),
      new Error('nul \u0000', { cause: '\ud800' }),
      Object.assign(new Error('with a code'), { code: 'E\u0000' }),
      Promise.resolve('a promise'),
    ]
    expect(throws).toHaveLength(30)
    const odd = job({ name: 'odd' }, ({ index }: { index: number }) => {
      throw throws[index]
    })
    const oddLater = job({ name: 'odd-later' }, async ({ index }: { index: number }) => {
      throw throws[index]
    })
    await using app = await startApp({ schema, jobs: [odd, oddLater] })
    await app.start()
    const refs = await app.chancy.pushMany(
      throws.flatMap((_, index) => [odd.job.withArgs({ index }), oddLater.job.withArgs({ index })]),
    )
    for (const one of await app.chancy.waitForJobs(refs)) {
      expect(one, JSON.stringify(one.args)).toMatchObject({
        state: 'failed',
        errors: [{ kind: 'error', name: expect.any(String), message: expect.any(String) }],
      })
      expect(JSON.stringify(one.errors).length).toBeLessThan(100_000)
    }
  })

  it('leaves the first error and the last 19', async () => {
    const often = job({ name: 'often', maxAttempts: 23, backoff: 'none' }, (_: object, context) => {
      throw new Error(`no ${context.attempt}`)
    })
    await using app = await startApp({ schema, jobs: often })
    await app.start()
    const { errors, attempts } = await app.chancy.waitForJob(await app.chancy.push(often))
    expect(attempts).toBe(23)
    const kept = [1, ...Array.from({ length: 19 }, (_, index) => index + 5)]
    expect(errors.map(({ attempt }) => attempt)).toEqual(kept)
    expect(errors.at(-1)?.message).toBe('no 23')
  })
})

describe('the line', () => {
  it('runs by priority, and by age inside of one', async () => {
    const order: number[] = []
    const note = job({ name: 'note' }, ({ n }: { n: number }) => void order.push(n))
    await using app = await startApp({ schema, jobs: note })
    await app.chancy.declare(new Queue('default', { executor: 'inline', concurrency: 1 }))
    const refs = await app.chancy.pushMany(
      [0, 5, 5, -1, 0, 9].map((priority, n) => note.job.withPriority(priority).withArgs({ n })),
    )
    await app.start()
    await app.chancy.waitForJobs(refs)
    expect(order).toEqual([5, 1, 2, 0, 4, 3])
  })

  it('is kept by a worker that runs one at a time, however short they are', async () => {
    const order: number[] = []
    const note = job({ name: 'note' }, ({ n }: { n: number }) => void order.push(n))
    await using app = await startApp({ schema, jobs: note })
    await app.chancy.declare(new Queue('default', { executor: 'inline', concurrency: 1 }))
    const all = Array.from({ length: 3_000 }, (_, n) => n)
    const refs = await app.chancy.pushMany(all.map((n) => note.job.withArgs({ n })))
    await app.start()
    await app.chancy.waitForJobs(refs)
    expect(order).toEqual(all)
  })

  it('runs no job before its time, and each soon after', async () => {
    const when = job({ name: 'when' }, () => Date.now())
    await using app = await startApp({ schema, jobs: when })
    await app.start()
    const at = new Date(Date.now() + 2_000)
    const refs = await Promise.all([
      app.chancy.push(when.job.withScheduledAt(at)),
      app.chancy.push(when.job.withDelay('400ms')),
      app.chancy.push(when.job.withScheduledAt(new Date(0))),
    ])
    expect((await app.chancy.getJob(refs[0]!))?.state).toBe('pending')
    const [at700, in400, past] = await app.chancy.waitForJobs(refs)
    expect(at700!.result).toBeGreaterThanOrEqual(at.getTime())
    expect(at700!.scheduledAt).toEqual(at)
    expect(at700!.startedAt!.getTime()).toBeLessThan(at.getTime() + 10_000)
    expect(in400!.startedAt!.getTime()).toBeGreaterThanOrEqual(in400!.createdAt.getTime() + 400)
    expect(past!.result).toBeLessThan(at.getTime())
  })

  it('takes ten thousand that are due at the same time', async () => {
    const empty = job({ name: 'empty' }, () => {})
    await using app = await startApp({ schema, jobs: empty })
    const staged = app.all('jobs.staged')
    await app.chancy.pushMany(Array.from({ length: 10_000 }, () => empty.job.withDelay('1h')))
    await sql(schema, `UPDATE $schema.jobs SET run_at = now() - interval '1 second'`)
    let ended = 0
    const all = app.next('job.finished', () => ++ended === 10_000)
    await app.start()
    await all
    const passes = staged.map((pass) => pass.staged).filter((count) => count > 0)
    expect(passes.reduce((sum, count) => sum + count)).toBe(10_000)
    expect(Math.max(...passes)).toBeLessThanOrEqual(1_000)
  })
})

describe('a job that runs', () => {
  it('can be cancelled: its signal aborts, and whatever it ends with is cancelled', async () => {
    const ends: Record<string, () => unknown> = {
      returns: () => 'finished anyway',
      throws: () => {
        throw new Error('stopped')
      },
      retries: () => {
        throw new RetryJob('1h')
      },
      snoozes: () => {
        throw new SnoozeJob('1h')
      },
    }
    const received: unknown[] = []
    const hang = job(
      { name: 'hang', maxAttempts: 5 },
      async ({ how }: { how: string }, { signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        received.push((signal.reason as Error).name)
        return ends[how]!()
      },
    )
    await using app = await startApp({ schema, jobs: hang })
    const names = Object.keys(ends)
    let started = 0
    const all = app.next('job.started', () => ++started === names.length)
    await app.start()
    const refs = await app.chancy.pushMany(names.map((how) => hang.job.withArgs({ how })))
    await all
    for (const ref of refs) expect(await app.chancy.cancel(ref)).toBe('requested')
    for (const one of await app.chancy.waitForJobs(refs)) {
      expect(one, JSON.stringify(one.args)).toMatchObject({
        state: 'cancelled',
        attempts: 1,
        result: null,
        errors: [{ kind: 'cancelled' }],
      })
    }
    expect(received).toEqual(names.map(() => 'AbortError'))
  })

  it('is cancelled without notifications too, by the heartbeat', async () => {
    const hang = job({ name: 'hang' }, (_: object, { signal }) => {
      return new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    await using app = await startApp({ schema, jobs: hang, notifications: false })
    await using other = await startApp({ schema, notifications: false })
    const started = app.next('job.started')
    await app.start()
    const ref = await app.chancy.push(hang)
    await started
    expect(await other.chancy.cancel(ref)).toBe('requested')
    expect(await app.chancy.waitForJob(ref)).toMatchObject({ state: 'cancelled' })
  })

  it('is cancelled although it was finishing at that moment', async () => {
    // Cancels race finishes: whatever wins, each job ends once and in a state that the cancel explains.
    const quick = job({ name: 'quick' }, async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return 'ok'
    })
    await using app = await startApp({ schema, jobs: quick })
    await app.start()
    const refs = await app.chancy.pushMany(Array.from({ length: 600 }, () => quick))
    const verdicts = await Promise.all(refs.map((ref) => app.chancy.cancel(ref)))
    const done = await app.chancy.waitForJobs(refs)
    for (const [index, one] of done.entries()) {
      const verdict = verdicts[index]
      const wanted = verdict === 'finished' ? ['succeeded'] : ['cancelled']
      expect(wanted, `${verdict}: ${JSON.stringify(one)}`).toContain(one.state)
    }
    expect(await sql(schema, 'SELECT count(*)::int FROM $schema.finished_jobs')).toEqual([
      { count: 600 },
    ])
  })

  it('is ended by its time limit when it listens, and may try again', async () => {
    const slow = job(
      { name: 'slow', limits: [Limit.time('100ms')], maxAttempts: 2, backoff: 'none' },
      (_: object, context) =>
        context.attempt === 2
          ? 'in time'
          : new Promise((_resolve, reject) => {
              context.signal.addEventListener('abort', () => reject(context.signal.reason))
            }),
    )
    await using app = await startApp({ schema, jobs: slow })
    await app.start()
    const done = await app.chancy.waitForJob(await app.chancy.push(slow))
    expect(done).toMatchObject({
      state: 'succeeded',
      attempts: 2,
      result: 'in time',
      errors: [{ kind: 'timeout', message: expect.stringContaining('100 ms') }],
    })
  })

  it('is refused when it has a memory limit that this executor cannot enforce', async () => {
    const hungry = job({ name: 'hungry', limits: [Limit.memory('1GiB')], maxAttempts: 5 }, () => 1)
    await using app = await startApp({ schema, jobs: hungry })
    await app.start()
    const done = await app.chancy.waitForJob(await app.chancy.push(hungry))
    expect(done).toMatchObject({
      state: 'failed',
      attempts: 1,
      errors: [{ kind: 'limit-not-supported', message: expect.stringContaining('"inline"') }],
    })
  })

  it('has its own job, and reports its progress', async () => {
    const contexts: unknown[] = []
    let release: () => void = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const know = job(
      { name: 'know', maxAttempts: 2, backoff: 'none', meta: { a: 1, b: null, c: { d: null } } },
      async (args: { n: number }, { job: row, attempt, fence, log, progress }) => {
        contexts.push({ id: row.id, args: row.args, state: row.state, meta: row.meta })
        contexts.push({ attempt, fence, errors: row.errors.length, n: args.n })
        log.info({ step: attempt }, 'here')
        log.warn('there')
        progress({ done: attempt })
        if (attempt === 1) await gate
        if (attempt === 1) throw new Error('once more')
        progress({ bad: 1n })
        progress({ last: true })
      },
    )
    await using app = await startApp({ schema, jobs: know })
    await app.start()
    const ref = await app.chancy.push(know.job.withArgs({ n: 7 }))
    const shown = await until(async () => (await app.chancy.getJob(ref))?.progress)
    expect(shown).toEqual({ done: 1 })
    release()
    const done = await app.chancy.waitForJob(ref)
    expect(done).toMatchObject({
      state: 'succeeded',
      progress: { last: true },
      meta: { a: 1, b: null, c: { d: null } },
    })
    const self = {
      id: ref.id,
      args: { n: 7 },
      state: 'running',
      meta: { a: 1, b: null, c: { d: null } },
    }
    expect(contexts).toEqual([
      self,
      { attempt: 1, fence: 1, errors: 0, n: 7 },
      self,
      { attempt: 2, fence: 2, errors: 1, n: 7 },
    ])
    const tags = { job: ref.id, name: 'know', attempt: 1 }
    expect(app.lines).toContainEqual({
      level: 'info',
      fields: { step: 1, ...tags },
      message: 'here',
    })
    expect(app.lines).toContainEqual({ level: 'warn', fields: tags, message: 'there' })
  })

  it('gets the output of its schema, while the row keeps the input', async () => {
    const schemaOfDays = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        types: undefined as unknown as { input: { day: string }; output: { day: Date } },
        validate: (value: unknown) => {
          const { day } = value as { day: string }
          const date = new Date(day)
          if (Number.isNaN(date.getTime())) return { issues: [{ message: 'no date' }] }
          return { value: { day: date } }
        },
      },
    }
    const plan = job({ name: 'plan', schema: schemaOfDays }, ({ day }) => day.getUTCFullYear())
    await using app = await startApp({ schema, jobs: plan })
    await app.start()
    await expect(app.chancy.push(plan.job.withArgs({ day: 'never' }))).rejects.toThrow('no date')
    const ref = await app.chancy.push(plan.job.withArgs({ day: '2020-02-02' }))
    expect(await app.chancy.waitForJob(ref)).toMatchObject({
      args: { day: '2020-02-02' },
      result: 2020,
    })
    const [{ id }] = (await sql<{ id: string }>(
      schema,
      `SELECT $schema.push('plan', '{"day": "never"}') AS id`,
    )) as [{ id: string }]
    expect(await app.chancy.waitForJob(id)).toMatchObject({
      state: 'failed',
      errors: [{ message: expect.stringContaining('no date') }],
    })
  })

  it('decides how long its row is kept', async () => {
    const jobs = [
      job({ name: 'defined', retention: '1h' }, () => {}),
      job({ name: 'default' }, () => {}),
    ]
    await using app = await startApp({ schema, jobs })
    await app.start()
    const refs = [
      await app.chancy.push(jobs[0]!),
      await app.chancy.push(jobs[1]!),
      await app.chancy.push(jobs[0]!.job.withRetention('2h')),
      await app.chancy.push(Job.named('defined')),
    ]
    await app.chancy.waitForJobs(refs)
    const rows = await sql<{ id: string; seconds: number }>(
      schema,
      `SELECT id, extract(epoch FROM retention)::int AS seconds FROM $schema.finished_jobs`,
    )
    const kept = new Map(rows.map(({ id, seconds }) => [id, seconds]))
    expect(refs.map(({ id }) => kept.get(id))).toEqual([3_600, null, 7_200, 3_600])
  })
})
