import { describe, expect, it } from 'vitest'
import type { DurableContext } from '../../../src/core/durable/durable-context.ts'
import type { DurableEnd } from '../../../src/core/durable/durable-end.ts'
import { DiscardJob, RetryJob, SnoozeJob } from '../../../src/core/ending.ts'
import { ConfigError, StepError } from '../../../src/core/errors.ts'
import { Job } from '../../../src/core/job.ts'
import { signal } from '../../../src/core/signal.ts'
import { StopRequest } from '../../../src/core/stop-request.ts'
import { DurableMemory } from '../../../src/testing/durable-memory.ts'
import { attempt, toEnd } from '../../support/durable-attempt.ts'

const ID = '01890000-0000-7000-8000-000000000007'
const memory = (): DurableMemory => new DurableMemory(ID, 1_000_000)
const approved = signal<{ by: string }, 'approved'>('approved')
const rejected = signal<string, 'rejected'>('rejected')

function returned(end: DurableEnd): unknown {
  if (end.kind === 'threw') throw end.thrown
  if (end.kind !== 'returned') throw new Error(`expected a return, got ${JSON.stringify(end)}`)
  return end.value
}

function outcomeOf(end: DurableEnd) {
  return end.kind === 'ended' ? end.outcome : end
}

describe('a step', () => {
  it('gives what it gave in JSON form, at its first run as at a replay, and runs once', async () => {
    const store = memory()
    let ran = 0
    const fn = async (ctx: DurableContext) => {
      const at = await ctx.step('at', () => {
        ran++
        return { at: new Date(0), nothing: undefined }
      })
      const none = await ctx.step('none', async () => {})
      return [at, none]
    }
    const expected = [{ at: '1970-01-01T00:00:00.000Z' }, null]
    expect(returned(await attempt(store, fn))).toEqual(expected)
    expect(returned(await attempt(store, fn))).toEqual(expected)
    expect(ran).toBe(1)
    expect(store.records.map(({ n, kind, name }) => [n, kind, name])).toEqual([
      [1, 'step', 'at'],
      [2, 'step', 'none'],
    ])
  })

  it('has a key that is the same for each of its tries, and its own', async () => {
    const keys: string[] = []
    const attempts: number[] = []
    const fn = async (ctx: DurableContext) => {
      await ctx.step('a', { maxAttempts: 3, backoff: 'none' }, ({ key, attempt: at }) => {
        keys.push(key)
        attempts.push(at)
        if (at < 3) throw new Error('again')
      })
      await ctx.step('b', ({ key }) => void keys.push(key))
    }
    await attempt(memory(), fn)
    expect(attempts).toEqual([1, 2, 3])
    expect(new Set(keys.slice(0, 3)).size).toBe(1)
    expect(new Set(keys).size).toBe(2)
    const other = new DurableMemory('01890000-0000-7000-8000-000000000008', 0)
    await attempt(other, fn)
    expect(new Set(keys).size).toBe(4)
  })

  it('waits a long backoff without a slot, and goes to the next try after it', async () => {
    const store = memory()
    const tries: number[] = []
    const fn = (ctx: DurableContext) =>
      ctx.step('a', { maxAttempts: 3, backoff: { base: '1h', jitter: 0 } }, ({ attempt: at }) => {
        tries.push(at)
        if (at < 3) throw new Error('no')
        return 'done'
      })
    const parked = outcomeOf(await attempt(store, fn))
    expect(parked).toMatchObject({ kind: 'parked', waits: [{ kind: 'sleep', name: 'try 2 of a' }] })
    // Woken by something else: the wait is not begun again, and no try runs before it.
    const due = store.nextDueMs
    store.nowMs += 1_800_000
    await attempt(store, fn)
    expect(store.nextDueMs).toBe(due)
    expect(tries).toEqual([1])
    expect(returned(await toEnd(store, fn))).toBe('done')
    expect(tries).toEqual([1, 2, 3])
    expect(returned(await attempt(store, fn))).toBe('done')
    expect(tries).toEqual([1, 2, 3])
  })

  it('is given the delay that a RetryJob asks for', async () => {
    const store = memory()
    const fn = (ctx: DurableContext) =>
      ctx.step('a', { maxAttempts: 2 }, () => {
        throw new RetryJob('2h', { cause: new Error('busy') })
      })
    await attempt(store, fn)
    expect(store.nextDueMs).toBe(store.nowMs + 7_200_000)
  })

  it('fails by its timeout, and its signal says so', async () => {
    let reason: unknown
    const fn = async (ctx: DurableContext) => {
      try {
        await ctx.step('slow', { timeout: 5 }, ({ signal: asked }) => {
          asked.addEventListener('abort', () => {
            reason = asked.reason
          })
          return new Promise(() => {})
        })
      } catch (error) {
        return error
      }
      return null
    }
    const error = returned(await attempt(memory(), fn)) as StepError
    expect(error.cause).toMatchObject({
      name: 'TimeoutError',
      message: expect.stringMatching(/5 ms/),
    })
    expect(reason).toMatchObject({ name: 'TimeoutError' })
  })

  it('keeps a failure that is caught, and gives it again', async () => {
    const store = memory()
    let ran = 0
    const fn = async (ctx: DurableContext) => {
      const error = await ctx
        .step('a', () => {
          ran++
          throw Object.assign(new TypeError('bad'), { code: 'E_BAD', at: 7 })
        })
        .catch((thrown: unknown) => thrown)
      await ctx.step('b', () => 1)
      return error
    }
    for (let time = 0; time < 2; time++) {
      const error = returned(await attempt(store, fn)) as StepError
      expect(error).toBeInstanceOf(StepError)
      expect(error).toMatchObject({ code: 'STEP_FAILED', step: 'a' })
      expect(error.cause).toMatchObject({ name: 'TypeError', message: 'bad', code: 'E_BAD', at: 7 })
      expect(error.cause).not.toBeInstanceOf(TypeError)
    }
    expect(ran).toBe(1)
    expect(store.records.map(({ name, error }) => [name, error?.message])).toEqual([
      ['a', 'bad'],
      ['b', undefined],
    ])
  })

  it('keeps a failure that is caught before a return', async () => {
    const store = memory()
    const fn = async (ctx: DurableContext) => {
      await ctx.step('a', () => Promise.reject(new Error('no'))).catch(() => {})
      return 1
    }
    expect(returned(await attempt(store, fn))).toBe(1)
    expect(store.records).toHaveLength(1)
  })

  it('does not keep a failure that is let through, and is tried by the next attempt', async () => {
    const store = memory()
    let isDown = true
    const fn = async (ctx: DurableContext) => {
      await ctx.step('a', () => 1)
      return ctx.step('b', () => {
        if (isDown) throw new Error('down')
        return 2
      })
    }
    const end = await attempt(store, fn)
    expect(end).toMatchObject({ kind: 'threw', thrown: { step: 'b' } })
    expect(store.records.map(({ name }) => name)).toEqual(['a'])
    isDown = false
    expect(returned(await attempt(store, fn))).toBe(2)
  })

  it('is waited for when another one has failed, and what it gave is kept', async () => {
    const store = memory()
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const fn = (ctx: DurableContext) =>
      Promise.all([
        ctx.step('fails', () => Promise.reject(new Error('no'))),
        ctx.step('runs', () => held.then(() => 'kept')),
      ])
    const ending = attempt(store, fn)
    let hasEnded = false
    void ending.then(() => {
      hasEnded = true
    })
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(hasEnded).toBe(false)
    release()
    expect(await ending).toMatchObject({ kind: 'threw' })
    expect(store.records.map(({ name }) => name)).toEqual(['runs'])
  })

  it.each([
    [new DiscardJob('enough'), { kind: 'discarded', error: { message: 'enough' } }],
    [new SnoozeJob('5m'), { kind: 'snoozed', delayMs: 300_000 }],
  ])('ends the attempt at a thrown %o, caught or not', async (thrown, outcome) => {
    const store = memory()
    const fn = async (ctx: DurableContext) => {
      await ctx.step('a', { maxAttempts: 5 }, () => Promise.reject(thrown)).catch(() => {})
      await ctx.step('b', () => 1)
    }
    expect(outcomeOf(await attempt(store, fn))).toMatchObject(outcome)
    expect(store.records).toEqual([])
  })

  it('ends the attempt when its result cannot be kept', async () => {
    const fn = (ctx: DurableContext) => ctx.step('a', () => 1n as never).catch(() => {})
    expect(outcomeOf(await attempt(memory(), fn))).toMatchObject({
      kind: 'not-storable',
      error: { code: 'RESULT_NOT_SERIALIZABLE', message: expect.stringMatching(/The step "a"/) },
    })
  })
})

