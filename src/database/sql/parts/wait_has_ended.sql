-- part.wait_has_ended(j): whether something that a suspended durable job waits for has come: a signal, or the end of
-- jobs that it invoked. A time that has come is found by stage.
EXISTS (
  SELECT 1
    FROM jsonb_array_elements(j.extras -> 'open') AS w(wait)
   WHERE EXISTS (SELECT 1
                   FROM jsonb_array_elements_text(w.wait -> 'signals') AS n(name)
                  WHERE (SELECT true FROM chancy.signals s
                          WHERE s.job_id = j.id AND s.name = n.name AND s.taken_at IS NULL LIMIT 1))
      OR (SELECT o.finished_at IS NOT NULL FROM chancy.workflows o
           WHERE o.id = (w.wait ->> 'owner')::uuid))
