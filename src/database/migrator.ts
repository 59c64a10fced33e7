import { ConfigError, MigrationsNeededError } from '../core/errors.ts'
import type { Database, RunOptions } from './database.ts'
import type { Session } from './driver.ts'
import { runLaterStep, undoLaterStep } from './later-steps.ts'
import {
  type Later,
  NOTHING,
  nextStep,
  type OwnStep,
  stateAfter,
  UNDONE,
} from './migration-steps.ts'
import { coreMigrations } from './migrations/core.ts'
import type { Migrations } from './migrations/migration.ts'
import { retrying } from './retry.ts'
import { checkServer } from './server-check.ts'
import * as sql from './statements/migrations.ts'
import { runStatements } from './version-statements.ts'

/**
 * Brings a schema to a version.
 *
 * Each version of a line (the core's, and one for each plugin with tables) is a transaction, and after it what
 * cannot run in one. The transaction takes an advisory lock named by the schema first and reads the versions only
 * then, so any number of processes may call this concurrently: one works, the others wait and find nothing to do.
 * DDL waits at most a second for a lock, then everything is rolled back and tried again, so a long query of another
 * session never has the application queueing behind it.
 */

const LOCK_WAIT_MS = 1_000
/** How long one statement may take. */
const DEADLINE_MS = 120_000
/** How long the work of another migrator is waited for, and how often it is looked for. */
const BUSY_MS = 120_000
const POLL_MS = 100
/** How long a server that is away, or a lock that is held, is waited for. */
const PATIENCE_MS = 30_000

/** What is to be reached. */
export interface MigrationTarget {
  /** One line alone. Default: the core's, and with it those of the plugins. */
  readonly line?: string | undefined
  /** The version of that line. Default: the newest. */
  readonly to?: number | undefined
}

/**
 * Brings the core's line, which comes first, and then the others to their newest versions; or one line
 * to a version. Before the core goes down, the tables of the plugins go, in the reverse order.
 */
export async function migrate(
  database: Database,
  lines: readonly Migrations[],
  { line: only, to }: MigrationTarget = {},
): Promise<void> {
  const targets = await targetsOf(database, lines, { line: only, to })
  for (const { line, to: version } of targets) await checkWayDown(database, line, version)
  for (const { line, to: version } of targets) await reachVersion(database, line, version)
}

/** @throws {ConfigError} when a version that is to be taken away says that it must not be */
async function checkWayDown(database: Database, line: Migrations, to?: number): Promise<void> {
  if (to === undefined) return
  const [{ begun } = { begun: 0 }] = await readVersions(database, [line])
  for (const { version, guard } of line.steps.slice(to, begun)) {
    if (guard === undefined) continue
    const query = { text: guard(database.names), values: [], deadlineMs: DEADLINE_MS }
    const [row] = await database.driver.query<{ refusal?: unknown }>(query)
    if (typeof row?.refusal === 'string')
      throw new ConfigError(row.refusal, { details: { line: line.line, version, to } })
  }
}

/** The lines in the order in which they move, and their versions; undefined: the newest. */
export async function targetsOf(
  database: Database,
  lines: readonly Migrations[],
  { line: only, to }: MigrationTarget,
): Promise<readonly { readonly line: Migrations; readonly to?: number | undefined }[]> {
  const [core, ...others] = lines
  const target = only === undefined ? core : lines.find(({ line }) => line === only)
  if (core === undefined || target === undefined) return []
  const newest = target.steps.length
  if (to !== undefined) checkTarget(to, target)
  if (only !== undefined) return [{ line: target, to }]
  const [have] = to === undefined ? [] : await readVersions(database, [core])
  const isDown = to !== undefined && to < (have?.begun ?? 0)
  return [
    ...(isDown ? others.toReversed().map((line) => ({ line, to: 0 })) : []),
    { line: core, to },
    ...(to !== undefined && to < newest ? [] : others.map((line) => ({ line }))),
  ]
}

/** How far a line is: `have` in the database, `want` in this release. */
export interface LineVersion {
  /** `chancy.core`, or the name of a plugin. */
  readonly line: string
  readonly have: number
  readonly want: number
  /** The version that has begun; above `have` while one is under way, or was interrupted. */
  readonly begun: number
  /** The schema serves releases that know this version, and newer ones. */
  readonly serves: number
}

