import type { Clock } from '../../core/clock.ts'
import type { Value } from '../../database/driver.ts'
import type { Statement } from '../../database/statement.ts'

export const CHECK_LEVELS = ['ok', 'warning', 'error'] as const

/** What a check has found out. */
export interface Finding {
  /** `warning`: it works, and will not for long, or not as well as it could. `error`: something does not work. */
  readonly level: (typeof CHECK_LEVELS)[number]
  /** What is there, in a sentence that names it. */
  readonly found: string
  /** What to do. Null when it is ok. */
  readonly todo: string | null
}

/** What a check reaches. Its statements run in one transaction that only reads, for at most two seconds each. */
export interface CheckAccess {
  readonly clock: Clock
  read<Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]>
}

/** A check of `chancy doctor` and of `diagnose` of the application. */
export interface PluginCheck {
  /** Begins with the name of the plugin: `'acme.audit.entries'`. */
  readonly id: string
  /** A few words: `'old entries'`. */
  readonly title: string
  /** One that rejects is a finding by itself. */
  run(access: CheckAccess): Finding | Promise<Finding>
}
