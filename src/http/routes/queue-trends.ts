/** How the number of waiting jobs of each queue moves, from the counts that this process has read. */
import type { Chancy } from '../../app/chancy.ts'
import type { WireQueue } from '../shapes/queue.ts'

/** Counts are compared over so long at most, and at least, in milliseconds. */
const [MOST_MS, LEAST_MS] = [300_000, 20_000]
/** Counts closer to each other than this are one, in milliseconds. */
const APART_MS = 10_000
/** A change of less than that many jobs a second is none. */
const STEADY = 0.01

interface Sample {
  readonly atMs: number
  readonly waiting: number
}

const trends = new WeakMap<Chancy, QueueTrends>()

/** Those of an application: what one request has read serves the next one. */
export function trendsOf(chancy: Chancy): QueueTrends {
  const found = trends.get(chancy) ?? new QueueTrends()
  trends.set(chancy, found)
  return found
}

/** Nothing is stored, and no job pays: a process that was not asked for a while has no forecast for some seconds. */
export class QueueTrends {
  #samples = new Map<string, Sample[]>()

  /** Takes counts and says of each queue where they lead; null: it is not known. */
  forecasts(
    counts: readonly {
      readonly queue: string
      readonly waiting: number
      readonly ageMs: number | null
    }[],
    nowMs: number,
  ): Map<string, WireQueue['forecast']> {
    const samples = new Map<string, Sample[]>()
    const found = new Map<string, WireQueue['forecast']>()
    for (const { queue, waiting, ageMs } of counts) {
      if (ageMs === null) continue
      const now = { atMs: nowMs - ageMs, waiting }
      const kept = (this.#samples.get(queue) ?? []).filter(({ atMs }) => atMs > now.atMs - MOST_MS)
      if (now.atMs - (kept.at(-1)?.atMs ?? 0) >= APART_MS) kept.push(now)
      samples.set(queue, kept)
      found.set(queue, forecastOf(kept[0] ?? now, now))
    }
    // Queues that are gone are forgotten.
    this.#samples = samples
    return found
  }
}

function forecastOf(first: Sample, now: Sample): WireQueue['forecast'] {
  const tookMs = now.atMs - first.atMs
  if (tookMs < LEAST_MS) return null
  const perSecond = ((now.waiting - first.waiting) * 1_000) / tookMs
  if (perSecond > STEADY) return { drainMs: null, growsPerSecond: perSecond }
  if (now.waiting === 0) return { drainMs: 0, growsPerSecond: null }
  const drains = perSecond < -STEADY
  return {
    drainMs: drains ? Math.round((now.waiting / -perSecond) * 1_000) : null,
    growsPerSecond: null,
  }
}
