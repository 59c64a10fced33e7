import type { Chancy } from '../app/chancy.ts'
import { ChancyError } from '../core/errors.ts'
import { contentType, metricsText } from '../plugins/metrics/prometheus.ts'
import type { QueueScope } from './queue-scope.ts'

const OPEN_METRICS = 'application/openmetrics-text'

/**
 * What Prometheus scrapes: stored figures of the whole fleet, as OpenMetrics where the header asks for that.
 *
 * @throws {ChancyError} `ACCESS_DENIED`
 */
export async function prometheusText(
  chancy: Chancy,
  scope: QueueScope,
  accept: string | null,
): Promise<{ readonly type: string; readonly text: string }> {
  if (!scope.isWhole) {
    throw new ChancyError(
      'ACCESS_DENIED',
      'The figures are of all queues, and this access sees some.',
      { details: { verb: 'metrics.view' } },
    )
  }
  const text = await metricsText(chancy)
  if (!asksForOpenMetrics(accept ?? '')) return { type: contentType, text }
  return { type: `${OPEN_METRICS}; version=1.0.0; charset=utf-8`, text: toOpenMetrics(text) }
}

/** Whether it is named, and is not what the client wants least: `q=0`. */
function asksForOpenMetrics(accept: string): boolean {
  const asked = accept.split(',').find((one) => one.trim().toLowerCase().startsWith(OPEN_METRICS))
  return asked !== undefined && !/;\s*q=0(\.0*)?\s*(;|$)/i.test(asked)
}

/** Its counters are named without the suffix of their samples, and its end is said. */
export function toOpenMetrics(text: string): string {
  const named = text.replace(/^# TYPE (\w+)_total counter$/gm, '# TYPE $1 counter')
  const counters = new Set([...named.matchAll(/^# TYPE (\w+) counter$/gm)].map(([, name]) => name))
  const helped = named.replace(/^# HELP (\w+)_total /gm, (line, name: string) =>
    counters.has(name) ? `# HELP ${name} ` : line,
  )
  return `${helped}# EOF\n`
}
