import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchServer } from '../support/server.ts'
import { perSecond } from '../support/stats.ts'
import { Fixture, SCHEMA } from './fixture.ts'
import { type Measured, nothing, startFleet, timeClaims } from './sample-point.ts'
import type { WorkerFleet } from './worker-fleet.ts'

export interface PinnedOptions {
  readonly jobs: number
  readonly claims: number
  readonly durableClaims: boolean
  readonly minutes: number
  readonly slices: number
  readonly plainSeconds: number
  readonly maxGib: number
  /** Whether the open transaction has an id, as if it had written something. */
  readonly pinWrites: boolean
}

/** A part of a run: its name on the axis, and the rate of each of its seconds. */
export interface Slice {
  readonly label: string
  readonly measured: Measured
}

const ALONE = { workers: 1, queues: 1, waiting: 0, finished: 0, busyQueues: 1 }
const CONDITIONS = { ...ALONE, waiters: 0, standing: 0 }
/** A rate is taken over this long, in milliseconds. */
const STEP_MS = 1_000
/** How often the queue is checked, in milliseconds. */
const CHECK_MS = 100
/** The queue is filled to this many times `jobs`, whenever it is down to half of that. */
const DEPTH = 6

/**
 * Drains without a pause while another connection holds a snapshot that was taken before: nothing that
 * dies after it can be cleaned away. The queue is filled again as it is drained, which costs the
 * server something as well; so the plain part, in a schema of its own and without that session,
 * runs in the same way. One worker process runs all the time; the claims of single jobs are timed at the
 * end of either part by another one, under the same dead tuples.
 *
 * The run ends early when the schema has grown beyond `maxGib`.
 */
export async function measurePinned(
  server: BenchServer,
  options: PinnedOptions,
  onSlice: (slice: Slice) => void,
): Promise<void> {
  await part(server, options, async (run) => {
    const slice = { label: 'plain', measured: nothing() }
    await drainFor(run, options.plainSeconds * 1_000, slice.measured)
    await claimsOf(run, options, slice.measured)
    onSlice(slice)
  })
  await part(server, options, async (run) => {
    await using _pin = await pin(server, options.pinWrites)
    const sliceMs = (options.minutes * 60_000) / options.slices
    for (let n = 1; n <= options.slices; n++) {
      const slice = { label: shownTime((n * sliceMs) / 1_000), measured: nothing() }
      await drainFor(run, sliceMs, slice.measured)
      const isLarge = (await run.fixture.sizeGib()) > options.maxGib
      if (n === options.slices || isLarge) await claimsOf(run, options, slice.measured)
      onSlice(slice)
      if (isLarge) return console.log(`ended early: the schema is above ${options.maxGib} GiB`)
    }
  })
}

interface Run {
  readonly fixture: Fixture
  readonly fleet: WorkerFleet
  readonly backlog: Backlog
}

async function part(
  server: BenchServer,
  options: PinnedOptions,
  work: (run: Run) => Promise<void>,
): Promise<void> {
  await using fixture = await Fixture.open(server, 1, 1)
  const backlog = new Backlog(fixture, options.jobs)
  await backlog.fill(0)
  await fixture.settle()
  const fleet = await startFleet(fixture, CONDITIONS, options)
  await work({ fixture, fleet, backlog })
}

/** A session that holds its snapshot until it is disposed. */
async function pin(server: BenchServer, writes: boolean): Promise<AsyncDisposable> {
  const client = await server.pool.connect()
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  await client.query(`SELECT count(*) FROM ${SCHEMA}.queues`)
  if (writes) await client.query('SELECT pg_current_xact_id()')
  return {
    async [Symbol.asyncDispose]() {
      await client.query('ROLLBACK')
      client.release()
    },
  }
}

/** Resumes the queue, and takes the rate of every second. */
async function drainFor(
  { fixture, fleet, backlog }: Run,
  ms: number,
  into: Measured,
): Promise<void> {
  const endMs = performance.now() + ms
  await fixture.resume()
  let saved = fleet.saved
  let atMs = performance.now()
  let filling = Promise.resolve()
  while (atMs < endMs) {
    await sleep(Math.min(CHECK_MS, Math.max(1, endMs - performance.now())))
    if (!backlog.isFilling) filling = backlog.fill(fleet.saved)
    const now = performance.now()
    if (now - atMs < STEP_MS && now < endMs) continue
    into.rates.push(perSecond(fleet.saved - saved, now - atMs))
    saved = fleet.saved
    atMs = now
  }
  await filling
  into.batchClaimsMs.push(...(await fleet.claims()).all)
}

/** By a worker that is new to the queue and its dead tuples. */
async function claimsOf(
  { fixture, fleet }: Run,
  options: PinnedOptions,
  into: Measured,
): Promise<void> {
  await fixture.pause()
  into.peakMib.push(await fleet.stop())
  await timeClaims(fixture, CONDITIONS, options, into)
}

/** The waiting jobs, held at a depth. */
class Backlog {
  readonly #fixture: Fixture
  readonly #jobs: number
  #added = 0
  isFilling = false

  constructor(fixture: Fixture, jobs: number) {
    this.#fixture = fixture
    this.#jobs = jobs
  }

  /** Fills what is missing when `saved` jobs have been saved. */
  async fill(saved: number): Promise<void> {
    const missing = DEPTH * this.#jobs - (this.#added - saved)
    if (missing < (DEPTH * this.#jobs) / 2) return
    this.isFilling = true
    this.#added += missing
    await this.#fixture.addWaiting(missing)
    this.isFilling = false
  }
}

function shownTime(seconds: number): string {
  return seconds < 120 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1)} min`
}
