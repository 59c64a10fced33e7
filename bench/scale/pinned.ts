import { setTimeout as sleep } from 'node:timers/promises'
import { perSecond } from '../support/figures.ts'
import type { BenchServer } from '../support/server.ts'
import type { Crew } from './crew.ts'
import { Ground, SCHEMA } from './ground.ts'
import { type Measured, nothing, startCrew, timeClaims } from './place.ts'

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
const AROUND = { ...ALONE, waiters: 0, standing: 0 }
/** A rate is taken over this long, in milliseconds. */
const STEP_MS = 1_000
/** How often the line is looked at, in milliseconds. */
const LOOK_MS = 100
/** The line is filled to this many times `jobs`, whenever it is down to half of that. */
const DEPTH = 6

/**
 * Drains without a pause while another connection holds a snapshot that was taken before: nothing that
 * dies after it can be cleaned away. The line is filled again as it is drained, which costs the
 * server something as well; so the plain part, in a schema of its own and without that session,
 * runs in the same way. One worker process runs all the time; the claims of single jobs are timed at the
 * end of either part by another one, under the same dead rows.
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
      const isLarge = (await run.ground.sizeGib()) > options.maxGib
      if (n === options.slices || isLarge) await claimsOf(run, options, slice.measured)
      onSlice(slice)
      if (isLarge) return console.log(`ended early: the schema is above ${options.maxGib} GiB`)
    }
  })
}

interface Run {
  readonly ground: Ground
  readonly crew: Crew
  readonly line: Line
}

async function part(
  server: BenchServer,
  options: PinnedOptions,
  work: (run: Run) => Promise<void>,
): Promise<void> {
  await using ground = await Ground.open(server, 1, 1)
  const line = new Line(ground, options.jobs)
  await line.fill(0)
  await ground.settle()
  const crew = await startCrew(ground, AROUND, options)
  await work({ ground, crew, line })
}

/** A session that holds its snapshot until it is let go. */
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

/** Lets the worker go, or go on, and takes the rate of every second. */
async function drainFor({ ground, crew, line }: Run, ms: number, into: Measured): Promise<void> {
  const endMs = performance.now() + ms
  await ground.resume()
  let saved = crew.saved
  let atMs = performance.now()
  let filling = Promise.resolve()
  while (atMs < endMs) {
    await sleep(Math.min(LOOK_MS, Math.max(1, endMs - performance.now())))
    if (!line.isFilling) filling = line.fill(crew.saved)
    const now = performance.now()
    if (now - atMs < STEP_MS && now < endMs) continue
    into.rates.push(perSecond(crew.saved - saved, now - atMs))
    saved = crew.saved
    atMs = now
  }
  await filling
  into.batchClaimsMs.push(...(await crew.claims()).all)
}

/** By a worker that is new to the line and its dead rows. */
async function claimsOf(
  { ground, crew }: Run,
  options: PinnedOptions,
  into: Measured,
): Promise<void> {
  await ground.pause()
  into.peakMib.push(await crew.stop())
  await timeClaims(ground, AROUND, options, into)
}

/** The line of waiting jobs, held at a depth. */
class Line {
  readonly #ground: Ground
  readonly #jobs: number
  #added = 0
  isFilling = false

  constructor(ground: Ground, jobs: number) {
    this.#ground = ground
    this.#jobs = jobs
  }

  /** Fills what is missing when so many have been saved. */
  async fill(saved: number): Promise<void> {
    const missing = DEPTH * this.#jobs - (this.#added - saved)
    if (missing < (DEPTH * this.#jobs) / 2) return
    this.isFilling = true
    this.#added += missing
    await this.#ground.addWaiting(missing)
    this.isFilling = false
  }
}

function shownTime(seconds: number): string {
  return seconds < 120 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1)} min`
}
