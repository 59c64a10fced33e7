import { ChancyError } from '../core/errors.ts'
import type { Chancy, Worker } from '../index.ts'
import type { AttemptTally } from './attempt-tally.ts'
import type { OwnSchema } from './own-schema.ts'
import type { PluginPasses } from './plugin-passes.ts'
import type { Point } from './point.ts'
import { countPushed, findNext, moveTime, type PointRow } from './statements.ts'
import { realSleep, type StillClock } from './still-clock.ts'

export interface TimelineOptions {
  readonly chancy: Chancy
  readonly worker: Worker
  readonly schema: OwnSchema
  readonly clock: StillClock
  readonly passes: PluginPasses
  readonly tally: AttemptTally
  /** How long a job may run, in milliseconds of real time, before time moves on to its limit. */
  readonly patienceMs: number
}

/** After this many steps something comes due again and again. */
export const MAX_STEPS = 10_000
const DAY_MS = 86_400_000
/** How often the loops of plugins pass at one time, while one says that it is still due. */
const MAX_PASSES = 100
/** How often a job that runs is compared with the patience, in milliseconds of real time. */
const CHECK_MS = 20
const KINDS = {
  job: 'the job',
  queue: 'the end of the pause of the queue',
  rate: 'the rate limit of the queue',
}

/** The time of a test: it stands still, and is moved from each point at which something comes due to the next. */
export class Timeline {
  readonly #options: TimelineOptions
  #maintainedDay: number
  #maxAttempts = 0
  /** What the database knows of the next point. */
  #nextRow: PointRow | undefined

  constructor(options: TimelineOptions) {
    this.#options = options
    this.#maintainedDay = dayOf(options.clock.now())
  }

  /** Runs all that is due now. */
  async drain(): Promise<void> {
    await this.#begin()
    await this.#drained(true)
    this.#refuseHanging('drain')
  }

  /** Moves the time to a point, and runs what comes due until then, in its order. */
  async moveTo(targetMs: number): Promise<void> {
    const { clock } = this.#options
    const fromMs = clock.now()
    const counts = new Map<string, number>()
    await this.#begin()
    await this.#drained(false)
    for (let steps = 0; ; steps++) {
      const next = this.#next
      if (next === null || next.atMs > targetMs) break
      if (steps === MAX_STEPS) throw tooMany(counts, fromMs, clock.now())
      counts.set(next.what, (counts.get(next.what) ?? 0) + 1)
      await this.#setTime(next.atMs)
      await this.#drained(false)
    }
    if (targetMs > clock.now()) await this.#setTime(targetMs)
    await this.#maintain()
    await this.#drained(true)
    this.#refuseHanging('advance')
  }

  /** Empties the tables and goes back to a time, as if the worker had just started. */
  async restart(nowMs: number): Promise<void> {
    const { schema, clock, passes } = this.#options
    await schema.empty()
    await schema.query(moveTime(schema.names, nowMs))
    clock.limits.moveTo(nowMs)
    this.#maintainedDay = dayOf(nowMs)
    passes.begin()
  }

