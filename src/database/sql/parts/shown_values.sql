-- part.shown_values(j, open): what a durable job shows, its values and what it waits for, and what a job is a part of, as
-- JSON text. Null for any other job: one probe of an index that is usually empty.
(SELECT jsonb_build_object('values', v.shown, 'open', open, 'owner', o.owner)::text
   FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM chancy.job_values k WHERE k.job_id = j.id) v
   LEFT JOIN LATERAL (
          SELECT jsonb_build_object(
                   'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                   'name', w.name, 'step', (
                     SELECT coalesce(s.name, (SELECT m.name FROM chancy.steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                             || '[' || s.item || ']')
                       FROM chancy.steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
            FROM chancy.workflows w
           WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
  WHERE v.shown IS NOT NULL OR open IS NOT NULL OR o.owner IS NOT NULL) AS durable
