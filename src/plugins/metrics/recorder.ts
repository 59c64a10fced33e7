import { randomUUID } from 'node:crypto'
import { callAfter } from '../../core/clock.ts'
import { loggedError } from '../../database/logged-error.ts'
import { classify } from '../../database/retry.ts'
import type { PluginAccess } from '../../plugin/index.ts'
import type { Settings } from './settings.ts'
import { addCounts } from './statements/writing.ts'
import { Tally } from './tally.ts'

/**
 * How long a flush that may have been written is repeated, in milliseconds: its row stays for 15 minutes, and one
 * that was removed meanwhile would be counted twice.
 */
const REPEAT_MS = 600_000
/** How long one flush may take, in milliseconds. */
const DEADLINE_MS = 5_000

/** What was taken of a tally and is not known to be written. */
interface Batch {
  readonly seq: number
  readonly data: string
  /** The middle of the time in which it was counted, by the monotonic clock. */
  readonly countedAt: number
  /** Since when it may have been written. */
  doubtfulSince: number | null
}

/** What counts under one id. */
interface Source {
  readonly tally: Tally
  seq: number
  /** When the tally began to count, by the monotonic clock. */
  since: number
  batch: Batch | null
}

/**
 * What one application counts in this process: for each of its workers, and for itself. A batch whose write failed
 * is kept as it is and written again under its number, so that it is counted once; meanwhile the tally continues.
 */
export class Recorder {
  readonly #access: PluginAccess
  readonly #settings: Settings
  readonly #ownId = randomUUID()
  readonly #sources = new Map<string, Source>()
  #flushing: Promise<void> = Promise.resolve()
  #isTimed = false

  constructor(access: PluginAccess, settings: Settings) {
    this.#access = access
    this.#settings = settings
    access.on('jobs.recovered', ({ jobs }) => {
      for (const { queue, name, state } of jobs)
        this.of(this.#ownId).addOutcome(queue, name, state === 'pending' ? 'crashed' : state)
    })
  }

  /** Of a worker, by its present id. */
  of(id: string): Tally {
    return this.#source(id).tally
  }

  /** Counts a measurement, which is written also where no worker flushes. */
  measure(name: string, value: number): void {
    const source = this.#source(this.#ownId)
    if (source.tally.isEmpty) source.since = this.#access.clock.monotonic()
    source.tally.measure(name, value)
    this.#flushLater()
  }

  /** The timer keeps no process alive. */
  #flushLater(): void {
    if (this.#isTimed) return
    this.#isTimed = true
    const { clock, log } = this.#access
    const flush = (): void => {
      this.#isTimed = false
      this.flush().catch((error) => {
        log.debug(loggedError(error), 'metrics not written, and written again later')
        this.#flushLater()
      })
    }
    callAfter(clock, this.#settings.flushMs, flush, 'lets-process-end')
  }

  /** Writes what was counted until now. One after the other. @throws what the database says */
  flush(): Promise<void> {
    const next = this.#flushing.then(() => this.#flush())
    this.#flushing = next.catch(() => {})
    return next
  }

  async #flush(): Promise<void> {
    for (const [id, source] of this.#sources) {
      // First what failed before.
      if (source.batch !== null) await this.#write(id, source)
      if (source.batch === null) this.#take(source)
      if (source.batch !== null) await this.#write(id, source)
    }
  }

  #take(source: Source): void {
    const now = this.#access.clock.monotonic()
    const entries = source.tally.take()
    if (entries.length > 0) {
      source.batch = {
        seq: source.seq++,
        data: JSON.stringify(entries),
        countedAt: (source.since + now) / 2,
        doubtfulSince: null,
      }
    }
    source.since = now
  }

  async #write(id: string, source: Source): Promise<void> {
    const { batch } = source
    if (batch === null) return
    const { database, clock, log } = this.#access
    const now = clock.monotonic()
    if (batch.doubtfulSince !== null && now - batch.doubtfulSince > REPEAT_MS) {
      log.warn({}, 'metrics given up: whether they were written is not known')
      source.batch = null
      return
    }
    try {
      const values = [id, batch.seq, now - batch.countedAt, batch.data] as const
      await database.run(addCounts, values, { deadlineMs: DEADLINE_MS })
      source.batch = null
    } catch (error) {
      const verdict = classify(error)
      // What the database refuses for its content will be refused again.
      if (verdict === 'caller') source.batch = null
      if (verdict === 'ambiguous') batch.doubtfulSince ??= now
      throw error
    }
  }

  #source(id: string): Source {
    let source = this.#sources.get(id)
    if (source === undefined) {
      const since = this.#access.clock.monotonic()
      source = { tally: new Tally(this.#settings.series), seq: 0, since, batch: null }
      this.#sources.set(id, source)
    }
    return source
  }
}
