import { type Names, quoteLiteral } from '../../names.ts'
import { NOTIFY_ROOM } from '../../notify-room.ts'
import { drawn, placeOf } from '../../places.ts'
import { READ_COMMITTED_ONLY, STEADY_PLANS } from './claim.ts'
import { CLAIMED_COLUMNS, claimedValues, head } from './claimed.ts'
import { lineInRanges, wholeLine } from './line.ts'
import { FLOOR_VARIABLES, FROM_FLOORS, readState } from './queue-state.ts'

/**
 * A push whose process has a worker at rest: the rows are inserted and claimed in one transaction, so
 * that a lone job starts after one commit and not after two. Where nothing else is in the line they
 * are written as running; otherwise the line is claimed from, by the rules of all. What was not taken
 * is told to the others; what was concerns nobody.
 */
export const pushAndClaim = (t: Names): string[] => [
  `CREATE FUNCTION ${t.fn('push_and_claim_1')}(
     ids uuid[], queues text[], names text[], all_args text[], priorities int[],
     most_attempts int[], rests text[], payloads text[],
     wanted_queue text, worker uuid, room int, known text[], durable boolean,
     highs bigint[], lows bigint[], afters bigint[], befores bigint[])
   RETURNS TABLE (${CLAIMED_COLUMNS})
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   #variable_conflict use_column
   DECLARE
     -- Before a place is drawn: see the floors of a line.
     own_id xid8 := pg_current_xact_id();
     bases bigint[];
     queue_state text;
     has_aside boolean;
     rate_max int;
     rate_per interval;
     looked int := cardinality(ids);
     claim_number bigint;
     start_at timestamptz := clock_timestamp();
     look_us int;
     is_taken boolean;
     ${FLOOR_VARIABLES}
   BEGIN
     ${READ_COMMITTED_ONLY}
     IF highs IS NULL AND rests IS NULL AND looked < room THEN
       ${readState(t, {
         column: `CASE WHEN f.highs IS NULL THEN (SELECT true FROM (${wholeLine(t, '1')}) l) END`,
         into: 'is_taken',
       })}
       IF queue_state = 'active' AND rate_max IS NULL AND has_aside IS NULL THEN
         IF floor_highs IS NOT NULL THEN
           ${FROM_FLOORS}
           is_taken := (SELECT true FROM (${lineInRanges(t, '1')}) l);
         END IF;
         look_us := least(date_part('epoch', clock_timestamp() - start_at) * 1000000, 2000000000)::int;
         IF is_taken IS NULL THEN
           claim_number := nextval(${t.sequence('claim_numbers')});
           INSERT INTO ${t.claims} (worker_id, claim_seq, ids) VALUES (worker, claim_number, ids);
           ${drawn(t, 'looked').trim()}
           start_at := clock_timestamp();
           ${head('0')}
           RETURN QUERY
           INSERT INTO ${t.jobs} AS j (
                  id, queue, name, args, priority, max_attempts, seq, ready_seq, state, worker_id, started_at,
                  attempts, fence)
           SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.place, g.place,
                  'running', worker, start_at, 1, 1
             FROM (
               SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, ${placeOf('r.n')} AS place
                 FROM unnest(ids, queues, names, all_args, priorities, most_attempts) WITH ORDINALITY
                   AS r(id, queue, name, args, priority, max_attempts, n)) g
           RETURNING ${claimedValues(t, 'j')};
           RETURN;
         END IF;
         -- The claim looks at the whole line, and begins at the floors by itself.
         highs := NULL;
       END IF;
     END IF;
     PERFORM ${t.fn('push_1')}(
       ids, queues, names, all_args, priorities, most_attempts, NULL, NULL, NULL, rests, false, 0, NULL);
     RETURN QUERY
     SELECT c.* FROM ${t.fn('claim_1')}(
       wanted_queue, worker, room, known, durable, highs, lows, afters, befores) c;
     IF payloads IS NOT NULL AND ${NOTIFY_ROOM} AND EXISTS (
          SELECT 1 FROM ${t.jobs} j
           WHERE j.id = ANY (ids) AND j.state <> 'running') THEN
       PERFORM pg_notify(${quoteLiteral(t.channel)}, p) FROM unnest(payloads) AS p;
     END IF;
   END ${t.body}`,
]
