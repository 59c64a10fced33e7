import type { Tracer, TracerOptions, TracerProvider } from '@opentelemetry/api'
import { VERSION } from '../../core/version.ts'
import type { Api } from './api.ts'
import { SCHEMA_URL, SCOPE } from './conventions.ts'

const OPTIONS: TracerOptions = { schemaUrl: SCHEMA_URL }

/** What the API puts in front of an SDK that may be registered later. */
interface Proxy extends TracerProvider {
  getDelegateTracer?(name: string, version: string, options: TracerOptions): Tracer | undefined
}

/**
 * The tracer of the SDK that is registered at the time of the call, or null. A job module may register one
 * after this plugin was loaded.
 */
export function tracerSource({ trace }: Pick<Api, 'trace'>): () => Tracer | null {
  let known: { readonly provider: TracerProvider; readonly tracer: Tracer } | null = null
  return () => {
    const provider: Proxy = trace.getTracerProvider()
    if (known?.provider === provider) return known.tracer
    const tracer =
      provider.getDelegateTracer === undefined
        ? provider.getTracer(SCOPE, VERSION, OPTIONS)
        : provider.getDelegateTracer(SCOPE, VERSION, OPTIONS)
    if (tracer === undefined) return null
    known = { provider, tracer }
    return tracer
  }
}
