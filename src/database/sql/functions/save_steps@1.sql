-- Saves what attempts of durable jobs have recorded, under their fences. An element of `ids` and `fences` is one job,
-- and one of `jobs` and the arrays behind it one record: `jobs` has the ordinal of its job in `ids`. A job is locked until
-- the commit: a recovery passes over it, and an attempt that was overtaken finds its fence refused. Records are numbered
-- here, behind those that are there.
--
-- `extras_texts` has what few saves have, an object for each job: `waits` that were reached and are kept open, jobs to
-- `push` and `signals` to send together with the records, `values` that were set (null removes one), and `resets`: the
-- attempts of the job start again from one. With `again`, an earlier try may have been committed, and a job whose first record is
-- there counts as saved.
--
-- Returns a row for each job that was saved: the last number of its run, its records of pushes and sent signals as they
-- became, and the jobs that are to be woken for signals, in a transaction that holds nothing. A job that is missing
-- belongs to another attempt.
CREATE OR REPLACE FUNCTION chancy.save_steps_1(
  worker uuid, ids uuid[], fences bigint[], jobs int[], kinds text[], names text[], results text[], errors text[],
  starts_ms float8[], ends_ms float8[], extras_texts text[], again boolean)
RETURNS TABLE (job int, last int, changed text, signaled text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
#variable_conflict use_column
DECLARE
  at timestamptz;
  one record;
  held int[] := ARRAY[]::int[];
  -- By the ordinal of the job: the last number of former runs, and of all.
  bases int[];
  lasts int[];
  fresh int[];
  extra jsonb;
  open jsonb;
  sent text[];
BEGIN
  PERFORM part.read_committed_only();
  FOR one IN
    SELECT d.i::int AS i, coalesce((j.extras ->> 'base')::int, 0) AS base
      FROM unnest(save_steps_1.ids, save_steps_1.fences) WITH ORDINALITY AS d(id, fence, i)
      JOIN chancy.jobs j ON j.id = d.id
     WHERE j.fence = d.fence AND j.worker_id = worker AND j.state = 'running'
     ORDER BY j.id
       FOR NO KEY UPDATE OF j
  LOOP
    held := held || one.i;
    bases[one.i] := one.base;
  END LOOP;
  -- A later statement than the lock: the records of others who held it are seen.
  SELECT array_agg(coalesce(
           (SELECT s.n FROM chancy.job_steps s WHERE s.job_id = i.id ORDER BY s.n DESC LIMIT 1), bases[i.n]) ORDER BY i.n)
    INTO lasts
    FROM unnest(save_steps_1.ids) WITH ORDINALITY AS i(id, n);
  fresh := held;
  IF again THEN
    fresh := ARRAY(
      SELECT h.i FROM unnest(held) AS h(i)
       WHERE NOT EXISTS (
               SELECT 1
                 FROM unnest(save_steps_1.jobs, save_steps_1.kinds, save_steps_1.names) AS d(job, kind, name)
                 JOIN chancy.job_steps s
                   ON s.job_id = save_steps_1.ids[h.i] AND s.n > bases[h.i] AND s.name = d.name AND s.kind = d.kind
                WHERE d.job = h.i)
       ORDER BY h.i);
  END IF;
  INSERT INTO chancy.job_steps (job_id, n, kind, name, result, error, started_at, ended_at)
  SELECT save_steps_1.ids[d.job], lasts[d.job] + row_number() OVER (PARTITION BY d.job ORDER BY d.n),
         d.kind, d.name, d.result::json, d.error::jsonb,
         to_timestamp(d.start_ms / 1000), to_timestamp(d.end_ms / 1000)
    FROM unnest(save_steps_1.jobs, save_steps_1.kinds, save_steps_1.names, results, errors, starts_ms, ends_ms)
      WITH ORDINALITY AS d(job, kind, name, result, error, start_ms, end_ms, n)
   WHERE d.job = ANY (fresh);

  IF extras_texts IS NOT NULL THEN
    at := chancy.clock_1();
    FOR i IN 1 .. cardinality(save_steps_1.ids) LOOP
      CONTINUE WHEN extras_texts[i] IS NULL OR i <> ALL (held);
      extra := extras_texts[i]::jsonb;
      CONTINUE WHEN i <> ALL (fresh);
      IF extra ? 'push' THEN
        PERFORM chancy.push_recorded_1(save_steps_1.ids[i], extra -> 'push');
      END IF;
      IF extra ? 'signals' THEN
        sent[i] := chancy.send_recorded_1(save_steps_1.ids[i], extra -> 'signals');
      END IF;
      IF extra ? 'values' THEN
        DELETE FROM chancy.job_values v
         WHERE v.job_id = save_steps_1.ids[i]
           AND v.key IN (SELECT k.key FROM jsonb_each(extra -> 'values') AS k(key, value)
                          WHERE jsonb_typeof(k.value) = 'null');
        INSERT INTO chancy.job_values (job_id, key, value)
        SELECT save_steps_1.ids[i], k.key, k.value -> 0
          FROM jsonb_each(extra -> 'values') AS k(key, value)
         WHERE jsonb_typeof(k.value) = 'array'
            ON CONFLICT (job_id, key) DO UPDATE SET value = EXCLUDED.value;
      END IF;
      IF extra ? 'waits' THEN
        SELECT chancy.more_waits_1(j.id, j.extras -> 'open', extra -> 'waits', at)
          INTO open
          FROM chancy.jobs j
         WHERE j.id = save_steps_1.ids[i];
        UPDATE chancy.jobs j
           SET extras = coalesce(j.extras, '{}') || jsonb_build_object('open', open)
         WHERE j.id = save_steps_1.ids[i];
      END IF;
      IF extra ? 'resets' THEN
        UPDATE chancy.jobs j SET attempts = 1, crashes = 0 WHERE j.id = save_steps_1.ids[i];
      END IF;
    END LOOP;
  END IF;

  RETURN QUERY
  SELECT h.i,
         lasts[h.i] - bases[h.i]
         + CASE WHEN h.i = ANY (fresh)
                THEN (SELECT count(*)::int FROM unnest(save_steps_1.jobs) AS d(job) WHERE d.job = h.i)
                ELSE 0 END,
         CASE WHEN extras_texts[h.i] IS NULL THEN NULL
              ELSE (SELECT jsonb_agg(jsonb_build_object('n', s.n - bases[h.i], 'kind', s.kind, 'name', s.name,
                                                        'result', s.result::text, 'error', s.error))::text
                      FROM unnest(save_steps_1.jobs, save_steps_1.kinds, save_steps_1.names) AS d(job, kind, name)
                      JOIN chancy.job_steps s
                        ON s.job_id = save_steps_1.ids[h.i] AND s.kind = d.kind AND s.name = d.name AND s.n > bases[h.i]
                     WHERE d.job = h.i AND d.kind IN ('push', 'send-signal')) END,
         sent[h.i]
    FROM unnest(held) AS h(i);
END $body$;
