-- The open waits of the running job `parent`, with those of `given` that are new among them; what these invoke is pushed.
CREATE OR REPLACE FUNCTION chancy.more_waits_1(parent uuid, known jsonb, given jsonb, at timestamptz) RETURNS jsonb
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
  SELECT coalesce(known, '[]') || chancy.open_waits_1(NULL, coalesce(
    (SELECT jsonb_agg(CASE WHEN g.wait ? 'push'
                           THEN g.wait - 'push' || jsonb_build_object('owner', chancy.push_children_1(parent, g.wait))
                           WHEN g.wait ? 'workflow'
                           THEN g.wait - 'workflow'
                                || jsonb_build_object('owner', chancy.push_invoked_1(parent, g.wait -> 'workflow'))
                           ELSE g.wait END ORDER BY g.n)
       FROM jsonb_array_elements(given) WITH ORDINALITY AS g(wait, n)
      WHERE NOT EXISTS (SELECT 1 FROM jsonb_array_elements(known) AS k(wait)
                         WHERE k.wait ->> 'name' = g.wait ->> 'name')), '[]'), at)
$body$;
