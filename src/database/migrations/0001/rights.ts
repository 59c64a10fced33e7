import { type Names, quoteLiteral } from '../../names.ts'
import { OWNERS_FUNCTIONS } from '../../rights.ts'

const list = (names: readonly string[]): string =>
  names.map((name) => quoteLiteral(name)).join(', ')

/**
 * Nobody may call a function before it was granted: PostgreSQL lets everybody call a new one. Those by
 * which other roles push, read and act run with the rights of the owner; a view runs with those of the
 * role that reads it, where PostgreSQL can (from 15 on).
 */
export const rights = (t: Names, functions: readonly string[]): string[] => [
  `DO ${t.body}
   DECLARE
     f record;
   BEGIN
     FOR f IN
       SELECT p.oid::regprocedure AS signature, p.proname = ANY (ARRAY[${list(OWNERS_FUNCTIONS)}]) AS is_owners
         FROM pg_proc p
        WHERE p.pronamespace = ${quoteLiteral(t.schema)}::regnamespace
          AND p.proname = ANY (ARRAY[${list(functions)}])
     LOOP
       EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f.signature);
       IF f.is_owners THEN
         EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', f.signature);
       END IF;
     END LOOP;
     IF current_setting('server_version_num')::int >= 150000 THEN
       ALTER VIEW ${t.allJobs} SET (security_invoker = true);
     END IF;
   END ${t.body}`,
]
