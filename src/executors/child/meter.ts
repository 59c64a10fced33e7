import { getHeapStatistics } from 'node:v8'

/** What a child has used so far. */
export interface Reading {
  readonly cpuMs: number
  /** The most memory since the child began. */
  readonly highestBytes: number
}

export interface Meter {
  read(): Reading
  /** Memory now; measured not more often than every `SAMPLE_MS`, since it costs more than a short job. */
  bytes(nowMs: number): number
}

const SAMPLE_MS = 50

abstract class Sampled {
  #bytes = 0
  #sampledAt = Number.NEGATIVE_INFINITY

  bytes(nowMs: number): number {
    if (nowMs - this.#sampledAt > SAMPLE_MS) {
      this.#sampledAt = nowMs
      this.#bytes = this.measure()
    }
    return this.#bytes
  }

  protected abstract measure(): number
}

/** The resident memory and the CPU time of the whole process: exact while one job runs. */
export class ProcessMeter extends Sampled implements Meter {
  read(): Reading {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
    return { cpuMs: (userCPUTime + systemCPUTime) / 1_000, highestBytes: maxRSS * 1_024 }
  }

  protected override measure(): number {
    return process.memoryUsage.rss()
  }
}

/** Its heap, and the time its loop was not idle where Node does not measure the CPU time of a thread. */
export class ThreadMeter extends Sampled implements Meter {
  #highestBytes = 0

  read(): Reading {
    return { cpuMs: threadCpuMs(), highestBytes: this.#highestBytes }
  }

  protected override measure(): number {
    const { used_heap_size, external_memory } = getHeapStatistics()
    const bytes = used_heap_size + external_memory
    this.#highestBytes = Math.max(this.#highestBytes, bytes)
    return bytes
  }
}

const { threadCpuUsage } = process as {
  threadCpuUsage?: () => { readonly user: number; readonly system: number }
}

function threadCpuMs(): number {
  if (threadCpuUsage === undefined) return performance.eventLoopUtilization().active
  const { user, system } = threadCpuUsage()
  return (user + system) / 1_000
}
