import { type Names, plain, type Text, together } from './statements.ts'

/** The names of schemas that the kit makes begin so. */
export const PREFIX = 'chancy_test_'
/** The comments of schemas that the kit makes begin so. */
const MARK = 'chancy/testing '

/** What the comment of a schema says. */
export interface SchemaMark {
  /** When it was made, or left as a spare one, in milliseconds of the real time. */
  readonly madeMs: number
  readonly isKept: boolean
  /** Of one that is empty and belongs to no test: digests of what its tables are made of, and of what is there. */
  readonly spare?: { readonly digest: string; readonly shape: string }
}

export const makeSchema = (schema: string, mark: SchemaMark): Text =>
  together([`CREATE SCHEMA ${schema}`, markSchema(schema, mark).text])

export const markSchema = (schema: string, mark: SchemaMark): Text =>
  plain(`COMMENT ON SCHEMA ${schema} IS '${MARK}${JSON.stringify(mark)}'`)

export const findSchema = (schema: string): Text => ({
  text: 'SELECT pg_catalog.to_regnamespace($1::text) IS NOT NULL AS found',
  values: [schema],
})

export const dropSchema = (schema: string): Text => plain(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)

export interface SchemaRow {
  readonly schema: string
  readonly mark: string
}

/** The schemas that the kit made, or one of them, by their names and their comments. */
export const findSchemas = (schema: string | null = null): Text => ({
  text: `
    SELECT n.nspname::text AS schema, pg_catalog.substr(d.description, ${MARK.length + 1}) AS mark
      FROM pg_catalog.pg_namespace n
      JOIN pg_catalog.pg_description d
        ON d.objoid = n.oid AND d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
     WHERE pg_catalog.starts_with(n.nspname::text, $1::text) AND pg_catalog.starts_with(d.description, $2::text)
       AND ($3::text IS NULL OR n.nspname = $3) AND pg_catalog.pg_has_role(n.nspowner, 'USAGE')
     ORDER BY n.nspname`,
  values: [PREFIX, MARK, schema],
})

/** Until the end of the transaction the schema is taken, left or removed by one process alone. */
export const lockSchema = (schema: string): Text => ({
  text: 'SELECT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext($1::text)::bigint) AS locked',
  values: [`${MARK}${schema}`],
})

/** Tables that a reset leaves: what was declared, and what the worker needs. */
const DECLARED = ['queues', 'workers', 'leader', 'triggers_defined']
/** Tables that are never emptied, and the beginning of the names of copies. */
const [OWN, COPY] = [['migrations', 'test_time'], 'test_made_']

/**
 * The function that empties the tables, of which most are empty already; and copies of the rows that the migrations
 * have made, which it puts back.
 */
export function installEmpty(t: Names): Text {
  const literal = (names: readonly string[]): string => `'{${names.join()}}'::text[]`
  const tables = `
    SELECT c.oid, c.relname::text AS name, pg_catalog.format('%s.%I', '${t.schema}', c.relname) AS own
      FROM pg_catalog.pg_class c
     WHERE c.relnamespace = '${t.schema}'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition AND NOT pg_catalog.starts_with(c.relname::text, '${COPY}')
       AND c.relname <> ALL (${literal(OWN)})`
  return together([
    `DO $body$
     DECLARE one record; filled boolean;
     BEGIN
       FOR one IN ${tables} LOOP
         EXECUTE 'SELECT EXISTS (SELECT FROM ' || one.own || ')' INTO filled;
         IF filled THEN
           EXECUTE pg_catalog.format('CREATE TABLE ${t.schema}.%I AS TABLE %s', '${COPY}' || one.name, one.own);
         END IF;
       END LOOP;
     END $body$`,
    `CREATE FUNCTION ${t.own('test_empty')}(declared boolean) RETURNS void LANGUAGE plpgsql
       SET search_path = pg_catalog, pg_temp AS $body$
     DECLARE
       one record;
       filled boolean;
       emptied text[];
     BEGIN
       FOR one IN ${tables} LOOP
         CONTINUE WHEN NOT declared AND one.name = ANY (${literal(DECLARED)});
         EXECUTE 'SELECT EXISTS (SELECT FROM ' || one.own || ')' INTO filled;
         -- A table of a foreign key is emptied together with the other one.
         IF filled OR EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND one.oid IN (k.conrelid, k.confrelid)) THEN
           emptied := emptied || one.own;
         END IF;
       END LOOP;
       IF emptied IS NOT NULL THEN
         EXECUTE 'TRUNCATE ' || array_to_string(emptied, ', ');
       END IF;
       FOR one IN
         SELECT c.relname::text AS copy, format('%s.%I', '${t.schema}', substr(c.relname::text, ${COPY.length + 1})) AS own
           FROM pg_class c
          WHERE c.relnamespace = '${t.schema}'::regnamespace AND starts_with(c.relname::text, '${COPY}')
       LOOP
         IF one.own = ANY (emptied) THEN
           EXECUTE format('INSERT INTO %s OVERRIDING SYSTEM VALUE SELECT * FROM ${t.schema}.%I', one.own, one.copy);
         END IF;
       END LOOP;
     END $body$`,
  ])
}

/** Empties all tables; with `declared` also those of what was declared, and of the workers. */
export const emptyTables = (t: Names, declared: boolean): Text =>
  plain(`SELECT ${t.own('test_empty')}(${declared})`)

/** A digest of the names, columns, triggers and functions of a schema, the partitions aside. */
export const readShape = (t: Names): Text => ({
  text: `
    SELECT pg_catalog.md5(pg_catalog.string_agg(p.part, ' ' ORDER BY p.part COLLATE "C")) AS shape
      FROM (SELECT c.relname || ' ' || c.relkind::text || c.relnatts::text AS part
              FROM pg_catalog.pg_class c
             WHERE c.relnamespace = n.oid AND NOT c.relispartition AND c.relkind <> 't'
             UNION ALL
            SELECT p.proname || ' ' || pg_catalog.md5(p.prosrc) FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid
             UNION ALL
            SELECT g.tgname || ' ' || g.tgenabled::text
              FROM pg_catalog.pg_trigger g
              JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid
             WHERE c.relnamespace = n.oid AND g.tgparentid = 0 AND NOT g.tgisinternal
             UNION ALL
            SELECT m.line || ' ' || m.version::text FROM ${t.migrations} m) p`.replaceAll(
    'n.oid',
    '$1::pg_catalog.regnamespace::oid',
  ),
  values: [t.schema],
})
