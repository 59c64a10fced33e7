/**
 * Loaded where the functions of jobs run: in a child, or in the worker for `inline`. It loads the API alone;
 * the SDK is that of the application, and where there is none, nothing happens.
 */

import type { Span, Tracer } from '@opentelemetry/api'
import * as api from '@opentelemetry/api'
import type { Context } from '../../core/context.ts'
import { endingOf } from '../../core/ending.ts'
import type { MakeAround } from '../../plugin/parts/around.ts'
import { ATTR_ERROR_TYPE, ATTR_JOB_ATTEMPT, jobAttributes, PROCESS } from './conventions.ts'
import { errorTypeOf } from './error-type.ts'
import type { LinkKind } from './link-kind.ts'
import { spanContextOf } from './trace-context.ts'
import { tracerSource } from './tracer.ts'

type Run = () => Promise<unknown>

const makeAround: MakeAround<{ readonly link: LinkKind }> = ({ link }) => {
  const tracerNow = tracerSource(api)
  const around = (context: Context, run: Run): Promise<unknown> => {
    const tracer = tracerNow()
    return tracer === null ? run() : processed(tracer, link, context, run)
  }
  return Object.assign(around, { isIdle: () => tracerNow() === null, flush: flushSpans })
}
export default makeAround

/** What the SDK has for that, which the API does not know. */
interface Flushing {
  forceFlush?(): Promise<void>
}

/** A child that is replaced takes with it what its SDK has not exported. */
async function flushSpans(): Promise<void> {
  const provider = api.trace.getTracerProvider() as { getDelegate?(): Flushing } & Flushing
  const sdk = provider.getDelegate?.() ?? provider
  const meters = api.metrics.getMeterProvider() as Flushing
  await Promise.all([sdk.forceFlush?.(), meters.forceFlush?.()])
}

/** Never under what is active here: an inline attempt begins in whatever context its claim was made. */
async function processed(
  tracer: Tracer,
  link: LinkKind,
  context: Context,
  run: Run,
): Promise<unknown> {
  const { job } = context
  const pushed = spanContextOf(api, job.meta)
  const isChild = pushed !== null && link === 'parent'
  const above = isChild ? api.trace.setSpanContext(api.ROOT_CONTEXT, pushed) : api.ROOT_CONTEXT
  const span = tracer.startSpan(
    `${PROCESS.name} ${job.name}`,
    {
      kind: api.SpanKind.CONSUMER,
      attributes: { ...jobAttributes(PROCESS, job), [ATTR_JOB_ATTEMPT]: context.attempt },
      links: pushed === null || isChild ? [] : [{ context: pushed }],
    },
    above,
  )
  try {
    return await api.context.with(api.trace.setSpan(above, span), run)
  } catch (thrown) {
    if (endingOf(thrown)?.kind !== 'snooze') record(span, thrown)
    throw thrown
  } finally {
    span.end()
  }
}

/** A retry that was asked for says little: what went wrong is in its cause. */
function record(span: Span, thrown: unknown): void {
  const cause = endingOf(thrown) === null ? undefined : (thrown as Error).cause
  const error = cause instanceof Error ? cause : thrown
  const message = error instanceof Error ? error.message : String(error)
  span.recordException(error instanceof Error ? error : { name: errorTypeOf(error), message })
  span.setAttribute(ATTR_ERROR_TYPE, errorTypeOf(error))
  span.setStatus({ code: api.SpanStatusCode.ERROR, message })
}
