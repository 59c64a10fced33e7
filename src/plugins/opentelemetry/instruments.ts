import type { Attributes, Counter, Histogram, MeterProvider } from '@opentelemetry/api'
import { VERSION } from '../../core/version.ts'
import type { PushedJob } from '../../plugin/hooks/pushed-job.ts'
import type { SavedAttempt } from '../../plugin/hooks/saved-attempt.ts'
import type { Api } from './api.ts'
import {
  ATTR_DESTINATION,
  ATTR_ERROR_TYPE,
  ATTR_JOB_NAME,
  ATTR_OPERATION_NAME,
  ATTR_SYSTEM,
  DURATION_BUCKETS,
  METRIC_CONSUMED,
  METRIC_PROCESS_DURATION,
  METRIC_QUEUE_JOBS,
  METRIC_SENT,
  METRIC_WAIT_DURATION,
  PROCESS,
  PUSH,
  SCHEMA_URL,
  SCOPE,
  SYSTEM,
  WAIT_BUCKETS,
} from './conventions.ts'
import { errorTypeOfFailure } from './error-type.ts'
import type { QueueLevels } from './queue-levels.ts'

/** What is counted and measured, by the queue and the name of the jobs. */
export class Instruments {
  readonly #sent: Counter
  readonly #consumed: Counter
  readonly #processMs: Histogram
  readonly #waitMs: Histogram

  private constructor(provider: MeterProvider, levels: QueueLevels) {
    const meter = provider.getMeter(SCOPE, VERSION, { schemaUrl: SCHEMA_URL })
    this.#sent = meter.createCounter(METRIC_SENT, {
      unit: '{message}',
      description: 'Jobs that were handed over to the database.',
    })
    this.#consumed = meter.createCounter(METRIC_CONSUMED, {
      unit: '{message}',
      description: 'Attempts that were given to the functions of jobs.',
    })
    this.#processMs = meter.createHistogram(METRIC_PROCESS_DURATION, {
      unit: 's',
      description: 'How long attempts ran.',
      advice: { explicitBucketBoundaries: DURATION_BUCKETS },
    })
    this.#waitMs = meter.createHistogram(METRIC_WAIT_DURATION, {
      unit: 's',
      description: 'How long jobs waited for their first attempt since they could run.',
      advice: { explicitBucketBoundaries: WAIT_BUCKETS },
    })
    const jobs = meter.createObservableGauge(METRIC_QUEUE_JOBS, {
      unit: '{job}',
      description: 'Jobs that have not finished, as the worker that leads counts them.',
    })
    jobs.addCallback((result) => levels.observe(result))
  }

  /** Those of the SDK that is registered at the time of the call, or null. */
  static source(
    api: Pick<Api, 'metrics' | 'createNoopMeter'>,
    levels: QueueLevels,
  ): () => Instruments | null {
    let known: MeterProvider | null = null
    let instruments: Instruments | null = null
    return () => {
      const provider = api.metrics.getMeterProvider()
      if (provider === known) return instruments
      known = provider
      const isNoop = provider.getMeter(SCOPE) === api.createNoopMeter()
      instruments = isNoop ? null : new Instruments(provider, levels)
      return instruments
    }
  }

  pushed(job: PushedJob): void {
    this.#sent.add(1, attributesOf(PUSH.name, job))
  }

  saved(attempt: SavedAttempt): void {
    const { wallMs, waitMs, error, isReleased } = attempt
    const attributes = attributesOf(PROCESS.name, attempt)
    if (waitMs !== null) this.#waitMs.record(waitMs / 1_000, attributes)
    // It has not begun, or was ended by the stop of the worker and will be made again.
    if (wallMs === null || isReleased) return
    const outcome =
      error === null ? attributes : { ...attributes, [ATTR_ERROR_TYPE]: errorTypeOfFailure(error) }
    this.#consumed.add(1, outcome)
    this.#processMs.record(wallMs / 1_000, outcome)
  }
}

function attributesOf(
  operation: string,
  { queue, name }: { readonly queue: string; readonly name: string },
): Attributes {
  return {
    [ATTR_SYSTEM]: SYSTEM,
    [ATTR_OPERATION_NAME]: operation,
    [ATTR_DESTINATION]: queue,
    [ATTR_JOB_NAME]: name,
  }
}
