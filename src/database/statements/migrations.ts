import { type Names, quoteLiteral } from '../names.ts'
import { statement } from '../statement.ts'

const SAFE_PATH = 'pg_catalog, pg_temp'

const lockKey = (t: Names): string =>
  `pg_catalog.hashtextextended(${quoteLiteral(`chancy migrate ${t.plainSchema}`)}, 0::bigint)`

/**
 * Begins the transaction of a migration: its settings, and the lock that it holds to its end. Of many migrators of one
 * schema, one at a time works. The others ask again: a statement that waits has a snapshot, and CREATE INDEX
 * CONCURRENTLY of the one that works would wait for it.
 */
export const beginMigration = statement<readonly [lockWaitMs: string], { locked: boolean }>(
  'begin_migration',
  (t) => `
    SELECT pg_catalog.pg_try_advisory_xact_lock(${lockKey(t)}) AS locked,
           pg_catalog.set_config('search_path', '${SAFE_PATH}', true),
           pg_catalog.set_config('lock_timeout', $1::text, true)`,
)

/** Whether there is a schema, and the table of its versions. Another snapshot than that of the lock. */
export const findMigrations = statement<readonly [], { schema: boolean; table: boolean }>(
  'find_migrations',
  (t) => `
    SELECT EXISTS (
             SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = ${quoteLiteral(t.plainSchema)}) AS schema,
           pg_catalog.to_regclass(${quoteLiteral(t.migrations)}) IS NOT NULL AS table`,
)

/** What a refused bundle of statements has made is taken back to here. */
export const beginBundle = statement<readonly [], never>(
  'begin_bundle',
  () => 'SAVEPOINT chancy_bundle',
)

export const undoBundle = statement<readonly [], never>(
  'undo_bundle',
  () => 'ROLLBACK TO SAVEPOINT chancy_bundle',
)

export const migrationsExist = statement<readonly [], { found: boolean }>(
  'migrations_exist',
  (t) => `SELECT pg_catalog.to_regclass(${quoteLiteral(t.migrations)}) IS NOT NULL AS found`,
)

export const createSchema = statement<readonly [], never>(
  'create_schema',
  (t) => `CREATE SCHEMA IF NOT EXISTS ${t.schema}`,
)

export const createMigrations = statement<readonly [], never>(
  'create_migrations',
  (t) => `
    CREATE TABLE IF NOT EXISTS ${t.migrations} (
      line text NOT NULL,
      version int NOT NULL,
      applied_at timestamptz,
      steps_done int NOT NULL DEFAULT 0,
      breaking boolean NOT NULL DEFAULT false,
      PRIMARY KEY (line, version)
    )`,
)

export interface VersionRow {
  readonly line: string
  /** The last version that is complete. */
  readonly version: number
  /** The last version that has begun. */
  readonly begun: number
  /** How many steps of that one are done; -1: all are undone, on the way down. */
  readonly steps_done: number
  /** The oldest version that a release may know which works on this schema. */
  readonly serves: number
}

export const readVersions = statement<readonly [], VersionRow>(
  'read_versions',
  (t) => `
    SELECT m.line, m.version AS begun, m.steps_done,
           coalesce((SELECT pg_catalog.max(o.version) FROM ${t.migrations} o
                      WHERE o.line = m.line AND o.applied_at IS NOT NULL), 0) AS version,
           coalesce((SELECT pg_catalog.max(o.version) FROM ${t.migrations} o
                      WHERE o.line = m.line AND o.breaking), 1) AS serves
      FROM ${t.migrations} m
     WHERE m.version = (SELECT pg_catalog.max(o.version) FROM ${t.migrations} o WHERE o.line = m.line)`,
)

export const addVersion = statement<
  readonly [line: string, version: number, breaking: boolean, isComplete: boolean],
  never
>(
  'add_version',
  (t) => `
    INSERT INTO ${t.migrations} (line, version, breaking, applied_at)
    VALUES ($1::text, $2::int, $3::boolean, CASE WHEN $4::boolean THEN ${t.fn('now')}() END)`,
)

/** After one of the steps that come after the transaction of a version, or after all were undone. */
export const recordSteps = statement<
  readonly [line: string, version: number, done: number, isComplete: boolean],
  never
