import { quoteLiteral } from '../names.ts'
import { statement } from '../statement.ts'

/** Held to the end of the transaction: of many migrators of one schema, one at a time works. */
export const lockMigrations = statement<readonly [], never>(
  'lock_migrations',
  (t) =>
    `SELECT pg_catalog.pg_advisory_xact_lock(
              pg_catalog.hashtextextended(${quoteLiteral(`chancy migrate ${t.plainSchema}`)}, 0::bigint))::text`,
)

export const schemaExists = statement<readonly [], { found: boolean }>(
  'schema_exists',
  (t) => `
    SELECT EXISTS (
      SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = ${quoteLiteral(t.plainSchema)}) AS found`,
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
      applied_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
      PRIMARY KEY (line, version)
    )`,
)

export const readVersions = statement<readonly [], { line: string; version: number }>(
  'read_versions',
  (t) => `SELECT line, pg_catalog.max(version) AS version FROM ${t.migrations} GROUP BY line`,
)

export const addVersion = statement<readonly [line: string, version: number], never>(
  'add_version',
  (t) => `INSERT INTO ${t.migrations} (line, version) VALUES ($1::text, $2::int)`,
)

export const removeVersion = statement<readonly [line: string, version: number], never>(
  'remove_version',
  (t) => `DELETE FROM ${t.migrations} WHERE line = $1::text AND version = $2::int`,
)

/**
 * Inside the transaction of a migration. What a default, an index or a view calls is looked up when it
 * is made, and must not be found in a schema where others may make functions.
 */
export const useSafeNames = statement<readonly [], never>(
  'use_safe_names',
  () => 'SET LOCAL search_path = pg_catalog, pg_temp',
)

/** DDL that waits for a lock makes everybody behind it wait too: give up early and come back. */
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
