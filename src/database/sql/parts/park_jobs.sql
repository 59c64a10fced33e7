-- part.park_jobs(params): the durable jobs of a finish that do not end: `params` are its arguments. Those that wait have
-- no position, and the earliest time of what they wait for. Signals and ended jobs are looked for in a later statement
-- than the one that locked the rows: a sender locks the row before it looks, so one of the two sees the other.
WITH put AS (
  UPDATE chancy.jobs j
     SET state = 'pending', claim_seq = NULL, crashes = 0,
         attempts = CASE WHEN o.open IS NULL THEN 0 ELSE greatest(k.attempts - 1, 0) END,
         args = coalesce(d.park::jsonb -> 'args', k.args),
         waits = CASE WHEN o.open <> '[]' THEN 'wait' END,
         position = CASE WHEN o.open <> '[]' THEN NULL ELSE nextval('chancy.positions') END,
         run_at = CASE WHEN o.open <> '[]' THEN to_timestamp(o.until_ms / 1000) ELSE at END,
         extras = CASE WHEN o.open IS NULL
                       THEN coalesce(k.extras, '{}') - 'open' || jsonb_build_object(
                              'run', coalesce((k.extras ->> 'run')::int, 1) + 1,
                              'base', coalesce((SELECT s.n FROM chancy.job_steps s
                                                 WHERE s.job_id = k.id ORDER BY s.n DESC LIMIT 1), 0))
                       ELSE coalesce(k.extras, '{}') || jsonb_build_object('open', o.open) END,
         progress = CASE WHEN d.extras::jsonb ? 'progress' THEN d.extras::jsonb -> 'progress' ELSE k.progress END,
         meta = CASE WHEN d.extras::jsonb ? 'meta' THEN d.extras::jsonb -> 'meta' ELSE k.meta END
    FROM (
           SELECT u.*
             FROM unnest(tids, params.ids, params.fences, params.extras_texts, params.parks)
               AS u(tid, id, fence, extras, park)
            WHERE u.park IS NOT NULL
            ORDER BY u.tid) d
    JOIN chancy.jobs k ON k.ctid = d.tid
   CROSS JOIN LATERAL (
           SELECT w.open, least((SELECT min((e.wait ->> 'until_ms')::float8) FROM jsonb_array_elements(w.open) AS e(wait)),
                                (k.extras ->> 'deadline_ms')::float8) AS until_ms
             FROM (SELECT CASE WHEN d.park::jsonb ? 'waits'
                               THEN chancy.open_waits_1(k.extras -> 'open', d.park::jsonb -> 'waits', at) END AS open) w) o
   WHERE j.ctid = d.tid AND part.is_ours() AND j.cancel_requested_at IS NULL
  RETURNING j.id
)
SELECT array_agg(put.id) INTO waiting_ids FROM put;
kept := kept + coalesce(cardinality(waiting_ids), 0);
IF waiting_ids IS NOT NULL THEN
  RETURN QUERY
  WITH woken AS (
    UPDATE chancy.jobs j
       SET waits = NULL, position = nextval('chancy.positions'), run_at = at
     WHERE j.id = ANY (waiting_ids) AND j.waits = 'wait' AND part.wait_has_ended(j)
    RETURNING j.queue
  )
  SELECT DISTINCT NULL::text, 'ready', w.queue, NULL::float8 FROM woken w;
END IF;