  async #setTime(ms: number): Promise<void> {
    const { schema, clock, chancy, tally } = this.#options
    // A job that meets its limit gets the whole patience to end, and a child its kill.
    if ((clock.limits.nextEndMs ?? Number.POSITIVE_INFINITY) <= ms) tally.wait()
    const over = await schema.query<{ name: string }>(moveTime(schema.names, ms))
    clock.limits.moveTo(ms)
    for (const { name } of over) await chancy.resumeQueue(name)
  }

  get #next(): Point | null {
    const { clock, passes } = this.#options
    const nowMs = clock.now()
    const row = this.#nextRow
    const limitMs = clock.limits.nextEndMs
    const points = [
      row === undefined ? null : { atMs: row.at_ms, what: `${KINDS[row.kind]} "${row.name}"` },
      passes.next,
      limitMs === null ? null : { atMs: Math.ceil(limitMs), what: 'a time limit' },
    ]
    return points.reduce(
      (first, point) =>
        point !== null && point.atMs > nowMs && (first === null || point.atMs < first.atMs)
          ? point
          : first,
      null,
    )
  }

  /** What ran since then and was not there before may be without an end. */
  async #begin(): Promise<void> {
    const { schema, passes, tally } = this.#options
    const [row] = await schema.query<{ pushed: number }>(countPushed(schema.names))
    this.#maxAttempts = tally.attempts + MAX_STEPS + (row?.pushed ?? 0)
    await passes.look()
  }

  /** Resolves when nothing is due any more, or only jobs are left that run and do not end. */
  async #drained(hasArrived: boolean): Promise<void> {
    const { passes, clock, schema } = this.#options
    const nowMs = clock.now()
    for (let n = 0; n < MAX_PASSES; n++) {
      await passes.pass(nowMs, hasArrived)
      await this.#idle()
      const [[row]] = await Promise.all([
        schema.query<PointRow>(findNext(schema.names)),
        passes.look(),
      ])
      this.#nextRow = row
      // A row that an open transaction holds stays due.
      if ((passes.next?.atMs ?? Number.POSITIVE_INFINITY) > nowMs) return
    }
  }

  async #idle(): Promise<void> {
    const { worker, tally, patienceMs } = this.#options
    const over = new AbortController()
    let isIdle = false
    const idle = worker.idle(over.signal).then(
      () => {
        isIdle = true
      },
      (error) => {
        if (!over.signal.aborted) throw error
      },
    )
    const watch = async (): Promise<void> => {
      while (!isIdle && !over.signal.aborted) {
        await realSleep(CHECK_MS, over.signal)
        if (tally.attempts > this.#maxAttempts) throw tooManyAttempts(tally)
        if (tally.quietMs() >= patienceMs && tally.running.length > 0) return
      }
    }
    try {
      await Promise.race([idle, watch()])
    } finally {
      over.abort()
      await idle.catch(() => {})
    }
  }

  /** The history is kept as a worker keeps it that starts on this day. */
  async #maintain(): Promise<void> {
    const { clock, schema } = this.#options
    const day = dayOf(clock.now())
    if (day === this.#maintainedDay) return
    this.#maintainedDay = day
    await schema.maintain()
  }

  #refuseHanging(call: string): void {
    const { tally, patienceMs, clock } = this.#options
    const [first, ...others] = tally.running
    if (first === undefined) return
    const more = others.length === 0 ? '' : `, and ${others.length} more`
    // A limit that has come and was not honoured is not waited for any more.
    const why =
      clock.limits.nextEndMs === null
        ? "It has no time limit, or does not end at it: a time limit ends code that listens to context.signal, and any code only in children, testChancy({ executor: 'process' }). testChancy({ patience }) waits longer."
        : 'Time stands still: advance() moves it to a time limit, and testChancy({ patience }) waits longer.'
    throw new ChancyError(
      'TEST_JOB_RUNS',
      `${call}: the job "${first.name}" (${first.id}, attempt ${first.attempts})${more} runs and has not ended within ${patienceMs} ms. ${why}`,
      { details: { ids: tally.running.map(({ id }) => id) } },
    )
  }
}

const dayOf = (ms: number): number => Math.floor(ms / DAY_MS)
const shown = (ms: number): string => new Date(ms).toISOString()

function tooMany(counts: ReadonlyMap<string, number>, fromMs: number, nowMs: number): ChancyError {
  return new ChancyError(
    'TEST_ENDLESS',
    `advance: stopped after ${MAX_STEPS} steps, on the way from ${shown(fromMs)} at ${shown(nowMs)}. What came due: ${mostOf(counts)}. Advance in shorter stretches, or correct what repeats itself.`,
  )
}

function tooManyAttempts(tally: AttemptTally): ChancyError {
  return new ChancyError(
    'TEST_ENDLESS',
    `drain: stopped, since jobs come due again and again without time moving. What ran: ${mostOf(tally.names)}. A job that is snoozed or retried without a delay, or that pushes itself, never ends.`,
  )
}

/** The most frequent ones, with how often they came. */
function mostOf(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3)
    .map(([what, count]) => `${what} ${count} times`)
    .join(', ')
}
