import type { PluginRights } from '../../plugin/index.ts'

const TABLES = [
  'metrics_series',
  'metrics_live',
  'metrics_points',
  'metrics_queue_counts',
  'metrics_levels',
]
const reads = { tables: [{ privileges: ['SELECT' as const], on: TABLES }] }

/** A producer counts by the function alone. */
export const metricsRights: PluginRights = {
  worker: { tables: [{ privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'], on: TABLES }] },
  reader: reads,
  operator: reads,
  producer: { functions: ['metrics_add_1'] },
}
