import { statement } from '../../database/statement.ts'

export interface AddedRow {
  /** Null: it was made. Otherwise what is wrong, and with which table or column. */
  readonly problem: 'table-missing' | 'table-refused' | 'column-missing' | 'key-missing' | null
  readonly what: string
}

/** Lists are array literals. */
export const addDefinition = statement<
  readonly [
    key: string,
    table: string,
    operations: string,
    columns: string | null,
    each: string,
    payload: string,
    payloadColumns: string | null,
    job: string,
  ],
  AddedRow
>(
  'add_trigger',
  (t) => `
    SELECT a.problem, a.what
      FROM ${t.own('triggers_add_1')}($1::text, $2::text, $3::text::text[], $4::text::text[], $5::text, $6::text,
             $7::text::text[], $8::text::jsonb) a`,
)

export const removeDefinition = statement<readonly [key: string], { removed: boolean }>(
  'remove_trigger',
  (t) => `SELECT ${t.own('triggers_remove_1')}($1::text, true) AS removed`,
)

/** No row: there is no such trigger. */
export const setPaused = statement<readonly [key: string, paused: boolean], { key: string }>(
  'pause_trigger',
  (t) => `
    UPDATE ${t.own('triggers_defined')} d SET paused = $2::bool WHERE d.key = $1::text
    RETURNING d.key AS key`,
)

export interface DefinedRow {
  readonly key: string
  readonly table_name: string
  /** JSON texts of lists. */
  readonly operations: string
  readonly columns: string | null
  readonly payload_columns: string | null
  readonly each: string
  readonly payload: string
  readonly job: string
  readonly paused: boolean
  /** Whether the table is there, and each of its triggers is and fires. */
  readonly fires: boolean
}

const namesOf = (numbers: string): string => `
           CASE WHEN ${numbers} IS NOT NULL THEN (
             SELECT coalesce(pg_catalog.jsonb_agg(a.attname ORDER BY u.place), '[]'::jsonb)::text
               FROM unnest(${numbers}) WITH ORDINALITY AS u(num, place)
               JOIN pg_catalog.pg_attribute a
                 ON a.attrelid = d.table_oid AND a.attnum = u.num AND NOT a.attisdropped) END`

/** Names are those of now; of a table that was dropped, those of its time. */
export const listDefinitions = statement<readonly [], DefinedRow>(
  'list_triggers',
  (t) => `
    SELECT d.key, d.each, d.payload, d.paused, d.job ->> 'name' AS job,
           CASE WHEN c.oid IS NULL THEN d.table_name
                ELSE pg_catalog.format('%I.%I', s.nspname, c.relname) END AS table_name,
           pg_catalog.to_jsonb(d.operations)::text AS operations,${namesOf('d.columns')} AS columns,${namesOf('d.payload_columns')} AS payload_columns,
           c.oid IS NOT NULL AND pg_catalog.cardinality(d.operations) = (
             SELECT pg_catalog.count(*)
               FROM pg_catalog.pg_trigger g
               JOIN pg_catalog.pg_proc p ON p.oid = g.tgfoid AND p.proname = 'triggers_fire_1'
              WHERE g.tgrelid = d.table_oid AND NOT g.tgisinternal AND g.tgenabled <> 'D'
                AND g.tgargs = pg_catalog.convert_to(d.key, 'UTF8') || '\\x00'::bytea) AS fires
      FROM ${t.own('triggers_defined')} d
      LEFT JOIN pg_catalog.pg_class c ON c.oid = d.table_oid
      LEFT JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
     ORDER BY d.key`,
)
