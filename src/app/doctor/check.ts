import type { Database, RunOptions } from '../../database/database.ts'
import type { LineVersion } from '../../database/migrator.ts'
import type { CheckAccess, Finding } from '../../plugin/parts/plugin-check.ts'
import type { Plugin } from '../../plugin/plugin.ts'

export type { Finding } from '../../plugin/parts/plugin-check.ts'

/** What all checks share. */
export interface DoctorOptions {
  readonly database: Database
  readonly plugins: readonly Plugin[]
  /** Whether the application sends and receives notifications. */
  readonly notifications: boolean
  /** Whether an option says that there is a transaction pooler. */
  readonly isPoolerNamed: boolean
  /** The versions of the schema: of the core, and of the plugins with tables. */
  readonly versions: (options: RunOptions) => Promise<readonly LineVersion[]>
}

/** What the checks of the core reach besides what those of a plugin do. */
export interface DoctorAccess extends DoctorOptions, CheckAccess {
  /** For statements of others, so that they run as those of `read`. */
  readonly options: RunOptions
}

export interface Check {
  readonly id: string
  readonly title: string
  /** Whether it needs the schema as this release has it. */
  readonly needsSchema: boolean
  /**
   * Whether it takes connections of its own: then it runs by itself and without a transaction, so that a pool of one
   * connection is enough. Default: false.
   */
  readonly connects?: boolean
  run(access: DoctorAccess): Finding | Promise<Finding>
}

export const ok = (found: string): Finding => ({ level: 'ok', found, todo: null })
export const warning = (found: string, todo: string): Finding => ({ level: 'warning', found, todo })
export const error = (found: string, todo: string): Finding => ({ level: 'error', found, todo })