describe('names', () => {
  it('are used once in a run, and both uses are named', async () => {
    const end = await attempt(memory(), async (ctx) => {
      await ctx.step('pack', () => 1)
      await ctx.step('x', () => 1)
      return ctx.waitForSignal(approved, { name: 'pack' })
    })
    expect(end).toMatchObject({ kind: 'threw', thrown: { code: 'STEP_DUPLICATE' } })
    expect(String((end as { thrown: Error }).thrown)).toMatch(
      /the step "pack", call 1, and the wait for a signal "pack", call 3/,
    )
  })

  it.each([[''], ['x'.repeat(201)], [7], [undefined]])('refuse %o', async (name) => {
    const end = await attempt(memory(), (ctx) => ctx.step(name as string, () => 1))
    expect(end).toMatchObject({ kind: 'threw', thrown: { code: 'CONFIG_INVALID' } })
  })

  it('are not asked for in a step', async () => {
    const fn = async (ctx: DurableContext) => {
      const error = await ctx
        .step('outer', async () => {
          await ctx.step('inner', () => 1)
        })
        .catch((thrown: StepError) => thrown.cause)
      const set = await ctx
        .step('other', () => ctx.set('a', 1))
        .catch((one: StepError) => one.cause)
      return [error, set]
    }
    const [error, set] = returned(await attempt(memory(), fn)) as Error[]
    expect(error).toMatchObject({ code: 'STEP_NESTED', message: expect.stringMatching(/"outer"/) })
    expect(set).toMatchObject({ code: 'STEP_NESTED' })
  })

  it('are not asked for after the end', async () => {
    let kept: DurableContext | null = null
    await attempt(memory(), (ctx) => {
      kept = ctx
    })
    const over = kept as unknown as DurableContext
    await expect(over.step('late', () => 1)).rejects.toMatchObject({ code: 'ATTEMPT_OVER' })
    await expect(over.sleep('1d')).rejects.toMatchObject({ code: 'ATTEMPT_OVER' })
    expect(() => over.set('a', 1)).toThrow(/ATTEMPT_OVER|after the attempt had ended/)
  })
})