export async function readVersions(
  database: Database,
  lines: readonly Migrations[],
  options: RunOptions = {},
): Promise<readonly LineVersion[]> {
  const [table] = await database.run(sql.migrationsExist, [], options)
  const rows = table?.found ? await database.run(sql.readVersions, [], options) : []
  return lines.map(({ line, steps }) => {
    const { version: have = 0, begun = 0, serves = 0 } = rows.find((row) => row.line === line) ?? {}
    return { line, have, want: steps.length, begun, serves }
  })
}

/** Whether this release works on the schema: it has all that it needs, and nothing newer that breaks it. */
export const isServed = ({ have, want, serves }: LineVersion): boolean =>
  have >= want && serves <= want

/** @throws {MigrationsNeededError} when the schema is too old for this release, or serves only newer ones */
export async function checkVersions(
  database: Database,
  lines: readonly Migrations[],
): Promise<void> {
  for (const version of await readVersions(database, lines)) {
    if (!isServed(version)) throw notServed(database.names.plainSchema, version)
  }
}

function notServed(
  schema: string,
  { line, have, want, begun, serves }: LineVersion,
): MigrationsNeededError {
  const details = { schema, line, have, want, serves }
  if (serves > want) {
    return new MigrationsNeededError(
      `The schema "${schema}" serves releases that know version ${serves} of "${line}" or newer, and this release knows ${want}. Replace it by the release that migrated the schema, or go back with chancy.migrate({ to: ${want} }) from that one.`,
      { details },
    )
  }
  const half = begun > have ? ` (version ${begun} is under way or was interrupted)` : ''
  return new MigrationsNeededError(
    `The schema "${schema}" is at version ${have} of "${line}"${half} and this release needs ${want}. Run "chancy ${isPlugin(line) ? '--app ./app.ts ' : ''}migrate", or call chancy.migrate().`,
    { details },
  )
}

/** Its tables are known where the application is, and not to a command that has a database alone. */
function isPlugin(line: string): boolean {
  return line !== coreMigrations.line
}

/** Takes one step after the other, and reads the versions before each: another migrator may have taken it. */
async function reachVersion(database: Database, line: Migrations, to?: number): Promise<void> {
  let busySince: number | null = null
  for (;;) {
    const step = await retrying(() => takeStep(database, line, to), {
      clock: database.clock,
      deadlineMs: PATIENCE_MS,
      // The versions are read again under the lock, so doing it twice does nothing.
      idempotent: true,
    })
    if (step === null) return
    busySince = step === BUSY ? (busySince ?? database.clock.monotonic()) : null
    if (busySince === null) continue
    if (database.clock.monotonic() - busySince > BUSY_MS) throw isBusy(database, line)
    await database.clock.sleep(POLL_MS)
  }
}

function isBusy({ names }: Database, { line }: Migrations): MigrationsNeededError {
  return new MigrationsNeededError(
    `Another process has been migrating the schema "${names.plainSchema}" for two minutes. Wait until it has ended, and migrate again.`,
    { details: { schema: names.plainSchema, line } },
  )
}

/** Null: the version is reached. */
async function takeStep(
  database: Database,
  line: Migrations,
  to?: number,
): Promise<typeof TAKEN | typeof BUSY | null> {
  const step = await database.driver.transaction(async (session) => {
    const options = { session, prepare: false, deadlineMs: DEADLINE_MS }
    const target = to ?? line.steps.length
    const [lock] = await database.run(sql.beginMigration, [String(LOCK_WAIT_MS)], options)
    if (lock?.locked !== true) return BUSY
    const [found] = await database.run(sql.findMigrations, [], options)
    const rows = found?.table ? await database.run(sql.readVersions, [], options) : []
    const state = rows.find((row) => row.line === line.line) ?? NOTHING
    const next = nextStep(line, state, target, to === undefined)
    if (next === null) return null
    if (next.kind === 'up') await checkServer(database, { session })
    // CREATE SCHEMA IF NOT EXISTS asks for a right even where there is nothing to do.
    if (!found?.schema) await database.run(sql.createSchema, [], options)
    if (!found?.table) await database.run(sql.createMigrations, [], options)
    if (!('index' in next)) await apply(database, session, line, next)
    else if (database.driver.sessions > 1) await takeLater(database, line, next, session)
    else return next
    // What is left after the last one is read by no further transaction.
    const isLast = nextStep(line, stateAfter(state, next), target, to === undefined) === null
    return isLast ? null : TAKEN
  })
  if (step === null || step === TAKEN || step === BUSY) return step
  await takeLater(database, line, step, null)
  return TAKEN
}

