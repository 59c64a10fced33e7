import type { Clock } from '../../core/clock.ts'
import type { QueueSlots, WorkerFigures } from '../../core/worker-figures.ts'

/** Rates are of so long, in milliseconds. */
const WINDOW_MS = 60_000
/** The row of a worker is written with each renewal. */
const MAX_QUEUES = 100

export interface FigureFacts {
  readonly clock: Clock
  readonly slots: () => readonly QueueSlots[]
  /** Attempts that were saved since the start. */
  readonly ended: () => number
}

interface Sample {
  readonly atMs: number
  readonly ended: number
  readonly cpuMs: number
}

/** The figures of a worker, as a text that its next renewal writes. */
export class FigureSampler {
  readonly #facts: FigureFacts
  /** Of the last minute, and one before it. */
  readonly #samples: Sample[] = []

  constructor(facts: FigureFacts) {
    this.#facts = facts
  }

  /** To be called once a second or less often. */
  sample(): string {
    const { clock, slots, ended } = this.#facts
    const { user, system } = process.cpuUsage()
    const now = { atMs: clock.monotonic(), ended: ended(), cpuMs: (user + system) / 1_000 }
    this.#samples.push(now)
    while ((this.#samples[1]?.atMs ?? now.atMs) < now.atMs - WINDOW_MS) this.#samples.shift()
    const first = this.#samples[0] ?? now
    const tookMs = Math.max(1, now.atMs - first.atMs)
    const figures: WorkerFigures = {
      slots: busiest(slots()),
      endedPerSecond: rounded(((now.ended - first.ended) * 1_000) / tookMs),
      cpu: rounded((now.cpuMs - first.cpuMs) / tookMs),
      memoryBytes: process.memoryUsage.rss(),
    }
    return JSON.stringify(figures)
  }
}

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000

function busiest(slots: readonly QueueSlots[]): readonly QueueSlots[] {
  if (slots.length <= MAX_QUEUES) return slots
  return [...slots].sort((a, b) => b.busy - a.busy).slice(0, MAX_QUEUES)
}