describe('a wait', () => {
  it('parks the job when nothing else runs, and its time is not begun again', async () => {
    const store = memory()
    const fn = async (ctx: DurableContext) => {
      await ctx.step('a', () => 1)
      const first = await ctx.waitForSignal(approved, { timeout: '3d' })
      await ctx.sleep('14d')
      return first
    }
    expect(outcomeOf(await attempt(store, fn))).toMatchObject({
      kind: 'parked',
      waits: [
        { kind: 'signal', name: 'signal approved 1', signals: ['approved'], afterMs: 259_200_000 },
      ],
    })
    const due = store.nextDueMs
    store.nowMs += 1_000
    await attempt(store, fn)
    expect(store.nextDueMs).toBe(due)
    store.send('approved', '{"by":"ada"}')
    await attempt(store, fn)
    expect(store.waits).toMatchObject([{ kind: 'sleep', name: 'sleep 1' }])
    expect(returned(await toEnd(store, fn))).toEqual({ by: 'ada' })
    expect(store.records.map(({ name }) => name)).toEqual(['a', 'signal approved 1', 'sleep 1'])
  })

  it('gives null when its timeout has passed', async () => {
    const store = memory()
    const fn = async (ctx: DurableContext) => [
      await ctx.waitForSignal(approved, { timeout: '1h' }),
      await ctx.waitForAny([approved, rejected], { timeout: '1h' }),
    ]
    expect(returned(await toEnd(store, fn))).toEqual([null, null])
    expect(store.records.map(({ name }) => name)).toEqual([
      'signal approved 1',
      'any of approved, rejected 1',
    ])
  })

  it('takes the first of several signals, and leaves the others', async () => {
    const store = memory()
    store.send('rejected', '"no"')
    store.send('approved', '{"by":"ada"}')
    const fn = async (ctx: DurableContext) => {
      const first = await ctx.waitForAny([approved, rejected])
      return [first, await ctx.waitForSignal(approved)]
    }
    // Signals that were unread at the claim are asked for before the job parks.
    expect(returned(await attempt(store, fn))).toEqual([
      { signal: 'rejected', value: 'no' },
      { by: 'ada' },
    ])
    expect(store.unread).toEqual([])
  })

  it('takes many signals in one attempt, in their order', async () => {
    const store = memory()
    for (let at = 0; at < 500; at++) store.send('rejected', `"${at}"`)
    const fn = async (ctx: DurableContext) => {
      const got: string[] = []
      for await (const value of ctx.signals(rejected)) {
        got.push(value)
        if (got.length === 500) return got
      }
      return got
    }
    const got = returned(await attempt(store, fn)) as string[]
    expect(got).toEqual(Array.from({ length: 500 }, (_, at) => `${at}`))
  })

  it('ends while a step runs beside it', async () => {
    const store = memory()
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const seen: string[] = []
    const fn = async (ctx: DurableContext) => {
      const waiting = ctx.waitForSignal(approved).then(() => seen.push('signal'))
      const running = ctx.step('a', () => held).then(() => seen.push('step'))
      await Promise.all([waiting, running])
      return seen
    }
    const ending = attempt(store, fn)
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    store.send('approved', '{"by":"ada"}')
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve))
    release()
    expect(returned(await ending)).toEqual(['signal', 'step'])
    expect(store.records.map(({ n, name }) => [n, name])).toEqual([
      [1, 'signal approved 1'],
      [2, 'a'],
    ])
  })

  it('that lost a race stays open, and parks with the others', async () => {
    const store = memory()
    const fn = async (ctx: DurableContext) => {
      const won = await Promise.race([
        ctx.waitForSignal(approved).then(() => 'signal'),
        ctx.sleep('1h').then(() => 'sleep'),
      ])
      await ctx.sleep('1h')
      return won
    }
    expect(returned(await toEnd(store, fn))).toBe('sleep')
    expect(store.waits.map(({ name }) => name)).toEqual(['signal approved 1'])
  })

  it('below a second holds the slot', async () => {
    const store = memory()
    expect(returned(await attempt(store, (ctx) => ctx.sleep(5)))).toBe(undefined)
    expect(store.records).toMatchObject([{ kind: 'sleep', name: 'sleep 1' }])
  })

  it('until a time that has passed ends immediately', async () => {
    const store = memory()
    expect(returned(await attempt(store, (ctx) => ctx.sleepUntil(new Date(0))))).toBe(undefined)
    await attempt(store, async (ctx) => {
      await ctx.sleepUntil(new Date(0))
      await ctx.sleepUntil(new Date(9_000_000))
    })
    expect(store.waits).toMatchObject([{ name: 'sleep 2', untilMs: 9_000_000 }])
  })
})

