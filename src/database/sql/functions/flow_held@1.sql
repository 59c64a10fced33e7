-- Takes ends into account under the locks of their owners, which the caller holds: see flow. `stopped` are those of
-- `held` that are being stopped: nothing of them starts.
CREATE OR REPLACE FUNCTION chancy.flow_held_1(held uuid[], stopped uuid[], ends chancy.step_ends[])
RETURNS TABLE (verdict text, owner uuid, name text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8;
  at timestamptz := chancy.clock_1();
  -- Changes of steps that are left for this transaction.
  room int := 1000;
  folded chancy.step_ends[];
  -- Of this round, and of all. Each is a step that has ended; with a number, all but its dependents
  -- from there on was done before.
  ended chancy.step_ends[];
  all_ended chancy.step_ends[];
  again uuid[];
  counted int;
  hard chancy.step_ends[];
  skips chancy.step_ends[];
  maps chancy.step_ends[];
  more chancy.step_ends[];
  ready_jobs uuid[];
  ready_args jsonb[];
  ready_delays float8[];
  ready_keys text[];
  finished uuid[];
  ended_flows uuid[];
  ended_as text[];
  parents uuid[];
  stopped_flows uuid[];
  block_starts bigint[];
  notified uuid[];
  one record;
  items record;
  woken text;
BEGIN
  -- Later statements than the lock: they see what its last holder did.
  IF (SELECT true FROM chancy.step_ends s WHERE s.owner_id = ANY (held) LIMIT 1) THEN
    WITH gone AS (
      DELETE FROM chancy.step_ends s
       WHERE s.ctid = ANY (ARRAY(
               SELECT o.ctid FROM chancy.step_ends o WHERE o.owner_id = ANY (held) AND o.n IS NOT NULL LIMIT 1000))
      RETURNING s.*
    )
    SELECT array_agg(ROW(g.*)::chancy.step_ends) INTO folded FROM gone g;
    IF cardinality(folded) = 1000 THEN
      again := ARRAY(SELECT DISTINCT f.owner_id FROM unnest(folded) f);
    END IF;
    ended := ARRAY(SELECT ROW(f.*)::chancy.step_ends FROM unnest(folded) f WHERE f."from" IS NOT NULL AND f.state <> 'map');
    more := ARRAY(SELECT ROW(f.*)::chancy.step_ends FROM unnest(folded) f WHERE f.state = 'map');
  END IF;
  ends := ends || ARRAY(SELECT ROW(f.*)::chancy.step_ends FROM unnest(folded) f WHERE f."from" IS NULL);
  -- Steps that are looked at again after a retry, with the counts that they have.
  ended := ended || ARRAY(SELECT ROW(e.owner_id, e.n, NULL, e.state, NULL, NULL)::chancy.step_ends
                            FROM unnest(ends) e WHERE e.state = 'decide');
  IF cardinality(ends) > 0 THEN
    WITH applied AS (
      UPDATE chancy.steps s
         SET state = e.state, result = e.result, error = e.error, ended_at = at,
             spec = CASE WHEN e.state = 'succeeded' THEN s.spec ELSE part.kept_job(s) END
        FROM unnest(ends) e
       WHERE s.owner_id = e.owner_id AND s.n = e.n AND e.state <> 'decide'
         -- An end counts once.
         AND s.state IN ('waiting', 'open')
      RETURNING s.owner_id, s.n, s.state
    )
    SELECT ended || array_agg(ROW(a.owner_id, a.n, NULL, a.state, NULL, NULL)::chancy.step_ends)
      INTO ended
      FROM applied a;
  END IF;
  IF stopped IS NOT NULL THEN
    FOR one IN SELECT f.id FROM unnest(stopped) AS f(id) LOOP
      FOR items IN SELECT s.* FROM chancy.stop_flow_1(one.id, greatest(room, 0)) s LOOP
        IF items.verdict = 'left' THEN
          again := again || one.id;
        ELSIF items.n IS NULL THEN
          RETURN QUERY SELECT items.verdict, items.job_id, items.name;
        ELSE
          room := room - 1;
          ended := ended || ROW(one.id, items.n, NULL, items.verdict, NULL, NULL)::chancy.step_ends;
          IF items.job_id IS NOT NULL THEN
            notified := notified || items.job_id;
            RETURN QUERY SELECT 'ended', items.job_id, 'cancelled'::text;
          END IF;
        END IF;
      END LOOP;
    END LOOP;
  END IF;

  own_id := pg_current_xact_id();
  LOOP
    skips := NULL;
    hard := NULL;
    maps := NULL;
    ready_jobs := NULL;
    ready_args := NULL;
    ready_delays := NULL;
    ready_keys := NULL;
    IF cardinality(ended) > 0 THEN
      all_ended := all_ended || ARRAY(SELECT ROW(e.*)::chancy.step_ends FROM unnest(ended) e
                                       WHERE e."from" IS NULL AND e.state <> 'decide');
      WITH edges AS MATERIALIZED (
        SELECT e.owner_id, e.n, e.state, d.n AS dependent, d.i::int AS i, s.of_map IS NOT NULL AS is_item,
               row_number() OVER () AS r
          FROM unnest(ended) e
          JOIN chancy.steps s ON s.owner_id = e.owner_id AND s.n = e.n
         CROSS JOIN LATERAL unnest(CASE e.state WHEN 'decide' THEN ARRAY[e.n] ELSE s.dependents END)
                              WITH ORDINALITY AS d(n, i)
         WHERE d.i > coalesce(e."from", 0)
      ), rest AS (
        INSERT INTO chancy.step_ends (owner_id, n, "from", state)
        SELECT g.owner_id, g.n, min(g.i) - 1, g.state
          FROM edges g
         WHERE g.r > room
         GROUP BY g.owner_id, g.n, g.state
        RETURNING owner_id
      ), now AS MATERIALIZED (
        SELECT d.owner_id, d.n, d.job_id, d.spec IS NULL AND d.job_id IS NOT NULL AS is_plain,
               c.ended, c.bad, c.skipped, c.fine,
               -- Of a stopped one no step waits any more, or there is no room for what would be decided here.
               part.decision(d, c) AS decision
          FROM (SELECT g.owner_id, g.dependent, g.is_item AND g.state <> 'decide' AS is_item,
                       count(*) FILTER (WHERE g.state <> 'decide')::int AS ended,
                       count(*) FILTER (WHERE g.state IN ('failed', 'cancelled'))::int AS bad,
                       count(*) FILTER (WHERE g.state = 'skipped')::int AS skipped,
                       count(*) FILTER (WHERE g.state = 'succeeded')::int AS fine
                  FROM edges g
                 WHERE g.r <= room
                 GROUP BY g.owner_id, g.dependent, 3) c
          JOIN chancy.steps d ON d.owner_id = c.owner_id AND d.n = c.dependent
           -- A map that has begun counts its items, and no dependency that was retried.
           AND (d.state <> 'open' OR d.job_id IS NOT NULL OR c.is_item)
      ), changed AS (
        UPDATE chancy.steps d
           SET pending = d.pending - o.ended, bad = d.bad + o.bad, skipped = d.skipped + o.skipped,
               fine = d.fine + o.fine,
               state = CASE WHEN o.decision = 'run' AND o.is_plain THEN 'open' ELSE d.state END
          FROM now o
         WHERE d.owner_id = o.owner_id AND d.n = o.n
        RETURNING 1
      )
      SELECT array_agg(o.job_id) FILTER (WHERE o.decision = 'run' AND o.is_plain),
             array_agg(ROW(o.owner_id, o.n, NULL, 'run', NULL, NULL)::chancy.step_ends)
               FILTER (WHERE o.decision = 'run' AND NOT o.is_plain),
             array_agg(ROW(o.owner_id, o.n, NULL, 'skipped', NULL, NULL)::chancy.step_ends)
               FILTER (WHERE o.decision = 'skip'),
             array_agg(ROW(o.owner_id, o.n, NULL, 'end', NULL, NULL)::chancy.step_ends)
               FILTER (WHERE o.decision = 'end'),
             again || (SELECT array_agg(DISTINCT r.owner_id) FROM rest r), (SELECT count(*)::int FROM changed)
        INTO ready_jobs, hard, skips, maps, again, counted
        FROM now o;
      room := greatest(room - counted, 0);
      IF ready_jobs IS NOT NULL THEN
        ready_args := array_fill(NULL::jsonb, ARRAY[cardinality(ready_jobs)]);
        ready_delays := array_fill(NULL::float8, ARRAY[cardinality(ready_jobs)]);
        ready_keys := array_fill(NULL::text, ARRAY[cardinality(ready_jobs)]);
      END IF;
    END IF;
    ended := NULL;

    IF skips IS NOT NULL THEN
      skips := ARRAY(
        SELECT ROW(k.owner_id, k.n, NULL, 'skipped', NULL,
                   jsonb_build_object('kind', 'skipped', 'step', r.name, 'message',
                     CASE WHEN r.state IS NULL THEN 'No step that it waits for ended as it needs.'
                          ELSE format('"%s" %s.', r.name, CASE r.state WHEN 'failed' THEN 'failed'
                                                                       ELSE 'was ' || r.state END) END)
               )::chancy.step_ends
          FROM unnest(skips) k
          JOIN chancy.steps s ON s.owner_id = k.owner_id AND s.n = k.n
          LEFT JOIN LATERAL (
                 SELECT p.name, p.state
                   FROM chancy.steps p
                  WHERE p.owner_id = s.owner_id AND p.n = ANY (s.deps)
                    AND p.state IN ('failed', 'cancelled', 'skipped') AND s.run_when <> 'any-failed'
                  ORDER BY p.state = 'skipped', p.n
                  LIMIT 1) r ON true);
    END IF;
    IF hard IS NOT NULL THEN
      FOR one IN
        SELECT s.owner_id, s.n, s.job_id, s.spec, p.*
          FROM unnest(hard) h
          JOIN chancy.steps s ON s.owner_id = h.owner_id AND s.n = h.n
         CROSS JOIN LATERAL chancy.prepare_step_1(s) p
         WHERE p.verdict IS NOT NULL
      LOOP
        IF one.verdict = 'run' THEN
          UPDATE chancy.steps s SET state = 'open' WHERE s.owner_id = one.owner_id AND s.n = one.n;
          ready_jobs := ready_jobs || one.job_id;
          ready_args := array_append(ready_args, one.content);
          ready_delays := array_append(ready_delays, one.delay_ms);
          ready_keys := array_append(ready_keys, one.group_key);
        ELSIF one.verdict = 'skip' THEN
          skips := skips || ROW(one.owner_id, one.n, NULL, 'skipped', NULL, one.error)::chancy.step_ends;
        ELSIF one.verdict = 'fail' THEN
          skips := skips || ROW(one.owner_id, one.n, NULL, 'failed', NULL, one.error)::chancy.step_ends;
        ELSIF one.verdict = 'end' THEN
          UPDATE chancy.steps s SET state = 'succeeded', result = one.content, ended_at = at
           WHERE s.owner_id = one.owner_id AND s.n = one.n;
          ended := ended || ROW(one.owner_id, one.n, NULL, 'succeeded', NULL, NULL)::chancy.step_ends;
        ELSE
          -- The items get the ordinals behind all others.
          UPDATE chancy.workflows w SET size = w.size + jsonb_array_length(one.content)
           WHERE w.id = one.owner_id AND w.size + jsonb_array_length(one.content) <= 10000
          RETURNING w.size - jsonb_array_length(one.content) AS base INTO items;
          IF items.base IS NULL THEN
            skips := skips || ROW(one.owner_id, one.n, NULL, 'failed', NULL, jsonb_build_object(
              'kind', 'input', 'message', format('A workflow has at most 10000 steps with the items of its maps, and this map has %s.',
                                                 jsonb_array_length(one.content))))::chancy.step_ends;
          ELSE
            UPDATE chancy.steps s
               SET state = 'open', pending = jsonb_array_length(one.content), bad = 0, skipped = 0, fine = 0,
                   spec = s.spec || jsonb_build_object('base', items.base, 'items', jsonb_array_length(one.content))
             WHERE s.owner_id = one.owner_id AND s.n = one.n;
            IF jsonb_array_length(one.content) = 0 THEN
              maps := maps || ROW(one.owner_id, one.n, NULL, 'end', NULL, NULL)::chancy.step_ends;
            ELSE
              more := more || ROW(one.owner_id, one.n, 0, 'map', NULL, NULL)::chancy.step_ends;
            END IF;
          END IF;
        END IF;
      END LOOP;
    END IF;
    IF skips IS NOT NULL THEN
      FOR one IN
        SELECT e.*
          FROM (SELECT array_agg(k.owner_id) AS owners, array_agg(k.n) AS ordinals, array_agg(k.state) AS states,
                       array_agg(k.error) AS errors
                  FROM unnest(skips) k) a
         CROSS JOIN LATERAL chancy.end_unrun_1(a.owners, a.ordinals, a.states, a.errors, at) e
      LOOP
        ended := ended || ROW(one.owner_id, one.n, NULL, one.state, NULL, NULL)::chancy.step_ends;
        IF one.job_id IS NOT NULL THEN
          notified := notified || one.job_id;
          RETURN QUERY SELECT 'ended', one.job_id, one.state;
        END IF;
      END LOOP;
    END IF;
    WHILE cardinality(more) > 0 AND room > 0 LOOP
      SELECT m.* INTO items FROM chancy.make_items_1(more[1].owner_id, more[1].n, more[1]."from", room) m;
      IF items.error IS NOT NULL THEN
        -- None of the others is made, and the map fails by this one.
        UPDATE chancy.steps s
           SET pending = s.pending - ((s.spec ->> 'items')::int - more[1]."from"), bad = s.bad + 1, error = items.error,
               spec = s.spec || jsonb_build_object('made', more[1]."from")
         WHERE s.owner_id = more[1].owner_id AND s.n = more[1].n
        RETURNING s.pending INTO counted;
        IF counted = 0 THEN
          maps := maps || ROW(more[1].owner_id, more[1].n, NULL, 'end', NULL, NULL)::chancy.step_ends;
        END IF;
        more := more[2:];
      ELSE
        room := room - items.made;
        RETURN QUERY SELECT 'ready', NULL::uuid, items.job_queue;
        IF (SELECT (s.spec ->> 'items')::int > more[1]."from" + items.made
              FROM chancy.steps s WHERE s.owner_id = more[1].owner_id AND s.n = more[1].n) THEN
          more[1]."from" := more[1]."from" + items.made;
        ELSE
          more := more[2:];
        END IF;
      END IF;
    END LOOP;
    IF maps IS NOT NULL THEN
      WITH closed AS (
        UPDATE chancy.steps s
           SET state = CASE WHEN s.bad = 0 THEN 'succeeded'
                            WHEN s.owner_id = ANY (stopped) THEN 'cancelled' ELSE 'failed' END,
               ended_at = at, pending = 0, error = CASE WHEN s.bad > 0 THEN coalesce(s.error, r.error) END
          FROM unnest(maps) m
          LEFT JOIN LATERAL (
                 SELECT i.error || jsonb_build_object('item', i.item) AS error
                   FROM chancy.steps i
                  WHERE i.owner_id = m.owner_id AND i.of_map = m.n AND i.state <> 'succeeded'
                  ORDER BY i.n
                  LIMIT 1) r ON true
         WHERE s.owner_id = m.owner_id AND s.n = m.n AND s.state = 'open'
        RETURNING s.owner_id, s.n, s.state
      )
      SELECT ended || array_agg(ROW(c.owner_id, c.n, NULL, c.state, NULL, NULL)::chancy.step_ends)
        INTO ended
        FROM closed c;
    END IF;
    IF ready_jobs IS NOT NULL THEN
      PERFORM part.draw_positions(cardinality(ready_jobs));
      RETURN QUERY
      WITH placed AS (
        UPDATE chancy.jobs j
           SET waits = NULL, args = coalesce(g.args, j.args),
               concurrency_key = coalesce(g.key, j.concurrency_key),
               scheduled_at = at + make_interval(secs => coalesce(g.delay_ms, 0) / 1000),
               run_at = CASE WHEN g.delay_ms > 0 THEN at + make_interval(secs => g.delay_ms / 1000) END,
               seq = CASE WHEN g.delay_ms > 0 THEN NULL ELSE part.position_of(g.k) END,
               position = CASE WHEN g.delay_ms > 0 THEN NULL ELSE part.position_of(g.k) END
          FROM unnest(ready_jobs, ready_args, ready_delays, ready_keys) WITH ORDINALITY AS g(id, args, delay_ms, key, k)
         WHERE j.id = g.id AND j.waits = 'steps'
        RETURNING j.queue, j.position IS NULL AS is_later
      )
      SELECT DISTINCT CASE WHEN p.is_later THEN 'scheduled' ELSE 'ready' END, NULL::uuid, p.queue FROM placed p;
    END IF;
    EXIT WHEN coalesce(cardinality(ended), 0) = 0;
  END LOOP;

  IF cardinality(more) > 0 THEN
    INSERT INTO chancy.step_ends (owner_id, n, "from", state)
    SELECT m.owner_id, m.n, m."from", 'map' FROM unnest(more) m;
    again := again || ARRAY(SELECT DISTINCT m.owner_id FROM unnest(more) m);
  END IF;
  IF cardinality(all_ended) > 0 THEN
    WITH sums AS MATERIALIZED (
      SELECT s.owner_id, count(*) FILTER (WHERE s.of_map IS NULL)::int AS closed,
             count(*) FILTER (WHERE s.of_map IS NULL AND s.state IN ('failed', 'cancelled') AND NOT s.may_fail)::int AS bad,
             bool_or(s.state IN ('failed', 'cancelled') AND NOT s.may_fail) AS is_bad,
             (array_agg(
                jsonb_build_object('step', coalesce(s.error ->> 'step', s.name, m.name),
                                   'kind', s.error ->> 'kind', 'message', s.error ->> 'message')
                ORDER BY s.n)
                FILTER (WHERE s.state IN ('failed', 'cancelled') AND NOT s.may_fail))[1] AS failure
        FROM unnest(all_ended) e
        JOIN chancy.steps s ON s.owner_id = e.owner_id AND s.n = e.n
        LEFT JOIN chancy.steps m ON m.owner_id = s.owner_id AND m.n = s.of_map
       GROUP BY s.owner_id
    ), whole AS MATERIALIZED (
      -- The row is this transaction's. One that ends is written once, unless its output has to be filled.
      SELECT c.*, coalesce(w.failure, c.failure) AS first_failure,
             CASE WHEN w.open = c.closed
                  THEN CASE WHEN w.stopping = 'cancelled' THEN 'cancelled'
                            WHEN w.stopping IS NOT NULL OR w.bad + c.bad > 0 THEN 'failed'
                            WHEN coalesce(w.extras #> '{output,holes}', '[]') = '[]' THEN 'succeeded' END END AS ends_as
        FROM sums c
        JOIN chancy.workflows w ON w.id = c.owner_id
    ), changed AS (
      UPDATE chancy.workflows w
         SET open = w.open - c.closed, bad = w.bad + c.bad,
             stopping = CASE WHEN w.cancels AND c.is_bad AND w.stopping IS NULL AND w.open > c.closed
                             THEN 'failure' ELSE w.stopping END,
             state = coalesce(c.ends_as, w.state),
             failure = CASE WHEN c.ends_as = 'succeeded' THEN NULL
                            WHEN c.ends_as IS NOT NULL AND w.stopping = 'deadline'
                            THEN '{"step": null, "kind": "deadline", "message": "The deadline of the workflow passed."}'
                            ELSE c.first_failure END,
             output = CASE WHEN c.ends_as = 'succeeded' THEN w.extras #> '{output,value}' ELSE w.output END,
             finished_at = CASE WHEN c.ends_as IS NULL THEN w.finished_at ELSE at END,
             expires_at = CASE WHEN c.ends_as IS NULL THEN w.expires_at
                               ELSE at + least(coalesce(w.retention, interval '7 days'), interval '3650 days') END
        FROM whole c
       WHERE w.id = c.owner_id
      RETURNING w.id, w.open, w.stopping, w.owner_id, c.ends_as
    )
    SELECT array_agg(c.id) FILTER (WHERE c.open = 0 AND c.ends_as IS NULL),
           array_agg(c.id) FILTER (WHERE c.ends_as IS NOT NULL),
           array_agg(c.ends_as) FILTER (WHERE c.ends_as IS NOT NULL),
           array_agg(c.owner_id) FILTER (WHERE c.ends_as IS NOT NULL AND c.owner_id IS NOT NULL),
           array_agg(c.id) FILTER (WHERE c.ends_as IS NOT NULL AND c.stopping IS NOT NULL),
           again || array_agg(c.id) FILTER (WHERE c.open > 0 AND c.stopping = 'failure' AND c.id <> ALL (coalesce(stopped, '{}')))
      INTO finished, ended_flows, ended_as, parents, stopped_flows, again
      FROM changed c;
    IF ended_flows IS NOT NULL THEN
      notified := notified || ended_flows;
      RETURN QUERY SELECT 'finished', f.id, f.state FROM unnest(ended_flows, ended_as) AS f(id, state);
      IF stopped_flows IS NOT NULL THEN
        -- What is left to count decides nothing any more, and a retry counts again.
        DELETE FROM chancy.step_ends e WHERE e.owner_id = ANY (stopped_flows);
      END IF;
    END IF;
    IF finished IS NOT NULL THEN
      FOR one IN SELECT f.id, e.* FROM unnest(finished) AS f(id) CROSS JOIN LATERAL chancy.end_flow_1(f.id, at) e LOOP
        notified := notified || one.id;
        parents := parents || one.parent;
        RETURN QUERY SELECT 'finished', one.id, one.ended_as;
      END LOOP;
    END IF;
    IF parents IS NOT NULL THEN
      FOR one IN SELECT p.id FROM unnest(parents) AS p(id) WHERE p.id IS NOT NULL LOOP
        woken := chancy.wake_parent_1(one.id);
        IF woken IS NOT NULL THEN
          RETURN QUERY SELECT 'ready', NULL::uuid, woken;
        END IF;
      END LOOP;
    END IF;
  END IF;
  -- Only checked where a wait is registered.
  IF notified IS NOT NULL AND (SELECT true FROM chancy.waiters LIMIT 1) AND part.notify_room() THEN
    PERFORM pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
       FROM chancy.waiters w
      WHERE w.job_id = ANY (notified);
  END IF;
  RETURN QUERY SELECT DISTINCT 'left', a.id, NULL::text FROM unnest(again) AS a(id) WHERE a.id IS NOT NULL;
END $body$;
