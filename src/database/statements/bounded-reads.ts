import { statement } from '../statement.ts'

/** The transaction writes nothing, and each of its statements may take `ms` milliseconds. */
export const beginReads = statement<readonly [ms: string], never>(
  'begin_reads',
  () => `
    SELECT pg_catalog.set_config('transaction_read_only', 'on', true),
           pg_catalog.set_config('statement_timeout', $1::text, true)`,
)

export interface ServerFactsRow {
  readonly version: string
  readonly now_ms: number
}

export const serverFacts = statement<readonly [], ServerFactsRow>(
  'server_facts',
  (t) => `
    SELECT pg_catalog.current_setting('server_version') AS version,
           pg_catalog.date_part('epoch', ${t.fn('clock')}()) * 1000::float8 AS now_ms`,
)