describe('children', () => {
  const pack = Job.named('pack', { args: { sku: 'a' } })

  it('are pushed once, with the priority of their parent, and their results are in order', async () => {
    const store = memory()
    store.onChild = (wait, index) => {
      store.endChild(wait, 1 - index, { state: 'succeeded', result: `${index}` })
    }
    const fn = async (ctx: DurableContext) => [
      await ctx.invokeAll('packs', [pack, pack.withPriority(9)], { concurrency: 2 }),
      await ctx.invokeAll('none', []),
    ]
    expect(returned(await toEnd(store, fn))).toEqual([[1, 0], []])
    expect(returned(await attempt(store, fn))).toEqual([[1, 0], []])
    expect(store.pushed.map(({ priority }) => priority)).toEqual([3, 9])
  })

  it('that fail are a StepError with the failure as its cause', async () => {
    const store = memory()
    const error = { name: 'TypeError', message: 'no stock', stack: null, code: 'E_STOCK' }
    store.onChild = (wait, index) => store.endChild(wait, index, { state: 'failed', error })
    const fn = (ctx: DurableContext) => ctx.invoke(pack).catch((thrown: unknown) => thrown)
    const thrown = returned(await toEnd(store, fn))
    expect(thrown).toBeInstanceOf(StepError)
    expect(thrown).toMatchObject({ step: 'invoke pack 1', cause: { code: 'E_STOCK' } })
  })

  it('are all waited for with settle', async () => {
    const store = memory()
    const error = { name: 'Error', message: 'no', stack: null }
    store.onChild = (wait, index) =>
      store.endChild(
        wait,
        index,
        index === 0 ? { state: 'cancelled', error } : { state: 'succeeded', result: '1' },
      )
    const fn = (ctx: DurableContext) => ctx.invokeAll('packs', [pack, pack], { settle: true })
    expect(returned(await toEnd(store, fn))).toMatchObject([
      { state: 'cancelled', error: { message: 'no' } },
      { state: 'succeeded', result: 1 },
    ])
  })

  it('have no unique key, and are jobs', async () => {
    const keyed = await attempt(memory(), (ctx) => ctx.invoke(pack.withUniqueKey('k')))
    expect(keyed).toMatchObject({ kind: 'threw', thrown: { message: /has a unique key/ } })
    const other = await attempt(memory(), (ctx) => ctx.invokeAll('x', 7 as never))
    expect(other).toMatchObject({ kind: 'threw', thrown: { message: /expected jobs, got 7/ } })
  })

  it('are pushed and left by ctx.push, and signals are sent, once', async () => {
    const store = memory()
    const fn = async (ctx: DurableContext) => {
      const ref = await ctx.push(pack)
      const sent = await ctx.sendSignal(ref, approved, { by: 'ada' }, { key: 'once' })
      await ctx.sendSignal({ uniqueKey: 'order:7' }, rejected, 'no')
      await ctx.sendSignal(pack.withUniqueKey('order:8'), rejected, 'no')
      return [ref.id, ref.created, sent]
    }
    const first = returned(await attempt(store, fn))
    expect(returned(await attempt(store, fn))).toEqual(first)
    expect(first).toEqual([store.pushed[0]?.id, true, 'sent'])
    expect(store.pushed).toHaveLength(1)
    expect(store.sent).toMatchObject([
      { jobId: store.pushed[0]?.id, name: 'approved', value: '{"by":"ada"}', key: 'once' },
      { jobId: null, uniqueKey: 'order:7', push: null },
      { jobId: null, uniqueKey: 'order:8', push: { name: 'pack' } },
    ])
    const keyless = await attempt(memory(), (ctx) => ctx.sendSignal(pack as never, rejected, 'no'))
    expect(keyless).toMatchObject({ kind: 'threw', thrown: { message: /has no unique key/ } })
  })
})

