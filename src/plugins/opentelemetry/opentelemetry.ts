import { checkOneOf, checkOptions } from '../../core/check.ts'
import { definePlugin } from '../../plugin/define-plugin.ts'
import type { Plugin } from '../../plugin/plugin.ts'
import { loadApi } from './api.ts'
import { Instruments } from './instruments.ts'
import { LINK_KINDS, type LinkKind } from './link-kind.ts'
import { pushSpan } from './push-span.ts'
import { QueueLevels } from './queue-levels.ts'
import { tracerSource } from './tracer.ts'

/** How often to check whether an SDK for metrics was started, in milliseconds. */
const WITHOUT_SDK_MS = 5_000

/** Options of `openTelemetry(options)`. */
export interface OpenTelemetryOptions {
  /**
   * How the span of an attempt is bound to that of the push: `'parent'`: under it, in one trace; `'link'`: in a
   * trace of its own, with a link to it. Default: `'parent'`.
   */
  readonly link?: LinkKind
}

/**
 * Spans and metrics of pushes and attempts, by the SDK that the application has started. It starts none, and
 * does nothing where there is none.
 *
 * @throws {ConfigError} for a wrong option, and when `@opentelemetry/api` is not installed
 */
export function openTelemetry(options?: OpenTelemetryOptions): Plugin {
  const given = checkOptions(options, ['link'], 'openTelemetry') as OpenTelemetryOptions
  const link = checkOneOf(given.link ?? 'parent', LINK_KINDS, 'openTelemetry: link')
  const api = loadApi()
  const tracerNow = tracerSource(api)
  const levels = new QueueLevels()
  const instrumentsNow = Instruments.source(api, levels)
  return definePlugin({
    name: 'chancy.opentelemetry',
    isIdle: () => tracerNow() === null && instrumentsNow() === null,
    onPush: (job) => {
      const tracer = tracerNow()
      instrumentsNow()?.pushed(job)
      return tracer === null ? job : pushSpan(api, tracer, job)
    },
    around: { module: new URL('./around.js', import.meta.url), options: { link } },
    loops: [
      {
        name: 'queue-levels',
        on: 'leader',
        pass: async (context) =>
          instrumentsNow() === null ? WITHOUT_SDK_MS : levels.pass(context),
      },
    ],
    onSaved: (saved) => {
      const instruments = instrumentsNow()
      if (instruments === null) return
      for (const attempt of saved) instruments.saved(attempt)
    },
  })
}
