-- Tables, indexes, sequences and the view of the first release. What each column means stands at its COMMENT, and
-- the rules that all functions keep stand in ENGINE.md.

-- Names and keys are bounded by their types and not by a CHECK, which PostgreSQL parses and plans again in every
-- statement that writes a row: a longer one does not fit into the indexes that a job enters later, and fails
-- whatever batch it is in.
CREATE DOMAIN chancy.job_name AS text CHECK (octet_length(VALUE) <= 200);
CREATE DOMAIN chancy.group_key AS text COLLATE "C" CHECK (octet_length(VALUE) <= 1000);

-- `positions` gives new positions, a block of 256 at a time: a batch of rows draws once and has them in its own order.
-- What becomes ready otherwise draws for each row and uses the first of them. What JavaScript counts exactly is
-- enough for eleven years of 100,000 draws a second.
CREATE SEQUENCE chancy.positions INCREMENT BY 256;
-- `requeue_positions` gives positions before all of them, to jobs that were claimed or blocked and come back.
CREATE SEQUENCE chancy.requeue_positions MINVALUE -9007199254740991 START -9007199254740991 MAXVALUE -1;
-- Numbers the claims, so that the running jobs of a group can be counted from a bound.
CREATE SEQUENCE chancy.claim_numbers;

-- The hot table holds what is waiting or running and nothing else; a job that has finished is moved to
-- finished_jobs. Wide columns come last and fixed-width ones first, so that rows pack well.
--
-- No index contains what a claim changes in a job without a concurrency limit (state, worker_id, started_at,
-- attempts, fence): its new version is a heap-only tuple, and costs no entry in any index. So a running job keeps
-- its position, and is passed over there; which jobs a worker runs is written in claims; and claim_seq is set for
-- jobs with a limit alone, which leave the index of the queue's order by it, since their new version needs new
-- entries anyway.
--
-- There is no CHECK: PostgreSQL parses and plans it again in every statement that writes a row. What goes with
-- which state is checked by a constraint in the tests.
CREATE TABLE chancy.jobs (
  id uuid PRIMARY KEY,
  seq bigint,
  position bigint,
  fence bigint NOT NULL DEFAULT 0,
  claim_seq bigint,
  created_at timestamptz NOT NULL DEFAULT chancy.now_1(),
  scheduled_at timestamptz,
  run_at timestamptz,
  started_at timestamptz,
  cancel_requested_at timestamptz,
  worker_id uuid,
  priority int NOT NULL DEFAULT 0,
  attempts int NOT NULL DEFAULT 0,
  max_attempts int,
  concurrency_max int,
  crashes smallint NOT NULL DEFAULT 0,
  format smallint NOT NULL DEFAULT 1,
  blocked boolean NOT NULL DEFAULT false,
  parked boolean NOT NULL DEFAULT false,
  state text NOT NULL DEFAULT 'pending',
  queue text NOT NULL,
  name chancy.job_name NOT NULL,
  args jsonb NOT NULL DEFAULT '{}',
  unique_key text,
  -- Compared and sorted byte by byte: every lock of groups is in that order.
  concurrency_key chancy.group_key,
  retention interval,
  limits jsonb,
  backoff jsonb,
  progress jsonb,
  errors jsonb,
  meta jsonb
) WITH (
  -- A claim writes the new version of its row beside the old one, and then no index is written.
  fillfactor = 45,
  -- Rows live for milliseconds: vacuum by a fixed number of dead tuples, without a pause.
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX jobs_claim ON chancy.jobs (queue, priority DESC, position)
  WHERE position IS NOT NULL AND claim_seq IS NULL;
CREATE UNIQUE INDEX jobs_unique_key ON chancy.jobs (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX jobs_due ON chancy.jobs (run_at)
  WHERE position IS NULL AND NOT blocked AND NOT parked;
CREATE INDEX jobs_blocked ON chancy.jobs (concurrency_key, queue, priority DESC, seq)
  WHERE blocked;
CREATE INDEX jobs_group ON chancy.jobs (concurrency_key, claim_seq)
  WHERE claim_seq IS NOT NULL;
CREATE INDEX jobs_group_ready ON chancy.jobs (concurrency_key, position, queue)
  WHERE position IS NOT NULL AND concurrency_key IS NOT NULL AND claim_seq IS NULL;
CREATE INDEX jobs_parked ON chancy.jobs (queue, name, priority DESC, seq) WHERE parked;
CREATE INDEX jobs_cancelling ON chancy.jobs (cancel_requested_at)
  WHERE cancel_requested_at IS NOT NULL;
-- Without it the count of one queue by explain_queue walks over the scheduled jobs of all. Rows have no seq until
-- their first position, which tells the scheduled ones from those that were tried before.
CREATE INDEX jobs_later ON chancy.jobs (queue, seq)
  WHERE position IS NULL AND NOT blocked AND NOT parked;

CREATE TABLE chancy.claims (
  worker_id uuid,
  claim_seq bigint,
  ids uuid[] NOT NULL,
  PRIMARY KEY (worker_id, claim_seq)
) WITH (
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0
);
-- Compressing thousands of ids costs more than writing them.
ALTER TABLE chancy.claims ALTER COLUMN ids SET STORAGE EXTERNAL;

CREATE TABLE chancy.finished_jobs (
  id uuid NOT NULL,
  fence bigint NOT NULL,
  created_at timestamptz NOT NULL,
  scheduled_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz NOT NULL DEFAULT chancy.now_1(),
  worker_id uuid,
  wall_ms float8,
  cpu_ms float8,
  peak_bytes float8,
  priority int NOT NULL,
  attempts int NOT NULL,
  max_attempts int,
  concurrency_max int,
  crashes smallint NOT NULL,
  format smallint NOT NULL,
  state text NOT NULL,
  queue text NOT NULL,
  name text NOT NULL,
  args jsonb NOT NULL,
  unique_key text,
  concurrency_key text,
  retention interval,
  limits jsonb,
  backoff jsonb,
  progress jsonb,
  errors jsonb,
  meta jsonb,
  result jsonb
) PARTITION BY RANGE (finished_at);
CREATE INDEX finished_jobs_id ON chancy.finished_jobs (id);
CREATE INDEX finished_jobs_queue ON chancy.finished_jobs (queue, id);
-- Few, among the many that succeeded, which this index costs nothing.
CREATE INDEX finished_jobs_unusual ON chancy.finished_jobs (state, id) WHERE state <> 'succeeded';

CREATE TABLE chancy.queues (
  name text PRIMARY KEY,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
  resume_at timestamptz,
  concurrency int,
  executor text NOT NULL DEFAULT 'process',
  executor_options jsonb NOT NULL DEFAULT '{}',
  tags jsonb NOT NULL DEFAULT '[".*"]',
  polling_interval_ms float8 NOT NULL DEFAULT 5000,
  rate_max int,
  rate_per_ms float8,
  implied boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT chancy.now_1(),
  -- Every worker reads all queues once a second.
  CHECK (octet_length(name) <= 200 AND octet_length(executor) <= 200
         AND pg_column_size(executor_options) <= 65536 AND pg_column_size(tags) <= 65536)
);

-- Logged on purpose: an unlogged table is empty after a crash, and every running job would look abandoned.
CREATE TABLE chancy.workers (
  id uuid PRIMARY KEY,
  label text,
  tags jsonb NOT NULL DEFAULT '[]',
  queues jsonb NOT NULL DEFAULT '[]',
  refusals jsonb NOT NULL DEFAULT '{}',
  names jsonb NOT NULL DEFAULT '[]',
  environment jsonb NOT NULL DEFAULT '{}',
  started_at timestamptz NOT NULL DEFAULT chancy.now_1(),
  renewed_at timestamptz NOT NULL DEFAULT chancy.now_1(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  crash_exempt boolean NOT NULL DEFAULT false,
  CHECK (octet_length(label) <= 1000 AND pg_column_size(tags) <= 65536
         AND pg_column_size(queues) <= 4194304 AND pg_column_size(names) <= 4194304
         AND pg_column_size(refusals) <= 4194304 AND pg_column_size(environment) <= 65536)
);

CREATE TABLE chancy.concurrency_groups (
  key text COLLATE "C" PRIMARY KEY,
  scan_from bigint NOT NULL DEFAULT 0
);

CREATE TABLE chancy.rate_starts (
  queue text NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX rate_starts_at ON chancy.rate_starts (queue, at);

CREATE TABLE chancy.waiters (
  job_id uuid NOT NULL,
  until timestamptz NOT NULL
);
CREATE INDEX waiters_job ON chancy.waiters (job_id);

CREATE TABLE chancy.leader (
  name text PRIMARY KEY,
  worker_id uuid NOT NULL,
  elected_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);

CREATE TABLE chancy.scan_watermarks (
  queue text PRIMARY KEY,
  advanced_at timestamptz NOT NULL,
  highs bigint[],
  lows bigint[],
  afters bigint[],
  befores bigint[],
  priorities int[] NOT NULL DEFAULT '{}',
  requeue_watermarks bigint[] NOT NULL DEFAULT '{}',
  watermarks bigint[] NOT NULL DEFAULT '{}',
  checkpoint_requeue bigint NOT NULL,
  checkpoint_position bigint NOT NULL,
  checkpoint_xid bigint NOT NULL,
  former_requeue bigint NOT NULL DEFAULT (-9007199254740992)::bigint,
  former_position bigint NOT NULL DEFAULT -1,
  ignored_xids bigint[] NOT NULL DEFAULT '{}',
  ignored_requeues bigint[] NOT NULL DEFAULT '{}',
  ignored_positions bigint[] NOT NULL DEFAULT '{}'
);

-- Without a primary key a row is known by all its columns: under a publication of all tables (logical
-- replication) PostgreSQL refuses to delete from a table without an identity.
ALTER TABLE chancy.finished_jobs REPLICA IDENTITY FULL;
ALTER TABLE chancy.rate_starts REPLICA IDENTITY FULL;
ALTER TABLE chancy.waiters REPLICA IDENTITY FULL;

-- No statistics of the columns are kept: what ANALYZE saw is gone seconds later, and a plan that believes it ("no
-- job is ready") reads a whole index, since the wrong one costs as little as the right one. So every plan is made
-- from the sizes of tables alone, always.
DO $body$
DECLARE
  one record;
BEGIN
  FOR one IN
    SELECT a.attrelid::regclass AS of_table, a.attname AS name
      FROM pg_attribute a
     WHERE a.attrelid IN ('chancy.jobs'::regclass, 'chancy.claims'::regclass,
                          'chancy.concurrency_groups'::regclass, 'chancy.rate_starts'::regclass,
                          'chancy.waiters'::regclass)
       AND a.attnum > 0
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', one.of_table, one.name);
  END LOOP;
END $body$;

CREATE VIEW chancy.all_jobs AS
  SELECT id, queue, name, args, state, priority, attempts, max_attempts, created_at,
         scheduled_at, started_at, NULL::timestamptz AS finished_at, unique_key,
         concurrency_key, worker_id, errors, progress, meta, NULL::jsonb AS result
    FROM chancy.jobs
  UNION ALL
  SELECT id, queue, name, args, state, priority, attempts, max_attempts, created_at,
         scheduled_at, started_at, finished_at, unique_key,
         concurrency_key, worker_id, errors, progress, meta, result
    FROM chancy.finished_jobs;
-- The view runs with the rights of the role that reads it, where PostgreSQL can (from 15 on).
DO $body$
BEGIN
  IF current_setting('server_version_num')::int >= 150000 THEN
    ALTER VIEW chancy.all_jobs SET (security_invoker = true);
  END IF;
END $body$;

-- A worker creates those of a week when it starts; one takes as long as two other tables.
SELECT chancy.create_partitions_1(1);
