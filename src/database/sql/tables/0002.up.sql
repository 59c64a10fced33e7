-- Workflows and durable jobs. What each column means stands at its COMMENT, and the rules that all functions keep stand
-- in ENGINE.md.

-- Before the jobs, in the order in which a claim of the release before locks them: else one of the two is a deadlock.
ALTER TABLE chancy.workers ADD COLUMN paused boolean NOT NULL DEFAULT false;
-- Null in a plain job, which pays for them with a few bits of its row.
ALTER TABLE chancy.jobs
  ADD COLUMN owner_id uuid,
  ADD COLUMN owner_step int,
  ADD COLUMN extras jsonb,
  ADD COLUMN waits text;
ALTER TABLE chancy.finished_jobs
  ADD COLUMN owner_id uuid,
  ADD COLUMN owner_step int,
  ADD COLUMN extras jsonb;
-- Where no job is, as in a new schema, here: what is done CONCURRENTLY waits for the transactions of all others.
DO $body$
BEGIN
  IF NOT EXISTS (SELECT FROM chancy.jobs) THEN
    DROP INDEX chancy.jobs_later;
    CREATE INDEX jobs_later_2 ON chancy.jobs (queue, seq)
      WHERE position IS NULL AND NOT blocked AND NOT parked AND waits IS NULL;
  END IF;
END $body$;
-- The suspended jobs of a queue, so that they are counted without its scheduled ones.
CREATE INDEX jobs_waits ON chancy.jobs (queue, waits, id) WHERE waits IS NOT NULL;
-- The jobs of a batch, so that it is cancelled without the others.
CREATE INDEX jobs_batch ON chancy.jobs (owner_id, id) WHERE owner_id IS NOT NULL AND owner_step IS NULL;

-- The row of a workflow is what its changes lock: narrow, and its counters are in no index.
CREATE TABLE chancy.workflows (
  id uuid PRIMARY KEY,
  open int NOT NULL DEFAULT 0,
  bad int NOT NULL DEFAULT 0,
  size int NOT NULL DEFAULT 0,
  cancelled int NOT NULL DEFAULT 0,
  priority int NOT NULL DEFAULT 0,
  owner_step int,
  owner_id uuid,
  created_at timestamptz NOT NULL DEFAULT chancy.now_1(),
  deadline_at timestamptz,
  finished_at timestamptz,
  expires_at timestamptz,
  pushed_until timestamptz,
  retention interval,
  once boolean NOT NULL DEFAULT false,
  cancels boolean NOT NULL DEFAULT false,
  kind text NOT NULL DEFAULT 'workflow',
  state text NOT NULL DEFAULT 'running',
  stopping text,
  name text NOT NULL,
  unique_key text,
  failure jsonb,
  meta jsonb,
  output jsonb,
  extras jsonb
) WITH (
  fillfactor = 60,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0
);
CREATE UNIQUE INDEX workflows_unique_key ON chancy.workflows (unique_key)
  WHERE unique_key IS NOT NULL AND finished_at IS NULL;
CREATE UNIQUE INDEX workflows_once ON chancy.workflows (unique_key)
  WHERE unique_key IS NOT NULL AND once;
CREATE INDEX workflows_key ON chancy.workflows (unique_key, id) WHERE unique_key IS NOT NULL;
CREATE INDEX workflows_name ON chancy.workflows (name, id);
CREATE INDEX workflows_running ON chancy.workflows (id) WHERE finished_at IS NULL;
CREATE INDEX workflows_stopping ON chancy.workflows (id) WHERE stopping IS NOT NULL AND finished_at IS NULL;
CREATE INDEX workflows_deadline ON chancy.workflows (deadline_at)
  WHERE deadline_at IS NOT NULL AND stopping IS NULL AND finished_at IS NULL;
CREATE INDEX workflows_pushed ON chancy.workflows (pushed_until) WHERE pushed_until IS NOT NULL;
CREATE INDEX workflows_expires ON chancy.workflows (expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX workflows_owner ON chancy.workflows (owner_id) WHERE owner_id IS NOT NULL AND finished_at IS NULL;

-- Changed under the lock of the owner alone.
CREATE TABLE chancy.steps (
  owner_id uuid NOT NULL,
  n int NOT NULL,
  pending int NOT NULL DEFAULT 0,
  bad int NOT NULL DEFAULT 0,
  skipped int NOT NULL DEFAULT 0,
  fine int NOT NULL DEFAULT 0,
  of_map int,
  item int,
  ended_at timestamptz,
  job_id uuid,
  may_fail boolean NOT NULL DEFAULT false,
  state text NOT NULL DEFAULT 'waiting',
  run_when text NOT NULL DEFAULT 'all-succeeded',
  name text,
  deps int[],
  dependents int[],
  spec jsonb,
  result jsonb,
  error jsonb,
  PRIMARY KEY (owner_id, n)
) WITH (
  fillfactor = 60,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX steps_map ON chancy.steps (owner_id, of_map, n) WHERE of_map IS NOT NULL;

-- Usually empty.
CREATE TABLE chancy.step_ends (
  owner_id uuid NOT NULL,
  n int,
  "from" int,
  state text NOT NULL,
  result jsonb,
  error jsonb
) WITH (
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX step_ends_owner ON chancy.step_ends (owner_id);

CREATE TABLE chancy.job_steps (
  job_id uuid NOT NULL,
  n int NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  -- As the code wrote it: jsonb would give its keys another order at a replay.
  result json,
  error jsonb,
  PRIMARY KEY (job_id, n)
) WITH (
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_cost_delay = 0
);

CREATE TABLE chancy.signals (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job_id uuid NOT NULL,
  sent_at timestamptz NOT NULL DEFAULT chancy.now_1(),
  taken_at timestamptz,
  untold boolean NOT NULL DEFAULT false,
  name text NOT NULL,
  key text,
  value jsonb NOT NULL
) WITH (
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX signals_unread ON chancy.signals (job_id, name, id) WHERE taken_at IS NULL;
CREATE UNIQUE INDEX signals_key ON chancy.signals (job_id, key);
CREATE INDEX signals_untold ON chancy.signals (id) WHERE untold;

CREATE TABLE chancy.job_values (
  job_id uuid NOT NULL,
  key text NOT NULL,
  value jsonb NOT NULL,
  PRIMARY KEY (job_id, key)
);

ALTER TABLE chancy.step_ends REPLICA IDENTITY FULL;

-- No statistics, as in the tables of jobs: what ANALYZE saw is gone seconds later.
DO $body$
DECLARE
  one record;
BEGIN
  FOR one IN
    SELECT a.attrelid::regclass AS of_table, a.attname AS name
      FROM pg_attribute a
     WHERE (a.attrelid IN ('chancy.workflows'::regclass, 'chancy.steps'::regclass,
                           'chancy.step_ends'::regclass, 'chancy.job_steps'::regclass,
                           'chancy.signals'::regclass, 'chancy.job_values'::regclass)
            OR (a.attrelid = 'chancy.jobs'::regclass
                AND a.attname IN ('owner_id', 'owner_step', 'extras', 'waits')))
       AND a.attnum > 0
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', one.of_table, one.name);
  END LOOP;
END $body$;
