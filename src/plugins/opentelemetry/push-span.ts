import type { Tracer } from '@opentelemetry/api'
import type { PushedJob } from '../../plugin/hooks/pushed-job.ts'
import type { Api } from './api.ts'
import { jobAttributes, PUSH } from './conventions.ts'
import { carrierOf, META_KEY, spanContextOf } from './trace-context.ts'

/**
 * Gives a job a span of its own under what the caller does: the parent of its attempts. It ends when the job is
 * handed over to the database client, since one statement may carry many jobs. A job that comes with a context
 * keeps that one.
 */
export function pushSpan(api: Api, tracer: Tracer, job: PushedJob): PushedJob {
  if (META_KEY in job.meta && spanContextOf(api, job.meta) !== null) return job
  const span = tracer.startSpan(`${PUSH.name} ${job.queue}`, {
    kind: api.SpanKind.PRODUCER,
    attributes: jobAttributes(PUSH, job),
  })
  const context = span.spanContext()
  span.end()
  if (!api.isSpanContextValid(context)) return job
  return { ...job, meta: { ...job.meta, [META_KEY]: carrierOf(context) } }
}
