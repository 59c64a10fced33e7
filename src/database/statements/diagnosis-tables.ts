/** What `doctor` asks of the tables of the schema, and of who may use them. */
import { quoteLiteral } from '../names.ts'
import { statement } from '../statement.ts'

export interface TableRow {
  readonly name: string
  /** The same with its schema, quoted. */
  readonly full_name: string
  /** Whether autovacuum is switched off for it. */
  readonly off: boolean
  readonly live: number
  readonly dead: number
  /** At how many dead rows it is vacuumed. */
  readonly due: number
  /** How long ago it was vacuumed last, or the server started, in milliseconds. */
  readonly since_ms: number
  readonly heap_bytes: number
  readonly index_bytes: number
}

const option = (name: string): string =>
  `(SELECT o.option_value FROM pg_catalog.pg_options_to_table(c.reloptions) o WHERE o.option_name = '${name}')`
const setting = (name: string, type: string): string =>
  `coalesce(${option(name)}, pg_catalog.current_setting('${name}'))::${type}`

/** Every table of the schema, those of plugins and the days of the history among them. */
export const tableHealth = statement<readonly [], TableRow>(
  'table_health',
  (t) => `
    SELECT c.relname::text AS name,
           pg_catalog.quote_ident(n.nspname::text) || '.' || pg_catalog.quote_ident(c.relname::text) AS full_name,
           coalesce(NOT ${option('autovacuum_enabled')}::bool, false) AS off,
           coalesce(s.n_live_tup, 0::bigint)::float8 AS live, coalesce(s.n_dead_tup, 0::bigint)::float8 AS dead,
           ${setting('autovacuum_vacuum_threshold', 'float8')}
             + ${setting('autovacuum_vacuum_scale_factor', 'float8')} * greatest(c.reltuples, 0::float4)::float8 AS due,
           pg_catalog.date_part('epoch', ${t.fn('clock')}() - greatest(
             s.last_autovacuum, s.last_vacuum, pg_catalog.pg_postmaster_start_time())) * 1000::float8 AS since_ms,
           pg_catalog.pg_relation_size(c.oid::regclass)::float8 AS heap_bytes,
           pg_catalog.pg_indexes_size(c.oid::regclass)::float8 AS index_bytes
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid
     WHERE n.nspname::text = ${quoteLiteral(t.plainSchema)} AND c.relkind = 'r'
     ORDER BY c.relname`,
)

export interface VacuumRow {
  readonly autovacuum: string
  readonly track_counts: string
  readonly workers: number
  readonly naptime_ms: number
  /** How many vacuums run now. */
  readonly running: number
  readonly freeze_max_age: number
  /** How many transactions old the oldest row of the database may be. */
  readonly xid_age: number
  readonly mxid_age: number
}

export const vacuumSettings = statement<readonly [], VacuumRow>(
  'vacuum_settings',
  () => `
    SELECT pg_catalog.current_setting('autovacuum') AS autovacuum,
           pg_catalog.current_setting('track_counts') AS track_counts,
           pg_catalog.current_setting('autovacuum_max_workers')::int4 AS workers,
           (SELECT s.setting::float8 * 1000::float8 FROM pg_catalog.pg_settings s
             WHERE s.name = 'autovacuum_naptime') AS naptime_ms,
           (SELECT pg_catalog.count(*)::int4 FROM pg_catalog.pg_stat_progress_vacuum) AS running,
           pg_catalog.current_setting('autovacuum_freeze_max_age')::int4 AS freeze_max_age,
           pg_catalog.age(d.datfrozenxid) AS xid_age, pg_catalog.mxid_age(d.datminmxid) AS mxid_age
      FROM pg_catalog.pg_database d
     WHERE d.datname = pg_catalog.current_database()`,
)

export interface PartitionRow {
  /** Its day, as `20270131`; null in the one row of a history without a partition. */
  readonly day: string | null
  readonly attached: boolean
  readonly pending: boolean
  readonly today: string
}

