/**
 * The statement that empties tables of a schema: those only that have rows, since each TRUNCATE makes the
 * files of the table and of all its indexes again, and the history has a partition for each day.
 */
export function emptyingText(schema: string, tables: readonly string[]): string {
  return `DO $$
    DECLARE filled text;
    BEGIN
      SELECT string_agg(t.oid::regclass::text, ', ') INTO filled
        FROM pg_class t
        LEFT JOIN pg_inherits i ON i.inhrelid = t.oid
        LEFT JOIN pg_class parent ON parent.oid = i.inhparent
       WHERE t.relnamespace = '${schema}'::regnamespace AND t.relkind = 'r'
         AND coalesce(parent.relname, t.relname) IN (${tables.map((one) => `'${one}'`).join(', ')})
         AND pg_relation_size(t.oid) > 0;
      IF filled IS NOT NULL THEN EXECUTE 'TRUNCATE ' || filled; END IF;
    END $$`
}
