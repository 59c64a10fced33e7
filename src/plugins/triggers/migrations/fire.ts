import type { Names } from '../../../database/names.ts'

/** What a push takes for arguments, in bytes. */
const MAX_ARGS_BYTES = 1_048_576
/** Of one call of push_stored_1: jobs, and bytes of arguments. */
const [MAX_JOBS, MAX_BYTES] = [5_000, 8_388_608]

/**
 * The changed rows as (n, old, new), in their order. PostgreSQL puts the old and the new version of an updated row
 * into the two transition tables in the same order, so the same number means the same row.
 */
const SOURCES = {
  INSERT:
    'SELECT row_number() OVER () AS n, NULL::jsonb AS old, to_jsonb(r) AS new FROM new_rows r',
  DELETE:
    'SELECT row_number() OVER () AS n, to_jsonb(r) AS old, NULL::jsonb AS new FROM old_rows r',
  UPDATE: `SELECT o.n, o.version AS old, w.version AS new
                     FROM (SELECT row_number() OVER () AS n, to_jsonb(r) AS version FROM old_rows r) o
                     JOIN (SELECT row_number() OVER () AS n, to_jsonb(r) AS version FROM new_rows r) w USING (n)
                    WHERE watched IS NULL
                       OR EXISTS (SELECT FROM unnest(watched) AS e
                                   WHERE o.version -> e IS DISTINCT FROM w.version -> e)`,
} as const

/** Columns by their numbers, as they are called now. A column that was dropped is left out. */
const named = (numbers: string): string => `CASE WHEN ${numbers} IS NOT NULL THEN ARRAY(
      SELECT a.attname::text
        FROM unnest(${numbers}) WITH ORDINALITY AS u(num, place)
        JOIN pg_attribute a ON a.attrelid = TG_RELID AND a.attnum = u.num AND NOT a.attisdropped
       ORDER BY u.place) END`

/** These columns of a row. A number that JavaScript cannot hold is a text. */
const picked = (version: string, names: string): string => `(
                     SELECT jsonb_object_agg(e, CASE
                              WHEN jsonb_typeof(${version} -> e) = 'number'
                                   AND abs((${version} ->> e)::numeric) > 9007199254740991
                              THEN to_jsonb(${version} ->> e) ELSE ${version} -> e END)
                       FROM unnest(${names}) AS e)`

/** A version of a row under its name, as the payload wants it. */
const payload = (name: string, version: string): string => `CASE
                     WHEN ${version} IS NULL OR d.payload = 'key' THEN '{}'::jsonb
                     WHEN d.payload = 'row' THEN jsonb_build_object('${name}', ${version})
                     ELSE jsonb_build_object('${name}', ${picked(version, 'wanted')}) END`

/** OFFSET 0 keeps a level apart: pulled up, its expressions would be computed again wherever they are named. */
const forEachRow = (t: Names, source: string): string => `
        FOR batch IN
          SELECT jsonb_agg(d.job || jsonb_build_object('args', b.args) ORDER BY b.n) AS jobs
            FROM (
              SELECT a.n, a.args,
                     a.n / ${MAX_JOBS} + sum(octet_length(a.args::text)) OVER (ORDER BY a.n) / ${MAX_BYTES} AS part
                FROM (
                  SELECT p.n, CASE WHEN octet_length(p.args::text) <= ${MAX_ARGS_BYTES} THEN p.args
                                   ELSE common || jsonb_build_object('key', p.args -> 'key', 'truncated', true)
                              END AS args
                    FROM (
                      SELECT c.n, common
                             || jsonb_build_object('key', ${picked('coalesce(c.new, c.old)', 'keys')})
                             || ${payload('row', 'c.new')}
                             || ${payload('old', 'c.old')} AS args
                        FROM (${source} OFFSET 0) c OFFSET 0) p OFFSET 0) a) b
           GROUP BY b.part
           ORDER BY b.part
        LOOP
          PERFORM ${t.own('push_stored_1')}(batch.jobs);
        END LOOP;`

const forStatement = (t: Names, source: string): string => `
        SELECT count(*) INTO changed FROM (${source}) c;
        IF changed > 0 THEN
          PERFORM ${t.own('push_stored_1')}(jsonb_build_array(
            d.job || jsonb_build_object('args', common || jsonb_build_object('rows', changed))));
        END IF;`

const branch = (t: Names, operation: keyof typeof SOURCES): string => `
    IF TG_OP = '${operation}' THEN
      IF d.each = 'statement' THEN${forStatement(t, SOURCES[operation])}
      ELSE${forEachRow(t, SOURCES[operation])}
      END IF;
    END IF;`

/**
 * Called by the triggers for each statement, as the owner of the schema: the role of the statement needs no right on
 * anything of the schema. It pushes a job for each row, or one for the statement, in the transaction of the statement.
 */
export const fire = (t: Names): string => `
  CREATE FUNCTION ${t.own('triggers_fire_1')}()
  RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET enable_hashagg = off SET jit = off
  AS ${t.body}
  #variable_conflict use_variable
  DECLARE
    d record;
    keys text[];
    wanted text[];
    watched text[];
    common jsonb := jsonb_build_object(
      'operation', lower(TG_OP), 'table', format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME));
    batch record;
    changed bigint;
  BEGIN
    SELECT g.each, g.payload, g.payload_columns, g.key_columns, g.columns, g.job INTO d
      FROM ${t.own('triggers_defined')} g
     WHERE g.key = TG_ARGV[0] AND g.table_oid = TG_RELID AND NOT g.paused;
    IF NOT FOUND THEN
      RETURN NULL;
    END IF;
    keys := ${named('d.key_columns')};
    wanted := ${named('d.payload_columns')};
    watched := ${named('d.columns')};${branch(t, 'INSERT')}${branch(t, 'UPDATE')}${branch(t, 'DELETE')}
    RETURN NULL;
  END ${t.body}`