export const historyPartitions = statement<readonly [], PartitionRow>(
  'history_partitions',
  (t) => `
    SELECT pg_catalog.right(p.relname::text, 8) AS day, p.inhrelid IS NOT NULL AS attached,
           coalesce(p.inhdetachpending, false) AS pending,
           pg_catalog.to_char(${t.fn('clock')}() AT TIME ZONE 'UTC', 'YYYYMMDD') AS today
      FROM (VALUES (1)) AS one(row)
      LEFT JOIN (
             SELECT c.relname, i.inhrelid, i.inhdetachpending
               FROM pg_catalog.pg_class c
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
              WHERE n.nspname::text = ${quoteLiteral(t.plainSchema)} AND c.relkind = 'r'
                AND c.relname::text ~ '^finished_jobs_[0-9]{8}$') p ON true
     ORDER BY p.relname`,
)

export interface RoleRightsRow {
  readonly role: string
  readonly kind: string
  /** Whether it is the present role. */
  readonly present: boolean
  /** Whether it has what only a role of this kind has. */
  readonly marked: boolean
  readonly missing: number
  /** The first of those that it lacks, as `EXECUTE on claim_1`. */
  readonly first: string | null
}

/**
 * What the present role, and each role that was granted the schema, has of what its kinds need. All arrays are side by
 * side: kinds, objects, privileges, and whether it marks the kind.
 */
export const roleRights = statement<
  readonly [kinds: string, names: string, privileges: string, marks: string],
  RoleRightsRow
>(
  'role_rights',
  (t) => `
    -- Once: a search of the catalogue for each right of each role takes seconds.
    WITH objects AS MATERIALIZED (
      SELECT p.oid, p.proname::text AS name, true AS is_function, false AS is_sequence
        FROM pg_catalog.pg_proc p
        JOIN pg_catalog.pg_namespace m ON m.oid = p.pronamespace
       WHERE m.nspname::text = ${quoteLiteral(t.plainSchema)}
      UNION ALL
      SELECT c.oid, c.relname::text, false, c.relkind = 'S'
        FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace m ON m.oid = c.relnamespace
       WHERE m.nspname::text = ${quoteLiteral(t.plainSchema)} AND c.relkind IN ('r', 'p', 'v', 'S')
    )
    SELECT r.rolname::text AS role, w.kind, r.rolname = current_user AS present,
           pg_catalog.bool_and(h.has) FILTER (WHERE w.mark) AS marked,
           (pg_catalog.count(*) FILTER (WHERE NOT h.has))::int4 AS missing,
           pg_catalog.min(w.privilege || ' on ' || w.name) FILTER (WHERE NOT h.has) AS first
      FROM pg_catalog.pg_namespace n
     CROSS JOIN LATERAL (
             SELECT a.oid, a.rolname FROM pg_catalog.pg_roles a
              WHERE a.rolname = current_user
                 OR EXISTS (SELECT 1 FROM pg_catalog.aclexplode(n.nspacl) x WHERE x.grantee = a.oid)
              LIMIT 100) r
     CROSS JOIN unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::bool[])
             AS w(kind, name, privilege, mark)
      JOIN objects o ON o.name = w.name AND o.is_function = (w.privilege = 'EXECUTE')
     CROSS JOIN LATERAL (
             SELECT CASE WHEN o.is_function THEN pg_catalog.has_function_privilege(r.oid, o.oid, 'EXECUTE')
                         WHEN o.is_sequence THEN pg_catalog.has_sequence_privilege(r.oid, o.oid, w.privilege)
                         ELSE pg_catalog.has_table_privilege(r.oid, o.oid, w.privilege) END AS has
             OFFSET 0) h
     WHERE n.nspname::text = ${quoteLiteral(t.plainSchema)}
     GROUP BY r.rolname, w.kind`,
)
