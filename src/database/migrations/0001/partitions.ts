import { type Names, quoteLiteral } from '../../names.ts'
import { SAFE_NAMES } from './safe-names.ts'

/**
 * Days of history. A partition is made as a table of its own and then attached: `PARTITION OF`
 * would lock the parent and, behind one reader of the history, stop every finish. There is no
 * default partition, since attaching a day beside one scans it.
 */
export const partitions = (t: Names): string[] => [
  `CREATE FUNCTION ${t.fn('make_days_1')}(ahead int) RETURNS int
   LANGUAGE plpgsql ${SAFE_NAMES} AS ${t.body}
   DECLARE
     today date := (now() AT TIME ZONE 'UTC')::date;
     day date;
     child text;
     made int := 0;
   BEGIN
     -- Two makers of one day would otherwise meet at CREATE TABLE, and one would fail.
     PERFORM pg_advisory_xact_lock(hashtextextended(${quoteLiteral(`chancy days ${t.plainSchema}`)}, 0::bigint));
     FOR i IN 0 .. ahead LOOP
       day := today + i;
       child := 'finished_jobs_' || to_char(day::timestamp, 'YYYYMMDD');
       CONTINUE WHEN to_regclass(${quoteLiteral(t.schema)} || '.' || quote_ident(child)) IS NOT NULL;
       EXECUTE format('CREATE TABLE %s.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)',
                      ${quoteLiteral(t.schema)}, child, ${quoteLiteral(t.finishedJobs)});
       EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s.%I FOR VALUES FROM (%L) TO (%L)',
                      ${quoteLiteral(t.finishedJobs)}, ${quoteLiteral(t.schema)}, child,
                      day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
       made := made + 1;
     END LOOP;
     RETURN made;
   END ${t.body}`,
  `SELECT ${t.fn('make_days_1')}(7)`,
]