const TAKEN = 'taken'
/** Another migrator works. */
const BUSY = 'busy'

async function apply(
  database: Database,
  session: Session,
  line: Migrations,
  { kind, migration }: OwnStep,
): Promise<void> {
  const { version, after = [], breaking = false } = migration
  const options = { session, prepare: false }
  const before = line.prefix === undefined ? null : await objectsOf(database, session)
  const texts = await migration[kind](database.names)
  await runStatements(database, session, `Version ${version} of "${line.line}"`, texts)
  if (kind === 'down') await database.run(sql.removeVersion, [line.line, version], options)
  else
    await database.run(sql.addVersion, [line.line, version, breaking, after.length === 0], options)
  if (before === null) return
  const reached = kind === 'down' ? version - 1 : version
  checkOwned(line, reached, before, await objectsOf(database, session))
}

/** `lock`: the transaction that keeps other migrators away. Null: the driver has no second session. */
async function takeLater(
  database: Database,
  line: Migrations,
  { kind, migration, index }: Later,
  lock: Session | null,
): Promise<void> {
  const { version, after = [] } = migration
  const on = (session: Session | null) => ({ prepare: false, ...(session && { session }) })
  const record = (session: Session | null, done: number, isWhole: boolean): Promise<unknown> =>
    database.run(sql.recordSteps, [line.line, version, done, isWhole], on(session))
  if (kind === 'undo') {
    // Undoing takes time, and meanwhile the version is not what workers need any more.
    await database.run(sql.beginUndo, [line.line, version], { prepare: false })
    for (const step of after.toReversed()) await undoLaterStep(database, step, lock)
    await record(lock, UNDONE, false)
    return
  }
  const step = after[index]
  const done = (session: Session | null): Promise<unknown> =>
    record(session, index + 1, index + 1 >= after.length)
  if (step === undefined) await done(lock)
  else
    await runLaterStep(database, step, lock, {
      done,
      isDue: async (session) =>
        (await database.run(sql.isStepDue, [line.line, version, index], on(session))).length > 0,
    })
}

async function objectsOf(database: Database, session: Session): Promise<ReadonlySet<string>> {
  const rows = await database.run(sql.schemaObjects, [], { session, prepare: false })
  return new Set(rows.map(({ name }) => name))
}

/**
 * Whether a plugin keeps to its names and takes all of them away again, so that two plugins never meet.
 *
 * @throws {ConfigError} and the transaction is rolled back
 */
function checkOwned(
  { line, prefix = '' }: Migrations,
  target: number,
  before: ReadonlySet<string>,
  after: ReadonlySet<string>,
): void {
  const strange = [...after].find((name) => !before.has(name) && !name.startsWith(prefix))
  if (strange !== undefined) {
    throw new ConfigError(
      `The migrations of "${line}" make "${strange}", and the names of that plugin begin with "${prefix}". Write t.own('${prefix}${strange}').`,
      { details: { line, name: strange, prefix } },
    )
  }
  const left = target === 0 ? [...after].find((name) => name.startsWith(prefix)) : undefined
  if (left !== undefined) {
    throw new ConfigError(
      `The migrations of "${line}" leave "${left}" behind on the way down to 0. Drop it in "down".`,
      { details: { line, name: left } },
    )
  }
}

function checkTarget(to: number, { line, steps }: Migrations): void {
  const newest = steps.length
  if (Number.isInteger(to) && to >= 0 && to <= newest) return
  throw new ConfigError(
    `migrate: "to" takes a version from 0 to ${newest} of "${line}", got ${String(to)}.`,
    { details: { to, newest, line } },
  )
}
