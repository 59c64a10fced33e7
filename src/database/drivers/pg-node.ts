import type pg from 'pg'
import { sqlStateOf } from '../sql-state.ts'

/** What a server says of itself. */
export interface PgNode {
  readonly isStandby: boolean
  /** Also true of a standby. */
  readonly isReadOnly: boolean
  /** Null: a standby, or a service that does not say it. */
  readonly timeline: { readonly systemId: bigint; readonly number: number } | null
}

const ROLE_TEXT = `
  SELECT pg_catalog.pg_is_in_recovery() AS standby,
         pg_catalog.current_setting('transaction_read_only') AS read_only`
// The name of a file of the log begins with the timeline. The control file would say the old one
// until the first checkpoint after a promotion.
const TIMELINE_TEXT = `
  SELECT (pg_catalog.pg_control_system()).system_identifier::text AS system_id,
         pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) AS file`

export async function askNode(client: pg.ClientBase): Promise<PgNode> {
  const role = await client.query<{ standby: boolean; read_only: string }>(ROLE_TEXT)
  const { standby, read_only } = role.rows[0]!
  const isReadOnly = read_only === 'on'
  const timeline = standby ? null : await askTimeline(client)
  return { isStandby: standby, isReadOnly, timeline }
}

async function askTimeline(client: pg.ClientBase): Promise<PgNode['timeline']> {
  try {
    const { rows } = await client.query<{ system_id: string; file: string }>(TIMELINE_TEXT)
    const { system_id, file } = rows[0]!
    return { systemId: BigInt(system_id), number: Number.parseInt(file.slice(0, 8), 16) }
  } catch (error) {
    // A service that keeps its log elsewhere has no such functions, or allows them to few.
    if (sqlStateOf(error) === undefined) throw error
    return null
  }
}
