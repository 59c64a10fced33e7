import type { Names } from '../../names.ts'
import { BLOCK } from '../../places.ts'
import { READ_COMMITTED_ONLY, STEADY_PLANS } from './claim.ts'
import { inLine } from './line.ts'

/** Before every place, behind every place, and one beyond the priorities on either side. */
const BEFORE_ALL = `(${-Number.MAX_SAFE_INTEGER - 1})::bigint`
const BEHIND_ALL = `(${Number.MAX_SAFE_INTEGER})::bigint`
const ABOVE_ALL = `${2 ** 31}::bigint`
const BELOW_ALL = `(${-(2 ** 31) - 1})::bigint`

/**
 * While an old transaction keeps rows that are gone, a look at the whole line walks over all of them,
 * and soon takes minutes. So a queue may have floors: of a priority, in front of the line and in it,
 * a place up to which nothing is ready and nothing will be. A look begins behind them.
 *
 * Whoever draws a place has a transaction id by then, and what becomes ready gets a new place. So the
 * places that were drawn by some moment (a mark) are settled when every transaction of that moment has
 * ended: each of their rows can be seen, or never will be, and the first that is still ready bounds
 * the floor. What a claim under way has locked counts as ready: that claim may be rolled back.
 *
 * A transaction that has written something and stays open would hold all floors where they are. It is
 * left out, with the mark before it: that far the floors are lowered again when it has ended.
 */
