import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/core/errors.ts'
import { Job } from '../../../src/core/job.ts'
import { job } from '../../../src/core/job-function.ts'
import { Limit } from '../../../src/core/limit.ts'
import { type PushRow, pushRow } from '../../../src/core/push-row.ts'
import { isId } from '../../../src/core/reference.ts'
import type { SchemaResult, StandardSchemaV1 } from '../../../src/core/standard-schema.ts'
import type { WhenTaken } from '../../../src/core/when-taken.ts'

const row = (job: Parameters<typeof pushRow>[0]): PushRow => pushRow(job, 1_000) as PushRow
const plain = Job.named('greet')

const schemaOf = (isAsync: boolean): StandardSchemaV1<{ n: string }, { n: number }> => {
  const validate = (value: unknown): SchemaResult<{ n: number }> => {
    const n = Number((value as { n?: unknown }).n)
    return Number.isNaN(n)
      ? {
          issues: [
            { message: 'no number', path: ['n'] },
            { message: 'odd', path: [{ key: 'list' }, 2] },
          ],
        }
      : { value: { n } }
  }
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: isAsync ? async (v) => validate(v) : validate,
    },
  }
}

describe('the row of a push', () => {
  it('holds what an ordinary job has, and nothing rare', () => {
    const { id, ...extras } = row(plain.withArgs({ name: 'Ada', at: new Date(0) }))
    expect(isId(id)).toBe(true)
    expect(extras).toEqual({
      queue: 'default',
      name: 'greet',
      args: '{"name":"Ada","at":"1970-01-01T00:00:00.000Z"}',
      priority: 0,
      maxAttempts: null,
      scheduledAtMs: null,
      delayMs: null,
      uniqueKey: null,
      isTaking: false,
      isLimited: false,
      extras: null,
    })
  })

  it('leaves to the worker what the definition holds', () => {
    const defined = job(
      { name: 'j', limits: [Limit.time('1s')], backoff: 'none', retention: '1d' },
      () => {},
    )
    expect(row(defined.job).extras).toBeNull()
  })

  it.each<[string, Job<unknown, object>, unknown]>([
    [
      'limits',
      plain.withLimits([Limit.time('1s'), Limit.memory('1GiB')]),
      { limits: { memoryBytes: 2 ** 30, timeMs: 1_000 } },
    ],
    ['no limits', plain.withLimits([]), { limits: {} }],
    [
      'backoff',
      plain.withBackoff({ jitter: 0 }),
      { backoff: { baseMs: 1_000, factor: 2, maxMs: 300_000, jitter: 0 } },
    ],
    ['no backoff', plain.withBackoff('none'), { backoff: 'none' }],
    ['retention', plain.withRetention('1d'), { retention_ms: 86_400_000 }],
    ['meta', plain.withMeta({ trace: 'x' }), { meta: { trace: 'x' } }],
  ])('holds %s that was set for this job', (_, varied, extras) => {
    expect(JSON.parse(row(varied).extras ?? '')).toEqual(extras)
  })

  it('holds times, delays and keys', () => {
    expect(row(plain.withScheduledAt(new Date(5_000)).withUniqueKey('k'))).toMatchObject({
      scheduledAtMs: 5_000,
      delayMs: null,
      uniqueKey: 'k',
    })
    expect(row(plain.withDelay('5m'))).toMatchObject({ scheduledAtMs: null, delayMs: 300_000 })
  })

  it('holds what a push does whose key is taken', () => {
    const taking = (whenTaken: WhenTaken) => row(plain.withUniqueKey('k', { whenTaken }))
    expect(taking('keep')).toMatchObject({ isTaking: false, extras: null })
    expect(taking('replace')).toMatchObject({
      isTaking: true,
      delayMs: null,
      extras: '{"when_taken":{"replace":true}}',
    })
    expect(taking({ throttle: '1h' })).toMatchObject({
      delayMs: null,
      extras: '{"when_taken":{"throttle_ms":3600000}}',
    })
    // The first push waits as all others do.
    expect(taking({ debounce: '5s', most: '1m' })).toMatchObject({
      delayMs: 5_000,
      extras: '{"when_taken":{"debounce_ms":5000,"most_ms":60000}}',
    })
    const known = job({ name: 'j', whenTaken: { debounce: 7 } }, () => {}).job
    expect(row(known.withUniqueKey('k')).delayMs).toBe(7)
    expect(row(known.withUniqueKey('k', { whenTaken: 'keep' })).isTaking).toBe(false)
  })

  it.each<[string, Job<unknown, object>, string]>([
    [
      'a debounce and a delay',
      plain.withDelay('1s').withUniqueKey('k', { whenTaken: { debounce: '5s' } }),
      'leave out withDelay',
    ],
    [
      'a debounce and a time',
      plain.withScheduledAt(new Date(0)).withUniqueKey('k', { whenTaken: { debounce: '5s' } }),
      'a time of its own',
    ],
    [
      'whenTaken and no key',
      job({ name: 'j', whenTaken: 'replace' }, () => {}).job,
      'no unique key',
    ],
    [
      'arguments that JSON would lose',
      plain.withArgs({ user: { tags: [undefined] } } as object),
      'args.user.tags[0]',
    ],
    [
      'arguments over 1 MiB',
      plain.withArgs({ a: 'x'.repeat(2 ** 20) } as object),
      'limit of 1 MiB',
    ],
    [
      'arguments that become no object',
      plain.withArgs(new Date(0) as object),
      'expected an object, got "1970',
    ],
    ['meta that JSON would lose', plain.withMeta({ n: 1n }), 'meta.n'],
    ['meta over 64 KiB', plain.withMeta({ a: 'x'.repeat(2 ** 16) }), 'limit of 64 KiB'],
  ])('is refused with %s', (_, varied, message) => {
    expect(() => row(varied)).toThrow(ConfigError)
    expect(() => row(varied)).toThrow(message)
  })
})

describe('a schema', () => {
  it('checks the input, which is what is stored', async () => {
    const sync = job({ name: 'j', schema: schemaOf(false) }, ({ n }) => n).job
    expect(row(sync.withArgs({ n: '7' })).args).toBe('{"n":"7"}')
    const message =
      'The arguments of job "j" are not what the schema asks for: args.n: no number; args.list[2]: odd.'
    expect(() => row(sync.withArgs({ n: 'x' }))).toThrow(message)

    const later = job({ name: 'j', schema: schemaOf(true) }, ({ n }) => n).job
    const promised = pushRow(later.withArgs({ n: '7' }), 1_000)
    expect(promised).toBeInstanceOf(Promise)
    expect((await promised).args).toBe('{"n":"7"}')
    await expect(pushRow(later.withArgs({ n: 'x' }), 1_000)).rejects.toThrow(message)
  })

  it('that throws is an error of its own', () => {
    const validate = () => {
      throw new Error('boom')
    }
    const schema = {
      '~standard': { version: 1, vendor: 'test', validate },
    } as unknown as StandardSchemaV1<object>
    const broken = job({ name: 'j', schema, args: {} }, () => 1)
    expect(() => row(broken.job)).toThrow("the schema's validator threw Error: boom")
  })
})
