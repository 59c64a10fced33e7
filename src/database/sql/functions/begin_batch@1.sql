-- Makes a batch without jobs: `plan` is an object of id, name, meta, retentionMs, deadlineMs and callbacks (ended, succeeded,
-- failed: jobs as push_stored takes them, without arguments). It stays open until it is sealed, or until its lease of
-- five minutes has passed: then the process that pushes its jobs was lost. Called again it changes nothing.
CREATE OR REPLACE FUNCTION chancy.begin_batch_1(plan jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
  INSERT INTO chancy.workflows (id, kind, open, deadline_at, retention, pushed_until, name, meta, extras)
  VALUES ((plan ->> 'id')::uuid, 'batch', 1,
          chancy.now_1() + make_interval(secs => (plan ->> 'deadlineMs')::float8 / 1000),
          make_interval(secs => (plan ->> 'retentionMs')::float8 / 1000),
          chancy.clock_1() + interval '5 minutes', plan ->> 'name', nullif(plan -> 'meta', '{}'),
          jsonb_build_object('callbacks', plan -> 'callbacks'))
      ON CONFLICT DO NOTHING
$body$;