describe('ctx', () => {
  it('gives the same time and the same random numbers at each replay', async () => {
    const store = memory()
    const seen: unknown[][] = []
    const fn = async (ctx: DurableContext) => {
      const got: unknown[] = [ctx.now().getTime(), ctx.random()]
      seen.push(got)
      await ctx.sleep('1d')
      got.push(ctx.now().getTime(), ctx.random())
      await ctx.step('a', () => 1)
      got.push(ctx.now().getTime(), ctx.random())
      await ctx.sleep('1d')
      got.push(ctx.now().getTime(), ctx.random())
    }
    await toEnd(store, fn)
    const [last] = seen.slice(-1)
    for (const one of seen) expect(one).toEqual(last?.slice(0, one.length))
    expect(new Set(last?.filter((_, at) => at % 2 === 1)).size).toBe(4)
    expect(last?.[0]).toBe(1_000_000)
    expect(last?.[2]).toBe(1_000_000 + 86_400_000)
  })

  it('shows values immediately, and a replay does not set them back', async () => {
    const store = memory()
    const fn = async (ctx: DurableContext) => {
      ctx.set('status', 'begun')
      await ctx.sleep('1d')
      ctx.set('status', 'later')
      ctx.set('gone', 1)
      ctx.set('gone', undefined)
      await ctx.sleep('1d')
    }
    await attempt(store, fn)
    expect(store.values).toEqual({ status: 'begun' })
    store.nowMs += 86_400_000
    await attempt(store, fn)
    expect(store.values).toEqual({ status: 'later' })
    const keys: string[] = []
    store.onSave = ({ values }) => void keys.push(...Object.keys(values))
    await attempt(store, fn)
    expect(keys).not.toContain('status')
  })

  it('refuses values beyond 64 KiB and 100 keys', async () => {
    const fn = (ctx: DurableContext) => {
      expect(() => ctx.set('big', 'x'.repeat(65_537))).toThrow(ConfigError)
      for (let at = 0; at < 100; at++) ctx.set(`k${at}`, at)
      expect(() => ctx.set('k100', 1)).toThrow(/at most 100 keys/)
      ctx.set('k0', undefined)
      ctx.set('k100', 1)
      expect(() => ctx.set('', 1)).toThrow(ConfigError)
    }
    const store = memory()
    returned(await attempt(store, fn))
    expect(Object.keys(store.values)).toHaveLength(100)
  })

  it('answers 0 for a version that the run has passed, and the current one in others', async () => {
    const before = async (ctx: DurableContext) => {
      await ctx.step('a', () => 1)
      await ctx.sleep('1d')
      await ctx.step('b', () => 1)
      await ctx.sleep('1d')
    }
    const seen: number[] = []
    const after = async (ctx: DurableContext) => {
      await ctx.step('a', () => 1)
      const version = await ctx.version('tax', 3)
      seen.push(version)
      if (version >= 1) await ctx.step('tax', () => 1)
      await ctx.sleep('1d')
      await ctx.step('b', () => 1)
      await ctx.sleep('1d')
      return version
    }
    const old = memory()
    await attempt(old, before)
    old.nowMs += 86_400_000
    await attempt(old, before)
    expect(returned(await toEnd(old, after))).toBe(0)
    expect(seen).toEqual([0, 0])
    expect(returned(await toEnd(memory(), after))).toBe(3)
    // One that has reached just this point is not past it.
    const here = memory()
    await attempt(here, async (ctx) => {
      await ctx.step('a', () => 1)
      throw new Error('stop')
    })
    expect(returned(await toEnd(here, after))).toBe(3)
  })

  it('begins the next run with continueWith', async () => {
    const store = memory()
    store.send('rejected', '"kept"')
    const fn = async (ctx: DurableContext) => {
      ctx.set('run', 'x')
      await ctx.step('a', () => 1)
      try {
        return ctx.continueWith({ n: 2 })
      } catch {
        return 'ignored'
      }
    }
    expect(outcomeOf(await attempt(store, fn))).toEqual({ kind: 'continued', args: '{"n":2}' })
    expect(store).toMatchObject({ run: 2, records: [], values: { run: 'x' } })
    expect(store.unread).toHaveLength(1)
    const wrong = await attempt(memory(), (ctx) => ctx.continueWith(7 as never))
    expect(wrong).toMatchObject({ kind: 'threw', thrown: { message: /expected an object, got 7/ } })
  })

  it('says how much is recorded, and ends a run that has recorded all that it may', async () => {
    const store = memory()
    const fn = async (ctx: DurableContext) => {
      for (let at = 0; ; at++) {
        await ctx.step(`s${at}`, () => at)
        if (at === 4) expect(ctx.history).toEqual({ steps: 5, bytes: 5 })
      }
    }
    const outcome = outcomeOf(await attempt(store, fn))
    expect(outcome).toMatchObject({ kind: 'history-full', error: { code: 'HISTORY_FULL' } })
    expect(store.records).toHaveLength(10_000)
    const big = memory()
    const text = 'x'.repeat(1_048_570)
    const bytes = async (ctx: DurableContext) => {
      for (let at = 0; ; at++) await ctx.step(`s${at}`, () => text)
    }
    expect(outcomeOf(await attempt(big, bytes))).toMatchObject({ kind: 'history-full' })
    expect(big.records).toHaveLength(17)
  })
})

