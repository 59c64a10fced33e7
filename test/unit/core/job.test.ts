import { describe, expect, it } from 'vitest'
import { DEFAULT_BACKOFF } from '../../../src/core/backoff.ts'
import type { Context } from '../../../src/core/context.ts'
import { ConfigError } from '../../../src/core/errors.ts'
import { isJob, isJobFunction, Job, toJob } from '../../../src/core/job.ts'
import { definitionOf, job } from '../../../src/core/job-function.ts'
import { Limit } from '../../../src/core/limit.ts'

const greet = job(
  {
    name: 'greet',
    priority: 1,
    maxAttempts: 3,
    args: { name: 'World' },
    limits: [Limit.time('60s')],
  },
  ({ name }: { name: string }) => `Hello, ${name}!`,
)

describe('a job function', () => {
  it('is still an ordinary function', () => {
    expect(greet({ name: 'Ada' })).toBe('Hello, Ada!')
    expect(job({ name: 'x' }, function send() {}).name).toBe('send')
    expect(job({ name: 'x' }, (args: { n?: number }) => args)()).toEqual({})
  })

  it('has a detached context when it is called directly', async () => {
    const look = job({ name: 'look' }, (_args: object, context: Context) => context)
    const context = look({ a: 1 })
    expect(context).toMatchObject({
      attempt: 1,
      fence: 0,
      job: { name: 'look', args: { a: 1 }, state: 'running' },
    })
    expect(context.signal.aborted).toBe(false)
    context.log.info('goes nowhere')
    context.progress(1n)
  })

  it('is known with its definition, also when another copy of the package made it', () => {
    expect([greet, () => 1, greet.job, null].map(isJobFunction)).toEqual([
      true,
      false,
      false,
      false,
    ])
    expect([greet, greet.job, null].map(isJob)).toEqual([false, true, false])
    expect(definitionOf(greet)).toMatchObject({
      name: 'greet',
      schema: null,
      limits: [{ kind: 'time', ms: 60_000 }],
      backoff: DEFAULT_BACKOFF,
      retentionMs: 604_800_000,
    })
    expect(Object.isFrozen(definitionOf(greet))).toBe(true)
    const other = Object.assign(() => 1, { [Symbol.for('chancy.definition')]: { name: 'other' } })
    expect(definitionOf(other).name).toBe('other')
    expect(() => definitionOf(() => 1)).toThrow('made by job()')
  })

  it('gives its job, and a job is its own', () => {
    expect(toJob(greet)).toBe(greet.job)
    expect(toJob(greet.job)).toBe(greet.job)
    expect(() => toJob((() => 1) as never)).toThrow('Make it a job first')
  })
})

