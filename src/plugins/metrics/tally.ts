import type { SavedAttempt } from '../../plugin/index.ts'
import {
  DISTRIBUTIONS,
  type Entry,
  OTHER,
  OUTCOMES,
  type OutcomeName,
  TIME_NAMES,
  type TimeName,
} from './series.ts'
import { Sketch } from './sketch.ts'

/** A series that counted nothing in this many flushes is removed from memory. */
const IDLE_FLUSHES = 30
const INDEX = Object.fromEntries(OUTCOMES.map((name, n) => [name, n])) as Record<
  OutcomeName,
  number
>

/** Attempts of one queue and name. */
class JobCounts {
  readonly counts = new Float64Array(OUTCOMES.length)
  readonly wait = new Sketch(DISTRIBUTIONS.wait.range)
  readonly run = new Sketch(DISTRIBUTIONS.run.range)
  readonly cpu = new Sketch(DISTRIBUTIONS.cpu.range)
  idleFlushes = 0

  add(outcome: OutcomeName): void {
    const n = INDEX[outcome]
    this.counts[n] = (this.counts[n] ?? 0) + 1
    this.idleFlushes = 0
  }

  clear(): void {
    this.counts.fill(0)
    for (const name of TIME_NAMES) this[name].clear()
  }
}

/**
 * What one worker, or a process without one, has counted since its last flush. The series stay in memory between
 * flushes: making them again for each batch of outcomes would cost as much as counting.
 */
export class Tally {
  readonly #limit: number
  readonly #queues = new Map<string, Map<string, JobCounts>>()
  readonly #measured = new Map<string, Sketch>()
  #series = 0
  #isEmpty = true

  /** `limit`: of series in memory. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get isEmpty(): boolean {
    return this.#isEmpty
  }

  /** Counts an attempt that was saved: everything that jobs pay for being measured. */
  add(saved: SavedAttempt): void {
    const counts = this.#of(saved.queue, saved.name)
    counts.add(outcomeOf(saved))
    const { waitMs, wallMs, cpuMs } = saved
    if (waitMs !== null) counts.wait.add(waitMs, DISTRIBUTIONS.wait.scale)
    if (wallMs !== null) counts.run.add(wallMs, DISTRIBUTIONS.run.scale)
    if (cpuMs !== null) counts.cpu.add(cpuMs, DISTRIBUTIONS.cpu.scale)
  }

  /** Counts an attempt of which nothing but its end is known. */
  addOutcome(queue: string, name: string, outcome: OutcomeName): void {
    this.#of(queue, name).add(outcome)
  }

  measure(name: string, value: number): void {
    this.#isEmpty = false
    const isKnown = this.#measured.has(name) || this.#measured.size < this.#limit
    const known = isKnown ? name : OTHER
    let sketch = this.#measured.get(known)
    if (sketch === undefined) {
      sketch = new Sketch(DISTRIBUTIONS.custom.range)
      this.#measured.set(known, sketch)
    }
    sketch.add(value)
  }

  /** Returns what was counted, and begins again. */
  take(): Entry[] {
    const entries: Entry[] = []
    for (const [queue, names] of this.#queues) {
      for (const [name, counts] of names) {
        if (counts.counts.some((count) => count > 0)) entries.push(jobEntry(queue, name, counts))
        counts.clear()
        if (++counts.idleFlushes <= IDLE_FLUSHES) continue
        names.delete(name)
        this.#series--
      }
      if (names.size === 0) this.#queues.delete(queue)
    }
    for (const [name, sketch] of this.#measured) entries.push(measureEntry(name, sketch))
    this.#measured.clear()
    this.#isEmpty = true
    return entries
  }

  #of(queue: string, name: string): JobCounts {
    this.#isEmpty = false
    const found = this.#queues.get(queue)?.get(name)
    if (found !== undefined) return found
    if (this.#series < this.#limit) return this.#make(queue, name)
    // The queue keeps its own sum as long as it is known.
    const known = this.#queues.has(queue) ? queue : OTHER
    return this.#queues.get(known)?.get(OTHER) ?? this.#make(known, OTHER)
  }

  #make(queue: string, name: string): JobCounts {
    let names = this.#queues.get(queue)
    if (names === undefined) {
      names = new Map()
      this.#queues.set(queue, names)
    }
    const counts = new JobCounts()
    names.set(name, counts)
    this.#series++
    return counts
  }
}

function outcomeOf(saved: SavedAttempt): OutcomeName {
  const { state } = saved
  if (state === 'pending') return saved.isReleased ? 'released' : 'snoozed'
  if (state === 'retrying') return saved.error?.kind === 'crash' ? 'crashed' : 'retried'
  return state
}

function jobEntry(queue: string, name: string, counts: JobCounts): Entry {
  const sketches = TIME_NAMES.map((time) => counts[time])
  return { k: 'job', q: queue, n: name, c: [...counts.counts], ...spread(sketches, TIME_NAMES) }
}

function measureEntry(name: string, sketch: Sketch): Entry {
  return { k: 'custom', q: '', n: name, c: [sketch.count], ...spread([sketch], ['custom']) }
}

function spread(
  sketches: readonly Sketch[],
  names: readonly (TimeName | 'custom')[],
): Pick<Entry, 's' | 'm' | 'b' | 'a'> {
  const buckets: number[] = []
  const amounts: number[] = []
  for (const [n, name] of names.entries()) {
    for (const [bucket, amount] of sketches[n]?.buckets() ?? []) {
      buckets.push(bucket + DISTRIBUTIONS[name].offset)
      amounts.push(amount)
    }
  }
  return {
    s: sketches.map(({ sum }) => sum),
    m: sketches.map(({ max }) => max),
    b: buckets,
    a: amounts,
  }
}
