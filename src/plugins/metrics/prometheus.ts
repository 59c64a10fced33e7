import { type PluginHost, pluginAccess } from '../../plugin/access/plugin-access.ts'
import { textOf } from './metrics-text.ts'
import { METRICS } from './plugin-name.ts'

/** Of the text: version 0.0.4 of the format of Prometheus. */
export const contentType = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * Everything that is measured of the whole fleet as text for Prometheus: scrape one address, and not every worker.
 * Reads what is stored, a row a queue and a series, however many jobs there are.
 *
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export async function metricsText(chancy: PluginHost): Promise<string> {
  return textOf(pluginAccess(chancy, METRICS))
}