export const floors = (t: Names): string[] => [
  // The first four arrays are the ranges of a claim, made ready.
  `CREATE TABLE ${t.lineFloors} (
     queue text PRIMARY KEY,
     raised_at timestamptz NOT NULL,
     highs bigint[],
     lows bigint[],
     afters bigint[],
     befores bigint[],
     priorities int[] NOT NULL DEFAULT '{}',
     fronts bigint[] NOT NULL DEFAULT '{}',
     lines bigint[] NOT NULL DEFAULT '{}',
     -- The last places drawn when the floors were raised last, and the first id not given by then.
     mark_front bigint NOT NULL,
     mark_line bigint NOT NULL,
     mark_id bigint NOT NULL,
     -- The places of the mark before that one.
     former_front bigint NOT NULL DEFAULT ${BEFORE_ALL},
     former_line bigint NOT NULL DEFAULT -1,
     -- Transactions left out, and the places to go back to when they have ended.
     left_out bigint[] NOT NULL DEFAULT '{}',
     left_fronts bigint[] NOT NULL DEFAULT '{}',
     left_lines bigint[] NOT NULL DEFAULT '{}'
   )`,

  // How far from \`place\` towards \`target\` nothing is ready. In growing steps, so that it gets somewhere
  // before it has to stop: rows that are gone take time and end no scan.
  `CREATE FUNCTION ${t.fn('floor_1')}(
     wanted_queue text, wanted int, place bigint, target bigint, stop_at timestamptz)
   RETURNS bigint
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   DECLARE
     step bigint := 100000;
     up_to bigint;
     ready bigint;
   BEGIN
     WHILE place < target AND clock_timestamp() < stop_at LOOP
       up_to := least(target, place + step);
       SELECT j.ready_seq INTO ready
         FROM ${t.jobs} j
        WHERE j.queue = wanted_queue AND j.priority = wanted
          AND j.ready_seq > place AND j.ready_seq <= up_to AND ${inLine('j')}
        ORDER BY j.ready_seq
        LIMIT 1;
       IF FOUND THEN
         RETURN ready - 1;
       END IF;
       place := up_to;
       step := step * 2;
     END LOOP;
     RETURN place;
   END ${t.body}`,

  // Raises the floors of a queue for these priorities; one call at a time, others leave it alone. Says
  // whether they were lowered, so that there may be jobs behind them which were not seen before.
  `CREATE FUNCTION ${t.fn('raise_floors_1')}(wanted_queue text, wanted int[]) RETURNS boolean
   LANGUAGE plpgsql ${STEADY_PLANS}
   AS ${t.body}
   DECLARE
     old ${t.lineFloors}%ROWTYPE;
     new ${t.lineFloors}%ROWTYPE;
     drawn_front bigint;
     drawn_line bigint;
     own_id bigint;
     open bigint[];
     low_front bigint;
     low_line bigint;
     stop_at timestamptz := clock_timestamp() + interval '2 seconds';
     i int;
     p int;
   BEGIN
     ${READ_COMMITTED_ONLY}
     IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
       RAISE EXCEPTION 'floors are raised in a transaction that has written nothing'
         USING ERRCODE = '25001';
     END IF;
     SELECT s.last_value - CASE WHEN s.is_called THEN 0 ELSE 1 END
       INTO drawn_front FROM ${t.own('front')} s;
     -- A whole block was drawn.
     SELECT s.last_value + CASE WHEN s.is_called THEN ${BLOCK - 1} ELSE -1 END
       INTO drawn_line FROM ${t.own('line')} s;
     -- Taken after the places were read: whoever drew one of them has an id below this. The end of a
     -- snapshot would not do, since it may lie below ids that are in use.
     own_id := pg_current_xact_id()::text::bigint;
     SELECT * INTO old FROM ${t.lineFloors} l WHERE l.queue = wanted_queue FOR UPDATE SKIP LOCKED;
     IF old.raised_at > clock_timestamp() - interval '0.5 seconds' OR old.mark_id > own_id THEN
       RETURN false;
     END IF;
     new := old;
     new.mark_front := drawn_front;
     new.mark_line := drawn_line;
     new.mark_id := own_id;
     -- It has all open ids below the mark of before: that transaction has ended, so each snapshot
     -- reaches beyond it.
     open := ARRAY(
       SELECT x.id::text::bigint FROM pg_snapshot_xip(pg_current_snapshot()) AS x(id));
     IF old.queue IS NULL THEN
       INSERT INTO ${t.lineFloors} (queue, raised_at, mark_front, mark_line, mark_id)
       VALUES (wanted_queue, clock_timestamp(), new.mark_front, new.mark_line, new.mark_id)
           ON CONFLICT DO NOTHING;
       RETURN false;
     END IF;

     SELECT min(x.front), min(x.line)
       INTO low_front, low_line
       FROM unnest(old.left_out, old.left_fronts, old.left_lines) AS x(id, front, line)
      WHERE x.id <> ALL (open);
     IF low_line IS NOT NULL THEN
       -- Until this is done the floors of before are in use.
       stop_at := clock_timestamp() + interval '20 seconds';
       new.fronts := ARRAY(SELECT least(u.place, low_front) FROM unnest(old.fronts) AS u(place));
       new.lines := ARRAY(SELECT least(u.place, low_line) FROM unnest(old.lines) AS u(place));
     END IF;
     FOREACH p IN ARRAY wanted LOOP
       i := array_position(new.priorities, p);
       IF i IS NULL THEN
         i := cardinality(new.priorities) + 1;
         new.priorities[i] := p;
         new.fronts[i] := ${BEFORE_ALL};
         new.lines[i] := -1;
       END IF;
       new.fronts[i] := ${t.fn('floor_1')}(wanted_queue, p, new.fronts[i], old.mark_front, stop_at);
       new.lines[i] := ${t.fn('floor_1')}(wanted_queue, p, new.lines[i], old.mark_line, stop_at);
     END LOOP;

     SELECT coalesce(array_agg(x.id), '{}'), coalesce(array_agg(x.front), '{}'),
            coalesce(array_agg(x.line), '{}')
       INTO new.left_out, new.left_fronts, new.left_lines
       FROM (
         SELECT o.id, coalesce(b.front, old.former_front) AS front, coalesce(b.line, old.former_line) AS line
           FROM unnest(open) AS o(id)
           LEFT JOIN LATERAL (
                  SELECT u.front, u.line
                    FROM unnest(old.left_out, old.left_fronts, old.left_lines) AS u(id, front, line)
                   WHERE u.id = o.id) b ON true
          WHERE o.id < old.mark_id) x;

     -- In the order of the line: what lies above a priority, its places in front, its places in line;
     -- and at last what lies below all.
     SELECT array_agg(r.high ORDER BY r.n), array_agg(r.low ORDER BY r.n),
            array_agg(r.after ORDER BY r.n), array_agg(r.before ORDER BY r.n)
       INTO new.highs, new.lows, new.afters, new.befores
       FROM (
         SELECT 3 * s.n + v.k AS n, v.high, v.low, v.after, v.before
           FROM (
             SELECT u.priority::bigint AS priority, u.front, u.line,
                    lag(u.priority::bigint, 1, ${ABOVE_ALL}) OVER (ORDER BY u.priority DESC) AS above,
                    row_number() OVER (ORDER BY u.priority DESC) AS n
               FROM unnest(new.priorities, new.fronts, new.lines) AS u(priority, front, line)) s
          CROSS JOIN LATERAL (
                  VALUES (0, s.above, s.priority, ${BEFORE_ALL}, ${BEHIND_ALL}),
                         (1, s.priority, s.priority, s.front, 0::bigint),
                         (2, s.priority, s.priority, s.line, ${BEHIND_ALL}))
               AS v(k, high, low, after, before)
         UNION ALL
         SELECT 3 * (cardinality(new.priorities) + 1), min(u.priority)::bigint, ${BELOW_ALL},
                ${BEFORE_ALL}, ${BEHIND_ALL}
           FROM unnest(new.priorities) AS u(priority)) r
      WHERE r.high IS NOT NULL;

     UPDATE ${t.lineFloors} l
        SET raised_at = clock_timestamp(), priorities = new.priorities,
            highs = new.highs, lows = new.lows, afters = new.afters, befores = new.befores,
            fronts = new.fronts, lines = new.lines,
            mark_front = new.mark_front, mark_line = new.mark_line, mark_id = new.mark_id,
            former_front = old.mark_front, former_line = old.mark_line,
            left_out = new.left_out, left_fronts = new.left_fronts, left_lines = new.left_lines
      WHERE l.queue = wanted_queue;
     RETURN low_line IS NOT NULL;
   END ${t.body}`,
]
