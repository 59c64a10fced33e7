-- Gives durable jobs of a worker what has come of what they wait for, each with its record, in the order in which it
-- came; of a signal and the end of a timeout the earlier one counts. A signal is taken in the same transaction.
--
-- With `waits` null, as at the beginning of attempts, the open waits are those of the rows, and all records of the
-- present run are returned; before them comes a row for each job with nothing but `head`, its run, values and open waits.
-- Otherwise one element of `waits` has the names of what a running job waits for, which was saved before, and only new
-- records are returned, after a row with an empty `head`. A job that another attempt has by now is not in the answer.
CREATE OR REPLACE FUNCTION chancy.resume_jobs_1(worker uuid, ids uuid[], fences bigint[], waits text[] DEFAULT NULL)
RETURNS TABLE (
  id text, n int, kind text, name text, result text, error text, started_ms float8, ended_ms float8, head text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz;
  at_ms float8;
  held uuid[];
  opens jsonb[];
  bases int[];
  heads text[];
  event record;
  wait jsonb;
  present int := 0;
  open jsonb;
  done boolean[];
  last int;
  w int;
  taken bigint[] := ARRAY[]::bigint[];
  r_jobs uuid[] := ARRAY[]::uuid[];
  r_ns int[] := ARRAY[]::int[];
  r_kinds text[] := ARRAY[]::text[];
  r_names text[] := ARRAY[]::text[];
  r_results text[] := ARRAY[]::text[];
  r_errors text[] := ARRAY[]::text[];
  r_starts float8[] := ARRAY[]::float8[];
  r_ends float8[] := ARRAY[]::float8[];
BEGIN
  PERFORM part.read_committed_only();
  SELECT array_agg(h.id), array_agg(h.open), array_agg(h.base), array_agg(h.head)
    INTO held, opens, bases, heads
    FROM (
      SELECT j.id,
             CASE WHEN resume_jobs_1.waits IS NULL THEN coalesce(j.extras -> 'open', '[]')
                  ELSE (SELECT coalesce(jsonb_agg(o.wait ORDER BY o.n), '[]')
                          FROM jsonb_array_elements(j.extras -> 'open') WITH ORDINALITY AS o(wait, n)
                         WHERE resume_jobs_1.waits[d.i]::jsonb ? (o.wait ->> 'name')) END AS open,
             coalesce((j.extras ->> 'base')::int, 0) AS base,
             CASE WHEN resume_jobs_1.waits IS NULL THEN j.extras::text ELSE '' END AS head
        FROM unnest(resume_jobs_1.ids, resume_jobs_1.fences) WITH ORDINALITY AS d(id, fence, i)
        JOIN chancy.jobs j ON j.id = d.id
       WHERE j.fence = d.fence AND j.worker_id = worker AND j.state = 'running'
       ORDER BY j.id
         FOR NO KEY UPDATE OF j) h;
  IF held IS NULL THEN
    RETURN;
  END IF;
  -- Later statements than the lock: they see what others did who held it.
  at := chancy.clock_1();
  at_ms := extract(epoch FROM at)::float8 * 1000;
  FOR event IN
    SELECT h.i::int AS i, e.source, e.wait_no, e.signal_id, e.name, e.content, e.fault, e.at_ms
      FROM unnest(held, opens) WITH ORDINALITY AS h(id, open, i)
     CROSS JOIN LATERAL (
             -- No more signals of a name are looked at than there are waits.
             SELECT 'signal' AS source, NULL::int AS wait_no, s.id AS signal_id, s.name, s.value::text AS content,
                    NULL::text AS fault, extract(epoch FROM s.sent_at)::float8 * 1000 AS at_ms
               FROM (SELECT DISTINCT n.name
                       FROM jsonb_array_elements(h.open) AS o(wait)
                      CROSS JOIN LATERAL jsonb_array_elements_text(o.wait -> 'signals') AS n(name)) named
              CROSS JOIN LATERAL (
                      SELECT m.id, m.name, m.value, m.sent_at
                        FROM chancy.signals m
                       WHERE m.job_id = h.id AND m.name = named.name AND m.taken_at IS NULL
                       ORDER BY m.id
                       LIMIT jsonb_array_length(h.open)) s
             UNION ALL
             SELECT 'time', o.n::int, NULL, NULL, NULL, NULL, (o.wait ->> 'until_ms')::float8
               FROM jsonb_array_elements(h.open) WITH ORDINALITY AS o(wait, n)
              WHERE (o.wait ->> 'until_ms')::float8 <= at_ms
             UNION ALL
             SELECT 'owner', o.n::int, NULL, NULL,
                    chancy.owner_result_1(f.id, o.wait ->> 'kind', coalesce((o.wait ->> 'settle')::boolean, false)),
                    chancy.owner_error_1(f.id, coalesce((o.wait ->> 'settle')::boolean, false)),
                    extract(epoch FROM f.finished_at)::float8 * 1000
               FROM jsonb_array_elements(h.open) WITH ORDINALITY AS o(wait, n)
               JOIN chancy.workflows f ON f.id = (o.wait ->> 'owner')::uuid
              WHERE f.finished_at IS NOT NULL) e
     ORDER BY h.i, e.at_ms, e.signal_id
  LOOP
    IF event.i <> present THEN
      present := event.i;
      open := opens[present];
      last := coalesce((SELECT max(s.n) FROM chancy.job_steps s WHERE s.job_id = held[present]), bases[present]);
      -- The row of a job keeps the waits of its last park, and an answer may have been lost: some were given before.
      SELECT array_agg(EXISTS (SELECT 1 FROM chancy.job_steps s
                                WHERE s.job_id = held[present] AND s.n > bases[present]
                                  AND s.name = o.wait ->> 'name' AND s.kind = o.wait ->> 'kind') ORDER BY o.n)
        INTO done
        FROM jsonb_array_elements(open) WITH ORDINALITY AS o(wait, n);
    END IF;
    w := event.wait_no;
    IF w IS NULL THEN
      FOR i IN 1 .. coalesce(cardinality(done), 0) LOOP
        IF NOT done[i] AND open -> (i - 1) -> 'signals' ? event.name
           AND coalesce((open -> (i - 1) ->> 'until_ms')::float8 >= event.at_ms, true) THEN
          w := i;
          EXIT;
        END IF;
      END LOOP;
    END IF;
    CONTINUE WHEN w IS NULL OR done[w];
    done[w] := true;
    wait := open -> (w - 1);
    last := last + 1;
    IF event.source = 'signal' THEN
      taken := taken || event.signal_id;
    END IF;
    r_jobs := r_jobs || held[present];
    r_ns := r_ns || last;
    r_kinds := r_kinds || (wait ->> 'kind');
    r_names := r_names || (wait ->> 'name');
    r_results := r_results || CASE
      WHEN event.fault IS NOT NULL THEN NULL
      WHEN event.source = 'time' THEN 'null'
      WHEN event.source = 'owner' THEN coalesce(event.content, 'null')
      WHEN wait ->> 'kind' = 'any'
        THEN json_build_object('signal', event.name, 'value', event.content::json)::text
      ELSE event.content END;
    r_errors := r_errors || event.fault;
    r_starts := r_starts || coalesce((wait ->> 'since_ms')::float8, at_ms);
    r_ends := r_ends || least(greatest(event.at_ms, coalesce((wait ->> 'since_ms')::float8, 0)), at_ms);
  END LOOP;
  IF cardinality(r_jobs) > 0 THEN
    INSERT INTO chancy.job_steps (job_id, n, kind, name, result, error, started_at, ended_at)
    SELECT d.job, d.n, d.kind, d.name, d.result::json, d.error::jsonb,
           to_timestamp(d.started / 1000), to_timestamp(d.ended / 1000)
      FROM unnest(r_jobs, r_ns, r_kinds, r_names, r_results, r_errors, r_starts, r_ends)
        AS d(job, n, kind, name, result, error, started, ended);
  END IF;
  IF cardinality(r_jobs) > 0 THEN
    UPDATE chancy.jobs j SET attempts = 1, crashes = 0
     WHERE j.id = ANY (r_jobs) AND (j.attempts > 1 OR j.crashes > 0);
  END IF;
  IF cardinality(taken) > 0 THEN
    DELETE FROM chancy.signals s WHERE s.id = ANY (taken) AND s.key IS NULL;
    UPDATE chancy.signals s SET taken_at = at, value = 'null', untold = false WHERE s.id = ANY (taken);
  END IF;

  RETURN QUERY
  SELECT h.id::text, NULL::int, NULL::text, NULL::text, NULL::text, NULL::text, NULL::float8, NULL::float8,
         CASE WHEN resume_jobs_1.waits IS NOT NULL THEN ''
              ELSE jsonb_build_object(
                     'extras', h.head::jsonb,
                     'unread', coalesce((SELECT true FROM chancy.signals s
                                          WHERE s.job_id = h.id AND s.taken_at IS NULL LIMIT 1), false),
                     'values', (SELECT jsonb_object_agg(v.key, v.value) FROM chancy.job_values v WHERE v.job_id = h.id),
                     'given', h.id = ANY (r_jobs))::text END
    FROM unnest(held, heads) AS h(id, head);
  IF resume_jobs_1.waits IS NULL THEN
    RETURN QUERY
    SELECT s.job_id::text, s.n - h.base, s.kind, s.name, s.result::text, s.error::text,
           extract(epoch FROM s.started_at)::float8 * 1000, extract(epoch FROM s.ended_at)::float8 * 1000, NULL::text
      FROM unnest(held, bases) AS h(id, base)
     CROSS JOIN LATERAL (
             SELECT * FROM chancy.job_steps k
              WHERE k.job_id = h.id AND k.n > h.base
              ORDER BY k.n) s;
  ELSE
    RETURN QUERY
    SELECT s.job_id::text, s.n - h.base, s.kind, s.name, s.result::text, s.error::text,
           extract(epoch FROM s.started_at)::float8 * 1000, extract(epoch FROM s.ended_at)::float8 * 1000, NULL::text
      FROM unnest(held, bases, opens) AS h(id, base, open)
     CROSS JOIN LATERAL (
             SELECT * FROM chancy.job_steps k
              WHERE k.job_id = h.id AND k.n > h.base
                AND (SELECT true FROM jsonb_array_elements(h.open) AS o(wait)
                      WHERE o.wait ->> 'name' = k.name AND o.wait ->> 'kind' = k.kind LIMIT 1)
              ORDER BY k.n) s;
  END IF;
END $body$;
