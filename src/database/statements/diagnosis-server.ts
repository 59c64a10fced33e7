/** What `doctor` asks of the server, its settings and its sessions. */
import { quoteLiteral } from '../names.ts'
import { statement } from '../statement.ts'

/** The transaction of a check writes nothing, whatever it calls. */
export const readOnly = statement<readonly [], never>(
  'diagnosis_read_only',
  () => 'SET TRANSACTION READ ONLY',
)

/** The name of the sessions of the checks while they run, so that none of them finds another one. */
const OWN_NAME = "'chancy doctor'"

/** How long each statement of the transaction may take, in milliseconds, and by which name its session is known. */
export const beginCheck = statement<readonly [ms: string], never>(
  'begin_check',
  () => `
    SELECT pg_catalog.set_config('statement_timeout', $1::text, true),
           pg_catalog.set_config('application_name', ${OWN_NAME}, true)`,
)

export interface ServerRow {
  readonly version: string
  readonly version_num: number
  readonly standby: boolean
  readonly role: string
  readonly pid: number
}

export const aboutServer = statement<readonly [], ServerRow>(
  'about_server',
  () => `
    SELECT pg_catalog.current_setting('server_version') AS version,
           pg_catalog.current_setting('server_version_num')::int4 AS version_num,
           pg_catalog.pg_is_in_recovery() AS standby, current_user::text AS role,
           pg_catalog.pg_backend_pid() AS pid`,
)

export interface SettingRow {
  readonly name: string
  readonly value: string
  /** Who it is set for; both null: the present session. */
  readonly role: string | null
  readonly database: string | null
}

/** Settings of the present session, and what is set for this database and for roles that may use the schema. */
export const settingsOf = statement<readonly [names: string], SettingRow>(
  'settings_of',
  (t) => `
    SELECT w.name, pg_catalog.current_setting(w.name) AS value, NULL::text AS role, NULL::text AS database
      FROM pg_catalog.unnest($1::text::text[]) AS w(name)
    UNION ALL
    SELECT pg_catalog.lower(pg_catalog.split_part(c.line, '=', 1)),
           pg_catalog.substr(c.line, pg_catalog.strpos(c.line, '=') + 1), r.rolname::text, d.datname::text
      FROM pg_catalog.pg_db_role_setting s
      LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
      LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
     CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c(line)
     WHERE pg_catalog.lower(pg_catalog.split_part(c.line, '=', 1)) IN (
             SELECT pg_catalog.lower(l.name) FROM pg_catalog.unnest($1::text::text[]) AS l(name))
       AND (d.datname IS NULL AND s.setdatabase = 0::oid OR d.datname::text = pg_catalog.current_database()::text)
       AND (r.oid IS NULL OR EXISTS (
             SELECT 1 FROM pg_catalog.pg_namespace n
              WHERE n.nspname::text = ${quoteLiteral(t.plainSchema)} AND pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE')))`,
)

export interface ConnectionRow {
  /** Of the server, without those that are kept for superusers. */
  readonly max: number
  readonly used: number
  /** -1: no limit. */
  readonly of_database: number
  readonly used_database: number
  readonly of_role: number
  readonly used_role: number
  readonly role: string
}

/** A role without rights on a session sees neither its kind nor its state, but sees that it is there. */
export const countConnections = statement<readonly [], ConnectionRow>(
  'count_connections',
  () => `
    SELECT pg_catalog.current_setting('max_connections')::int4
             - pg_catalog.current_setting('superuser_reserved_connections')::int4
             - coalesce(pg_catalog.current_setting('reserved_connections', true)::int4, 0) AS max,
           pg_catalog.count(*)::int4 AS used,
           d.datconnlimit AS of_database,
           (pg_catalog.count(*) FILTER (WHERE a.datid = d.oid))::int4 AS used_database,
           r.rolconnlimit AS of_role,
           (pg_catalog.count(*) FILTER (WHERE a.usesysid = r.oid))::int4 AS used_role,
           r.rolname::text AS role
      FROM pg_catalog.pg_database d
     CROSS JOIN pg_catalog.pg_roles r
      LEFT JOIN pg_catalog.pg_stat_activity a
        ON a.datid IS NOT NULL AND coalesce(a.backend_type, 'client backend') = 'client backend'
     WHERE d.datname = pg_catalog.current_database() AND r.rolname = current_user
     GROUP BY d.datconnlimit, r.rolconnlimit, r.rolname`,
)

