import { checkOptions, inspect } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'
import type { Database, RunOptions } from '../database/database.ts'
import { migrationScript } from '../database/migration-plan.ts'
import { coreMigrations } from '../database/migrations/core.ts'
import type { Migrations } from '../database/migrations/migration.ts'
import {
  checkVersions,
  isServed,
  type LineVersion,
  migrate,
  readVersions,
} from '../database/migrator.ts'
import type { PluginDoor } from './plugin-door.ts'
import type { StatementRunner } from './statement-runner.ts'

export interface MigrateOptions {
  readonly to?: number
  readonly plugin?: string
}

/** How far a line of versions is: that of the core, or of a plugin with tables. */
export interface SchemaVersion {
  /** `'chancy.core'`, or the name of a plugin. */
  readonly line: string
  /** The version that is complete in the database; 0: none. */
  readonly have: number
  /** The version that this release needs. A newer one is there when a newer release has migrated. */
  readonly want: number
  /** A version that is under way, or was interrupted; null: none. */
  readonly begun: number | null
  /** Whether this release works with it. */
  readonly isServed: boolean
}

/** The versions of the schema: those of the core and of each plugin that has tables. */
export class SchemaVersions {
  readonly #database: Database
  readonly #statements: StatementRunner
  readonly #lines: readonly Migrations[]
  readonly #door: () => PluginDoor

  constructor(
    database: Database,
    statements: StatementRunner,
    ofPlugins: readonly Migrations[],
    door: () => PluginDoor,
  ) {
    this.#database = database
    this.#statements = statements
    this.#lines = [coreMigrations, ...ofPlugins]
    this.#door = door
  }

  async migrate(options: MigrateOptions | undefined): Promise<void> {
    const target = this.#target(options, 'migrate')
    await this.#statements.translatingErrors(() => migrate(this.#database, this.#lines, target))
  }

  script(options: MigrateOptions | undefined): Promise<string | null> {
    const target = this.#target(options, 'migrationSql')
    return this.#statements.translatingErrors(() =>
      migrationScript(this.#database, this.#lines, target),
    )
  }

  /** The core's first, and then those of the plugins. */
  read(options?: RunOptions): Promise<readonly LineVersion[]> {
    return readVersions(this.#database, this.#lines, options)
  }

  async all(): Promise<SchemaVersion[]> {
    const versions = await this.#statements.translatingErrors(() => this.read())
    return versions.map((one) => ({
      line: one.line,
      have: one.have,
      want: one.want,
      begun: one.begun > one.have ? one.begun : null,
      isServed: isServed(one),
    }))
  }

  async isUpToDate(): Promise<boolean> {
    return (await this.all()).every(({ isServed: served }) => served)
  }

  #target(
    options: MigrateOptions | undefined,
    what: string,
  ): { line: string | undefined; to: number | undefined } {
    const { to, plugin } = checkOptions(options, ['to', 'plugin'], what) as MigrateOptions
    if (plugin !== undefined) this.#door().pluginOf(plugin)
    const isWithout = plugin !== undefined && !this.#lines.some(({ line }) => line === plugin)
    if (isWithout) throw new ConfigError(`${what}: the plugin ${inspect(plugin)} has no tables.`)
    return { line: plugin, to }
  }

  /** @throws {MigrationsNeededError} when this release does not work on the schema */
  async check(): Promise<void> {
    await checkVersions(this.#database, this.#lines)
  }
}