>(
  'record_steps',
  (t) => `
    UPDATE ${t.migrations}
       SET steps_done = $3::int, applied_at = CASE WHEN $4::boolean THEN ${t.fn('clock')}() END
     WHERE line = $1::text AND version = $2::int AND applied_at IS NULL`,
)

/** One row while the step of that index is the next one. */
export const isStepDue = statement<
  readonly [line: string, version: number, index: number],
  { due: boolean }
>(
  'is_step_due',
  (t) => `
    SELECT true AS due
      FROM ${t.migrations}
     WHERE line = $1::text AND version = $2::int AND applied_at IS NULL
       AND GREATEST(steps_done, 0) = $3::int`,
)

/** From here on the version is not complete any more, and on the way up all of its steps run again. */
export const beginUndo = statement<readonly [line: string, version: number], never>(
  'begin_undo',
  (t) => `
    UPDATE ${t.migrations}
       SET applied_at = NULL, steps_done = 0
     WHERE line = $1::text AND version = $2::int`,
)

/** The lock of `lock_migrations` for a session, until it releases it. */
export const holdMigrations = statement<readonly [], { locked: boolean }>(
  'hold_migrations',
  (t) => `SELECT pg_catalog.pg_try_advisory_lock(${lockKey(t)}) AS locked`,
)

export const releaseMigrations = statement<readonly [], never>(
  'release_migrations',
  (t) => `SELECT pg_catalog.pg_advisory_unlock(${lockKey(t)})::text`,
)

/** Lifts `transaction_timeout`, which PostgreSQL has from 17 on, for a transaction that waits for a lock. */
export const stayOpen = statement<readonly [], never>(
  'stay_open',
  () => `
    SELECT pg_catalog.set_config(s.name, '0', true)
      FROM pg_catalog.pg_settings s
     WHERE s.name = 'transaction_timeout'`,
)

/**
 * The same where no statement runs. It comes last: a query leaves its snapshot open until the next statement, and
 * CREATE INDEX CONCURRENTLY would wait for that snapshot; a setting has none.
 */
export const stayIdle = statement<readonly [], never>(
  'stay_idle',
  () => 'SET LOCAL idle_in_transaction_session_timeout = 0',
)

export const removeVersion = statement<readonly [line: string, version: number], never>(
  'remove_version',
  (t) => `DELETE FROM ${t.migrations} WHERE line = $1::text AND version = $2::int`,
)

/**
 * The names of everything in the schema. Left out are types that come with a table or with their element's, and
 * partitions, which workers create and drop meanwhile.
 */
export const schemaObjects = statement<readonly [], { name: string }>(
  'schema_objects',
  (t) => `
    SELECT o.name
      FROM pg_catalog.pg_namespace n
     CROSS JOIN LATERAL (
             SELECT c.relname::text AS name
               FROM pg_catalog.pg_class c
              WHERE c.relnamespace = n.oid AND NOT c.relispartition
             UNION
             SELECT p.proname::text FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid
             UNION
             SELECT y.typname::text
               FROM pg_catalog.pg_type y
              WHERE y.typnamespace = n.oid AND y.typelem = 0::oid AND y.typrelid = 0::oid) o
     WHERE n.nspname = ${quoteLiteral(t.plainSchema)}`,
)

/**
 * Inside the transaction of a migration. What a default, an index or a view calls is looked up when it
 * is made, and must not be found in a schema where others may make functions.
 */
export const useSafeNames = statement<readonly [], never>(
  'use_safe_names',
  () => `SET LOCAL search_path = ${SAFE_PATH}`,
)

/** Statements queue behind DDL that waits for a lock, so it gives up early and is tried again. */
export const limitLockWait = statement<readonly [ms: string], never>(
  'limit_lock_wait',
  () => `SELECT pg_catalog.set_config('lock_timeout', $1::text, true)`,
)

/** What a database or a role may have been set to, and nothing here can do under. */
export const serverSettings = statement<
  readonly [],
  { encoding: string; float_digits: number; array_nulls: string; read_only: string; name: string }
>(
  'server_settings',
  () => `
    SELECT pg_catalog.current_setting('server_encoding') AS encoding,
           pg_catalog.current_setting('extra_float_digits')::int4 AS float_digits,
           pg_catalog.current_setting('array_nulls') AS array_nulls,
           pg_catalog.current_setting('default_transaction_read_only') AS read_only,
           pg_catalog.current_database()::text AS name`,
)
