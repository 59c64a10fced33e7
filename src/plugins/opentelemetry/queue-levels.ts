import type { ObservableResult } from '@opentelemetry/api'
import { isChancyError } from '../../core/errors.ts'
import type { PassContext } from '../../plugin/index.ts'
import { getGauges, type QueueGauges } from '../metrics/metrics.ts'
import { ATTR_DESTINATION, ATTR_JOB_STATE, ATTR_SYSTEM, SYSTEM } from './conventions.ts'

/** How often the levels are read, and after which time they are no longer reported, in milliseconds. */
const [READ_MS, KEPT_MS] = [5_000, 15_000]
/** How often to check again where the metrics plugin is missing, in milliseconds. */
const MISSING_MS = 3_600_000
const STATES = ['waiting', 'running', 'scheduled', 'blocked'] as const

/**
 * The jobs of each queue as the metrics plugin counts them. The worker that leads reads them, so that one process
 * of the fleet reports; a worker that no longer leads reports no more after 15 seconds.
 */
export class QueueLevels {
  #read: { readonly until: number; readonly queues: readonly QueueGauges[] } | null = null
  #monotonic: () => number = () => 0

  /** One round of the loop; returns how long to wait for the next. */
  async pass(context: PassContext): Promise<number> {
    try {
      const { queues } = await getGauges(context)
      this.#monotonic = () => context.clock.monotonic()
      this.#read = { until: this.#monotonic() + KEPT_MS, queues }
      return READ_MS
    } catch (error) {
      if (isChancyError(error) && error.code === 'PLUGIN_MISSING') return MISSING_MS
      throw error
    }
  }

  observe(result: ObservableResult): void {
    if (this.#read === null || this.#monotonic() > this.#read.until) return
    for (const one of this.#read.queues) {
      for (const state of STATES) {
        result.observe(one[state], {
          [ATTR_SYSTEM]: SYSTEM,
          [ATTR_DESTINATION]: one.queue,
          [ATTR_JOB_STATE]: state,
        })
      }
    }
  }
}