describe('a job', () => {
  it('has the defaults of the contract', () => {
    const plain = job({ name: 'plain' }, () => {}).job
    expect(plain).toMatchObject({
      name: 'plain',
      queue: 'default',
      priority: 0,
      maxAttempts: 1,
      args: {},
      scheduledAt: null,
      delayMs: null,
      uniqueKey: null,
      concurrency: null,
      meta: {},
      limits: [],
      backoff: DEFAULT_BACKOFF,
      retentionMs: 604_800_000,
    })
  })

  it('is never changed: each with… gives another', () => {
    const varied = greet.job
      .withArgs({ name: 'Ada' })
      .withQueue('mail')
      .withPriority(5)
      .withMaxAttempts(2)
      .withUniqueKey('k')
      .withConcurrency(2, 'name')
      .withMeta({ trace: 1 })
      .withLimits([])
      .withBackoff('none')
      .withRetention('1d')
    expect(varied).toMatchObject({
      args: { name: 'Ada' },
      queue: 'mail',
      priority: 5,
      maxAttempts: 2,
      uniqueKey: 'k',
      concurrency: { max: 2, key: 'name' },
      meta: { trace: 1 },
      limits: [],
      backoff: 'none',
      retentionMs: 86_400_000,
    })
    expect(greet.job).toMatchObject({
      args: { name: 'World' },
      queue: 'default',
      priority: 1,
      uniqueKey: null,
    })
    expect(Object.isFrozen(varied)).toBe(true)
    expect(() => Object.assign(varied.args, { name: 'x' })).toThrow(TypeError)
  })

  it('keeps a copy of its arguments and its time', () => {
    const args = { name: 'Ada' }
    const at = new Date(1e12)
    const kept = greet.job.withArgs(args).withScheduledAt(at)
    args.name = 'Eve'
    at.setTime(0)
    kept.scheduledAt?.setTime(0)
    expect(kept.args.name).toBe('Ada')
    expect(kept.scheduledAt).toEqual(new Date(1e12))
  })

  it('has a time or a delay, the later call wins', () => {
    const at = new Date(1e12)
    expect(greet.job.withScheduledAt(at).withDelay('5m')).toMatchObject({
      scheduledAt: null,
      delayMs: 300_000,
    })
    expect(greet.job.withDelay('5m').withScheduledAt(at)).toMatchObject({
      scheduledAt: at,
      delayMs: null,
    })
  })

  it('by name leaves to the worker what is not given', () => {
    expect(Job.named('greet')).toMatchObject({
      queue: 'default',
      maxAttempts: null,
      limits: null,
      backoff: null,
      retentionMs: null,
    })
    expect(Job.named('greet', { args: { a: 1 }, backoff: {}, limits: [] })).toMatchObject({
      args: { a: 1 },
      limits: [],
      backoff: DEFAULT_BACKOFF,
    })
  })

  // Each is wrong for the compiler too, so they are cast.
  const make = (options: object) => () =>
    job({ name: 'j', ...options } as never, (() => 1) as never)
  const wrong = greet.job as unknown as Record<string, (...args: unknown[]) => unknown>
  it.each<[string, () => unknown, string]>([
    ['no name', () => job({} as never, (() => 1) as never), 'the option "name"'],
    ['no options', () => job(undefined as never, (() => 1) as never), 'the option "name"'],
    ['no function', () => job({ name: 'j' }, 7 as never), 'expected a function'],
    ['a name with a colon', () => job({ name: 'a:b' }, () => {}), 'without ":"'],
    ['a long name', () => job({ name: 'a'.repeat(201) }, () => {}), 'at most 200 bytes'],
    ['an unknown option', make({ maxAttempt: 1 }), 'Did you mean "maxAttempts"?'],
    ['a priority that is no whole number', make({ priority: 0.5 }), 'priority'],
    ['no attempts', make({ maxAttempts: 0 }), 'maxAttempts: expected a whole number from 1'],
    ['arguments that are no object', make({ args: [1] }), 'args: expected an object'],
    ['a short retention', make({ retention: '9m' }), 'at least 10m, got "9m"'],
    ['a schema that is none', make({ schema: {} }), 'Standard Schema'],
    ['a wrong backoff', make({ backoff: 'slow' }), 'backoff: expected "none"'],
    ['a wrong concurrency', make({ concurrency: 5 }), 'concurrency: expected an object'],
    ['a wrong date', () => wrong.withScheduledAt!('tomorrow'), 'expected a Date'],
    ['a date far away', () => greet.job.withScheduledAt(new Date(8e15)), 'from 1970 to 9999'],
    [
      'a backoff function',
      () => wrong.withBackoff!(() => 1),
      'A function is for the options of job()',
    ],
    [
      'a backoff function by name',
      () => Job.named('j', { backoff: (() => 1) as never }),
      'A function is for',
    ],
    ['a schema by name', () => Job.named('j', { schema: {} } as never), 'unknown option "schema"'],
    ['an empty unique key', () => greet.job.withUniqueKey(''), 'uniqueKey'],
    ['a long unique key', () => greet.job.withUniqueKey('x'.repeat(1_001)), 'at most 1000 bytes'],
    [
      'an unknown whenTaken',
      () => wrong.withUniqueKey!('k', { whenTaken: 'x' }),
      'whenTaken: expected',
    ],
    [
      'null as whenTaken',
      () => wrong.withUniqueKey!('k', { whenTaken: null }),
      'whenTaken: expected',
    ],
    ['a chunk without a size', make({ chunk: {} }), 'chunk.size'],
    ['a chunk of none', make({ chunk: { size: 0 } }), 'chunk.size'],
    ['a chunk that waits too long', make({ chunk: { size: 2, wait: '2m' } }), 'at most 1m'],
    ['a chunk by a function', make({ chunk: { size: 2, by: () => 1 } }), 'chunk.by'],
    ['a durable chunk', make({ chunk: { size: 2 }, durable: true }), 'a durable job runs alone'],
    [
      'a chunk with a limit',
      make({ chunk: { size: 2 }, concurrency: { max: 1 } }),
      'do not run together',
    ],
    [
      'a limit of a chunk',
      () => job({ name: 'j', chunk: { size: 2 } }, () => {}).job.withConcurrency(1),
      'no such limit',
    ],
    ['a dead letter that is no job', make({ deadLetter: 7 }), 'deadLetter: Expected a job'],
    [
      'a dead letter with a key',
      make({ deadLetter: greet.job.withUniqueKey('k') }),
      'has a unique key, and each failed job',
    ],
    [
      'a dead letter with a time',
      make({ deadLetter: greet.job.withScheduledAt(new Date(0)) }),
      'Use withDelay',
    ],
    [
      'a dead letter with a group',
      make({ deadLetter: greet.job.withConcurrency(1, () => 7) }),
      'Limit the name as a whole',
    ],
    ['an empty whenTaken', make({ whenTaken: {} }), 'whenTaken: expected'],
    ['a most alone', make({ whenTaken: { most: '1m' } }), 'whenTaken: expected'],
    ['two kinds', make({ whenTaken: { debounce: 1, throttle: 1 } }), 'whenTaken: expected'],
    ['a most below', make({ whenTaken: { debounce: '5s', most: '1s' } }), 'at least the 5000 ms'],
    ['a debounce of nothing', make({ whenTaken: { debounce: 0 } }), 'more than 0 ms'],
    ['a wrong throttle', make({ whenTaken: { throttle: 'soon' } }), 'whenTaken.throttle'],
    ['an unknown option', () => wrong.withUniqueKey!('k', { once: true }), 'unknown option "once"'],
    ['a limit of no job', () => greet.job.withConcurrency(0), 'concurrency.max'],
    ['null as arguments', () => wrong.withArgs!(null), 'args: expected an object, got null'],
  ])('refuses %s', (_, act, message) => {
    expect(act).toThrow(ConfigError)
    expect(act).toThrow(message)
  })
})
