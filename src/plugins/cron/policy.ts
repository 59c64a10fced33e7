import { checkInteger, checkOneOf, inspect } from '../../core/check.ts'
import type { Duration } from '../../core/duration.ts'
import { isPlainObject } from '../../core/plain-object.ts'
import { type CatchUp, checkCatchUp } from './catch-up.ts'
import { checkJitter } from './jitter.ts'
import { unreadable } from './stored-timing.ts'

export const OVERLAPS = ['skip', 'queue', 'replace', 'allow'] as const
/**
 * What becomes of a tick while the job of an earlier one waits or runs: it is left out (`'skip'`), its job waits for
 * that one (`'queue'`), the earlier job is cancelled and the new one waits for its end (`'replace'`), or both run
 * (`'allow'`).
 */
export type Overlap = (typeof OVERLAPS)[number]

/** What becomes of late and of overlapping ticks, as a row keeps it. */
export interface Policy {
  /** The form of this object. A release that changes its meaning writes another number. */
  readonly version: 1
  readonly catchUp: CatchUp
  readonly overlap: Overlap
  /** In milliseconds. */
  readonly jitter: number
}

export interface PolicyOptions {
  /** Ticks that no worker could fire. Default: `'last'`. */
  readonly catchUp?: CatchUp | undefined
  /** Default: `'skip'`. */
  readonly overlap?: Overlap | undefined
  /** Each tick later by an amount that key and tick decide: up to `'1h'`. Default: none. */
  readonly jitter?: Duration | undefined
}

export const POLICY_OPTIONS = ['catchUp', 'overlap', 'jitter'] as const

/** @throws {ConfigError} */
export function policyOf(options: PolicyOptions, what: string): Policy {
  return {
    version: 1,
    catchUp: checkCatchUp(options.catchUp ?? 'last', `${what}: catchUp`),
    overlap: checkOneOf(options.overlap ?? 'skip', OVERLAPS, `${what}: overlap`),
    jitter: checkJitter(options.jitter ?? 0, `${what}: jitter`),
  }
}

/**
 * The policy of a row. What this release does not understand in full is refused.
 *
 * @throws {ChancyError} `SCHEDULE_UNREADABLE`
 */
export function readPolicy(stored: unknown): Policy {
  if (!isPlainObject(stored)) throw unreadable(`its policy is ${inspect(stored)}`)
  const { version, catchUp, overlap, jitter, ...rest } = stored
  if (version !== 1) {
    throw unreadable(`its policy has the version ${inspect(version)}, this release knows 1`)
  }
  const [strange] = Object.keys(rest)
  if (strange !== undefined) throw unreadable(`its policy has an unknown part ${inspect(strange)}`)
  try {
    return {
      version,
      catchUp: checkCatchUp(catchUp, 'catchUp'),
      overlap: checkOneOf(overlap, OVERLAPS, 'overlap'),
      jitter: checkInteger(jitter, 'jitter', { min: 0, max: 3_600_000 }),
    }
  } catch (cause) {
    throw unreadable((cause as Error).message, cause)
  }
}