describe('an attempt that is asked to stop', () => {
  it('ends immediately while it only waits for an answer, and begins nothing', async () => {
    const store = memory()
    const stop = new StopRequest()
    let ran = 0
    store.onSave = () => {
      stop.ask('interrupted')
    }
    const fn = async (ctx: DurableContext) => {
      await ctx.step('a', () => ++ran)
      await ctx.step('b', () => ++ran)
    }
    expect(await attempt(store, fn, { stop })).toEqual({ kind: 'stopped' })
    expect(ran).toBe(1)
    expect(store.records).toHaveLength(1)
  })

  it('saves what the step that runs gives', async () => {
    const store = memory()
    const stop = new StopRequest()
    const fn = async (ctx: DurableContext) => {
      await ctx.step('a', async ({ signal: asked }) => {
        stop.ask('cancelled')
        expect(asked.aborted).toBe(true)
        return 'kept'
      })
      await ctx.step('b', () => 1)
    }
    expect(await attempt(store, fn, { stop })).toEqual({ kind: 'stopped' })
    expect(store.records.map(({ name }) => name)).toEqual(['a'])
  })

  it('ends in a backoff and in a short sleep', async () => {
    for (const fn of [
      (ctx: DurableContext) => ctx.sleep(999),
      (ctx: DurableContext) =>
        ctx.step('a', { maxAttempts: 2, backoff: { base: 999 } }, () =>
          Promise.reject(new Error()),
        ),
    ]) {
      const stop = new StopRequest()
      const ending = attempt(memory(), fn, { stop })
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
      stop.ask('interrupted')
      expect(await ending).toEqual({ kind: 'stopped' })
    }
  })

  it('saves nothing when another attempt has the job', async () => {
    const store = memory()
    const fn = async (ctx: DurableContext) => {
      await ctx.step('a', () => store.lose())
      await ctx.step('b', () => 1)
    }
    expect(await attempt(store, fn)).toEqual({ kind: 'stopped' })
    expect(store.records).toEqual([])
  })

  it('fails by the reason for which the database refuses a save', async () => {
    const store = memory()
    store.onSave = () => {
      throw new Error('refused')
    }
    const end = await attempt(store, (ctx) => ctx.step('a', () => 1))
    expect(end).toMatchObject({ kind: 'threw', thrown: { message: 'refused' } })
  })
})
