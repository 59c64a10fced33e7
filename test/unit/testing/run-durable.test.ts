import { describe, expect, it } from 'vitest'
import { job } from '../../../src/core/job-function.ts'
import type { PgPool } from '../../../src/core/session-shapes.ts'
import { signal } from '../../../src/core/signal.ts'
import { runDurable } from '../../../src/testing/run-durable.ts'

const approved = signal<{ by: string }, 'approved'>('approved')
const rejected = signal<{ why: string }, 'rejected'>('rejected')
const refund = job({ name: 'refund' }, ({ charge }: { charge: string }) => `refunded ${charge}`)
const pack = job({ name: 'pack' }, ({ sku }: { sku: string }) => ({ parcel: sku }))

interface Client {
  query(text: string, values?: readonly unknown[]): Promise<{ rows: unknown[] }>
}

/** A pool by its shape, which notes what is sent. A real one: `test/integration/durable-transaction.test.ts`. */
const sent: string[] = []
const client = {
  query: async (text: string, values: readonly unknown[] = []) => {
    sent.push([text, ...values].join(' '))
    return { rows: [] }
  },
  on: () => {},
  off: () => {},
  release: () => sent.push('released'),
}
const database = {
  totalCount: 1,
  query: () => {},
  connect: () => Promise.resolve(client),
} as unknown as PgPool<Client>

/** The durable job of the documentation, with what it reaches outside. */
const fulfil = job(
  { name: 'fulfil', durable: true, maxAttempts: 5 },
  async ({ orderId }: { orderId: string }, ctx) => {
    const charge = await ctx.step('charge', ({ key }) => ({
      id: `${orderId}-${key.length}`,
      items: [{ sku: 'a' }, { sku: 'b' }],
    }))
    await ctx.transaction('book', database, async (tx) => {
      await tx.query('INSERT INTO bookings VALUES ($1, $2)', [orderId, charge.id])
    })
    ctx.set('status', 'waiting for approval')
    const answer = await ctx.waitForAny([approved, rejected], { timeout: '3d' })
    if (answer?.signal !== 'approved') return ctx.invoke(refund.job.withArgs({ charge: charge.id }))
    const parcels = await ctx.invokeAll(
      'pack',
      charge.items.map((item) => pack.job.withArgs(item)),
      { concurrency: 20 },
    )
    await ctx.sleep('14d')
    await ctx.step('ask for a review', { maxAttempts: 3 }, () => `to ${answer.value.by}`)
    return { parcels: parcels.length }
  },
)

describe('runDurable', () => {
  it('runs a durable job to its end, with its waits and what it invokes', async () => {
    const done = await runDurable(
      fulfil,
      { orderId: '7' },
      { signals: [[approved, { by: 'ada' }]], skipTime: true, jobs: [pack] },
    )
    expect(done.result).toEqual({ parcels: 2 })
    expect(done.values).toEqual({ status: 'waiting for approval' })
    expect(done.steps.map(({ name }) => name)).toEqual([
      'charge',
      'book',
      'any of approved, rejected 1',
      'pack',
      'sleep 1',
      'ask for a review',
    ])
    expect(done.pushed.map(({ args }) => args)).toEqual([{ sku: 'a' }, { sku: 'b' }])
    expect(done.attempts).toBeGreaterThan(1)
    expect(sent).toEqual([
      'begin isolation level read committed',
      'INSERT INTO bookings VALUES ($1, $2) 7 7-64',
      'commit',
      'released',
    ])
  })

  it('lets a timeout pass', async () => {
    const done = await runDurable(fulfil, { orderId: '8' }, { skipTime: true, jobs: [refund] })
    expect(done.result).toBe('refunded 8-64')
  })

  it('says which signal or job is missing', async () => {
    const waits = job({ name: 'waits', durable: true }, (_: object, ctx) =>
      ctx.waitForSignal(approved),
    )
    await expect(runDurable(waits, {})).rejects.toThrow(/waits for "signal approved 1"/)
    await expect(runDurable(fulfil, { orderId: '9' }, { skipTime: true })).rejects.toThrow(
      /invokes "refund". Give its function/,
    )
    await expect(runDurable(pack, { sku: 'a' })).rejects.toThrow(/durable job function/)
  })

  it('throws what the function throws, and the cause of what fails in a child', async () => {
    const fails = job({ name: 'fails', durable: true }, async (_: object, ctx) => {
      await ctx.invoke(refund.job.withArgs({ charge: 'x' }))
    })
    const broken = job({ name: 'refund' }, () => {
      throw new TypeError('no money')
    })
    await expect(runDurable(fails, {}, { jobs: [broken] })).rejects.toMatchObject({
      code: 'STEP_FAILED',
      cause: { name: 'TypeError', message: 'no money' },
    })
  })

  it('runs each run of a job that continues with other arguments', async () => {
    const counts = job({ name: 'counts', durable: true }, async ({ n }: { n: number }, ctx) => {
      const next = await ctx.step('add', () => n + 1)
      return next >= 3 ? next : ctx.continueWith({ n: next })
    })
    expect(await runDurable(counts, { n: 0 })).toMatchObject({ result: 3, attempts: 3 })
  })
})

describe('a durable job that is called directly', () => {
  it('is a function whose steps run', async () => {
    const adds = job({ name: 'adds', durable: true }, async ({ n }: { n: number }, ctx) => {
      const at = await ctx.step('at', { maxAttempts: 2, backoff: 'none' }, ({ attempt }) => {
        if (attempt === 1) throw new Error('again')
        return new Date(0)
      })
      await ctx.sleep(1)
      ctx.set('n', n)
      return [at, await ctx.version('v'), n, await ctx.transaction('tx', database, () => 1)]
    })
    expect(await adds({ n: 2 })).toEqual(['1970-01-01T00:00:00.000Z', 1, 2, 1])
    await expect(fulfil({ orderId: '10' })).rejects.toThrow(/was called directly/)
  })

  it('fails as under a worker', async () => {
    const fails = job({ name: 'fails', durable: true }, (_: object, ctx) =>
      ctx.step('a', () => Promise.reject(new TypeError('no'))),
    )
    await expect(fails()).rejects.toMatchObject({ step: 'a', cause: { name: 'TypeError' } })
  })
})
