import { ConfigError, MigrationsNeededError } from '../core/errors.ts'
import type { Database } from './database.ts'
import type { Session } from './driver.ts'
import type { Migration, Migrations } from './migrations/migration.ts'
import { retrying } from './retry.ts'
import { checkServer } from './server-check.ts'
import * as sql from './statements/migrations.ts'

/**
 * Brings a schema to a version.
 *
 * Each line of versions (the core's, and one for each plugin with tables) is brought up in its own
 * transaction. The transaction takes an advisory lock named by the schema first and reads the
 * version only then, so any number of processes may call this at once: one works, the others wait
 * and find nothing to do. DDL waits at most a second for a lock, then everything is rolled back and
 * tried again, so a long query of somebody else never has the application queueing behind it.
 */

const LOCK_WAIT_MS = 1_000
/** How long one statement may take: a migrator waits for another one's transaction. */
const DEADLINE_MS = 120_000
/** How long a server that is away, or a lock that is held, is waited for. */
const PATIENCE_MS = 30_000

/** @param to The version to reach, up or down. Default: the newest. Only for a single line. */
export async function migrate(database: Database, lines: readonly Migrations[], to?: number) {
  const core = lines[0]
  if (to !== undefined) checkTarget(to, core)
  for (const line of lines) {
    const target = line === core ? to : undefined
    await retrying(() => migrateLine(database, line, target ?? line.steps.length), {
      clock: database.clock,
      deadlineMs: PATIENCE_MS,
      // The version is read again under the lock, so doing it twice does nothing.
      idempotent: true,
    })
  }
}

/** How far a line is: `have` in the database, `want` in this release. */
export interface LineVersion {
  readonly line: string
  readonly have: number
  readonly want: number
}

export async function readVersions(
  database: Database,
  lines: readonly Migrations[],
): Promise<readonly LineVersion[]> {
  const [table] = await database.run(sql.migrationsExist, [])
  const rows = table?.found ? await database.run(sql.readVersions, []) : []
  const have = new Map(rows.map((row) => [row.line, row.version]))
  return lines.map(({ line, steps }) => ({
    line,
    have: have.get(line) ?? 0,
    want: steps.length,
  }))
}

/** @throws {MigrationsNeededError} when the schema is older or newer than this release */
export async function checkVersions(
  database: Database,
  lines: readonly Migrations[],
): Promise<void> {
  for (const { line, have, want } of await readVersions(database, lines)) {
    if (have === want) continue
    const advice =
      have < want
        ? 'Run "chancy migrate", or call chancy.migrate().'
        : 'Use a newer release of chancy, or go back with chancy.migrate({ to }) from that one.'
    throw new MigrationsNeededError(
      `The schema "${database.names.plainSchema}" is at version ${have} of "${line}" and this release needs ${want}. ${advice}`,
      { details: { schema: database.names.plainSchema, line, have, want } },
    )
  }
}

async function migrateLine(database: Database, line: Migrations, target: number): Promise<void> {
  await database.driver.transaction(async (session) => {
    const options = { session, prepare: false, deadlineMs: DEADLINE_MS }
    await database.run(sql.useSafeNames, [], options)
    await database.run(sql.lockMigrations, [], options)
    await database.run(sql.limitLockWait, [String(LOCK_WAIT_MS)], options)
    if (target > 0) await checkServer(database, { session })
    // CREATE SCHEMA IF NOT EXISTS asks for a right even where there is nothing to do.
    const [schema] = await database.run(sql.schemaExists, [], options)
    if (!schema?.found) await database.run(sql.createSchema, [], options)
    const [table] = await database.run(sql.migrationsExist, [], options)
    if (!table?.found) await database.run(sql.createMigrations, [], options)

    const rows = await database.run(sql.readVersions, [], options)
    const have = rows.find((row) => row.line === line.line)?.version ?? 0
    for (const step of stepsBetween(line, have, target)) {
      await apply(database, session, line.line, step)
    }
  })
}

interface Step {
  readonly migration: Migration
  readonly direction: 'up' | 'down'
}

function stepsBetween(line: Migrations, have: number, target: number): Step[] {
  if (have > line.steps.length) {
    throw new MigrationsNeededError(
      `"${line.line}" is at version ${have}, which this release (${line.steps.length}) does not know. Use a newer release of chancy.`,
      { details: { line: line.line, have, want: target } },
    )
  }
  const up = line.steps
    .slice(have, target)
    .map((migration): Step => ({ migration, direction: 'up' }))
  const down = line.steps
    .slice(target, have)
    .reverse()
    .map((migration): Step => ({ migration, direction: 'down' }))
  return [...up, ...down]
}

async function apply(
  database: Database,
  session: Session,
  line: string,
  { migration, direction }: Step,
): Promise<void> {
  for (const text of migration[direction](database.names)) {
    await database.execute(text, session, DEADLINE_MS)
  }
  const record = direction === 'up' ? sql.addVersion : sql.removeVersion
  await database.run(record, [line, migration.version], { session, prepare: false })
}

function checkTarget(to: number, core: Migrations | undefined): void {
  const newest = core?.steps.length ?? 0
  if (Number.isInteger(to) && to >= 0 && to <= newest) return
  throw new ConfigError(`migrate: "to" takes a version from 0 to ${newest}, got ${String(to)}.`, {
    details: { to, newest },
  })
}
