import type { PluginContext } from '../../plugin/access/plugin-access.ts'
import { breakSchedule } from './statements/firing.ts'

/** The longest that the reason is kept, in characters. */
const MAX_ERROR = 1_000

/** Takes a schedule that cannot be fired out of the firing, unless it was changed meanwhile, and says so. */
export async function breakRow(
  { database, emit, log }: PluginContext,
  { key, version }: { readonly key: string; readonly version: number },
  cause: unknown,
): Promise<void> {
  const message = cause instanceof Error ? cause.message : String(cause)
  const error = message.slice(0, MAX_ERROR)
  const broken = await database.run(breakSchedule, [key, version, error])
  if (broken.length === 0) return
  emit('cron.broken', { key, error })
  log.error({ key, err: cause }, 'schedule cannot be fired and is broken')
}
