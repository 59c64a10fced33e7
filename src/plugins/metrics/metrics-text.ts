import type { PluginAccess } from '../../plugin/index.ts'
import { type Gauges, gaugesOf } from './gauges.ts'
import { arraysOf, bucketsOf } from './points.ts'
import { DISTRIBUTIONS, OUTCOMES, TIME_NAMES, type TimeName } from './series.ts'
import { bucketBelow } from './sketch.ts'
import { readTotals, type TotalRow } from './statements/reading.ts'

/** The bounds of the histograms: powers of two of a microsecond, from about 1 ms to 71 minutes. */
const EXPONENTS = Array.from({ length: 23 }, (_, n) => n + 10)
const BOUNDS = EXPONENTS.map((exponent) => ({
  below: bucketBelow(exponent),
  le: String(2 ** exponent / 1e6),
}))

type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels | null, value: number, suffix?: string]

/** See `metricsText`. */
export async function textOf(access: PluginAccess): Promise<string> {
  const { database, run } = access
  const [gauges, totals] = await Promise.all([
    gaugesOf(access),
    run(() => database.run(readTotals, [])),
  ])
  return [...ofAttempts(totals), ...ofMeasurements(totals), ...ofGauges(gauges)].join('')
}

function ofAttempts(totals: readonly TotalRow[]): string[] {
  const pairs = totals
    .filter(({ kind }) => kind === 'pair')
    .map((row) => ({ labels: { queue: row.queue, name: row.name }, ...arraysOf(row) }))
  const attempts = pairs.flatMap(({ labels, counts }) =>
    OUTCOMES.map((outcome, n): Sample => [{ ...labels, outcome }, counts[n] ?? 0]),
  )
  const timesOf = (time: TimeName): Sample[] =>
    pairs.flatMap(({ labels, buckets, sums }) =>
      histogram(labels, bucketsOf(buckets, DISTRIBUTIONS[time]), sums[TIME_NAMES.indexOf(time)]),
    )
  return [
    metric('chancy_attempts_total', 'counter', 'Attempts that ended, by outcome.', attempts),
    metric(
      'chancy_job_wait_seconds',
      'histogram',
      'Time from when a job could first run to its start.',
      timesOf('wait'),
    ),
    metric('chancy_job_run_seconds', 'histogram', 'Time that attempts ran.', timesOf('run')),
    metric('chancy_job_cpu_seconds', 'histogram', 'CPU time of attempts.', timesOf('cpu')),
  ]
}

/** Cumulative: each bucket has all that is below its bound. Totals only grow, so each of them does. */
function histogram(labels: Labels, buckets: ReturnType<typeof bucketsOf>, sumMs = 0): Sample[] {
  const samples: Sample[] = []
  let total = 0
  let at = 0
  for (const { below, le } of BOUNDS) {
    for (; at < buckets.length && (buckets[at]?.[0] ?? 0) <= below; at++)
      total += buckets[at]?.[1] ?? 0
    samples.push([{ ...labels, le }, total, '_bucket'])
  }
  for (; at < buckets.length; at++) total += buckets[at]?.[1] ?? 0
  samples.push([{ ...labels, le: '+Inf' }, total, '_bucket'])
  samples.push([labels, sumMs / 1_000, '_sum'], [labels, total, '_count'])
  return samples
}

function ofMeasurements(totals: readonly TotalRow[]): string[] {
  const samples = totals
    .filter(({ kind }) => kind === 'custom')
    .flatMap((row): Sample[] => {
      const { counts, sums } = arraysOf(row)
      const labels = { name: row.name }
      return [
        [labels, sums[0] ?? 0, '_sum'],
        [labels, counts[0] ?? 0, '_count'],
      ]
    })
  const help = 'What the application counted by increment and observe.'
  return samples.length === 0 ? [] : [metric('chancy_custom', 'summary', help, samples)]
}

function ofGauges(gauges: Gauges): string[] {
  const { queues, tables } = gauges
  const states = ['waiting', 'running', 'scheduled', 'blocked'] as const
  const seconds = (ms: number | null): Sample[] => (ms === null ? [] : [[null, ms / 1_000]])
  const ofQueues = (value: (queue: Gauges['queues'][number]) => number | null): Sample[] =>
    queues.flatMap((one): Sample[] => {
      const ms = value(one)
      return ms === null ? [] : [[{ queue: one.queue }, ms / 1_000]]
    })
  const jobs = queues.flatMap((one) =>
    states.map((state): Sample => [{ queue: one.queue, state }, one[state]]),
  )
  const oldest = ofQueues(({ oldestMs }) => oldestMs ?? 0)
  const age = ofQueues(({ ageMs }) => ageMs)
  return [
    metric('chancy_queue_jobs', 'gauge', 'Jobs that have not finished.', jobs),
    metric('chancy_queue_oldest_seconds', 'gauge', 'How long the oldest ready job waits.', oldest),
    metric('chancy_queue_age_seconds', 'gauge', 'How long ago the jobs were counted.', age),
    metric('chancy_workers', 'gauge', 'Workers with a lease.', [[null, gauges.workers]]),
    metric('chancy_leaders', 'gauge', 'Workers that lead: one or none.', [
      [null, gauges.leader === null ? 0 : 1],
    ]),
    metric(
      'chancy_oldest_transaction_seconds',
      'gauge',
      'How long the oldest transaction of the database is open.',
      gauges.serverAgeMs === null ? [] : [[null, (gauges.oldestTransactionMs ?? 0) / 1_000]],
    ),
    metric(
      'chancy_table_bytes',
      'gauge',
      'Size of a table with its indexes and partitions.',
      tables.map(({ table, bytes }): Sample => [{ table }, bytes]),
    ),
    metric(
      'chancy_table_dead_rows',
      'gauge',
      'Rows that wait for VACUUM.',
      tables.map(({ table, deadRows }): Sample => [{ table }, deadRows]),
    ),
    metric(
      'chancy_server_age_seconds',
      'gauge',
      'How long ago tables and transactions were measured.',
      seconds(gauges.serverAgeMs),
    ),
  ]
}

function metric(name: string, type: string, help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return ''
  const lines = samples.map(
    ([labels, value, suffix = '']) => `${name}${suffix}${labelsOf(labels)} ${value}\n`,
  )
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function labelsOf(labels: Labels | null): string {
  if (labels === null) return ''
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return `{${pairs.join(',')}}`
}

function escaped(value: string): string {
  if (!/[\\"\n]/.test(value)) return value
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
