import { migration } from '../../../database/migrations/migration.ts'
import { functions } from './functions.ts'

/** Tables and columns are kept by their number, so that a new name changes nothing. */
export const first = migration(1, {
  up: (t) => [
    `CREATE TABLE ${t.own('triggers_defined')} (
       key text PRIMARY KEY CHECK (octet_length(key) BETWEEN 1 AND 200),
       table_oid oid NOT NULL,
       table_name text NOT NULL,
       operations text[] NOT NULL,
       columns smallint[],
       each text NOT NULL,
       payload text NOT NULL,
       payload_columns smallint[],
       key_columns smallint[],
       job jsonb NOT NULL,
       paused boolean NOT NULL DEFAULT false,
       created_at timestamptz NOT NULL DEFAULT ${t.fn('now')}())`,
    ...functions(t),
  ],
  // With the function go the triggers that call it.
  down: (t) => [
    `DROP FUNCTION ${t.own('triggers_add_1')}`,
    `DROP FUNCTION ${t.own('triggers_remove_1')}`,
    `DROP FUNCTION ${t.own('triggers_fire_1')}() CASCADE`,
    `DROP TABLE ${t.own('triggers_defined')}`,
  ],
})
