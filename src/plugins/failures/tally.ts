import { fingerprintOf, fingerprintToBigint, ownFrames } from '../../core/fingerprint.ts'
import type { AttemptErrorKind } from '../../core/queued-job.ts'
import type { RecoveredJob } from '../../events/event-map.ts'
import type { SavedAttempt } from '../../plugin/hooks/saved-attempt.ts'

/** What one flush says of a group: short names, since a storm has many of them. */
export interface Entry {
  /** The fingerprint, as PostgreSQL has it. */
  readonly f: string
  readonly name: string
  readonly kind: AttemptErrorKind
  readonly error: string
  message: string
  readonly frames: readonly string[]
  readonly version: string | null
  /** When it failed first and last, in milliseconds. */
  first: number
  last: number
  n: number
  /** The newest jobs last. */
  readonly samples: string[]
  /** By hour, in milliseconds, and queue. */
  readonly hours: [hour: number, queue: string, n: number][]
}

/** Groups between two flushes: what is over that is left out, and is counted again when it fails again. */
const MAX_GROUPS = 2_000
const MAX_SAMPLES = 5
const MAX_MESSAGE = 1_000
const HOUR_MS = 3_600_000

interface Failure {
  readonly fingerprint: string
  readonly id: string
  readonly name: string
  readonly queue: string
  readonly kind: AttemptErrorKind
  readonly error: string
  readonly message: string
  readonly stack: string | null
  readonly atMs: number
}

/** Counts failures by their fingerprint. */
export class Tally {
  #entries = new Map<string, Entry>()

  get isEmpty(): boolean {
    return this.#entries.size === 0
  }

  add(saved: SavedAttempt, version: string | null): void {
    if (saved.state === 'succeeded') return
    const { error } = saved
    if (error?.fingerprint === undefined) return
    const { fingerprint, kind, name, message, stack, at } = error
    const { id, queue } = saved
    this.#add(
      {
        fingerprint,
        id,
        queue,
        kind,
        message,
        stack,
        name: saved.name,
        error: name,
        atMs: at.getTime(),
      },
      version,
    )
  }

  /** A job whose workers were lost too often failed without an attempt that ended. */
  addLost({ id, name, queue }: RecoveredJob, atMs: number): void {
    const thrown = { name: 'AttemptError', message: LOST, stack: null }
    const fingerprint = fingerprintOf(name, 'crash', thrown)
    this.#add(
      {
        fingerprint,
        id,
        name,
        queue,
        atMs,
        kind: 'crash',
        error: thrown.name,
        message: LOST,
        stack: null,
      },
      null,
    )
  }

  /** Everything that was counted, in the order of the key: flushes of all workers lock groups in it. */
  take(): Entry[] {
    const taken = [...this.#entries.values()]
    this.#entries = new Map()
    return taken.sort((a, b) => (BigInt(a.f) < BigInt(b.f) ? -1 : 1))
  }

  /** What was taken and is surely not written. */
  putBack(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const known = this.#entries.get(entry.f)
      if (known === undefined) {
        if (this.#entries.size < MAX_GROUPS) this.#entries.set(entry.f, entry)
        continue
      }
      known.n += entry.n
      known.first = Math.min(known.first, entry.first)
      for (const [hour, queue, n] of entry.hours) count(known, hour, queue, n)
    }
  }

  #add(failure: Failure, version: string | null): void {
    const f = fingerprintToBigint(failure.fingerprint)
    const { id, name, kind, error, message, stack, atMs, queue } = failure
    let entry = this.#entries.get(f)
    if (entry === undefined) {
      if (this.#entries.size >= MAX_GROUPS) return
      const frames = ownFrames(stack)
      const counts = { n: 0, samples: [], hours: [] }
      entry = { f, name, kind, error, message, frames, version, first: atMs, last: atMs, ...counts }
      this.#entries.set(f, entry)
    }
    entry.n++
    entry.message = message.slice(0, MAX_MESSAGE)
    entry.first = Math.min(entry.first, atMs)
    entry.last = Math.max(entry.last, atMs)
    if (entry.samples.at(-1) !== id) entry.samples.push(id)
    if (entry.samples.length > MAX_SAMPLES) entry.samples.shift()
    count(entry, atMs - (atMs % HOUR_MS), queue, 1)
  }
}

const LOST = 'The worker of this job was lost 3 times.'

function count({ hours }: Entry, hour: number, queue: string, n: number): void {
  const known = hours.find(([at, of]) => at === hour && of === queue)
  if (known === undefined) hours.push([hour, queue, n])
  else known[2] += n
}
