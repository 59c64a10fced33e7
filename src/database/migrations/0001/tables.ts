import { type Names, quoteLiteral } from '../../names.ts'
import { BLOCK } from '../../places.ts'

/**
 * The hot table holds what is waiting or running and nothing else; a job that has finished is moved
 * to `finished_jobs`. Wide columns stand last and fixed-width ones first, so that rows pack well.
 *
 * No index knows of what a claim changes in a job without a concurrency limit (`state`, `worker_id`,
 * `started_at`, `attempts`, `fence`): its new version is a heap-only one, and costs no entry in any
 * index. So a running job keeps its place in the line, and is passed over there; which jobs a worker
 * runs is written in `claims`; and `claim_seq` is set for jobs with a limit alone, which leave the
 * index of the line by it, since their new version needs new entries anyway.
 */
export const tables = (t: Names): string[] => [
  // `line` gives new places, a block at a time; `front` gives places before all of them, to jobs that
  // were looked at and put back; `claims` numbers the claims, so that the running jobs of a group can
  // be counted from a bound.
  `CREATE SEQUENCE ${t.own('line')} INCREMENT BY ${BLOCK}`,
  `CREATE SEQUENCE ${t.own('front')}
     MINVALUE ${-Number.MAX_SAFE_INTEGER} START ${-Number.MAX_SAFE_INTEGER} MAXVALUE -1`,
  `CREATE SEQUENCE ${t.own('claim_numbers')}`,

  `CREATE TABLE ${t.jobs} (
     id uuid PRIMARY KEY,
     seq bigint,
     ready_seq bigint,
     fence bigint NOT NULL DEFAULT 0,
     claim_seq bigint,
     created_at timestamptz NOT NULL DEFAULT now(),
     scheduled_at timestamptz,
     run_at timestamptz,
     started_at timestamptz,
     cancel_requested_at timestamptz,
     worker_id uuid,
     priority int NOT NULL DEFAULT 0,
     attempts int NOT NULL DEFAULT 0,
     -- Null: the definition of the worker that claims it decides.
     max_attempts int,
     concurrency_max int,
     crashes smallint NOT NULL DEFAULT 0,
     format smallint NOT NULL DEFAULT 1,
     blocked boolean NOT NULL DEFAULT false,
     aside boolean NOT NULL DEFAULT false,
     state text NOT NULL DEFAULT 'pending',
     queue text NOT NULL,
     name ${t.own('job_name')} NOT NULL,
     args jsonb NOT NULL DEFAULT '{}',
     unique_key text,
     -- Compared and sorted byte by byte: every lock of groups is in that order.
     concurrency_key ${t.own('group_key')},
     retention interval,
     limits jsonb,
     backoff jsonb,
     progress jsonb,
     errors jsonb,
     -- There is no CHECK: PostgreSQL parses and plans it anew in every statement that writes a row.
     -- What goes with which state is checked by a constraint in the tests.
     meta jsonb
   ) WITH (
     -- A claim writes its row anew beside the old version, and then no index has to be told.
     fillfactor = 45,
     -- Rows live for milliseconds: vacuum by a fixed number of dead rows, without a pause.
     autovacuum_vacuum_scale_factor = 0.02,
     autovacuum_vacuum_threshold = 20000,
     autovacuum_vacuum_insert_scale_factor = 0.05,
     autovacuum_vacuum_cost_delay = 0
   )`,
  `CREATE INDEX jobs_claim ON ${t.jobs} (queue, priority DESC, ready_seq)
     WHERE ready_seq IS NOT NULL AND claim_seq IS NULL`,
  `CREATE UNIQUE INDEX jobs_unique_key ON ${t.jobs} (unique_key) WHERE unique_key IS NOT NULL`,
  `CREATE INDEX jobs_due ON ${t.jobs} (run_at)
     WHERE ready_seq IS NULL AND NOT blocked AND NOT aside`,
  `CREATE INDEX jobs_blocked ON ${t.jobs} (concurrency_key, queue, priority DESC, seq)
     WHERE blocked`,
  `CREATE INDEX jobs_group ON ${t.jobs} (concurrency_key, claim_seq)
     WHERE claim_seq IS NOT NULL`,
  `CREATE INDEX jobs_group_ready ON ${t.jobs} (concurrency_key, queue, ready_seq)
     WHERE ready_seq IS NOT NULL AND concurrency_key IS NOT NULL AND claim_seq IS NULL`,
  `CREATE INDEX jobs_aside ON ${t.jobs} (queue, name, priority DESC, seq) WHERE aside`,
  `CREATE INDEX jobs_cancelling ON ${t.jobs} (cancel_requested_at)
     WHERE cancel_requested_at IS NOT NULL`,

  // Which jobs a claim took, for whoever has to find what a worker runs. A row goes when the last of
  // its jobs has ended.
  `CREATE TABLE ${t.claims} (
     worker_id uuid,
     claim_seq bigint,
     ids uuid[] NOT NULL,
     PRIMARY KEY (worker_id, claim_seq)
   ) WITH (
     autovacuum_vacuum_scale_factor = 0.02,
     autovacuum_vacuum_threshold = 5000,
     autovacuum_vacuum_cost_delay = 0
   )`,
  // Compressing thousands of ids costs more than writing them.
  `ALTER TABLE ${t.claims} ALTER COLUMN ids SET STORAGE EXTERNAL`,

  `CREATE TABLE ${t.finishedJobs} (
     id uuid NOT NULL,
     fence bigint NOT NULL,
     created_at timestamptz NOT NULL,
     scheduled_at timestamptz,
     started_at timestamptz,
     finished_at timestamptz NOT NULL DEFAULT now(),
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
   ) PARTITION BY RANGE (finished_at)`,
  `CREATE INDEX finished_jobs_id ON ${t.finishedJobs} (id)`,
  `CREATE INDEX finished_jobs_queue ON ${t.finishedJobs} (queue, id)`,
  // Few, and looked for among the many that succeeded, which this index costs nothing.
  `CREATE INDEX finished_jobs_unusual ON ${t.finishedJobs} (state, id) WHERE state <> 'succeeded'`,

  `CREATE TABLE ${t.queues} (
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
     -- A worker declared it, since it knows jobs of it; a declaration by a user replaces it.
     implied boolean NOT NULL DEFAULT false,
     created_at timestamptz NOT NULL DEFAULT now(),
     -- Every worker reads all queues once a second.
     CHECK (octet_length(name) <= 200 AND octet_length(executor) <= 200
            AND pg_column_size(executor_options) <= 65536 AND pg_column_size(tags) <= 65536)
   )`,
  // Logged on purpose: an unlogged table is empty after a crash, and every running job would look
  // abandoned at once.
  `CREATE TABLE ${t.workers} (
     id uuid PRIMARY KEY,
     label text,
     tags jsonb NOT NULL DEFAULT '[]',
     queues jsonb NOT NULL DEFAULT '[]',
     refusals jsonb NOT NULL DEFAULT '{}',
     names jsonb NOT NULL DEFAULT '[]',
     started_at timestamptz NOT NULL DEFAULT now(),
     renewed_at timestamptz NOT NULL DEFAULT now(),
     expires_at timestamptz NOT NULL,
     revoked_at timestamptz,
     amnesty boolean NOT NULL DEFAULT false,
     CHECK (octet_length(label) <= 1000 AND pg_column_size(tags) <= 65536
            AND pg_column_size(queues) <= 4194304 AND pg_column_size(names) <= 4194304
            AND pg_column_size(refusals) <= 4194304)
   )`,
  `CREATE TABLE ${t.concurrencyGroups} (
     key text COLLATE "C" PRIMARY KEY,
     low_seq bigint NOT NULL DEFAULT 0
   )`,
  `CREATE TABLE ${t.rateStarts} (
     queue text NOT NULL,
     at timestamptz NOT NULL
   )`,
  `CREATE INDEX rate_starts_at ON ${t.rateStarts} (queue, at)`,
  `CREATE TABLE ${t.waiters} (
     job_id uuid NOT NULL,
     until timestamptz NOT NULL
   )`,
  `CREATE INDEX waiters_job ON ${t.waiters} (job_id)`,
  `CREATE TABLE ${t.leader} (
     name text PRIMARY KEY,
     worker_id uuid NOT NULL,
     elected_at timestamptz NOT NULL,
     expires_at timestamptz NOT NULL
   )`,

  // Without a primary key a row is known by all its columns: under a publication of all tables
  // (logical replication) PostgreSQL refuses to delete from a table without an identity.
  ...[t.finishedJobs, t.rateStarts, t.waiters].map(
    (table) => `ALTER TABLE ${table} REPLICA IDENTITY FULL`,
  ),

  ...[t.jobs, t.claims, t.concurrencyGroups, t.rateStarts, t.waiters].map((table) =>
    withoutStatistics(t, table),
  ),

  `CREATE VIEW ${t.allJobs} AS
     SELECT id, queue, name, args, state, priority, attempts, max_attempts, created_at,
            scheduled_at, started_at, NULL::timestamptz AS finished_at, unique_key,
            concurrency_key, worker_id, errors, progress, meta, NULL::jsonb AS result
       FROM ${t.jobs}
     UNION ALL
     SELECT id, queue, name, args, state, priority, attempts, max_attempts, created_at,
            scheduled_at, started_at, finished_at, unique_key,
            concurrency_key, worker_id, errors, progress, meta, result
       FROM ${t.finishedJobs}`,
]

/**
 * Nothing is kept of what stands in the columns: what ANALYZE saw is gone seconds later, and a plan
 * that believes it ("no job is ready") reads a whole index, since the wrong one costs as little as
 * the right one. So every plan is made from the sizes of tables alone, always.
 */
const withoutStatistics = (t: Names, table: string): string => `
  DO ${t.body}
  DECLARE
    name name;
  BEGIN
    FOR name IN
      SELECT a.attname FROM pg_attribute a
       WHERE a.attrelid = ${quoteLiteral(table)}::regclass AND a.attnum > 0
    LOOP
      EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', ${quoteLiteral(table)}, name);
    END LOOP;
  END ${t.body}`
