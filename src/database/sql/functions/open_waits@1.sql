-- The open waits of a durable job as they are kept in its row: those of `given`, with their times. A wait that was
-- reached before keeps the time of `known`; one that is new and has after_ms gets its time from `at`.
CREATE OR REPLACE FUNCTION chancy.open_waits_1(known jsonb, given jsonb, at timestamptz) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
  SELECT coalesce(
    jsonb_agg(coalesce(
      (SELECT k.wait FROM jsonb_array_elements(known) AS k(wait) WHERE k.wait ->> 'name' = g.wait ->> 'name' LIMIT 1),
      jsonb_strip_nulls(jsonb_build_object(
        'kind', g.wait -> 'kind', 'name', g.wait -> 'name', 'signals', g.wait -> 'signals',
        'since_ms', coalesce((g.wait ->> 'since_ms')::float8, extract(epoch FROM at)::float8 * 1000),
        'until_ms', coalesce((g.wait ->> 'until_ms')::float8,
                             extract(epoch FROM at)::float8 * 1000 + (g.wait ->> 'after_ms')::float8),
        'owner', g.wait -> 'owner', 'count', g.wait -> 'count', 'settle', g.wait -> 'settle')))
      ORDER BY g.n), '[]')
    FROM jsonb_array_elements(given) WITH ORDINALITY AS g(wait, n)
$body$;
