import { type Names, quoteLiteral } from '../../../database/names.ts'
import { fire } from './fire.ts'

/** The names of the triggers on a table, which no key of another schema or trigger has. */
const triggerName = (t: Names, key: string, operation: string): string =>
  `'chancy_' || left(encode(sha256(convert_to(${quoteLiteral(`${t.plainSchema}:`)} || ${key}, 'UTF8')), 'hex'), 24) || '_' || ${operation}`

const columnNumbers = (names: string): string => `ARRAY(
      SELECT a.attnum FROM unnest(${names}) WITH ORDINALITY AS n(name, at)
        JOIN pg_attribute a ON a.attrelid = relation AND a.attname = n.name AND a.attnum > 0 AND NOT a.attisdropped
       ORDER BY n.at)`

/**
 * Makes or replaces a trigger, with the rights of the caller, and returns what is wrong, or null. What is wrong is
 * returned and not raised, so that a transaction of the caller survives it.
 */
const add = (t: Names): string => `
  CREATE FUNCTION ${t.own('triggers_add_1')}(
    key text, table_name text, operations text[], columns text[], each text, payload text,
    payload_columns text[], job jsonb)
  RETURNS TABLE (problem text, what text)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
  AS ${t.body}
  #variable_conflict use_column
  DECLARE
    relation oid;
    kind "char";
    home name;
    keys smallint[];
    missing text;
    operation text;
    former record;
  BEGIN
    BEGIN
      relation := to_regclass(triggers_add_1.table_name);
    EXCEPTION WHEN invalid_name OR syntax_error OR feature_not_supported THEN
      relation := NULL;
    END;
    SELECT c.relkind, s.nspname INTO kind, home
      FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace WHERE c.oid = relation;
    IF kind IS NULL THEN
      RETURN QUERY SELECT 'table-missing', triggers_add_1.table_name; RETURN;
    END IF;
    IF kind NOT IN ('r', 'p') OR home IN (${quoteLiteral(t.plainSchema)}, 'pg_catalog', 'information_schema') THEN
      RETURN QUERY SELECT 'table-refused', relation::regclass::text; RETURN;
    END IF;
    SELECT n.name INTO missing
      FROM unnest(coalesce(triggers_add_1.columns, '{}') || coalesce(triggers_add_1.payload_columns, '{}')) AS n(name)
     WHERE NOT EXISTS (
             SELECT FROM pg_attribute a
              WHERE a.attrelid = relation AND a.attname = n.name AND a.attnum > 0 AND NOT a.attisdropped)
     LIMIT 1;
    IF missing IS NOT NULL THEN
      RETURN QUERY SELECT 'column-missing', missing; RETURN;
    END IF;
    keys := (SELECT ARRAY(SELECT k FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS u(k, at) ORDER BY at)
               FROM pg_index i WHERE i.indrelid = relation AND i.indisprimary);
    IF keys IS NULL AND triggers_add_1.payload = 'key' AND triggers_add_1.each = 'row' THEN
      RETURN QUERY SELECT 'key-missing', relation::regclass::text; RETURN;
    END IF;

    SELECT d.table_oid, d.operations INTO former
      FROM ${t.own('triggers_defined')} d WHERE d.key = triggers_add_1.key FOR UPDATE;
    IF FOUND THEN
      PERFORM ${t.own('triggers_remove_1')}(triggers_add_1.key, false);
    END IF;
    INSERT INTO ${t.own('triggers_defined')} AS d (
           key, table_oid, table_name, operations, columns, each, payload, payload_columns, key_columns, job)
    VALUES (triggers_add_1.key, relation, relation::regclass::text, triggers_add_1.operations,
            CASE WHEN triggers_add_1.columns IS NOT NULL THEN ${columnNumbers('triggers_add_1.columns')} END,
            triggers_add_1.each, triggers_add_1.payload,
            CASE WHEN triggers_add_1.payload_columns IS NOT NULL
                 THEN ${columnNumbers('triggers_add_1.payload_columns')} END,
            keys, triggers_add_1.job)
        ON CONFLICT (key) DO UPDATE
       SET table_oid = excluded.table_oid, table_name = excluded.table_name, operations = excluded.operations,
           columns = excluded.columns, each = excluded.each, payload = excluded.payload,
           payload_columns = excluded.payload_columns, key_columns = excluded.key_columns, job = excluded.job;
    FOREACH operation IN ARRAY triggers_add_1.operations LOOP
      EXECUTE format(
        'CREATE TRIGGER %I AFTER %s ON %s REFERENCING %s FOR EACH STATEMENT EXECUTE FUNCTION %s(%L)',
        ${triggerName(t, 'triggers_add_1.key', 'operation')},
        upper(operation), relation::regclass::text,
        CASE operation WHEN 'insert' THEN 'NEW TABLE AS new_rows'
                       WHEN 'delete' THEN 'OLD TABLE AS old_rows'
                       ELSE 'OLD TABLE AS old_rows NEW TABLE AS new_rows' END,
        ${quoteLiteral(t.own('triggers_fire_1'))}, triggers_add_1.key);
    END LOOP;
    RETURN QUERY SELECT NULL::text, relation::regclass::text;
  END ${t.body}`

/** Drops the triggers on the table, as far as it is there, and forgets the definition where that is wanted. */
const remove = (t: Names): string => `
  CREATE FUNCTION ${t.own('triggers_remove_1')}(key text, forget boolean)
  RETURNS boolean
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
  AS ${t.body}
  DECLARE
    found_oid oid;
    operation text;
  BEGIN
    SELECT d.table_oid INTO found_oid
      FROM ${t.own('triggers_defined')} d WHERE d.key = triggers_remove_1.key FOR UPDATE;
    IF NOT FOUND THEN
      RETURN false;
    END IF;
    FOR operation IN
      SELECT g.tgname FROM pg_trigger g
       WHERE g.tgrelid = found_oid AND NOT g.tgisinternal
         AND g.tgname IN (${['insert', 'update', 'delete']
           .map((one) => triggerName(t, 'triggers_remove_1.key', quoteLiteral(one)))
           .join(', ')})
    LOOP
      EXECUTE format('DROP TRIGGER %I ON %s', operation, found_oid::regclass::text);
    END LOOP;
    IF forget THEN
      DELETE FROM ${t.own('triggers_defined')} d WHERE d.key = triggers_remove_1.key;
    END IF;
    RETURN true;
  END ${t.body}`

export const functions = (t: Names): string[] => {
  const made = [
    ['triggers_fire_1()', fire(t)],
    ['triggers_remove_1(text, boolean)', remove(t)],
    ['triggers_add_1(text, text, text[], text[], text, text, text[], jsonb)', add(t)],
  ] as const
  return made.flatMap(([signature, text]) => [
    text,
    `REVOKE EXECUTE ON FUNCTION ${t.schema}.${signature} FROM PUBLIC`,
  ])
}
