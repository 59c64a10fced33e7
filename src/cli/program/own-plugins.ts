import { Chancy, type Plugin } from '../../index.ts'
import { pluginsOf } from '../../plugin/index.ts'
import { cron } from '../../plugins/cron/cron.ts'
import { triggers } from '../../plugins/triggers/triggers.ts'

/** It is never connected to. */
const NOWHERE = 'postgresql://localhost/postgres'

/** Those of Chancy's plugins that have commands and are not there by default. */
export function optionalPlugins(): readonly Plugin[] {
  return [cron(), triggers()]
}

/** Without an application the plugins of Chancy are there, since their tables may be. */
export function ownPlugins(): readonly Plugin[] {
  return [...pluginsOf(new Chancy(NOWHERE)), ...optionalPlugins()]
}
