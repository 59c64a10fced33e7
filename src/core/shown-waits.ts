import type { OpenWaitInfo } from './queued-job.ts'
import { storedObject, storedTexts } from './stored.ts'

/** The open waits of a durable job as its row keeps them, for who looks at it. */
export function shownWaits(stored: unknown): OpenWaitInfo[] {
  return (Array.isArray(stored) ? stored : []).map(storedObject).map(shownWait)
}

function shownWait(wait: Readonly<Record<string, unknown>>): OpenWaitInfo {
  const { name, signals, until_ms: untilMs, owner } = wait
  const names = storedTexts(signals)
  return {
    kind: names.length > 0 ? 'signal' : owner === undefined ? 'sleep' : 'job',
    name: String(name ?? ''),
    signals: names,
    until: typeof untilMs === 'number' ? new Date(untilMs) : null,
  }
}
