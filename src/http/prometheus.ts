import type { Chancy } from '../app/chancy.ts'
import { ChancyError } from '../core/errors.ts'
import { contentType, metricsText } from '../plugins/metrics/prometheus.ts'
import type { QueueScope } from './queue-scope.ts'

/** What Prometheus scrapes: stored figures of the whole fleet. @throws {ChancyError} `ACCESS_DENIED` */
export async function prometheusText(
  chancy: Chancy,
  scope: QueueScope,
): Promise<{ readonly type: string; readonly text: string }> {
  if (!scope.isWhole) {
    throw new ChancyError(
      'ACCESS_DENIED',
      'The figures are of all queues, and this access sees some.',
      { details: { verb: 'metrics.view' } },
    )
  }
  return { type: contentType, text: await metricsText(chancy) }
}
