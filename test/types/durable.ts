// What must compile of durable jobs and what must not. Checked by `tsc -p .`; nothing here is run.

import type { PGlite } from '@electric-sql/pglite'
import type pg from 'pg'
import type postgres from 'postgres'
import type { DurableContext, StepCall } from '../../src/core/durable/durable-context.ts'
import type { ResultIn } from '../../src/core/job.ts'
import { defineJob, job } from '../../src/core/job-function.ts'
import type { Reference } from '../../src/core/reference.ts'
import { signal, type ValueOf } from '../../src/core/signal.ts'
import type { StandardSchemaV1 } from '../../src/core/standard-schema.ts'

type Same<X, Y> = (<T>() => T extends X ? 1 : 2) extends <T>() => T extends Y ? 1 : 2 ? true : false
declare function same<X, Y>(..._same: Same<X, Y> extends true ? [] : ['they differ']): void

const approved = signal<{ by: string }, 'approved'>('approved')
const rejected = signal<{ why: string }, 'rejected'>('rejected')
const refund = job({ name: 'refund' }, ({ charge }: { charge: string }) => ({ refunded: charge }))
const pack = job({ name: 'pack' }, ({ sku }: { sku: string }) => sku.length)
declare const byDate: StandardSchemaV1<{ at: string }, { at: Date }>

export function jobs(): void {
  const fulfil = job(
    { name: 'fulfil', durable: true, deadline: '30d', maxAttempts: 5 },
    async ({ orderId }: { orderId: string }, ctx) => {
      same<typeof ctx, DurableContext<{ orderId: string }>>()
      const at = await ctx.step('at', () => ({ at: new Date(), n: 1 }))
      // A Date comes back as text.
      same<typeof at, { at: string; n: number }>()
      if (at.n > 1) return ctx.continueWith({ orderId })
      // @ts-expect-error other arguments
      if (at.n > 2) return ctx.continueWith({ order: 7 })
      return { orderId }
    },
  )
  same<ResultIn<(typeof fulfil)['job']>, { orderId: string }>()
  fulfil.job.withArgs({ orderId: '7' })
  // @ts-expect-error a plain job has no steps
  job({ name: 'plain' }, (_: object, ctx) => ctx.step('a', () => 1))
  // @ts-expect-error only a durable job has a deadline
  job({ name: 'plain', deadline: '1d' }, () => 1)
  // @ts-expect-error a Date never arrives as an argument
  job({ name: 'dated', durable: true }, async ({ at }: { at: Date }) => at)
  job({ name: 'parsed', durable: true, schema: byDate }, async ({ at }, ctx) => {
    same<typeof at, Date>()
    return ctx.step('year', () => at.getFullYear())
  })
  const defined = defineJob<{ n: number }, number>({ name: 'defined', durable: true })
  job(defined, async ({ n }, ctx) => ctx.step('a', () => n))
  const plain = defineJob<{ n: number }, number>({ name: 'plain' })
  // @ts-expect-error it was not defined as durable
  job(plain, async ({ n }, ctx) => ctx.step('a', () => n))
}

export async function steps(ctx: DurableContext): Promise<void> {
  same<Awaited<ReturnType<typeof ctx.sleep>>, void>()
  const nothing = await ctx.step('nothing', async ({ attempt, signal: asked, key }: StepCall) => {
    same<[typeof attempt, typeof asked, typeof key], [number, AbortSignal, string]>()
  })
  same<typeof nothing, null>()
  const tried = await ctx.step(
    'tried',
    { maxAttempts: 3, backoff: { base: '1s' }, timeout: '5s' },
    () => 'x',
  )
  same<typeof tried, string>()
  // @ts-expect-error no such option
  await ctx.step('tried', { attempts: 3 }, () => 'x')
}

export async function waits(ctx: DurableContext): Promise<void> {
  same<ValueOf<typeof approved>, { by: string }>()
  const value = await ctx.waitForSignal(approved)
  same<typeof value, { by: string }>()
  const late = await ctx.waitForSignal(approved, { timeout: '3d' })
  same<typeof late, { by: string } | null>()
  const any = await ctx.waitForAny([approved, rejected], { timeout: '3d' })
  if (any?.signal === 'approved') same<typeof any.value, { by: string }>()
  const one = await ctx.waitForAny([approved, rejected])
  if (one.signal === 'rejected') same<typeof one.value, { why: string }>()
  for await (const each of ctx.signals(approved)) same<typeof each, { by: string }>()
}

export async function children(ctx: DurableContext): Promise<void> {
  const done = await ctx.invoke(refund.job.withArgs({ charge: 'x' }))
  same<typeof done, { refunded: string }>()
  // @ts-expect-error its arguments are missing
  await ctx.invoke(refund)
  const lengths = await ctx.invokeAll('packs', [pack.job.withArgs({ sku: 'a' })], {
    concurrency: 2,
  })
  same<typeof lengths, number[]>()
  const settled = await ctx.invokeAll('settled', [pack.job.withArgs({ sku: 'a' })], {
    settle: true,
  })
  for (const end of settled) if (end.state === 'succeeded') same<typeof end.result, number>()
  const ref = await ctx.push(pack.job.withArgs({ sku: 'a' }))
  same<typeof ref, Reference<number>>()
  same<Awaited<ReturnType<typeof ctx.sendSignal>>, 'sent' | 'finished'>()
  await ctx.sendSignal(ref, approved, { by: 'ada' }, { key: 'once' })
  // @ts-expect-error another value
  await ctx.sendSignal(ref, approved, { who: 'ada' })
}

export async function transactions(
  ctx: DurableContext,
  pool: pg.Pool,
  sql: postgres.Sql,
  database: PGlite,
): Promise<void> {
  const a = await ctx.transaction('pg', pool, async (client) => {
    same<typeof client, pg.PoolClient>()
    return (await client.query('SELECT 1')).rowCount
  })
  same<typeof a, number | null>()
  await ctx.transaction('postgres.js', sql, async (tx) => tx`SELECT 1`)
  const b = await ctx.transaction('pglite', database, async (tx) => {
    await tx.query('SELECT 1')
    return 1
  })
  same<typeof b, number>()
  // @ts-expect-error no database
  await ctx.transaction('none', {}, () => 1)
}
