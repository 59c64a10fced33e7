import type { PluginCheck } from '../../plugin/parts/plugin-check.ts'
import { findUnwell } from './statements/schedules.ts'

/** For how long a tick may be due before it is a finding, in milliseconds. */
const LATE_MS = 300_000
/** How many schedules a finding names. */
const NAMED = 5

/** Schedules that are broken, or that are due and not fired. */
export const schedulesCheck: PluginCheck = {
  id: 'cron.schedules',
  title: 'broken schedules',
  async run({ read }) {
    const rows = await read(findUnwell, [LATE_MS])
    const broken = rows.filter(({ state }) => state === 'broken')
    if (broken.length > 0) {
      const said = listed(broken.map(({ key, error }) => `${JSON.stringify(key)}: ${error}`))
      return {
        level: 'error',
        found: `Broken, and not fired any more: ${said}`,
        todo: 'Declare them again without the fault, or repair it and run chancy schedule resume with the key.',
      }
    }
    if (rows.length > 0) {
      const said = listed(
        rows.map(({ key, due_ms }) => `${JSON.stringify(key)}, due ${minutes(due_ms)} ago`),
      )
      return {
        level: 'warning',
        found: `Due and not fired: ${said}.`,
        todo: 'Start a worker that has the plugin cron; if one runs, look in its log.',
      }
    }
    return { level: 'ok', found: 'None is broken, and none is late.', todo: null }
  },
}

function listed(things: readonly string[]): string {
  const more = things.length - NAMED
  return `${things.slice(0, NAMED).join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}

function minutes(ms: number | null): string {
  return `${Math.floor((ms ?? 0) / 60_000)} min`
}
