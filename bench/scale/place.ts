import { perSecond } from '../support/figures.ts'
import type { BenchServer } from '../support/server.ts'
import { Crew } from './crew.ts'
import type { Surroundings } from './curves.ts'
import { Ground, SCHEMA } from './ground.ts'
import { Waiters } from './waiters.ts'

export interface PlaceOptions {
  readonly jobs: number
  readonly runs: number
  readonly claims: number
  readonly durableClaims: boolean
}

/** What was measured at one place of a curve. */
export interface Measured {
  /** Jobs per second, one figure a run. */
  readonly rates: number[]
  /**
   * Claim latency: how long the statement takes that claims a single job from the head of the line,
   * from the call in the worker to its answer, commit included, in milliseconds. Taken after the
   * drain by new workers, without their first claims, while nothing else goes on: the queue runs one
   * job at a time, and each takes 60 ms, for which nothing is read ahead.
   */
  readonly claimsMs: number[]
  /** The claims of many jobs during the drain, in milliseconds. */
  readonly batchClaimsMs: number[]
  /** From the last job of a run to the last waiter that was told, in milliseconds. */
  readonly toldMs: number[]
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
  toldMs: [],
  peakMib: [],
})

/**
 * Measures one place: a schema of its own, filled, and then `runs` times as many jobs as asked for
 * drained from the head of the line, by new worker processes each time. The time runs from the end
 * of the warm-up until so many jobs are saved, without a pause in between. What else is waiting
 * stays behind.
 */
export async function measurePlace(
  server: BenchServer,
  around: Surroundings,
  options: PlaceOptions,
  into: Measured,
): Promise<void> {
  await using ground = await Ground.open(server, around.queues, around.busyQueues)
  await ground.addFinished(around.finished)
  await ground.addStanding(around.standing)
  for (let run = 1; run <= options.runs; run++) await drain(ground, around, options, into)
  await timeClaims(ground, around, options, into)
}

async function drain(
  ground: Ground,
  around: Surroundings,
  options: PlaceOptions,
  into: Measured,
): Promise<void> {
  const warmUp = Math.ceil(options.jobs * WARM_UP)
  const jobs = warmUp + options.jobs
  await ground.addWaiting(around.waiting + jobs - (await ground.countWaiting()))
  await ground.settle()
  const crew = await startCrew(ground, around, options)
  await using waiters = await Waiters.begin(ground, around, jobs)
  await ground.resume()
  const begin = await crew.until(warmUp)
  const end = await crew.until(jobs)
  into.rates.push(perSecond(end.count - begin.count, end.atMs - begin.atMs))
  if (around.waiters > 0) into.toldMs.push((await waiters.answeredAtMs()) - end.atMs)
  await ground.pause()
  into.batchClaimsMs.push(...(await crew.claims()).all)
  into.peakMib.push(await crew.stop())
}

/** Takes the claims of single jobs; see `Measured.claimsMs`. The queues are paused. */
export async function timeClaims(
  ground: Ground,
  around: Surroundings,
  options: Pick<PlaceOptions, 'claims' | 'durableClaims'>,
  into: Measured,
): Promise<void> {
  const first = around.workers * FIRST_CLAIMS
  const wanted = first + around.workers * options.claims
  await ground.narrow()
  // Some more, since the workers do not take equal shares to the end.
  await ground.addWaiting(wanted + around.workers, 1)
  await ground.settle()
  const crew = await startCrew(ground, around, { ...options, isSlow: true })
  await ground.resume()
  await crew.until(first)
  await crew.claims()
  await crew.until(wanted)
  into.claimsMs.push(...(await crew.claims()).lone)
  await ground.pause()
  await crew.stop()
}

export function startCrew(
  ground: Ground,
  { workers, queues }: Surroundings,
  { durableClaims, isSlow = false }: { readonly durableClaims: boolean; readonly isSlow?: boolean },
): Promise<Crew> {
  const { url } = ground.server
  return Crew.start(workers, { url, schema: SCHEMA, durableClaims, queues, isSlow })
}
