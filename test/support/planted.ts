/**
 * What a user who may create in `public` can plant there: functions and operators of the names that the
 * engine uses, for argument types that fit better than those of PostgreSQL's own. Calling one raises
 * `planted`.
 */
import { readFileSync } from 'node:fs'
import type { Client } from 'pg'

/** Types between which PostgreSQL converts by itself, so that one may fit where another is meant. */
const FAMILIES = [
  ['int2', 'int4', 'int8', 'float8', 'numeric'],
  ['text', 'varchar', 'name', '"char"'],
  ['timestamptz', 'timestamp', 'date', 'interval'],
  ['oid', 'regclass', 'regnamespace'],
  ['jsonb', 'json'],
  ...['bool', 'uuid', 'tid', 'xid8', 'text[]', 'uuid[]', 'int4[]', 'int8[]'].map((type) => [type]),
]

/** Plants an overload for every function and operator in `texts` that PostgreSQL has. */
export async function plant(client: Client, texts: readonly string[]): Promise<void> {
  const sql = texts.join('\n').replaceAll(/--.*/g, '')
  const names = [
    ...new Set([...sql.matchAll(/([a-z_][a-z_0-9]*)"?\s*\(/g)].map(([, name]) => name)),
  ]
  const operators = [...new Set(sql.match(/[-+*/<>=~!@#%^&|?]+/g))]
  await client.query('SELECT set_config($1, $2, false)', ['planted.names', names.join()])
  await client.query('SELECT set_config($1, $2, false)', ['planted.operators', operators.join(' ')])
  await client.query('SELECT set_config($1, $2, false)', [
    'planted.types',
    JSON.stringify(FAMILIES.flatMap((types, family) => types.map((type) => ({ type, family })))),
  ])
  await client.query(PLANT)
}

/** The whole schema, as the check "schema" keeps it. */
export function schemaText(): string {
  return readFileSync(new URL('../schema.sql', import.meta.url), 'utf8')
}

const PLANT = `
  DO $do$
  DECLARE
    one record;
  BEGIN
    CREATE TEMP TABLE types AS
      SELECT t.type, t.type::regtype AS oid, t.family
        FROM jsonb_to_recordset(current_setting('planted.types')::jsonb) AS t(type text, family int);

    -- Each argument of each function, one at a time, as the other types of its family; what may be of any
    -- type, as all types.
    FOR one IN
      WITH wanted AS (
        SELECT p.proname::text AS name, p.oid, p.proargtypes::oid[] AS args,
               cardinality(p.proargtypes::oid[]) AS n
          FROM pg_proc p
         WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind IN ('f', 'a', 'w')
           AND p.proname = ANY (string_to_array(current_setting('planted.names'), ','))
           AND p.pronargs BETWEEN 1 AND 7
      )
      SELECT DISTINCT w.name, l.list
        FROM wanted w
       CROSS JOIN LATERAL generate_series(1, w.n) AS o(at)
       CROSS JOIN types t
       CROSS JOIN LATERAL (
               SELECT string_agg(CASE WHEN p.typtype = 'p' AND p.typname LIKE 'any%array'
                                      THEN replace(t.type, '[]', '') || '[]'
                                      WHEN p.typtype = 'p' OR u.n = o.at THEN t.type
                                      ELSE format_type(u.type, NULL) END, ', ' ORDER BY u.n) AS list,
                      bool_or(u.n = o.at AND (p.typtype = 'p' OR t.family = of.family)) AS is_near
                 FROM unnest(w.args) WITH ORDINALITY AS u(type, n)
                 JOIN pg_type p ON p.oid = u.type
                 LEFT JOIN types of ON of.oid = u.type) l
       WHERE l.is_near
         AND NOT EXISTS (SELECT 1 FROM pg_proc p
                          WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = w.name
                            AND p.oid::regprocedure::text = format('%I(%s)', w.name, replace(l.list, ', ', ',')))
    LOOP
      EXECUTE format('CREATE OR REPLACE FUNCTION public.%I(%s) RETURNS text LANGUAGE plpgsql AS
                      $f$ BEGIN RAISE EXCEPTION ''planted: %s(%s)''; END $f$',
                     one.name, one.list, one.name, one.list);
    END LOOP;

    -- Operands of one family, and of those that PostgreSQL has an operator of this name between.
    EXECUTE (SELECT string_agg(format(
        'CREATE FUNCTION public.planted(%1$s, %2$s) RETURNS bool LANGUAGE plpgsql AS
         $f$ BEGIN RAISE EXCEPTION ''planted: an operator of %1$s and %2$s''; END $f$', a.type, b.type), ';')
      FROM types a, types b);
    FOR one IN
      WITH wanted AS (
        SELECT k.oprname AS name, k.oprleft, k.oprright, a.family AS l, b.family AS r
          FROM pg_operator k
          LEFT JOIN types a ON a.oid = k.oprleft
          LEFT JOIN types b ON b.oid = k.oprright
         WHERE k.oprnamespace = 'pg_catalog'::regnamespace AND k.oprkind = 'b'
           AND k.oprname = ANY (string_to_array(current_setting('planted.operators'), ' '))
      )
      SELECT DISTINCT w.name, a.type AS l, b.type AS r
        FROM wanted w, types a, types b
       WHERE (a.family = b.family OR (a.family = w.l AND b.family = w.r)
              OR (w.oprleft::regtype::text LIKE 'any%' AND w.r = b.family)
              OR (w.oprright::regtype::text LIKE 'any%' AND w.l = a.family)
              OR (w.oprright::regtype::text LIKE 'any%array' AND w.oprleft::regtype::text LIKE 'any%array'
                  AND a.type LIKE '%[]'))
         AND NOT EXISTS (SELECT 1 FROM wanted k
                          WHERE k.name = w.name AND k.oprleft = a.oid AND k.oprright = b.oid)
    LOOP
      EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.planted)',
                     one.name, one.l, one.r);
    END LOOP;
  END $do$`

/**
 * What of `public` a statement would call, by PostgreSQL's own record of it: the statement is made the
 * body of a function, which depends on all it names.
 */
export async function calledOf(client: Client, text: string): Promise<string[]> {
  const types = new Map<number, string>()
  for (const [, n, type] of text.matchAll(/\$(\d+)::([a-z0-9_]+)/g)) types.set(Number(n), type!)
  const list = Array.from({ length: types.size }, (_, n) => types.get(n + 1) ?? 'text').join(', ')
  await client.query('BEGIN')
  try {
    await client.query(
      `CREATE FUNCTION public.probe_of_calls(${list}) RETURNS void BEGIN ATOMIC ${text}; END`,
    )
    await client.query('SET LOCAL search_path = pg_catalog')
    const { rows } = await client.query<{ what: string }>(`
      SELECT pg_describe_object(d.refclassid, d.refobjid, 0) AS what
        FROM pg_depend d
       WHERE d.classid = 'pg_proc'::regclass
         AND d.objid = (SELECT oid FROM pg_proc WHERE proname = 'probe_of_calls')
         AND (d.refobjid IN (SELECT oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
              OR d.refobjid IN (SELECT oid FROM pg_operator WHERE oprnamespace = 'public'::regnamespace))`)
    return rows.map(({ what }) => what)
  } finally {
    await client.query('ROLLBACK')
  }
}
