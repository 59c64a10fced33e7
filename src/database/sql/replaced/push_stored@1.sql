-- push_stored_1 that also does what a job asks for whose unique key is taken.
-- Pushes jobs as `encode` of a plugin made them, in their order, with unique keys, limits, positions and
-- notification as any push. A job without an id in `ids` gets a new one; an id that is there already is refused. It
-- returns a row for each job: its number from 1, the id of the job that stands for it, and whether it was created
-- here. Part of the interface of plugins, who name it with its version.
CREATE OR REPLACE FUNCTION chancy.push_stored_1(jobs jsonb, ids uuid[] DEFAULT NULL)
RETURNS TABLE (n int, id uuid, created boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_column
DECLARE
  -- In rising order: of two jobs with one unique key the one with the lower id is kept, which is to be the first.
  fresh uuid[] := ARRAY(SELECT f.id
                          FROM (SELECT chancy.new_id() AS id
                                  FROM generate_series(1, jsonb_array_length(push_stored_1.jobs))) f
                         ORDER BY f.id);
  made uuid[];
  queues text[];
  names text[];
  args text[];
  priorities int[];
  max_attempts int[];
  scheduled_ms float8[];
  delays_ms float8[];
  unique_keys text[];
  extras_texts text[];
  payloads text[];
  refused uuid[];
  holders uuid[];
  again boolean := false;
BEGIN
  SELECT array_agg(coalesce(push_stored_1.ids[s.n], fresh[s.n]) ORDER BY s.n),
         array_agg(s.queue ORDER BY s.n), array_agg(s.name ORDER BY s.n),
         array_agg(s.args::text ORDER BY s.n), array_agg(s.priority ORDER BY s.n),
         array_agg(s.max_attempts ORDER BY s.n),
         -- Without any of these the push takes its short way.
         CASE WHEN bool_or(s.scheduled_ms IS NOT NULL) THEN array_agg(s.scheduled_ms ORDER BY s.n) END,
         CASE WHEN bool_or(s.delay_ms IS NOT NULL) THEN array_agg(s.delay_ms ORDER BY s.n) END,
         CASE WHEN bool_or(s.unique_key IS NOT NULL) THEN array_agg(s.unique_key ORDER BY s.n) END,
         CASE WHEN bool_or(s.extras IS NOT NULL) THEN array_agg(s.extras::text ORDER BY s.n) END,
         array_agg(DISTINCT
           CASE WHEN s.delay_ms > 0 OR to_timestamp(s.scheduled_ms / 1000) > chancy.now_1()
                THEN 'job.scheduled ' ELSE 'queue.pushed ' END || s.queue)
    INTO made, queues, names, args, priorities, max_attempts, scheduled_ms, delays_ms, unique_keys,
         extras_texts, payloads
    FROM ROWS FROM (
           jsonb_to_recordset(push_stored_1.jobs) AS (
             name text, queue text, args jsonb, priority int, max_attempts int, scheduled_ms float8,
             delay_ms float8, unique_key text, extras jsonb)
         ) WITH ORDINALITY AS s(
           name, queue, args, priority, max_attempts, scheduled_ms, delay_ms, unique_key, extras, n);
  IF made IS NULL THEN
    RETURN;
  END IF;
  LOOP
    IF unique_keys IS NOT NULL AND strpos(array_to_string(extras_texts, ''), '"when_taken"') > 0 THEN
      SELECT array_agg(p.pushed::uuid), array_agg(p.holder::uuid) INTO refused, holders
        FROM chancy.push_taken_1(
               made, queues, names, args, priorities, max_attempts, scheduled_ms, delays_ms,
               unique_keys, extras_texts, again, 0, payloads) p;
    ELSE
      SELECT array_agg(p.pushed::uuid), array_agg(p.holder::uuid) INTO refused, holders
        FROM chancy.push_1(
               made, queues, names, args, priorities, max_attempts, scheduled_ms, delays_ms,
               unique_keys, extras_texts, again, 0, payloads) p;
    END IF;
    -- A row without a holder: the holder finished between two statements, so the key is free now.
    EXIT WHEN refused IS NULL OR array_position(holders, NULL) IS NULL;
    again := true;
  END LOOP;
  RETURN QUERY
  SELECT m.n::int, coalesce(r.holder, m.id), r.holder IS NULL OR r.holder = m.id
    FROM unnest(made) WITH ORDINALITY AS m(id, n)
    LEFT JOIN unnest(refused, holders) AS r(pushed, holder) ON r.pushed = m.id
   ORDER BY m.n;
END $body$;
