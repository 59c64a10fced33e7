/** The past of the shop of `npm run demo -- --http`: figures of a week, in the rows that workers would have written. */
import { randomUUID } from 'node:crypto'
import type { Server } from './server.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** A kind of job: how many a second, how long one waits and runs, and how many of them fail. */
interface Habit {
  readonly queue: string
  readonly name: string
  readonly perSecond: number
  readonly waitMs: number
  readonly runMs: number
  readonly failing: number
}

const HABITS: readonly Habit[] = [
  habit('mail', 'mail.send', { perSecond: 7, waitMs: 6, runMs: 95, failing: 0.03 }),
  habit('payments', 'payments.charge', { perSecond: 0.6, waitMs: 8, runMs: 210, failing: 0.06 }),
  habit('crm', 'crm.sync', { perSecond: 0.5, waitMs: 9_000, runMs: 6_000, failing: 0 }),
  habit('webhooks', 'webhooks.deliver', {
    perSecond: 0.4,
    waitMs: 14_000,
    runMs: 120,
    failing: 0.02,
  }),
  habit('pdf', 'pdf.render', { perSecond: 0.05, waitMs: 2_000, runMs: 19_000, failing: 0 }),
  habit('reports', 'report.daily', { perSecond: 0.07, waitMs: 12, runMs: 540, failing: 0 }),
]

function habit(queue: string, name: string, rest: Omit<Habit, 'queue' | 'name'>): Habit {
  return { queue, name, ...rest }
}

/** Lengths of the steps, the finest for what is nearest, and until how long ago each of them is used. */
const STEPS = [
  { stepMs: 10_000, untilMs: 10 * MINUTE_MS },
  { stepMs: MINUTE_MS, untilMs: HOUR_MS },
  { stepMs: 5 * MINUTE_MS, untilMs: 24 * HOUR_MS },
  { stepMs: HOUR_MS, untilMs: 7 * 24 * HOUR_MS },
] as const

/** Writes the figures: the worker that leads adds them to the points of the charts. */
export async function writeHistory(server: Server): Promise<void> {
  const rows: string[] = []
  let fromMs = 10_000
  for (const { stepMs, untilMs } of STEPS)
    for (; fromMs < untilMs; fromMs += stepMs)
      rows.push(JSON.stringify({ ago: fromMs / 1_000, data: entriesAt(fromMs, stepMs) }))
  await server.query(
    `INSERT INTO "${server.schema}".metrics_live (source, seq, at, data)
     SELECT $1::uuid, t.n, to_timestamp(floor((extract(epoch FROM now()) - (t.row->>'ago')::float8) / 10) * 10),
            t.row->'data'
       FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS t(row, n)`,
    [randomUUID(), `[${rows.join(',')}]`],
  )
}

function entriesAt(agoMs: number, stepMs: number) {
  // By the pace of now, which is that of `keepBusy`, and of other hours by how busy they are.
  const pace = busyAt(Date.now() - agoMs) / busyAt(Date.now())
  return HABITS.flatMap((one) => entryOf(one, pace, stepMs))
}

/** A shop is busy by day, most in the afternoon. */
function busyAt(ms: number): number {
  const at = new Date(ms)
  const hour = at.getHours() + at.getMinutes() / 60
  return 0.65 + 0.35 * Math.cos(((hour - 15) / 24) * 2 * Math.PI)
}

function entryOf(one: Habit, pace: number, stepMs: number) {
  const expected = (one.perSecond * pace * stepMs) / 1_000
  const count = Math.max(0, Math.round(expected + (Math.random() - 0.5) * Math.sqrt(expected) * 2))
  if (count === 0) return []
  const failed = Math.round(count * one.failing * (0.6 + Math.random() * 0.8))
  const waits = spreadOf(one.waitMs * (0.6 + 0.4 * pace), count, 0)
  const runs = spreadOf(one.runMs, count, 1_000)
  return [
    {
      ...{ k: 'job', q: one.queue, n: one.name },
      c: [count - failed, failed >> 2, failed - (failed >> 2), 0, 0, 0, 0],
      s: [waits.sum, runs.sum, 0],
      m: [waits.max, runs.max, 0],
      b: [...waits.buckets, ...runs.buckets],
      a: [...waits.amounts, ...runs.amounts],
    },
  ]
}

/** How far the values of a distribution lie from their middle, and which part of them does. */
const SPREAD = [
  [0.45, 0.1],
  [0.7, 0.2],
  [1, 0.35],
  [1.4, 0.2],
  [2.1, 0.1],
  [3.6, 0.05],
] as const

/** Values around a middle, in buckets of an eighth of a power of two of microseconds. */
function spreadOf(middleMs: number, count: number, offset: number) {
  const amounts = new Map<number, number>()
  let [sum, max, left] = [0, 0, count]
  for (const [at, [factor, part]] of SPREAD.entries()) {
    const amount = at === SPREAD.length - 1 ? left : Math.min(left, Math.round(count * part))
    if (amount === 0) continue
    const ms = middleMs * factor * (0.92 + Math.random() * 0.16)
    const bucket = offset + Math.max(0, Math.floor(Math.log2(ms * 1_000) * 8))
    amounts.set(bucket, (amounts.get(bucket) ?? 0) + amount)
    sum += ms * amount
    max = Math.max(max, ms)
    left -= amount
  }
  return { sum, max, buckets: [...amounts.keys()], amounts: [...amounts.values()] }
}

/** Makes the groups of failures that are there already old: what comes after that is new. */
export async function ageFailures(server: Server): Promise<void> {
  const { schema } = server
  await server.query(
    `UPDATE "${schema}".failures_groups
        SET first_at = first_at - interval '6 days', first_version = $1::text, total = total + 214`,
    ['v2.3.0'],
  )
  await server.query(
    `INSERT INTO "${schema}".failures_hours (fingerprint, hour, n, queue)
     SELECT g.fingerprint, date_trunc('hour', now()) - make_interval(hours => h), 1 + (h * 7) % 5,
            split_part(g.name, '.', 1)
       FROM "${schema}".failures_groups g, generate_series(1, 144) AS h
      WHERE h % 3 <> 0
     ON CONFLICT DO NOTHING`,
    [],
  )
}

/** A worker whose host went away four minutes ago, and a schedule that missed ticks while no worker was there. */
export async function leaveTraces(server: Server): Promise<void> {
  const { schema } = server
  await server.query(
    `INSERT INTO "${schema}".workers
            (id, label, tags, queues, version, started_at, renewed_at, expires_at, revoked_at)
     SELECT $1::uuid, 'shop-3',
            (SELECT jsonb_agg(tag) FROM jsonb_array_elements_text(w.tags) AS tag WHERE tag NOT LIKE 'worker_id=%'), w.queues, 'v2.4.0', now() - interval '3 days', now() - interval '4 minutes 15 seconds',
            now() - interval '4 minutes', now() - interval '4 minutes'
       FROM "${schema}".workers w LIMIT 1`,
    ['0198f2aa-7d11-7c3e-9a40-5b1f0c2d9e77'],
  )
  await server.query(
    `UPDATE "${schema}".cron_schedules SET next_at = date_trunc('hour', now()) - interval '3 hours', due_at = date_trunc('hour', now()) - interval '3 hours'
      WHERE key = $1::text`,
    ['stock-check'],
  )
}