export interface HorizonRow {
  readonly kind: 'session' | 'prepared' | 'slot' | 'standby'
  readonly pid: number | null
  /** Of the application, the prepared transaction, the slot or the standby. */
  readonly name: string | null
  readonly role: string | null
  readonly state: string | null
  /** How many transactions began since. */
  readonly xids: number
  /** For how long, in milliseconds. Null: it has no time, or this role does not see it. */
  readonly age_ms: number | null
  /** Since when its last statement runs, or ran, in milliseconds. */
  readonly query_ms: number | null
}

const age = (since: string, clock: string): string =>
  `pg_catalog.date_part('epoch', ${clock} - ${since}) * 1000::float8`

/**
 * What keeps dead rows of this database from being removed, the oldest first. Sessions of other databases do not, nor
 * does a vacuum.
 */
export const horizonHolders = statement<readonly [], HorizonRow>(
  'horizon_holders',
  (t) => `
    SELECT h.kind, h.pid, h.name, h.role, h.state, h.xids, h.age_ms, h.query_ms
      FROM (
        SELECT 'session' AS kind, a.pid, a.application_name AS name, a.usename::text AS role, a.state,
               greatest(pg_catalog.age(a.backend_xmin), pg_catalog.age(a.backend_xid)) AS xids,
               ${age('a.xact_start', `${t.fn('clock')}()`)} AS age_ms,
               ${age('a.query_start', `${t.fn('clock')}()`)} AS query_ms
          FROM pg_catalog.pg_stat_activity a
         WHERE (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
           AND a.pid <> pg_catalog.pg_backend_pid() AND coalesce(a.application_name, '') <> ${OWN_NAME}
           AND (a.datname IS NULL OR a.datname = pg_catalog.current_database())
           AND coalesce(a.backend_type, '') NOT IN ('walsender', 'autovacuum worker')
           AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_replication o WHERE o.pid = a.pid)
           AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_progress_vacuum v WHERE v.pid = a.pid)
        UNION ALL
        SELECT 'prepared', NULL::int4, p.gid, p.owner::text, NULL::text, pg_catalog.age(p.transaction),
               ${age('p.prepared', `${t.fn('clock')}()`)}, NULL::float8
          FROM pg_catalog.pg_prepared_xacts p
         WHERE p.database = pg_catalog.current_database()
        UNION ALL
        SELECT 'slot', s.active_pid, s.slot_name::text, NULL::text,
               CASE WHEN s.active THEN 'active' ELSE 'inactive' END,
               greatest(pg_catalog.age(s.xmin), pg_catalog.age(s.catalog_xmin)), NULL::float8, NULL::float8
          FROM pg_catalog.pg_replication_slots s
         WHERE s.xmin IS NOT NULL OR s.catalog_xmin IS NOT NULL
        UNION ALL
        SELECT 'standby', r.pid, r.application_name, r.usename::text, r.state, pg_catalog.age(r.backend_xmin),
               NULL::float8, NULL::float8
          FROM pg_catalog.pg_stat_replication r
         WHERE r.backend_xmin IS NOT NULL) h
     ORDER BY h.xids DESC, h.age_ms DESC NULLS LAST
     LIMIT 50`,
)

/** How full the queue of notifications is, from 0 to 1, and the time of the database, in milliseconds. */
export const notificationUsage = statement<readonly [], { usage: number }>(
  'notification_usage',
  () => 'SELECT pg_catalog.pg_notification_queue_usage() AS usage',
)

export const databaseTime = statement<readonly [], { now_ms: number }>(
  'database_time',
  (t) => `SELECT pg_catalog.date_part('epoch', ${t.fn('clock')}()) * 1000::float8 AS now_ms`,
)
