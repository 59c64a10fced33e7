import type { BenchServer } from '../support/server.ts'
import { perSecond } from '../support/stats.ts'
import type { Conditions } from './curves.ts'
import { Fixture, SCHEMA } from './fixture.ts'
import { Waiters } from './waiters.ts'
import { WorkerFleet } from './worker-fleet.ts'

export interface SamplePointOptions {
  readonly jobs: number
  readonly runs: number
  readonly claims: number
  readonly durableClaims: boolean
}

/** What was measured at one sample point of a curve. */
export interface Measured {
  /** Jobs per second, one figure a run. */
  readonly rates: number[]
  /**
   * Claim latency: how long the statement takes that claims a single job from the head of the queue,
   * from the call in the worker to its answer, commit included, in milliseconds. Taken after the
   * drain by new workers, without their first claims, while nothing else runs: the queue runs one
   * job at a time, and each takes 60 ms, for which nothing is read ahead.
   */
  readonly claimsMs: number[]
  /** The claims of many jobs during the drain, in milliseconds. */
  readonly batchClaimsMs: number[]
  /** From the last job of a run to the last answer of a wait, in milliseconds. */
  readonly answeredMs: number[]
  /** The most memory of one worker process, in MiB. */
  readonly peakMib: number[]
}

/** A run drains this share of its jobs more, before them and not counted: code and caches get warm. */
const WARM_UP = 0.25
/** Claims of each new worker that are not counted. */
const FIRST_CLAIMS = 5

export const nothing = (): Measured => ({
  rates: [],
  claimsMs: [],
  batchClaimsMs: [],
  answeredMs: [],
  peakMib: [],
})

/**
 * Measures one sample point: a schema of its own, filled, and then `runs` times as many jobs as asked for
 * drained from the head of the queue, by new worker processes each time. The time runs from the end
 * of the warm-up until that many jobs are saved, without a pause in between. What else is waiting
 * stays behind.
 */
export async function measureSamplePoint(
  server: BenchServer,
  conditions: Conditions,
  options: SamplePointOptions,
  into: Measured,
): Promise<void> {
  await using fixture = await Fixture.open(server, conditions.queues, conditions.busyQueues)
  await fixture.addFinished(conditions.finished)
  await fixture.addStanding(conditions.standing)
  for (let run = 1; run <= options.runs; run++) await drain(fixture, conditions, options, into)
  await timeClaims(fixture, conditions, options, into)
}

async function drain(
  fixture: Fixture,
  conditions: Conditions,
  options: SamplePointOptions,
  into: Measured,
): Promise<void> {
  const warmUp = Math.ceil(options.jobs * WARM_UP)
  const jobs = warmUp + options.jobs
  await fixture.addWaiting(conditions.waiting + jobs - (await fixture.countWaiting()))
  await fixture.settle()
  const fleet = await startFleet(fixture, conditions, options)
  await using waiters = await Waiters.begin(fixture, conditions, jobs)
  await fixture.resume()
  const begin = await fleet.until(warmUp)
  const end = await fleet.until(jobs)
  into.rates.push(perSecond(end.count - begin.count, end.atMs - begin.atMs))
  if (conditions.waiters > 0) into.answeredMs.push((await waiters.answeredAtMs()) - end.atMs)
  await fixture.pause()
  into.batchClaimsMs.push(...(await fleet.claims()).all)
  into.peakMib.push(await fleet.stop())
}

/** Takes the claims of single jobs; see `Measured.claimsMs`. The queues are paused. */
export async function timeClaims(
  fixture: Fixture,
  conditions: Conditions,
  options: Pick<SamplePointOptions, 'claims' | 'durableClaims'>,
  into: Measured,
): Promise<void> {
  const first = conditions.workers * FIRST_CLAIMS
  const wanted = first + conditions.workers * options.claims
  await fixture.narrow()
  // Some more, since the workers do not take equal shares to the end.
  await fixture.addWaiting(wanted + conditions.workers, 1)
  await fixture.settle()
  const fleet = await startFleet(fixture, conditions, { ...options, isSlow: true })
  await fixture.resume()
  await fleet.until(first)
  await fleet.claims()
  await fleet.until(wanted)
  into.claimsMs.push(...(await fleet.claims()).lone)
  await fixture.pause()
  await fleet.stop()
}

export function startFleet(
  fixture: Fixture,
  { workers, queues }: Conditions,
  { durableClaims, isSlow = false }: { readonly durableClaims: boolean; readonly isSlow?: boolean },
): Promise<WorkerFleet> {
  const { url } = fixture.server
  return WorkerFleet.start(workers, { url, schema: SCHEMA, durableClaims, queues, isSlow })
}
