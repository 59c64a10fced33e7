import type { SpanContext } from '@opentelemetry/api'
import type { Api } from './api.ts'

/** The key in the meta of a job. */
export const META_KEY = 'opentelemetry'

/** The context of a span in the meta of a job, in the form of W3C Trace Context. */
export interface Carrier {
  readonly traceparent: string
  readonly tracestate?: string
}

const VERSION = '00'
/** Of a later version there may be more behind the flags. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
/** The most that W3C asks to keep; what is longer is left out. */
const MAX_TRACESTATE = 512

/**
 * Written by this plugin itself, and not by the propagator of the application: the worker, its children and
 * the process that pushes may be configured differently, and baggage is not for a table.
 */
export function carrierOf({ traceId, spanId, traceFlags, traceState }: SpanContext): Carrier {
  const flags = (traceFlags & 0xff).toString(16).padStart(2, '0')
  const traceparent = `${VERSION}-${traceId}-${spanId}-${flags}`
  const tracestate = traceState?.serialize() ?? ''
  const isKept = tracestate !== '' && tracestate.length <= MAX_TRACESTATE
  return isKept ? { traceparent, tracestate } : { traceparent }
}

/** The context that the meta of a job has, or null: it may have been written by anything. */
export function spanContextOf(
  api: Pick<Api, 'createTraceState' | 'isSpanContextValid'>,
  meta: Readonly<Record<string, unknown>>,
): SpanContext | null {
  const carrier = meta[META_KEY] as Partial<Record<keyof Carrier, unknown>> | null | undefined
  if (typeof carrier !== 'object' || carrier === null) return null
  const { traceparent, tracestate } = carrier
  const [, version, traceId = '', spanId = '', flags = '', rest] =
    (typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent) : null) ?? []
  if (version === undefined || version === 'ff') return null
  if (version === VERSION && rest !== undefined) return null
  const hasState = typeof tracestate === 'string' && tracestate !== ''
  const found: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(hasState ? { traceState: api.createTraceState(tracestate) } : {}),
  }
  return api.isSpanContextValid(found) ? found : null
}
