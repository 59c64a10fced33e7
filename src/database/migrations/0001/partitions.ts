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
       -- A table without a primary key refuses DELETE under a publication of all tables otherwise.
       EXECUTE format('ALTER TABLE %s.%I REPLICA IDENTITY FULL', ${quoteLiteral(t.schema)}, child);
       EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s.%I FOR VALUES FROM (%L) TO (%L)',
                      ${quoteLiteral(t.finishedJobs)}, ${quoteLiteral(t.schema)}, child,
                      day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
       made := made + 1;
     END LOOP;
     RETURN made;
   END ${t.body}`,
  `SELECT ${t.fn('make_days_1')}(7)`,

  // For a role that does not own the history: a detach CONCURRENTLY cannot run in a function. Drops a
  // day when the retention of every row in it has passed, and says whether it did. This lock stops
  // finishes while it waits for a reader of the history, so it gives up soon, and is tried again.
  `CREATE FUNCTION ${t.fn('drop_day_1')}(day text) RETURNS boolean
   LANGUAGE plpgsql ${SAFE_NAMES}
   SET lock_timeout = '200ms'
   AS ${t.body}
   DECLARE
     part record;
     is_needed boolean;
   BEGIN
     SELECT c.oid::regclass AS name, i.inhrelid IS NOT NULL AS is_attached,
            coalesce(i.inhdetachpending, false) AS is_pending
       INTO part
       FROM pg_class c
       LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
      WHERE c.relnamespace = ${quoteLiteral(t.schema)}::regnamespace AND c.relkind = 'r'
        AND c.relname = drop_day_1.day AND c.relname ~ '^finished_jobs_[0-9]{8}$'
        AND (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC'
            < now() - interval '10 minutes';
     IF NOT FOUND THEN
       RETURN false;
     END IF;
     EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s f WHERE f.finished_at
                      + least(greatest(coalesce(f.retention, interval ''7 days''),
                                       interval ''10 minutes''), interval ''3650 days'') > now())', part.name)
        INTO is_needed;
     IF is_needed THEN
       RETURN false;
     END IF;
     IF part.is_attached THEN
       EXECUTE format('ALTER TABLE %s DETACH PARTITION %s %s', ${quoteLiteral(t.finishedJobs)}, part.name,
                      CASE WHEN part.is_pending THEN 'FINALIZE' ELSE '' END);
     END IF;
     EXECUTE format('DROP TABLE %s', part.name);
     RETURN true;
   END ${t.body}`,

  // Autovacuum never looks at a partitioned parent.
  `CREATE FUNCTION ${t.fn('analyze_history_1')}() RETURNS void
   LANGUAGE plpgsql ${SAFE_NAMES}
   AS ${t.body}
   BEGIN
     ANALYZE ${t.finishedJobs};
   END ${t.body}`,
]
