/**
 * The names of spans, attributes and metrics: those of the semantic conventions for messaging where they have one.
 * Messaging is marked experimental there, and names have changed between versions, so they are written out
 * here, for one version. `messaging.system.name` was `messaging.system` until 1.43.
 */

export const CONVENTIONS_VERSION = '1.45.0'
/** Of the tracer and the meter. */
export const SCOPE = 'chancy'
export const SCHEMA_URL = `https://opentelemetry.io/schemas/${CONVENTIONS_VERSION}`

export const SYSTEM = 'chancy'
export const ATTR_SYSTEM = 'messaging.system.name'
/** The queue. */
export const ATTR_DESTINATION = 'messaging.destination.name'
export const ATTR_OPERATION_NAME = 'messaging.operation.name'
export const ATTR_OPERATION_TYPE = 'messaging.operation.type'
/** The id of the job. */
export const ATTR_MESSAGE_ID = 'messaging.message.id'
export const ATTR_ERROR_TYPE = 'error.type'
export const ATTR_JOB_NAME = 'chancy.job.name'
export const ATTR_JOB_ATTEMPT = 'chancy.job.attempt'
/** `waiting`, `running`, `scheduled` or `blocked`. */
export const ATTR_JOB_STATE = 'chancy.job.state'

export const PUSH = { name: 'push', type: 'create' } as const
export const PROCESS = { name: 'process', type: 'process' } as const

/** Counters, of jobs. */
export const METRIC_SENT = 'messaging.client.sent.messages'
export const METRIC_CONSUMED = 'messaging.client.consumed.messages'
/** Histograms, in seconds. */
export const METRIC_PROCESS_DURATION = 'messaging.process.duration'
export const METRIC_WAIT_DURATION = 'chancy.job.wait.duration'
/** A gauge, of jobs that have not finished. */
export const METRIC_QUEUE_JOBS = 'chancy.queue.jobs'

/** The buckets that the conventions advise, in seconds. */
export const DURATION_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]
/** A job may wait for hours. */
export const WAIT_BUCKETS = [
  ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  ...[60, 300, 900, 3_600, 14_400, 86_400],
]

/** The attributes that a push and an attempt have in common. */
export function jobAttributes(
  operation: { readonly name: string; readonly type: string },
  job: { readonly id: string; readonly name: string; readonly queue: string },
): Record<string, string | number> {
  return {
    [ATTR_SYSTEM]: SYSTEM,
    [ATTR_OPERATION_NAME]: operation.name,
    [ATTR_OPERATION_TYPE]: operation.type,
    [ATTR_DESTINATION]: job.queue,
    [ATTR_MESSAGE_ID]: job.id,
    [ATTR_JOB_NAME]: job.name,
  }
}
