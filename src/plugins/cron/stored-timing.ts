import { inspect } from '../../core/check.ts'
import { ChancyError } from '../../core/errors.ts'
import { isPlainObject } from '../../core/plain-object.ts'
import { Timing, type TimingSpec } from './timing.ts'

const KNOWN = {
  cron: ['version', 'cron', 'timeZone', 'startsAt', 'endsAt'],
  every: ['version', 'every', 'anchor', 'startsAt', 'endsAt'],
} as const

/**
 * The timing of a row. What this release does not understand in full is refused: a part that was ignored could
 * change when jobs run.
 *
 * @throws {ChancyError} `SCHEDULE_UNREADABLE`
 */
export function readTiming(spec: unknown): Timing {
  if (!isPlainObject(spec)) throw unreadable(`its timing is ${inspect(spec)}`)
  if (spec.version !== 1) {
    throw unreadable(`its timing has the version ${inspect(spec.version)}, this release knows 1`)
  }
  const kind = 'cron' in spec ? 'cron' : 'every'
  const known: readonly string[] = KNOWN[kind]
  const strange = Object.keys(spec).find((name) => !known.includes(name))
  if (strange !== undefined) throw unreadable(`its timing has an unknown part ${inspect(strange)}`)
  const instants = kind === 'cron' ? ['startsAt', 'endsAt'] : ['anchor', 'startsAt', 'endsAt']
  for (const name of instants) checkInstant(spec, name, name === 'anchor')
  if (kind === 'every' && !(Number.isSafeInteger(spec.every) && Number(spec.every) >= 1_000)) {
    throw unreadable(`its interval is ${inspect(spec.every)}`)
  }
  try {
    return new Timing(spec as unknown as TimingSpec)
  } catch (cause) {
    throw unreadable(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

function checkInstant(
  spec: Readonly<Record<string, unknown>>,
  name: string,
  isNeeded: boolean,
): void {
  const value = spec[name]
  if (value === undefined && !isNeeded) return
  if (typeof value === 'string' && !Number.isNaN(Date.parse(value))) return
  throw unreadable(`its ${name} is ${inspect(value)}`)
}

/** The error for a part of a stored schedule that this release does not understand. */
export function unreadable(reason: string, cause?: unknown): ChancyError {
  return new ChancyError(
    'SCHEDULE_UNREADABLE',
    `This release cannot read the schedule: ${reason}. A newer release may have written it: update this one, or declare the schedule again.`,
    cause === undefined ? {} : { cause },
  )
}
