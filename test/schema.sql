-- The schema "chancy" after all migrations, made by scripts/dump-schema.mjs.

DOMAIN group_key AS text CHECK ((octet_length(VALUE) <= 1000)); -- Concurrency key: at most 1000 bytes, sorted byte by byte, since all locks of groups are in that order.

DOMAIN job_name AS text CHECK ((octet_length(VALUE) <= 200)); -- Name of a job's function: at most 200 bytes.

VIEW all_jobs AS
 SELECT jobs.id,
    jobs.queue,
    jobs.name,
    jobs.args,
    jobs.state,
    jobs.priority,
    jobs.attempts,
    jobs.max_attempts,
    jobs.created_at,
    jobs.scheduled_at,
    jobs.started_at,
    NULL::timestamp with time zone AS finished_at,
    jobs.unique_key,
    jobs.concurrency_key,
    jobs.worker_id,
    jobs.errors,
    jobs.progress,
    jobs.meta,
    NULL::jsonb AS result
   FROM chancy.jobs
UNION ALL
 SELECT finished_jobs.id,
    finished_jobs.queue,
    finished_jobs.name,
    finished_jobs.args,
    finished_jobs.state,
    finished_jobs.priority,
    finished_jobs.attempts,
    finished_jobs.max_attempts,
    finished_jobs.created_at,
    finished_jobs.scheduled_at,
    finished_jobs.started_at,
    finished_jobs.finished_at,
    finished_jobs.unique_key,
    finished_jobs.concurrency_key,
    finished_jobs.worker_id,
    finished_jobs.errors,
    finished_jobs.progress,
    finished_jobs.meta,
    finished_jobs.result
   FROM chancy.finished_jobs; -- Jobs of both tables, for queries by users. A column of one table alone is null for rows of the other.

TABLE audit (
  id uuid NOT NULL -- UUID of version 7, made by the process that acts.
  at timestamp with time zone NOT NULL -- When.
  jobs integer -- How many jobs the action changed. Null: it is not about jobs.
  bulk_id uuid -- Bulk action that it is about. Null: none.
  request_id uuid -- Request that asked for it. Null: none.
  address inet -- Where the request came from. Null: unknown.
  verb text NOT NULL -- What was done, such as jobs.cancel.
  outcome text NOT NULL -- done, unchanged or refused.
  code text -- Why it was refused, a code of an error. Null: it was not.
  target text -- To what, such as job:ID or queue:NAME. Null: several.
  filter text -- Filter of a bulk action as it was frozen. Null: none.
  reason text -- Why, as the call said. Null: it did not.
  actor jsonb -- Who, an object of id and name. Null: the call did not say.
  before jsonb -- What it changed, as it was. Null: nothing.
  after jsonb -- What it changed, as it is since. Null: nothing.
  CONSTRAINT audit_pkey PRIMARY KEY (id)
); -- Who did what to what, and why: a row for each action that says its actor or its reason, in the transaction of the action. Written by record_action; removed by prune_audit after 400 days.
CREATE INDEX audit_at ON chancy.audit USING btree (at);
CREATE UNIQUE INDEX audit_pkey ON chancy.audit USING btree (id);
CREATE INDEX audit_target ON chancy.audit USING btree (target, id) WHERE (target IS NOT NULL);

TABLE bulk_actions (
  id uuid NOT NULL -- UUID of version 7.
  created_at timestamp with time zone NOT NULL -- When it was created: what was pushed later is not touched.
  starts_at timestamp with time zone NOT NULL -- When it begins, after its undo window.
  stepped_at timestamp with time zone -- When the next jobs are due by its rate. Null: it has not begun.
  finished_at timestamp with time zone -- When it ended. Null: it has not.
  undo_until timestamp with time zone -- Until when its items are kept, and so until when it can be undone. Null: it has no items.
  undo_of uuid -- Bulk action that this one undoes. Null: none.
  rate integer NOT NULL -- Jobs a second.
  done integer NOT NULL DEFAULT 0 -- Jobs that it has changed.
  skipped integer NOT NULL DEFAULT 0 -- Jobs whose state or owner did not allow it.
  failed integer NOT NULL DEFAULT 0 -- Jobs that were refused with an error.
  state text NOT NULL DEFAULT 'waiting'::text -- waiting, running, paused, done or stopped.
  action text NOT NULL -- cancel, retry, delete, run-now, reprioritise, move or undo.
  filter text -- Filter of its jobs, with times as dates. Null: ids, or an undo.
  cursor text -- How far it has come. Null: it has not begun.
  reason text -- Why, as the call said.
  ids uuid[] -- Its jobs. Null: a filter, or an undo.
  queues text[] -- Patterns of the queues that its actor may touch. Null: all.
  change jsonb NOT NULL DEFAULT '{}'::jsonb -- What it sets, an object: priority or queue.
  reasons jsonb NOT NULL DEFAULT '{}'::jsonb -- Why jobs were skipped or refused: how many by each code.
  actor jsonb -- Who started it, an object of id and name. Null: unknown.
  CONSTRAINT bulk_actions_pkey PRIMARY KEY (id)
) WITH (fillfactor=50); -- Actions on many jobs, which any process carries on. Written by what starts, controls and carries on bulk actions.
CREATE INDEX bulk_actions_kept ON chancy.bulk_actions USING btree (undo_until) WHERE (undo_until IS NOT NULL);
CREATE INDEX bulk_actions_open ON chancy.bulk_actions USING btree (starts_at) WHERE (finished_at IS NULL);
CREATE UNIQUE INDEX bulk_actions_pkey ON chancy.bulk_actions USING btree (id);
CREATE INDEX bulk_actions_undo ON chancy.bulk_actions USING btree (undo_of) WHERE (undo_of IS NOT NULL);

TABLE bulk_items (
  bulk_id uuid NOT NULL -- The action.
  job_id uuid NOT NULL -- The job.
  outcome text NOT NULL -- left (to be acted on alone), late (the same at the end), done, skipped or failed.
  code text -- Why it was skipped or refused. Null: it was not.
  before jsonb -- What an undo puts back, and how the action left the job: note_before and note_done write them. Null: nothing is put back.
  CONSTRAINT bulk_items_pkey PRIMARY KEY (bulk_id, job_id)
); -- What a bulk action did with each of its jobs: a job is acted on once. Written by what carries the action on; removed after it can no longer be undone.
CREATE INDEX bulk_items_left ON chancy.bulk_items USING btree (bulk_id, job_id) WHERE (outcome = ANY (ARRAY['left'::text, 'late'::text]));
CREATE UNIQUE INDEX bulk_items_pkey ON chancy.bulk_items USING btree (bulk_id, job_id);

SEQUENCE claim_numbers AS bigint START 1 INCREMENT 1 CACHE 1; -- Numbers of claims. Drawn by claim and push_and_claim.

TABLE claims (
  worker_id uuid NOT NULL STATISTICS 0 -- Worker that claimed. Written by claim and push_and_claim.
  claim_seq bigint NOT NULL STATISTICS 0 -- Number of the claim, of the sequence claim_numbers.
  ids uuid[] NOT NULL STORAGE e STATISTICS 0 -- Jobs that the claim took. Some may have ended since.
  CONSTRAINT claims_pkey PRIMARY KEY (worker_id, claim_seq)
) WITH (autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=5000); -- Which jobs a claim took, so that what a worker runs is found without an index on jobs. finish removes a claim when the last of its jobs has ended, recover and remove_worker those of a worker that is gone.
CREATE UNIQUE INDEX claims_pkey ON chancy.claims USING btree (worker_id, claim_seq);

TABLE concurrency_groups (
  key text NOT NULL STATISTICS 0 -- Concurrency key of jobs.
  scan_from bigint NOT NULL DEFAULT 0 STATISTICS 0 -- No running job of the group has a claim_seq below this: the count of running jobs begins here. Raised by claim.
  CONSTRAINT concurrency_groups_pkey PRIMARY KEY (key)
); -- A row for each concurrency key that is in use, to be locked: what takes or frees a slot holds its lock. claim and sweep_blocked make a row, sweep_groups removes it.
CREATE UNIQUE INDEX concurrency_groups_pkey ON chancy.concurrency_groups USING btree (key);

TABLE failures_groups (
  fingerprint bigint NOT NULL -- What they have in common, as in jobs.
  first_at timestamp with time zone NOT NULL -- When the first of them failed.
  last_at timestamp with time zone NOT NULL -- When the last of them failed.
  state_at timestamp with time zone -- When the state was last decided.
  total bigint NOT NULL -- How many attempts failed so. Short by what killed workers had not written.
  again integer NOT NULL DEFAULT 0 -- How often it came back after it was resolved.
  state text NOT NULL DEFAULT 'open'::text -- open, muted or resolved.
  name text NOT NULL -- Name of the job.
  kind text NOT NULL -- Kind of the failure, as in errors of jobs.
  error text NOT NULL -- Name of the error.
  message text NOT NULL -- Newest message, up to 1,000 characters.
  frames text[] NOT NULL -- Function and file of the topmost frames of the application.
  samples uuid[] NOT NULL -- Newest jobs that failed so, up to five.
  first_version text -- Version of the worker that had it first.
  last_version text -- Version of the worker that had it last.
  state_by text -- Who decided the state.
  note text -- Note of a user.
  CONSTRAINT failures_groups_pkey PRIMARY KEY (fingerprint)
) WITH (fillfactor=70); -- Failures that are alike. Written by failures_add_1 and by what users decide; at most 10,000.
CREATE INDEX failures_groups_last ON chancy.failures_groups USING btree (last_at DESC, fingerprint DESC);
CREATE UNIQUE INDEX failures_groups_pkey ON chancy.failures_groups USING btree (fingerprint);

TABLE failures_hours (
  fingerprint bigint NOT NULL -- The group.
  hour timestamp with time zone NOT NULL -- When the hour begins.
  n integer NOT NULL -- How many attempts failed.
  queue text NOT NULL -- In which queue.
  CONSTRAINT failures_hours_pkey PRIMARY KEY (fingerprint, hour, queue)
) WITH (fillfactor=70); -- How many attempts failed in an hour, kept for 30 days. Written by failures_add_1.
CREATE INDEX failures_hours_hour ON chancy.failures_hours USING btree (hour);
CREATE UNIQUE INDEX failures_hours_pkey ON chancy.failures_hours USING btree (fingerprint, hour, queue);

TABLE finished_jobs (
  id uuid NOT NULL -- As in jobs.
  fence bigint NOT NULL -- Fence of the last attempt: a finish that is sent again finds itself saved by it.
  created_at timestamp with time zone NOT NULL -- As in jobs.
  scheduled_at timestamp with time zone -- As in jobs.
  started_at timestamp with time zone -- Start of the last attempt. Null: it never started.
  finished_at timestamp with time zone NOT NULL DEFAULT chancy.now_1() -- When the job ended, by the database's clock.
  worker_id uuid -- Worker of the last attempt.
  wall_ms double precision -- How long the last attempt took, in milliseconds. Null: not measured.
  cpu_ms double precision -- CPU time of the last attempt, in milliseconds. Null: not measured.
  peak_bytes double precision -- Highest memory use of the last attempt, in bytes. Null: not measured.
  priority integer NOT NULL -- As in jobs.
  attempts integer NOT NULL -- As in jobs.
  max_attempts integer -- As in jobs.
  concurrency_max integer -- As in jobs.
  crashes smallint NOT NULL -- As in jobs.
  format smallint NOT NULL -- As in jobs.
  state text NOT NULL -- succeeded, failed or cancelled.
  queue text NOT NULL -- As in jobs.
  name text NOT NULL -- As in jobs.
  args jsonb NOT NULL -- As in jobs.
  unique_key text -- As in jobs, but other jobs may have the same key.
  concurrency_key text -- As in jobs.
  retention interval -- How long the row is kept after finished_at, from 10 minutes to 3650 days. Null: 7 days.
  limits jsonb -- As in jobs.
  backoff jsonb -- As in jobs.
  progress jsonb -- As in jobs.
  errors jsonb -- As in jobs.
  meta jsonb -- As in jobs.
  result jsonb -- What the function returned, any JSON. Null unless the job succeeded.
  owner_id uuid -- As in jobs.
  owner_step integer -- As in jobs.
  extras jsonb -- As in jobs.
  fingerprint bigint -- Group of failures of a failed job. Null: it did not fail. Written by finish and recover.
) PARTITION BY RANGE (finished_at); -- The history: jobs that succeeded, failed or were cancelled, a partition for each day (UTC) of finished_at. Rows are written by finish, cancel and recover, and go with their partition; retry moves one back. Columns of the same name are those of jobs.
CREATE INDEX finished_jobs_ended ON ONLY chancy.finished_jobs USING btree (state, finished_at, id) WHERE (state <> 'succeeded'::text);
CREATE INDEX finished_jobs_fingerprint ON ONLY chancy.finished_jobs USING btree (fingerprint, finished_at, id) WHERE (fingerprint IS NOT NULL);
CREATE INDEX finished_jobs_id ON ONLY chancy.finished_jobs USING btree (id);
CREATE INDEX finished_jobs_queue ON ONLY chancy.finished_jobs USING btree (queue, id);
CREATE TRIGGER dead_letters AFTER INSERT ON chancy.finished_jobs FOR EACH ROW WHEN (((new.state = 'failed'::text) AND (new.extras ? 'dead_letter'::text))) EXECUTE FUNCTION chancy.push_dead_letter_1();

TABLE job_steps (
  job_id uuid NOT NULL STATISTICS 0 -- The durable job.
  n integer NOT NULL STATISTICS 0 -- The order in which results came, from 1.
  started_at timestamp with time zone NOT NULL STATISTICS 0 -- When the step began.
  ended_at timestamp with time zone NOT NULL STATISTICS 0 -- When its result came.
  kind text NOT NULL STATISTICS 0 -- Which call of the context made it: step, transaction, sleep, signal, any, invoke, invoke-all, push, send-signal or version.
  name text NOT NULL STATISTICS 0 -- Its name, unique in a run of the job.
  result json STATISTICS 0 -- What it gave. Null where it failed.
  error jsonb STATISTICS 0 -- How it failed. Null where it did not.
  CONSTRAINT job_steps_pkey PRIMARY KEY (job_id, n)
) WITH (autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=20000); -- What durable jobs have recorded: a row a step, in the order in which results came. Kept as long as the job.
CREATE UNIQUE INDEX job_steps_pkey ON chancy.job_steps USING btree (job_id, n);

TABLE job_values (
  job_id uuid NOT NULL STATISTICS 0 -- The durable job.
  key text NOT NULL STATISTICS 0 -- Name of the value.
  value jsonb NOT NULL STATISTICS 0 -- The value, any JSON.
  CONSTRAINT job_values_pkey PRIMARY KEY (job_id, key)
); -- Values that durable jobs have set to be looked at, kept as long as the job.
CREATE UNIQUE INDEX job_values_pkey ON chancy.job_values USING btree (job_id, key);

TABLE jobs (
  id uuid NOT NULL STATISTICS 0 -- UUID of version 7, made by the producer, or by new_id for a push by SQL. Never changes.
  seq bigint STATISTICS 0 -- First position in the queue's order, which keeps the age of the job while it is blocked or parked. Null until the job is due for the first time. Written by push, stage and retry.
  position bigint STATISTICS 0 -- Position in the queue's order: below 0 at the front, by ready, finish and the plugin reprioritize, else by push, stage, finish and retry. Null while the job waits for its time, is blocked or parked. A claim gives the lowest position to a job that was parked.
  fence bigint NOT NULL DEFAULT 0 STATISTICS 0 -- Number of the attempt that holds the job. claim and recover raise it by 1; finish and save_progress write nothing under another one.
  claim_seq bigint STATISTICS 0 -- Number of the claim while a job with a concurrency key runs; its slot is taken as long as this is set. Set by claim, cleared by finish and recover. Null for all other jobs.
  created_at timestamp with time zone NOT NULL DEFAULT chancy.now_1() STATISTICS 0 -- When the job was pushed.
  scheduled_at timestamp with time zone STATISTICS 0 -- Earliest start that the push asked for. Null: none. Never changes.
  run_at timestamp with time zone STATISTICS 0 -- Since when the job can run: without a position, unless it is blocked or parked, stage gives it one then. Written by push (scheduled), finish, recover and retry. Null: since scheduled_at or created_at, whichever is later.
  started_at timestamp with time zone STATISTICS 0 -- Start of the latest attempt. Written by claim and push_and_claim.
  cancel_requested_at timestamp with time zone STATISTICS 0 -- When the cancel of a running job was requested first. Written by cancel; its finish or recovery ends the job as cancelled.
  worker_id uuid STATISTICS 0 -- Worker of the latest attempt. Written by claim and push_and_claim.
  priority integer NOT NULL DEFAULT 0 STATISTICS 0 -- Higher comes first. Written by push, and raised by the plugin reprioritize.
  attempts integer NOT NULL DEFAULT 0 STATISTICS 0 -- Attempts that count. claim adds 1; finish takes back what did not count, recover always 1.
  max_attempts integer STATISTICS 0 -- How many attempts the job has. Null: the definition of the worker that claims it decides. Written by push; retry raises it by need.
  concurrency_max integer STATISTICS 0 -- How many jobs of the same concurrency key may run beside this one, itself included. Written by push.
  crashes smallint NOT NULL DEFAULT 0 STATISTICS 0 -- How often the process or the worker was lost while the job ran. Written by finish and recover.
  format smallint NOT NULL DEFAULT 1 STATISTICS 0 -- Version of the format of the JSON columns: 1.
  blocked boolean NOT NULL DEFAULT false STATISTICS 0 -- Whether the job is out of the queue's order because its group is full. Set by push, stage, claim and the plugin reprioritize; cleared by ready.
  parked boolean NOT NULL DEFAULT false STATISTICS 0 -- Whether the job is out of the queue's order because a worker that scanned it does not know its name. Set and cleared by claim.
  state text NOT NULL DEFAULT 'pending'::text STATISTICS 0 -- pending (waits), retrying (waits after a failed attempt) or running. Written by push, claim, push_and_claim, finish, recover and retry.
  queue text NOT NULL STATISTICS 0 -- Name of the queue. Written by push.
  name chancy.job_name NOT NULL STATISTICS 0 -- Name of the job's function. Written by push.
  args jsonb NOT NULL DEFAULT '{}'::jsonb STATISTICS 0 -- Arguments, an object. Written by push.
  unique_key text STATISTICS 0 -- No other job that has not finished has the same key. Written by push.
  concurrency_key chancy.group_key STATISTICS 0 -- Group whose running jobs are limited to concurrency_max. Null: no limit. Written by push.
  retention interval STATISTICS 0 -- How long the history keeps the job after its end. Null: that of the definition. Written by push.
  limits jsonb STATISTICS 0 -- Limits of time and memory that the push asked for. Null: those of the definition.
  backoff jsonb STATISTICS 0 -- Delays between attempts that the push asked for. Null: those of the definition.
  progress jsonb STATISTICS 0 -- Latest progress of an attempt, any JSON. Written by save_progress and finish.
  errors jsonb STATISTICS 0 -- Failures of attempts, an array: the first and the last 19. Written by finish, cancel and recover.
  meta jsonb STATISTICS 0 -- Metadata of the push and of plugins, an object. Written by push and finish.
  owner_id uuid STATISTICS 0 -- Workflow or batch that the job is a part of, or durable job that invoked it: a row of workflows. Null: none. Written by push_flow and flow.
  owner_step integer STATISTICS 0 -- Its step: the n of steps. Null: a job of a batch, or of no owner.
  extras jsonb STATISTICS 0 -- What few jobs have, an object: deadline, dead letter, run and base of a durable job, and its open waits. Null: nothing.
  waits text STATISTICS 0 -- What a suspended job waits for: steps (a step of a workflow whose turn has not come) or wait (a durable job without a slot). Null: it is not suspended. A suspended job has no position. Written by push_flow, finish and cancel_flow; cleared by flow and stage.
  fingerprint bigint STATISTICS 0 -- Group of failures that the last failed attempt belongs to: 64 bits of a hash. Null: none has failed since the push or the last manual retry. Written by finish.
  CONSTRAINT jobs_pkey PRIMARY KEY (id)
) WITH (autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_insert_scale_factor=0.05, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=20000, fillfactor=45); -- Jobs that wait or run. A job that has finished is moved to finished_jobs.
CREATE INDEX jobs_batch ON chancy.jobs USING btree (owner_id, id) WHERE ((owner_id IS NOT NULL) AND (owner_step IS NULL));
CREATE INDEX jobs_blocked ON chancy.jobs USING btree (concurrency_key, queue, priority DESC, seq) WHERE blocked;
CREATE INDEX jobs_cancelling ON chancy.jobs USING btree (cancel_requested_at) WHERE (cancel_requested_at IS NOT NULL);
CREATE INDEX jobs_claim ON chancy.jobs USING btree (queue, priority DESC, "position") WHERE (("position" IS NOT NULL) AND (claim_seq IS NULL));
CREATE INDEX jobs_due ON chancy.jobs USING btree (run_at) WHERE (("position" IS NULL) AND (NOT blocked) AND (NOT parked));
CREATE INDEX jobs_fingerprint ON chancy.jobs USING btree (fingerprint, id) WHERE (fingerprint IS NOT NULL);
CREATE INDEX jobs_group ON chancy.jobs USING btree (concurrency_key, claim_seq) WHERE (claim_seq IS NOT NULL);
CREATE INDEX jobs_group_ready ON chancy.jobs USING btree (concurrency_key, "position", queue) WHERE (("position" IS NOT NULL) AND (concurrency_key IS NOT NULL) AND (claim_seq IS NULL));
CREATE INDEX jobs_later_2 ON chancy.jobs USING btree (queue, seq) WHERE (("position" IS NULL) AND (NOT blocked) AND (NOT parked) AND (waits IS NULL));
CREATE INDEX jobs_parked ON chancy.jobs USING btree (queue, name, priority DESC, seq) WHERE parked;
CREATE UNIQUE INDEX jobs_pkey ON chancy.jobs USING btree (id);
CREATE UNIQUE INDEX jobs_unique_key ON chancy.jobs USING btree (unique_key) WHERE (unique_key IS NOT NULL);
CREATE INDEX jobs_waits ON chancy.jobs USING btree (queue, waits, id) WHERE (waits IS NOT NULL);

TABLE key_replacements (
  push_id uuid NOT NULL -- Id that the pushed job would have.
  job_id uuid NOT NULL -- Job that it changed.
  until timestamp with time zone NOT NULL -- When the row may be removed.
  CONSTRAINT key_replacements_pkey PRIMARY KEY (push_id)
); -- Pushes that changed a waiting job in place of their own, for a push that is sent again because its answer was lost. Written by push_taken; removed by sweep_replacements.
CREATE UNIQUE INDEX key_replacements_pkey ON chancy.key_replacements USING btree (push_id);
CREATE INDEX key_replacements_until ON chancy.key_replacements USING btree (until);

TABLE key_throttles (
  key text NOT NULL -- Unique key.
  job_id uuid NOT NULL -- Job that was pushed with it. It may have finished, and be gone.
  until timestamp with time zone NOT NULL -- When the key is free for the next push.
  CONSTRAINT key_throttles_pkey PRIMARY KEY (key)
); -- Unique keys that are taken for a time, whether their job has finished or not. Written by push_taken; removed by sweep_throttles.
CREATE UNIQUE INDEX key_throttles_pkey ON chancy.key_throttles USING btree (key);
CREATE INDEX key_throttles_until ON chancy.key_throttles USING btree (until);

TABLE leader (
  name text NOT NULL -- Name of the election.
  worker_id uuid NOT NULL -- Worker that leads.
  elected_at timestamp with time zone NOT NULL -- Since when it leads.
  expires_at timestamp with time zone NOT NULL -- When its lead ends unless it is renewed.
  CONSTRAINT leader_pkey PRIMARY KEY (name)
); -- Which worker leads, by the name of the election. Written by the statements elect, renew_lead and resign_lead.
CREATE UNIQUE INDEX leader_pkey ON chancy.leader USING btree (name);

TABLE metrics_levels (
  name text NOT NULL -- 'queues' or 'server'.
  at timestamp with time zone NOT NULL -- When, on the clock of the database.
  data jsonb NOT NULL -- Sizes of tables, dead rows and the oldest transaction, as JSON.
  CONSTRAINT metrics_levels_pkey PRIMARY KEY (name)
) WITH (fillfactor=50); -- When levels were measured, and those that are of no queue. Written by the worker that leads.
CREATE UNIQUE INDEX metrics_levels_pkey ON chancy.metrics_levels USING btree (name);

TABLE metrics_live (
  source uuid NOT NULL -- The worker, or a process without one.
  seq bigint NOT NULL -- The number of the flush. With the source it makes a flush that is repeated harmless.
  at timestamp with time zone NOT NULL -- When it was counted, to ten seconds, on the clock of the database.
  rolled boolean NOT NULL DEFAULT false -- Whether metrics_roll_1 has added it to the points.
  data jsonb NOT NULL -- An array: kind k, queue q, name n, counts c, sums s, maxima m, buckets b and their amounts a.
  CONSTRAINT metrics_live_pkey PRIMARY KEY (source, seq)
) WITH (fillfactor=70); -- What a process counted in one flush, kept for 15 minutes. Inserted by metrics_add_1.
CREATE INDEX metrics_live_at ON chancy.metrics_live USING btree (at);
CREATE INDEX metrics_live_new ON chancy.metrics_live USING btree (at) WHERE (NOT rolled);
CREATE UNIQUE INDEX metrics_live_pkey ON chancy.metrics_live USING btree (source, seq);

TABLE metrics_points (
  at timestamp with time zone NOT NULL -- When the step begins; 1970 for the sum since ever.
  step integer NOT NULL -- Its length in seconds: 60, 300, 3600 or 86400; 0 for the sum since ever.
  series integer NOT NULL -- The series.
  counts bigint[] NOT NULL -- Attempts succeeded, failed, retried, crashed, cancelled, snoozed, released; of a measurement, how many.
  sums double precision[] NOT NULL -- Milliseconds waited, run and of CPU; of a measurement, its sum.
  maxima double precision[] NOT NULL -- The longest of each.
  buckets smallint[] NOT NULL -- Buckets of the distributions: from 0 wait, from 1000 run, from 2000 CPU, about 5000 measurements.
  amounts bigint[] NOT NULL -- How many values are in each of the buckets.
  CONSTRAINT metrics_points_pkey PRIMARY KEY (step, series, at)
) WITH (fillfactor=80); -- Sums of a series over a step of time. Written by metrics_roll_1.
CREATE UNIQUE INDEX metrics_points_pkey ON chancy.metrics_points USING btree (step, series, at);

TABLE metrics_queue_counts (
  queue text NOT NULL -- The queue.
  ready bigint NOT NULL -- Jobs that could run.
  parked bigint NOT NULL -- Jobs whose function no worker of the queue knows.
  scheduled bigint NOT NULL -- Jobs whose time has not come.
  backoff bigint NOT NULL -- Jobs that wait for another attempt.
  blocked bigint NOT NULL -- Jobs that wait for their concurrency group.
  running bigint NOT NULL -- Jobs that run.
  is_bounded boolean NOT NULL -- Whether one of them was too many for the count every two seconds.
  oldest_at timestamp with time zone -- Since when the first job in the order of the queue could run.
  deep_at timestamp with time zone -- When what is too many was last counted to its end.
  CONSTRAINT metrics_queue_counts_pkey PRIMARY KEY (queue)
) WITH (fillfactor=50); -- Jobs of each queue that wait or run, as last counted by the worker that leads.
CREATE UNIQUE INDEX metrics_queue_counts_pkey ON chancy.metrics_queue_counts USING btree (queue);

TABLE metrics_series (
  id integer NOT NULL GENERATED ALWAYS AS IDENTITY -- By it points name their series.
  used_at timestamp with time zone NOT NULL DEFAULT chancy.now_1() -- When something was last added, to the hour.
  kind text NOT NULL -- 'all', 'queue', 'name', 'pair' (of a queue and a name), or 'custom' (increment and observe).
  queue text NOT NULL -- The queue of a queue or a pair, else empty.
  name text NOT NULL -- The name of jobs, or of a measurement; else empty.
  CONSTRAINT metrics_series_kind_queue_name_key UNIQUE (kind, queue, name)
  CONSTRAINT metrics_series_pkey PRIMARY KEY (id)
); -- What metrics_points has points of. Written by metrics_roll_1, at most the option "series" of a kind.
CREATE UNIQUE INDEX metrics_series_kind_queue_name_key ON chancy.metrics_series USING btree (kind, queue, name);
CREATE UNIQUE INDEX metrics_series_pkey ON chancy.metrics_series USING btree (id);

SEQUENCE metrics_series_id_seq AS integer START 1 INCREMENT 1 CACHE 1; -- Numbers the series.

TABLE migrations (
  line text NOT NULL -- Name of the line of versions.
  version integer NOT NULL -- Version, from 1 without gaps.
  applied_at timestamp with time zone -- When the version was complete. Null: a step of it is under way, or was interrupted, either way.
  steps_done integer NOT NULL DEFAULT 0 -- How many of the steps that run outside of the version's transaction are done. -1: all were undone on the way down.
  breaking boolean NOT NULL DEFAULT false -- Whether releases that do not know the version cannot work with the schema any more: it serves the releases from its last such version on.
  CONSTRAINT migrations_pkey PRIMARY KEY (line, version)
); -- Versions of the schema that were applied, by line: "chancy".core, and one for each plugin with tables. Written by the migrator.
CREATE UNIQUE INDEX migrations_pkey ON chancy.migrations USING btree (line, version);

SEQUENCE positions AS bigint START 1 INCREMENT 256 CACHE 1; -- Positions behind the front, 256 at a time. Drawn by push, stage, finish and retry.

TABLE queues (
  name text NOT NULL -- Name of the queue.
  state text NOT NULL DEFAULT 'active'::text -- active or paused. A queue whose resume_at has passed counts as active before resume_due_queues writes it.
  resume_at timestamp with time zone -- When the pause ends. Null: not by itself.
  concurrency integer -- How many jobs of the queue each worker runs at a time. Null: the executor's default.
  executor text NOT NULL DEFAULT 'process'::text -- inline, thread or process.
  executor_options jsonb NOT NULL DEFAULT '{}'::jsonb -- Options of the executor, an object.
  tags jsonb NOT NULL DEFAULT '[".*"]'::jsonb -- Patterns, an array: a worker serves the queue when one of its tags matches one of them.
  polling_interval_ms double precision NOT NULL DEFAULT 5000 -- How long an idle worker waits before it polls without a notification, in milliseconds.
  rate_max integer -- How many jobs may start in a window of rate_per_ms. Null: no limit.
  rate_per_ms double precision -- Length of the window of the rate limit, in milliseconds.
  implied boolean NOT NULL DEFAULT false -- Whether a worker declared the queue because it knows jobs of it. A declaration by a user replaces such a row.
  created_at timestamp with time zone NOT NULL DEFAULT chancy.now_1() -- When the queue was declared first.
  CONSTRAINT queues_check CHECK (((octet_length(name) <= 200) AND (octet_length(executor) <= 200) AND (pg_column_size(executor_options) <= 65536) AND (pg_column_size(tags) <= 65536)))
  CONSTRAINT queues_pkey PRIMARY KEY (name)
  CONSTRAINT queues_state_check CHECK ((state = ANY (ARRAY['active'::text, 'paused'::text])))
); -- Declared queues. Written by the statements declare_queue, upsert_queue, imply_queues, pause_queue, resume_queue and resume_due_queues.
CREATE UNIQUE INDEX queues_pkey ON chancy.queues USING btree (name);

TABLE rate_starts (
  queue text NOT NULL STATISTICS 0 -- Name of the queue.
  at timestamp with time zone NOT NULL STATISTICS 0 -- When a job started.
); -- Starts of jobs of queues with a rate limit, as far as they lie in the window. Written by claim; removed by claim and sweep_rate_starts.
CREATE INDEX rate_starts_at ON chancy.rate_starts USING btree (queue, at);

SEQUENCE requeue_positions AS bigint START -9007199254740991 INCREMENT 1 CACHE 1; -- Positions before all others, for jobs that come back, or whose priority is raised. Drawn by ready, finish and the plugin reprioritize.

TABLE scan_watermarks (
  queue text NOT NULL -- Name of the queue.
  advanced_at timestamp with time zone NOT NULL -- When the watermarks were advanced last.
  highs bigint[] -- Ranges of a claim: with high = low the priority, otherwise the priority above the gap. Null until the watermarks were advanced once.
  lows bigint[] -- Ranges of a claim: with high = low the priority, otherwise the priority below the gap.
  afters bigint[] -- Ranges of a claim: the position behind which each begins.
  befores bigint[] -- Ranges of a claim: the position before which each ends.
  priorities integer[] NOT NULL DEFAULT '{}'::integer[] -- Priorities that have a watermark.
  requeue_watermarks bigint[] NOT NULL DEFAULT '{}'::bigint[] -- For each priority, the watermark of requeue positions: below 0.
  watermarks bigint[] NOT NULL DEFAULT '{}'::bigint[] -- For each priority, the watermark of all other positions: from -1.
  checkpoint_requeue bigint NOT NULL -- Last position that was drawn from the sequence requeue_positions when the watermarks were advanced last.
  checkpoint_position bigint NOT NULL -- Last position that was drawn from the sequence positions when the watermarks were advanced last.
  checkpoint_xid bigint NOT NULL -- First transaction id that had not been given when the watermarks were advanced last.
  former_requeue bigint NOT NULL DEFAULT '-9007199254740992'::bigint -- checkpoint_requeue of the previous time.
  former_position bigint NOT NULL DEFAULT '-1'::integer -- checkpoint_position of the previous time.
  ignored_xids bigint[] NOT NULL DEFAULT '{}'::bigint[] -- Ids of open transactions that do not hold the watermarks back.
  ignored_requeues bigint[] NOT NULL DEFAULT '{}'::bigint[] -- For each of them, the requeue position that the watermark returns to when it has ended.
  ignored_positions bigint[] NOT NULL DEFAULT '{}'::bigint[] -- For each of them, the position that the watermark returns to when it has ended.
  CONSTRAINT scan_watermarks_pkey PRIMARY KEY (queue)
); -- Watermarks of queues: positions up to which nothing is ready and nothing will be, so that a scan begins behind them. Written by advance_watermarks alone, and read by claim and push_and_claim. See ENGINE.md, Watermarks.
CREATE UNIQUE INDEX scan_watermarks_pkey ON chancy.scan_watermarks USING btree (queue);

TABLE signals (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY STATISTICS 0 -- Number, in the order of arrival.
  job_id uuid NOT NULL STATISTICS 0 -- Durable job that it is for.
  sent_at timestamp with time zone NOT NULL DEFAULT chancy.now_1() STATISTICS 0 -- When it was sent.
  taken_at timestamp with time zone STATISTICS 0 -- When its job took it. Null: it is unread.
  untold boolean NOT NULL DEFAULT false STATISTICS 0 -- Whether its job may wait for it without knowing that it is there: it came with a transaction of the sender, or while another one held the job. Cleared by wake.
  name text NOT NULL STATISTICS 0 -- Name of the signal.
  key text STATISTICS 0 -- The same key for the same job counts once: k: and the key of the sender, or t: and the number of one call, so that it can be sent again. Null: none.
  value jsonb NOT NULL STATISTICS 0 -- What it carries, any JSON. Null in JSON once it was taken.
  CONSTRAINT signals_pkey PRIMARY KEY (id)
) WITH (autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=5000); -- Signals of durable jobs, in their order. One without a key goes when it is taken, the others stay until their job has ended. Written by send_signals, leave_signal and save_steps; removed by resume, drop_signals and sweep_durable.
CREATE UNIQUE INDEX signals_key ON chancy.signals USING btree (job_id, key);
CREATE UNIQUE INDEX signals_pkey ON chancy.signals USING btree (id);
CREATE INDEX signals_unread ON chancy.signals USING btree (job_id, name, id) WHERE (taken_at IS NULL);
CREATE INDEX signals_untold ON chancy.signals USING btree (id) WHERE untold;

SEQUENCE signals_id_seq AS bigint START 1 INCREMENT 1 CACHE 1; -- Numbers of signals, in the order of arrival.

TABLE step_ends (
  owner_id uuid NOT NULL STATISTICS 0 -- Owner that is to be changed.
  n integer STATISTICS 0 -- Step that has ended. Null: jobs of a batch, counted in result.
  from integer STATISTICS 0 -- Index of the first dependent that has not been counted, or of the first item that has not been made. Null: nothing of the end has been written into the step.
  state text NOT NULL STATISTICS 0 -- How it ended: succeeded, failed, cancelled or skipped. Or map: items are to be made; or counted: jobs of a batch.
  result jsonb STATISTICS 0 -- What the job returned, if it succeeded.
  error jsonb STATISTICS 0 -- Why it did not succeed.
) WITH (autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=5000); -- Facts about steps that could not be counted under the lock of their owner yet, since another transaction held it, or since one transaction changes a thousand steps at most. Usually empty. Written by flow; removed by the next flow of the owner.
CREATE INDEX step_ends_owner ON chancy.step_ends USING btree (owner_id);

TABLE steps (
  owner_id uuid NOT NULL STATISTICS 0 -- Its row of workflows.
  n integer NOT NULL STATISTICS 0 -- Ordinal in the owner, from 0. A step depends on lower ones only; items of maps come behind all steps.
  pending integer NOT NULL DEFAULT 0 STATISTICS 0 -- How many of its dependencies have not ended. Of a map that has begun: how many of its items.
  bad integer NOT NULL DEFAULT 0 STATISTICS 0 -- How many of those failed or were cancelled.
  skipped integer NOT NULL DEFAULT 0 STATISTICS 0 -- How many of those were skipped.
  fine integer NOT NULL DEFAULT 0 STATISTICS 0 -- How many of those succeeded.
  of_map integer STATISTICS 0 -- Of an item: the n of its map. Of a child of a durable job: that of its group.
  item integer STATISTICS 0 -- Of an item: its index in the list.
  ended_at timestamp with time zone STATISTICS 0 -- When it ended. Null: it has not.
  job_id uuid STATISTICS 0 -- Its job. Null: a map, whose items have one each.
  may_fail boolean NOT NULL DEFAULT false STATISTICS 0 -- Whether its failure leaves the workflow as it is.
  state text NOT NULL DEFAULT 'waiting'::text STATISTICS 0 -- waiting (for its dependencies), open (its job waits or runs, or items of its map do), succeeded, failed, cancelled or skipped.
  run_when text NOT NULL DEFAULT 'all-succeeded'::text STATISTICS 0 -- Which ends of its dependencies it runs after: all-succeeded, none-failed, all-ended, any-succeeded or any-failed.
  name text STATISTICS 0 -- Name, unique in the workflow. Null: an item.
  deps integer[] STATISTICS 0 -- The n of each step that it waits for, in ascending order. Null: none.
  dependents integer[] STATISTICS 0 -- The n of each step that waits for it, in ascending order. Null: none.
  spec jsonb STATISTICS 0 -- What making it ready takes, an object: the template of its arguments (args, holes), run_if, delay_ms, map; of one that did not succeed its row of jobs (job), so that it can be retried without the history. Null: nothing.
  result jsonb STATISTICS 0 -- What its job returned. Null unless it succeeded, and of a map, whose items have it.
  error jsonb STATISTICS 0 -- Why it did not succeed, an object of kind, message and, where another step is the reason, step.
  CONSTRAINT steps_pkey PRIMARY KEY (owner_id, n)
) WITH (autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=20000, fillfactor=60); -- Steps of workflows, items of maps, and jobs that a durable job invoked. A row is changed under the lock of its owner alone. Written by push_flow, flow, cancel_flow and retry_flow; removed with their owner.
CREATE INDEX steps_map ON chancy.steps USING btree (owner_id, of_map, n) WHERE (of_map IS NOT NULL);
CREATE UNIQUE INDEX steps_pkey ON chancy.steps USING btree (owner_id, n);

TABLE waiters (
  job_id uuid NOT NULL STATISTICS 0 -- Job that is waited for.
  until timestamp with time zone NOT NULL STATISTICS 0 -- When the row may be removed.
); -- Waits for the end of jobs: a finish, a cancel or a recovery sends a notification for each. Written by add_waiters; removed by remove_waiters, and by a sweep when they are old.
CREATE INDEX waiters_job ON chancy.waiters USING btree (job_id);

TABLE workers (
  id uuid NOT NULL -- UUID of version 7, made by the worker at each start of a lease.
  label text -- Name that the application gave it.
  tags jsonb NOT NULL DEFAULT '[]'::jsonb -- Tags of the worker, an array.
  queues jsonb NOT NULL DEFAULT '[]'::jsonb -- Queues that it serves, an array. Written by save_worker_queues.
  refusals jsonb NOT NULL DEFAULT '{}'::jsonb -- Queues that match its tags and that it does not serve, an object of reasons. Written by save_worker_queues.
  names jsonb NOT NULL DEFAULT '[]'::jsonb -- Names of the functions that it knows, an array. Written by register_worker.
  environment jsonb NOT NULL DEFAULT '{}'::jsonb -- What it runs on, an object: versions of Node (node), of its zone data (tz) and of ICU (icu), and its clock when it asked for the lease (clockMs). Written by register_worker, read by doctor.
  started_at timestamp with time zone NOT NULL DEFAULT chancy.now_1() -- When the row was made.
  renewed_at timestamp with time zone NOT NULL DEFAULT chancy.now_1() -- When the lease was renewed last. Written by renew_lease.
  expires_at timestamp with time zone NOT NULL -- When the lease runs out. Written by register_worker and renew_lease.
  revoked_at timestamp with time zone -- When the lease was revoked, by revoke_leases: it cannot be renewed any more, and recover brings back its jobs. Null: it was not.
  crash_exempt boolean NOT NULL DEFAULT false -- Whether the loss of this worker does not count as a crash of its jobs, since an outage may be the reason. Written by revoke_leases, read by recover.
  paused boolean NOT NULL DEFAULT false -- Whether it claims nothing until it is resumed. Written by save_worker_queues, read by explain, explain_queue and doctor.
  version text -- Version of the application, as the worker was given it. Null: none.
  figures jsonb -- Slots, rates and memory of the worker, an object that each renewal of the lease replaces. Null: it has written none.
  CONSTRAINT workers_check CHECK (((octet_length(label) <= 1000) AND (pg_column_size(tags) <= 65536) AND (pg_column_size(queues) <= 4194304) AND (pg_column_size(names) <= 4194304) AND (pg_column_size(refusals) <= 4194304) AND (pg_column_size(environment) <= 65536)))
  CONSTRAINT workers_pkey PRIMARY KEY (id)
); -- Workers and their leases. Written by the statements register_worker, renew_lease, save_worker_queues, revoke_leases and remove_worker. sweep_workers removes revoked rows after a day.
CREATE UNIQUE INDEX workers_pkey ON chancy.workers USING btree (id);

TABLE workflows (
  id uuid NOT NULL STATISTICS 0 -- UUID of version 7. Of the children of a durable job: the id of that job.
  open integer NOT NULL DEFAULT 0 STATISTICS 0 -- How many of its steps have not ended, without items of maps. Of a batch: its jobs, and one while they are being pushed. Counted down by flow.
  bad integer NOT NULL DEFAULT 0 STATISTICS 0 -- How many of its steps failed or were cancelled and may not. Of a batch: how many jobs failed. Counted by flow.
  size integer NOT NULL DEFAULT 0 STATISTICS 0 -- How many rows of steps it has, items of maps included: the next item gets this n. At most 10000. Of a batch: how many jobs were pushed.
  cancelled integer NOT NULL DEFAULT 0 STATISTICS 0 -- Of a batch: how many jobs were cancelled. Counted by flow.
  priority integer NOT NULL DEFAULT 0 STATISTICS 0 -- Priority of the steps whose job has 0.
  owner_step integer STATISTICS 0 -- Its step of that owner.
  owner_id uuid STATISTICS 0 -- Durable job that invoked it. Null: none.
  created_at timestamp with time zone NOT NULL DEFAULT chancy.now_1() STATISTICS 0 -- When it was pushed.
  deadline_at timestamp with time zone STATISTICS 0 -- When what is open of it is cancelled. Null: never.
  finished_at timestamp with time zone STATISTICS 0 -- When its last step ended. Null: it runs.
  expires_at timestamp with time zone STATISTICS 0 -- When it may be removed, with its steps: finished_at and its retention. Null: it runs.
  pushed_until timestamp with time zone STATISTICS 0 -- Of a batch whose jobs are being pushed: until when the process that does it is taken to live. Null: all are pushed. Written by begin_batch and renew_batch; cleared by seal_batch and count_batch.
  retention interval STATISTICS 0 -- How long it is kept after its end.
  once boolean NOT NULL DEFAULT false STATISTICS 0 -- Whether its unique key stays taken while it is kept, and not only until its end.
  cancels boolean NOT NULL DEFAULT false STATISTICS 0 -- Whether the first failure of a step that may not fail cancels the rest.
  kind text NOT NULL DEFAULT 'workflow'::text STATISTICS 0 -- workflow, batch or children.
  state text NOT NULL DEFAULT 'running'::text STATISTICS 0 -- running, succeeded, failed or cancelled.
  stopping text STATISTICS 0 -- Why what is open of it is being cancelled: cancelled, deadline or failure. Nothing of it starts any more. Null: it is not.
  name text NOT NULL STATISTICS 0 -- Name of the workflow or batch.
  unique_key text STATISTICS 0 -- At most one workflow with this key runs.
  failure jsonb STATISTICS 0 -- The first failure of a step that may not fail, an object of step, kind and message. Of a batch: why it failed.
  meta jsonb STATISTICS 0 -- Metadata of the push, an object. Null: none.
  output jsonb STATISTICS 0 -- What it gives, filled from the outputs of its steps at its end.
  extras jsonb STATISTICS 0 -- What its kind needs besides, an object: the template of its output (output), the callbacks of a batch.
  CONSTRAINT workflows_pkey PRIMARY KEY (id)
) WITH (autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=5000, fillfactor=60); -- Owners of jobs: workflows, batches, and the children of durable jobs, a row under the id of that job. Its row lock is the only one that spans jobs: steps are changed under it. Written by push_flow, flow, cancel_flow and retry_flow; removed by sweep_flows after its retention.
CREATE INDEX workflows_deadline ON chancy.workflows USING btree (deadline_at) WHERE ((deadline_at IS NOT NULL) AND (stopping IS NULL) AND (finished_at IS NULL));
CREATE INDEX workflows_expires ON chancy.workflows USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX workflows_key ON chancy.workflows USING btree (unique_key, id) WHERE (unique_key IS NOT NULL);
CREATE INDEX workflows_name ON chancy.workflows USING btree (name, id);
CREATE UNIQUE INDEX workflows_once ON chancy.workflows USING btree (unique_key) WHERE ((unique_key IS NOT NULL) AND once);
CREATE INDEX workflows_owner ON chancy.workflows USING btree (owner_id) WHERE ((owner_id IS NOT NULL) AND (finished_at IS NULL));
CREATE UNIQUE INDEX workflows_pkey ON chancy.workflows USING btree (id);
CREATE INDEX workflows_pushed ON chancy.workflows USING btree (pushed_until) WHERE (pushed_until IS NOT NULL);
CREATE INDEX workflows_running ON chancy.workflows USING btree (id) WHERE (finished_at IS NULL);
CREATE INDEX workflows_stopping ON chancy.workflows USING btree (id) WHERE ((stopping IS NOT NULL) AND (finished_at IS NULL));
CREATE UNIQUE INDEX workflows_unique_key ON chancy.workflows USING btree (unique_key) WHERE ((unique_key IS NOT NULL) AND (finished_at IS NULL));

CREATE OR REPLACE FUNCTION chancy.add_waiters_1(ids uuid[], for_ms double precision)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
BEGIN
  INSERT INTO "chancy".waiters (job_id, until)
  SELECT w.id, "chancy".now_1() + make_interval(secs => least(for_ms, 86400000) / 1000)
    FROM unnest(ids) AS w(id);
END $function$;

CREATE OR REPLACE FUNCTION chancy.advance_watermarks_1(wanted_queue text, wanted integer[])
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
DECLARE
  old "chancy".scan_watermarks%ROWTYPE;
  new "chancy".scan_watermarks%ROWTYPE;
  drawn_requeue bigint;
  drawn_position bigint;
  own_id bigint;
  open bigint[];
  low_requeue bigint;
  low_position bigint;
  stop_at timestamptz := "chancy".clock_1() + interval '2 seconds';
  i int;
  p int;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RAISE EXCEPTION 'watermarks are advanced in a transaction that has written nothing'
      USING ERRCODE = '25001';
  END IF;
  SELECT s.last_value - CASE WHEN s.is_called THEN 0 ELSE 1 END
    INTO drawn_requeue FROM "chancy".requeue_positions s;
  -- A whole block was drawn.
  SELECT s.last_value + CASE WHEN s.is_called THEN 255 ELSE -1 END
    INTO drawn_position FROM "chancy".positions s;
  -- Taken after the positions were read: a transaction that drew one of them has an id below this. The
  -- end of a snapshot would not do, since it may lie below ids that are in use.
  own_id := pg_current_xact_id()::text::bigint;
  SELECT * INTO old FROM "chancy".scan_watermarks l WHERE l.queue = wanted_queue FOR UPDATE SKIP LOCKED;
  IF old.advanced_at > "chancy".clock_1() - interval '0.5 seconds' OR old.checkpoint_xid > own_id THEN
    RETURN false;
  END IF;
  new := old;
  new.checkpoint_requeue := drawn_requeue;
  new.checkpoint_position := drawn_position;
  new.checkpoint_xid := own_id;
  -- It has all open ids below the previous checkpoint: that transaction has ended, so each snapshot reaches
  -- beyond it.
  open := ARRAY(
    SELECT x.id::text::bigint FROM pg_snapshot_xip(pg_current_snapshot()) AS x(id));
  IF old.queue IS NULL THEN
    INSERT INTO "chancy".scan_watermarks (
           queue, advanced_at, checkpoint_requeue, checkpoint_position, checkpoint_xid)
    VALUES (wanted_queue, "chancy".clock_1(), new.checkpoint_requeue, new.checkpoint_position,
            new.checkpoint_xid)
        ON CONFLICT DO NOTHING;
    RETURN false;
  END IF;

  SELECT min(x.requeue), min(x.position)
    INTO low_requeue, low_position
    FROM unnest(old.ignored_xids, old.ignored_requeues, old.ignored_positions) AS x(id, requeue, position)
   WHERE x.id <> ALL (open);
  IF low_position IS NOT NULL THEN
    -- Until this is done the previous watermarks are in use.
    stop_at := "chancy".clock_1() + interval '20 seconds';
    new.requeue_watermarks := ARRAY(
      SELECT least(u.position, low_requeue) FROM unnest(old.requeue_watermarks) AS u(position));
    new.watermarks := ARRAY(
      SELECT least(u.position, low_position) FROM unnest(old.watermarks) AS u(position));
  END IF;
  FOREACH p IN ARRAY wanted LOOP
    i := array_position(new.priorities, p);
    IF i IS NULL THEN
      i := cardinality(new.priorities) + 1;
      new.priorities[i] := p;
      new.requeue_watermarks[i] := (-9007199254740992)::bigint;
      new.watermarks[i] := -1;
    END IF;
    new.requeue_watermarks[i] := "chancy".watermark_1(
      wanted_queue, p, new.requeue_watermarks[i], old.checkpoint_requeue, stop_at);
    new.watermarks[i] := "chancy".watermark_1(
      wanted_queue, p, new.watermarks[i], old.checkpoint_position, stop_at);
  END LOOP;

  SELECT coalesce(array_agg(x.id), '{}'), coalesce(array_agg(x.requeue), '{}'),
         coalesce(array_agg(x.position), '{}')
    INTO new.ignored_xids, new.ignored_requeues, new.ignored_positions
    FROM (
      SELECT o.id, coalesce(b.requeue, old.former_requeue) AS requeue,
             coalesce(b.position, old.former_position) AS position
        FROM unnest(open) AS o(id)
        LEFT JOIN LATERAL (
               SELECT u.requeue, u.position
                 FROM unnest(old.ignored_xids, old.ignored_requeues, old.ignored_positions)
                   AS u(id, requeue, position)
                WHERE u.id = o.id) b ON true
       WHERE o.id < old.checkpoint_xid) x;

  -- In the queue's order: what lies above a priority, its positions at the front, its other positions;
  -- and last what lies below all.
  SELECT array_agg(r.high ORDER BY r.n), array_agg(r.low ORDER BY r.n),
         array_agg(r.after ORDER BY r.n), array_agg(r.before ORDER BY r.n)
    INTO new.highs, new.lows, new.afters, new.befores
    FROM (
      SELECT 3 * s.n + v.k AS n, v.high, v.low, v.after, v.before
        FROM (
          SELECT u.priority::bigint AS priority, u.requeue, u.position,
                 lag(u.priority::bigint, 1, 2147483648::bigint) OVER (ORDER BY u.priority DESC) AS above,
                 row_number() OVER (ORDER BY u.priority DESC) AS n
            FROM unnest(new.priorities, new.requeue_watermarks, new.watermarks) AS u(priority, requeue, position)) s
       CROSS JOIN LATERAL (
               VALUES (0, s.above, s.priority, (-9007199254740992)::bigint, (9007199254740991)::bigint),
                      (1, s.priority, s.priority, s.requeue, 0::bigint),
                      (2, s.priority, s.priority, s.position, (9007199254740991)::bigint))
            AS v(k, high, low, after, before)
      UNION ALL
      SELECT 3 * (cardinality(new.priorities) + 1), min(u.priority)::bigint, (-2147483649)::bigint,
             (-9007199254740992)::bigint, (9007199254740991)::bigint
        FROM unnest(new.priorities) AS u(priority)) r
   WHERE r.high IS NOT NULL;

  UPDATE "chancy".scan_watermarks l
     SET advanced_at = "chancy".clock_1(), priorities = new.priorities,
         highs = new.highs, lows = new.lows, afters = new.afters, befores = new.befores,
         requeue_watermarks = new.requeue_watermarks, watermarks = new.watermarks,
         checkpoint_requeue = new.checkpoint_requeue, checkpoint_position = new.checkpoint_position,
         checkpoint_xid = new.checkpoint_xid,
         former_requeue = old.checkpoint_requeue, former_position = old.checkpoint_position,
         ignored_xids = new.ignored_xids, ignored_requeues = new.ignored_requeues,
         ignored_positions = new.ignored_positions
   WHERE l.queue = wanted_queue;
  RETURN low_position IS NOT NULL;
END $function$;

CREATE OR REPLACE FUNCTION chancy.analyze_history_1()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  ANALYZE "chancy".finished_jobs;
END $function$;

CREATE OR REPLACE FUNCTION chancy.backlog(queue text)
 RETURNS integer
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  wanted_queue text := backlog.queue;
  bound int := 10000;
  total int;
  highs bigint[];
  lows bigint[];
  afters bigint[];
  befores bigint[];
BEGIN
  SELECT f.highs, f.lows, f.afters, f.befores
    INTO highs, lows, afters, befores
    FROM (
           SELECT l.highs, l.lows, l.afters, l.befores
             FROM "chancy".scan_watermarks l
            WHERE l.queue = wanted_queue
              AND (cardinality(l.ignored_xids) = 0 OR l.advanced_at > "chancy".now_1() - interval '1 minute')) f;
  IF highs IS NULL THEN
    SELECT count(*)::int INTO total
      FROM (SELECT 1 FROM "chancy".jobs j
             WHERE j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
             ORDER BY j.priority DESC, j.position
             LIMIT bound) c;
  ELSE
    -- From the watermarks on, or dead tuples before them would be read.
    SELECT count(*)::int INTO total
      FROM (
        SELECT 1
          FROM unnest(highs, lows, afters, befores) AS g(high, low, after, before)
         CROSS JOIN LATERAL (
           SELECT one.tid
             FROM (
               SELECT j.ctid AS tid FROM "chancy".jobs j
                WHERE g.high = g.low AND j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND j.priority = g.high
                  AND j.position > g.after AND j.position < g.before
                ORDER BY j.priority DESC, j.position
                LIMIT bound) one
           UNION ALL
           SELECT gap.tid
             FROM (
               SELECT j.ctid AS tid FROM "chancy".jobs j
                WHERE g.high <> g.low AND j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                  AND j.priority < g.high AND j.priority > g.low
                ORDER BY j.priority DESC, j.position
                LIMIT bound) gap) r
         LIMIT bound) c;
  END IF;
  IF total < bound THEN
    total := total + (
      SELECT count(*)::int
        FROM (SELECT 1 FROM "chancy".jobs j
               WHERE j.queue = wanted_queue AND j.parked
               ORDER BY j.name, j.priority DESC, j.seq
               LIMIT bound - total) c);
  END IF;
  IF total < bound THEN
    -- Those of all queues are in one order. With a worker there are hardly any.
    total := total + (
      SELECT count(*)::int
        FROM (SELECT 1
                FROM (SELECT j.queue FROM "chancy".jobs j
                       WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked
                         AND j.run_at <= "chancy".clock_1()
                       ORDER BY j.run_at
                       LIMIT 10 * bound) d
               WHERE d.queue = wanted_queue
               LIMIT bound - total) c);
  END IF;
  IF total < bound THEN
    -- A job that was claimed again by the same worker stands in two of its claims.
    total := total + (
      SELECT count(DISTINCT c.id)::int
        FROM (SELECT j.id
                FROM (SELECT i.id, o.worker_id
                        FROM "chancy".claims o
                       CROSS JOIN LATERAL unnest(o.ids) AS i(id)
                       WHERE (SELECT true FROM "chancy".workers w WHERE w.id = o.worker_id AND w.revoked_at IS NULL AND w.expires_at > "chancy".now_1()) IS NULL
                       LIMIT 10 * bound) i
               CROSS JOIN LATERAL (
                       SELECT k.id, k.queue FROM "chancy".jobs k
                        WHERE k.id = i.id AND k.state = 'running' AND k.worker_id = i.worker_id
                       OFFSET 0) j
               WHERE j.queue = wanted_queue
               LIMIT bound - total) c);
  END IF;
  RETURN total;
END $function$; -- How many jobs of a queue are due and do not run, counted to 10,000.

CREATE OR REPLACE FUNCTION chancy.begin_batch_1(plan jsonb)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  INSERT INTO "chancy".workflows (id, kind, open, deadline_at, retention, pushed_until, name, meta, extras)
  VALUES ((plan ->> 'id')::uuid, 'batch', 1,
          "chancy".now_1() + make_interval(secs => (plan ->> 'deadlineMs')::float8 / 1000),
          make_interval(secs => (plan ->> 'retentionMs')::float8 / 1000),
          "chancy".clock_1() + interval '5 minutes', plan ->> 'name', nullif(plan -> 'meta', '{}'),
          jsonb_build_object('callbacks', plan -> 'callbacks'))
      ON CONFLICT DO NOTHING
$function$;

CREATE OR REPLACE FUNCTION chancy.cancel(id uuid)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  RETURN (SELECT c.verdict FROM "chancy".cancel_1(cancel.id, true) c);
END $function$; -- Cancels a job: a waiting one immediately, a running one by its signal. Returns cancelled, requested (it is running), finished (too late) or unknown.

CREATE OR REPLACE FUNCTION chancy.cancel_1(job uuid, notifying boolean)
 RETURNS TABLE(verdict text, queue text, worker text, concurrency_key text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".clock_1();
  holder uuid;
  flow uuid;
  step int;
  is_held boolean := false;
  queues text[];
  job_queue text;
  freed text;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  -- A job may move between two statements; one of three rounds finds it.
  FOR i IN 1 .. 4 LOOP
    WITH gone AS (
      DELETE FROM "chancy".jobs j
       WHERE j.id = job AND j.state <> 'running' AND (j.owner_id IS NULL OR is_held)
      RETURNING j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts,
                j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key,
                j.concurrency_key, j.limits, j.backoff, j.retention, j.progress, j.errors, j.meta, j.owner_id, j.owner_step, j.extras
    )
    INSERT INTO "chancy".finished_jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
           backoff, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state)
    SELECT g.id, g.fence, g.created_at, g.scheduled_at, g.started_at, g.worker_id, g.priority, g.attempts,
           g.max_attempts, g.concurrency_max, g.crashes, g.format, g.queue, g.name, g.args, g.unique_key,
           g.concurrency_key, g.limits, g.backoff, at, CASE WHEN g.retention IS NOT NULL
                                                            THEN least(greatest(g.retention, interval '10 minutes'), interval '3650 days') END, g.progress,
           "chancy".with_error_1(g.errors, "chancy".cancelled_entry_1(g.attempts), at),
           g.meta, g.owner_id, g.owner_step, g.extras, 'cancelled'
      FROM gone g
    RETURNING queue, concurrency_key, owner_id, owner_step INTO job_queue, freed, flow, step;
    IF FOUND THEN
      PERFORM "chancy".stop_children_1(ARRAY[job]);
      IF flow IS NOT NULL THEN
        queues := ARRAY(
          SELECT DISTINCT f.name
            FROM "chancy".flow_1(ARRAY[flow], true, ARRAY[flow], ARRAY[step],
                               ARRAY[CASE WHEN step IS NULL THEN 'counted' ELSE 'cancelled' END],
                               ARRAY[CASE WHEN step IS NULL THEN '{"cancelled": 1}'::jsonb END],
                               ARRAY[jsonb_build_object('kind', 'cancelled', 'message', 'The job was cancelled.')]) f
           WHERE f.verdict = 'ready');
      END IF;
      IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
        PERFORM pg_notify('chancy_chancy', 'job.finished ' || job::text)
          FROM "chancy".waiters w WHERE w.job_id = job;
        PERFORM pg_notify('chancy_chancy', 'queue.pushed ' || q) FROM unnest(queues) AS q;
      END IF;
      -- Its group is handled in a transaction of its own: a holder of a job must not wait for it.
      RETURN QUERY SELECT 'cancelled', job_queue, NULL::text, freed;
      RETURN;
    END IF;

    IF NOT is_held THEN
      -- Its workflow or batch is locked first, and the job in a later statement: see ENGINE.md, Lock order.
      SELECT j.owner_id INTO flow FROM "chancy".jobs j WHERE j.id = job AND j.owner_id IS NOT NULL;
      IF flow IS NOT NULL THEN
        PERFORM 1 FROM "chancy".workflows w WHERE w.id = flow FOR NO KEY UPDATE;
        is_held := true;
        CONTINUE;
      END IF;
    END IF;

    UPDATE "chancy".jobs j
       SET cancel_requested_at = coalesce(j.cancel_requested_at, at)
     WHERE j.id = job AND j.state = 'running'
    RETURNING j.worker_id, j.queue INTO holder, job_queue;
    IF FOUND THEN
      IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
        PERFORM pg_notify('chancy_chancy', 'job.cancelled ' || job::text);
      END IF;
      RETURN QUERY SELECT 'requested', job_queue, holder::text, NULL::text;
      RETURN;
    END IF;

    IF EXISTS (SELECT 1 FROM "chancy".finished_jobs f WHERE f.id = job) THEN
      RETURN QUERY SELECT 'finished', NULL::text, NULL::text, NULL::text;
      RETURN;
    END IF;
  END LOOP;
  RETURN QUERY SELECT 'unknown', NULL::text, NULL::text, NULL::text;
END $function$;

CREATE OR REPLACE FUNCTION chancy.cancel_flow_1(flow uuid, OUT verdict text, OUT is_left boolean, OUT is_batch boolean, OUT asked text[], OUT freed text[])
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_variable
DECLARE
  found_flow record;
  one record;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  is_left := false;
  is_batch := false;
  SELECT w.finished_at, w.stopping, w.kind INTO found_flow
    FROM "chancy".workflows w
   WHERE w.id = flow AND w.kind <> 'children'
     FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    verdict := 'unknown';
    RETURN;
  ELSIF found_flow.finished_at IS NOT NULL THEN
    verdict := 'finished';
    RETURN;
  END IF;
  IF found_flow.stopping IS DISTINCT FROM 'cancelled' THEN
    UPDATE "chancy".workflows w SET stopping = 'cancelled' WHERE w.id = flow;
  END IF;
  verdict := 'requested';
  is_batch := found_flow.kind = 'batch';
  FOR one IN
    SELECT f.* FROM "chancy".flow_held_1(ARRAY[flow], ARRAY[flow], NULL) f WHERE found_flow.kind <> 'batch'
    UNION ALL
    SELECT f.* FROM "chancy".count_batch_1(ARRAY[flow], NULL) f WHERE found_flow.kind = 'batch'
  LOOP
    IF one.verdict IN ('finished', 'batch') THEN
      verdict := 'cancelled';
    ELSIF one.verdict = 'left' THEN
      is_left := is_left OR one.owner = flow;
    ELSIF one.verdict = 'asked' THEN
      asked := asked || one.owner::text;
    ELSIF one.verdict = 'freed' THEN
      freed := freed || one.name;
    END IF;
  END LOOP;
  is_left := is_left AND verdict = 'requested';
END $function$;

CREATE OR REPLACE FUNCTION chancy.cancel_many_1(jobs uuid[], notifying boolean)
 RETURNS TABLE(id text, verdict text, concurrency_key text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".clock_1();
  waiting uuid[];
  running uuid[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  WITH held AS MATERIALIZED (
    SELECT j.id, j.state
      FROM "chancy".jobs j
     WHERE j.id = ANY (cancel_many_1.jobs) AND (j.owner_id IS NULL OR j.state = 'running')
       FOR UPDATE SKIP LOCKED
  )
  SELECT array_agg(h.id) FILTER (WHERE h.state <> 'running'),
         array_agg(h.id) FILTER (WHERE h.state = 'running')
    INTO waiting, running
    FROM held h;

  RETURN QUERY
  WITH gone AS (
    DELETE FROM "chancy".jobs j
     WHERE j.id = ANY (waiting) AND j.state <> 'running'
    RETURNING j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts,
              j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key,
              j.concurrency_key, j.limits, j.backoff, j.retention, j.progress, j.errors, j.meta, j.owner_id, j.owner_step, j.extras
  ), ended AS (
    INSERT INTO "chancy".finished_jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
           backoff, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state)
    SELECT g.id, g.fence, g.created_at, g.scheduled_at, g.started_at, g.worker_id, g.priority, g.attempts,
           g.max_attempts, g.concurrency_max, g.crashes, g.format, g.queue, g.name, g.args, g.unique_key,
           g.concurrency_key, g.limits, g.backoff, at, CASE WHEN g.retention IS NOT NULL
                                                            THEN least(greatest(g.retention, interval '10 minutes'), interval '3650 days') END, g.progress,
           "chancy".with_error_1(g.errors, "chancy".cancelled_entry_1(g.attempts), at),
           g.meta, g.owner_id, g.owner_step, g.extras, 'cancelled'
      FROM gone g
    RETURNING finished_jobs.id, finished_jobs.concurrency_key
  )
  SELECT e.id::text, 'cancelled', e.concurrency_key FROM ended e;

  IF waiting IS NOT NULL THEN
    PERFORM "chancy".stop_children_1(waiting);
  END IF;

  RETURN QUERY
  UPDATE "chancy".jobs j
     SET cancel_requested_at = coalesce(j.cancel_requested_at, at)
   WHERE j.id = ANY (running) AND j.state = 'running'
  RETURNING j.id::text, 'requested', NULL::text;

  IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
       FROM "chancy".waiters w WHERE w.job_id = ANY (waiting);
    PERFORM pg_notify('chancy_chancy', 'job.cancelled ' || r.id::text) FROM unnest(running) r(id);
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.cancelled_entry_1(attempt integer)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT jsonb_build_object('attempt', attempt, 'kind', 'cancelled', 'name', 'AttemptError',
                            'message', 'The job was cancelled.', 'stack', NULL)
$function$;

CREATE OR REPLACE FUNCTION chancy.cancelling_1(worker uuid)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
BEGIN
  RETURN (
    SELECT string_agg(j.id::text, ',')
      FROM "chancy".jobs j
     WHERE j.cancel_requested_at IS NOT NULL AND j.worker_id = worker);
END $function$;

CREATE OR REPLACE FUNCTION chancy.claim_1(wanted_queue text, worker uuid, max_jobs integer, names text[], durable boolean, highs bigint[] DEFAULT NULL::bigint[], lows bigint[] DEFAULT NULL::bigint[], afters bigint[] DEFAULT NULL::bigint[], befores bigint[] DEFAULT NULL::bigint[])
 RETURNS TABLE(id uuid, name text, args text, priority integer, attempts integer, max_attempts integer, fence bigint, "position" bigint, created_ms double precision, scheduled_ms double precision, extras text, ctid tid, summary text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  queue_state text;
  has_parked boolean;
  is_full_scan boolean := highs IS NULL;
  rate_max int;
  rate_per interval;
  starts int;
  next_start timestamptz;
  candidates tid[];
  ids uuid[];
  unknown_tids tid[];
  surplus tid[];
  of_full tid[];
  scanned int := 0;
  is_limited boolean;
  all_fit boolean;
  any_blocked boolean;
  any_front boolean;
  is_low boolean;
  keys text[];
  front_keys text[];
  locked text[];
  lows_held bigint[];
  used int[];
  oldest bigint[];
  head_priorities int[];
  head_seqs bigint[];
  claim_number bigint;
  start_at timestamptz;
  scan_us int := 0;
  watermark_highs bigint[];
  watermark_lows bigint[];
  watermark_afters bigint[];
  watermark_befores bigint[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  SELECT CASE WHEN (SELECT true FROM "chancy".workers w WHERE w.id = worker AND w.revoked_at IS NULL)
              THEN coalesce(q.state, 'undeclared') ELSE 'revoked' END,
         q.rate_max, q.rate_per,
         (SELECT true FROM "chancy".jobs j WHERE j.parked AND j.queue = wanted_queue LIMIT 1),
         f.highs, f.lows, f.afters, f.befores
    INTO queue_state, rate_max, rate_per, has_parked,
         watermark_highs, watermark_lows, watermark_afters, watermark_befores
    FROM (VALUES (1)) AS one(row)
    LEFT JOIN LATERAL (
                        SELECT CASE WHEN k.state = 'paused' AND k.resume_at <= "chancy".now_1() THEN 'active' ELSE k.state END AS state,
                               CASE WHEN k.rate_per_ms > 0 THEN k.rate_max END AS rate_max,
                               make_interval(secs => k.rate_per_ms / 1000) AS rate_per
                          FROM "chancy".queues k
                         WHERE k.name = wanted_queue) q ON true
    LEFT JOIN LATERAL (
                        SELECT l.highs, l.lows, l.afters, l.befores
                          FROM "chancy".scan_watermarks l
                         WHERE l.queue = wanted_queue
                           AND (cardinality(l.ignored_xids) = 0 OR l.advanced_at > "chancy".now_1() - interval '1 minute')) f ON true;
  IF queue_state <> 'active' THEN
    summary := json_build_object(
      'queue_state', queue_state, 'claim_seq', claim_number, 'scanned', scanned,
      'requested', CASE queue_state WHEN 'active' THEN max_jobs ELSE 0 END,
      'started_ms', date_part('epoch', start_at) * 1000, 'wait_ms', 0, 'scan_us', scan_us)::text;
    RETURN NEXT;
    RETURN;
  END IF;
  IF NOT durable THEN
    PERFORM set_config('synchronous_commit', 'off', true);
  END IF;

  start_at := "chancy".clock_1();
  IF rate_max IS NOT NULL THEN
    -- The lock first; the limit, the clock and the count in later statements: each may have changed
    -- during the wait, and the time of the transaction is as old as that.
    PERFORM 1 FROM "chancy".queues q WHERE q.name = wanted_queue FOR NO KEY UPDATE;
    SELECT q.state, q.rate_max, q.rate_per
      INTO queue_state, rate_max, rate_per
      FROM (
             SELECT CASE WHEN k.state = 'paused' AND k.resume_at <= "chancy".now_1() THEN 'active' ELSE k.state END AS state,
                    CASE WHEN k.rate_per_ms > 0 THEN k.rate_max END AS rate_max,
                    make_interval(secs => k.rate_per_ms / 1000) AS rate_per
               FROM "chancy".queues k
              WHERE k.name = wanted_queue) q;
    IF queue_state IS DISTINCT FROM 'active' THEN
      queue_state := coalesce(queue_state, 'undeclared');
      summary := json_build_object(
        'queue_state', queue_state, 'claim_seq', claim_number, 'scanned', scanned,
        'requested', CASE queue_state WHEN 'active' THEN max_jobs ELSE 0 END,
        'started_ms', date_part('epoch', start_at) * 1000, 'wait_ms', 0, 'scan_us', scan_us)::text;
      RETURN NEXT;
      RETURN;
    END IF;
  END IF;
  IF rate_max IS NOT NULL THEN
    start_at := "chancy".clock_1();
    DELETE FROM "chancy".rate_starts s WHERE s.queue = wanted_queue AND s.at <= start_at - rate_per;
    SELECT count(*) INTO starts FROM "chancy".rate_starts s WHERE s.queue = wanted_queue;
    max_jobs := least(max_jobs, rate_max - starts);
    IF max_jobs <= 0 THEN
      -- The window is free again when enough of its starts have left it for one more to fit.
      SELECT s.at + rate_per INTO next_start
        FROM "chancy".rate_starts s
       WHERE s.queue = wanted_queue
       ORDER BY s.at
      OFFSET greatest(starts - rate_max, 0)
       LIMIT 1;
      max_jobs := 0;
      summary := json_build_object(
        'queue_state', queue_state, 'claim_seq', claim_number, 'scanned', scanned,
        'requested', CASE queue_state WHEN 'active' THEN max_jobs ELSE 0 END,
        'started_ms', date_part('epoch', start_at) * 1000, 'wait_ms', CASE WHEN next_start IS NULL THEN 1000
                         ELSE greatest(date_part('epoch', next_start - start_at) * 1000, 1) END, 'scan_us', scan_us)::text;
      RETURN NEXT;
      RETURN;
    END IF;
  END IF;

  IF is_full_scan THEN
    highs := watermark_highs;
    lows := watermark_lows;
    afters := watermark_afters;
    befores := watermark_befores;
  END IF;
  IF has_parked THEN
    -- Both arms are bounded by the limit; what is locked here and not taken is released at the end
    -- of this transaction.
    IF highs IS NULL THEN
      SELECT array_agg(r.tid) FILTER (WHERE r.is_known), array_agg(r.id) FILTER (WHERE r.is_known),
             array_agg(r.tid) FILTER (WHERE NOT r.is_known), count(*),
             bool_or(r.is_limited AND r.is_known)
        INTO candidates, ids, unknown_tids, scanned, is_limited
        FROM (
          SELECT l.tid, l.id, l.is_limited, l.name = ANY (names) AS is_known
            FROM (
        SELECT merged.tid, merged.id, merged.is_limited, merged.name, merged.priority, merged.position
          FROM (
            SELECT a.*, 0 AS source
              FROM unnest(names) AS n(name),
                   LATERAL (
                     SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name,
                            j.priority, j.seq AS position
                       FROM "chancy".jobs j
                      WHERE j.parked AND j.queue = wanted_queue AND j.name = n.name
                      ORDER BY j.priority DESC, j.seq
                      LIMIT max_jobs
                        FOR NO KEY UPDATE SKIP LOCKED) a
            UNION ALL
            SELECT l.*, 1
              FROM (
        SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority, j.position
          FROM "chancy".jobs j
         WHERE j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
         ORDER BY j.priority DESC, j.position
         LIMIT max_jobs
           FOR NO KEY UPDATE SKIP LOCKED) l
          ) merged
         ORDER BY merged.priority DESC, merged.source, merged.position
         LIMIT max_jobs) l
          OFFSET 0) r;
    ELSE
      SELECT array_agg(r.tid) FILTER (WHERE r.is_known), array_agg(r.id) FILTER (WHERE r.is_known),
             array_agg(r.tid) FILTER (WHERE NOT r.is_known), count(*),
             bool_or(r.is_limited AND r.is_known)
        INTO candidates, ids, unknown_tids, scanned, is_limited
        FROM (
          SELECT l.tid, l.id, l.is_limited, l.name = ANY (names) AS is_known
            FROM (
        SELECT merged.tid, merged.id, merged.is_limited, merged.name, merged.priority, merged.position
          FROM (
            SELECT a.*, 0 AS source
              FROM unnest(names) AS n(name),
                   LATERAL (
                     SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name,
                            j.priority, j.seq AS position
                       FROM "chancy".jobs j
                      WHERE j.parked AND j.queue = wanted_queue AND j.name = n.name
                      ORDER BY j.priority DESC, j.seq
                      LIMIT max_jobs
                        FOR NO KEY UPDATE SKIP LOCKED) a
            UNION ALL
            SELECT l.*, 1
              FROM (
        SELECT r.*
          FROM unnest(highs, lows, afters, befores) AS g(high, low, after, before)
         CROSS JOIN LATERAL (
           SELECT one.*
             FROM (
               SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                      j.position
                 FROM "chancy".jobs j
                WHERE g.high = g.low AND j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND j.priority = g.high
                  AND j.position > g.after AND j.position < g.before
                ORDER BY j.priority DESC, j.position
                LIMIT max_jobs
                  FOR NO KEY UPDATE SKIP LOCKED) one
           UNION ALL
           SELECT gap.*
             FROM (
               SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                      j.position
                 FROM "chancy".jobs j
                WHERE g.high <> g.low AND j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                  AND j.priority < g.high AND j.priority > g.low
                ORDER BY j.priority DESC, j.position
                LIMIT max_jobs
                  FOR NO KEY UPDATE SKIP LOCKED) gap) r
         LIMIT max_jobs) l
          ) merged
         ORDER BY merged.priority DESC, merged.source, merged.position
         LIMIT max_jobs) l
          OFFSET 0) r;
    END IF;
  ELSIF highs IS NULL THEN
    SELECT array_agg(r.tid) FILTER (WHERE r.is_known), array_agg(r.id) FILTER (WHERE r.is_known),
           array_agg(r.tid) FILTER (WHERE NOT r.is_known), count(*),
           bool_or(r.is_limited AND r.is_known)
      INTO candidates, ids, unknown_tids, scanned, is_limited
      FROM (
        SELECT l.tid, l.id, l.is_limited, l.name = ANY (names) AS is_known
          FROM (
      SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority, j.position
        FROM "chancy".jobs j
       WHERE j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
       ORDER BY j.priority DESC, j.position
       LIMIT max_jobs
         FOR NO KEY UPDATE SKIP LOCKED) l
        OFFSET 0) r;
  ELSE
    SELECT array_agg(r.tid) FILTER (WHERE r.is_known), array_agg(r.id) FILTER (WHERE r.is_known),
           array_agg(r.tid) FILTER (WHERE NOT r.is_known), count(*),
           bool_or(r.is_limited AND r.is_known)
      INTO candidates, ids, unknown_tids, scanned, is_limited
      FROM (
        SELECT l.tid, l.id, l.is_limited, l.name = ANY (names) AS is_known
          FROM (
      SELECT r.*
        FROM unnest(highs, lows, afters, befores) AS g(high, low, after, before)
       CROSS JOIN LATERAL (
         SELECT one.*
           FROM (
             SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                    j.position
               FROM "chancy".jobs j
              WHERE g.high = g.low AND j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND j.priority = g.high
                AND j.position > g.after AND j.position < g.before
              ORDER BY j.priority DESC, j.position
              LIMIT max_jobs
                FOR NO KEY UPDATE SKIP LOCKED) one
         UNION ALL
         SELECT gap.*
           FROM (
             SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                    j.position
               FROM "chancy".jobs j
              WHERE g.high <> g.low AND j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                AND j.priority < g.high AND j.priority > g.low
              ORDER BY j.priority DESC, j.position
              LIMIT max_jobs
                FOR NO KEY UPDATE SKIP LOCKED) gap) r
       LIMIT max_jobs) l
        OFFSET 0) r;
  END IF;
  IF is_full_scan THEN
    scan_us := least(date_part('epoch', "chancy".clock_1() - start_at) * 1000000, 2000000000)::int;
  END IF;
  IF unknown_tids IS NOT NULL THEN
    UPDATE "chancy".jobs j SET parked = true, position = NULL WHERE j.ctid = ANY (unknown_tids);
    UPDATE "chancy".jobs j
       SET parked = true, position = NULL
     WHERE j.ctid = ANY (ARRAY(
             SELECT k.ctid
               FROM "chancy".jobs k
              WHERE k.ctid = ANY (ARRAY(
                      SELECT h.tid
                        FROM (
                          SELECT j.ctid AS tid, j.name
                            FROM "chancy".jobs j
                           WHERE j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                           ORDER BY j.priority DESC, j.position
                           LIMIT 5000) h
                       WHERE h.name <> ALL (names)))
                AND k.position IS NOT NULL AND k.claim_seq IS NULL AND k.state <> 'running'
                FOR NO KEY UPDATE SKIP LOCKED));
  END IF;
  IF candidates IS NULL THEN
    summary := json_build_object(
      'queue_state', queue_state, 'claim_seq', claim_number, 'scanned', scanned,
      'requested', CASE queue_state WHEN 'active' THEN max_jobs ELSE 0 END,
      'started_ms', date_part('epoch', start_at) * 1000, 'wait_ms', 0, 'scan_us', scan_us)::text;
    RETURN NEXT;
    RETURN;
  END IF;

  IF is_limited THEN
    -- And the keys of which an older job may be at the front of the queue, where it was made ready. A
    -- job that was made ready itself can pass one only where several of its group may run.
    SELECT array_agg(k.key), array_agg(k.key) FILTER (WHERE k.can_pass)
      INTO keys, front_keys
      FROM (
        SELECT j.concurrency_key AS key,
               bool_or(j.concurrency_max > 1 OR coalesce(j.position, 0) >= 0) AS can_pass
          FROM "chancy".jobs j
         WHERE j.ctid = ANY (candidates) AND j.concurrency_key IS NOT NULL
         GROUP BY j.concurrency_key
         ORDER BY j.concurrency_key) k;
    -- Missing groups are made before any is locked, in one order; then all are locked, in one
    -- order. One that the sweep removed in between is missing here: everything is released, and the
    -- claim begins again.
    IF (SELECT count(*) FROM "chancy".concurrency_groups g WHERE g.key = ANY (keys))
       < cardinality(keys) THEN
      INSERT INTO "chancy".concurrency_groups (key)
      SELECT k.key
        FROM unnest(keys) AS k(key)
       WHERE (SELECT true FROM "chancy".concurrency_groups g WHERE g.key = k.key) IS NULL
       ORDER BY k.key
          ON CONFLICT DO NOTHING;
    END IF;
    SELECT array_agg(l.key), array_agg(l.scan_from)
      INTO locked, lows_held
      FROM (
        SELECT g.key, g.scan_from
          FROM "chancy".concurrency_groups g
         WHERE g.key = ANY (keys)
         ORDER BY g.key
           FOR NO KEY UPDATE) l;
    IF cardinality(locked) IS DISTINCT FROM cardinality(keys) THEN
      RAISE EXCEPTION 'a group was swept away while it was claimed from' USING ERRCODE = 'CH002';
    END IF;
    claim_number := nextval('"chancy".claim_numbers');

    -- Later statements than the lock: they see what its last holder did. One probe for all keys says
    -- whether a job of any is blocked, or was made ready meanwhile: a probe of each key costs more
    -- than the rest, and most claims find neither.
    any_blocked := (SELECT true
                      FROM "chancy".jobs j
                     WHERE j.blocked AND j.concurrency_key = ANY (keys) AND j.queue = wanted_queue
                     LIMIT 1);
    any_front := (SELECT true FROM (
                                   SELECT f.priority, f.seq
                                     FROM (
                                       SELECT j.ctid AS tid, j.queue, j.priority, j.seq
                                         FROM "chancy".jobs j
                                        WHERE j.concurrency_key = ANY (front_keys) AND j.position < 0 AND j.claim_seq IS NULL
                                       OFFSET 0) f
                                    WHERE f.queue = wanted_queue AND f.tid <> ALL (candidates)) j LIMIT 1);
    SELECT array_agg(c.used), array_agg(c.oldest), array_agg(c.priority), array_agg(c.seq),
           bool_or(coalesce(c.oldest, claim_number) - c.low > 1000),
           cardinality(keys) = cardinality(candidates) AND bool_and(c.used = 0 AND c.seq IS NULL)
      INTO used, oldest, head_priorities, head_seqs, is_low, all_fit
      FROM (
        SELECT k.low, r.used, r.oldest, b.priority, b.seq
          FROM unnest(keys, lows_held) WITH ORDINALITY AS k(key, low, n)
         CROSS JOIN LATERAL (
                 SELECT count(*)::int AS used, min(j.claim_seq) AS oldest
                   FROM "chancy".jobs j
                  WHERE j.concurrency_key = k.key AND j.claim_seq >= k.low) r
          LEFT JOIN LATERAL (
                 SELECT j.priority, j.seq
                   FROM "chancy".jobs j
                  WHERE any_blocked AND j.blocked AND j.concurrency_key = k.key
                    AND j.queue = wanted_queue
                  ORDER BY j.priority DESC, j.seq
                  LIMIT 1) b ON true
         ORDER BY k.n) c;
    IF any_front THEN
      -- The head of a group is the older of the first one that is blocked and the first one that was.
      all_fit := false;
      SELECT array_agg(CASE WHEN c.is_later THEN c.priority ELSE c.front_priority END ORDER BY c.n),
             array_agg(CASE WHEN c.is_later THEN c.seq ELSE c.front_seq END ORDER BY c.n)
        INTO head_priorities, head_seqs
        FROM (
          SELECT k.n, k.priority, k.seq, m.priority AS front_priority, m.seq AS front_seq,
                 m.seq IS NULL
                 OR coalesce(k.priority > m.priority
                             OR k.priority = m.priority AND k.seq < m.seq, false) AS is_later
            FROM unnest(keys, head_priorities, head_seqs) WITH ORDINALITY AS k(key, priority, seq, n)
            LEFT JOIN LATERAL (
                   SELECT j.priority, j.seq
                     FROM (
                          SELECT f.priority, f.seq
                            FROM (
                              SELECT j.ctid AS tid, j.queue, j.priority, j.seq
                                FROM "chancy".jobs j
                               WHERE j.concurrency_key = k.key AND j.position < 0 AND j.claim_seq IS NULL
                              OFFSET 0) f
                           WHERE f.queue = wanted_queue AND f.tid <> ALL (candidates)) j
                    WHERE k.key = ANY (front_keys)
                    ORDER BY j.priority DESC, j.seq
                    LIMIT 1) m ON true) c;
    END IF;

    -- One job of each group, and none runs or waits in any: most claims are like that.
    IF NOT all_fit THEN
      -- In each group by priority and age, up to the first that does not fit; and none before an
      -- older one that is blocked, or was.
      SELECT array_agg(f.tid) FILTER (WHERE f.fits), array_agg(f.id) FILTER (WHERE f.fits),
             array_agg(f.tid) FILTER (WHERE NOT f.fits),
             array_agg(f.tid) FILTER (WHERE f.is_full)
        INTO candidates, ids, surplus, of_full
        FROM (
          SELECT c.tid, c.id, used[c.g] >= c.own_max AS is_full,
                 c.key IS NULL OR bool_and(
                   used[c.g] + c.rank <= c.own_max
                   AND (head_seqs[c.g] IS NULL OR head_priorities[c.g] < c.priority
                        OR (head_priorities[c.g] = c.priority AND head_seqs[c.g] > c.seq)))
                   OVER (PARTITION BY c.g ORDER BY c.rank) AS fits
            FROM (
              SELECT j.ctid AS tid, j.id, j.concurrency_key AS key, greatest(coalesce(j.concurrency_max, 1), 1) AS own_max, j.priority, j.seq,
                     dense_rank() OVER (ORDER BY j.concurrency_key) AS g,
                     row_number() OVER (PARTITION BY j.concurrency_key
                                            ORDER BY j.priority DESC, j.seq) AS rank
                FROM "chancy".jobs j
               WHERE j.ctid = ANY (candidates)) c) f;
      IF candidates IS NULL AND of_full IS NOT NULL THEN
        surplus := surplus || ARRAY(
          SELECT s.tid
            FROM (
              SELECT DISTINCT ON (j.concurrency_key) j.concurrency_key AS key, j.priority, j.seq
                FROM "chancy".jobs j
               WHERE j.ctid = ANY (of_full)
               ORDER BY j.concurrency_key, j.priority DESC, j.seq) f
           CROSS JOIN LATERAL (
                   SELECT j.ctid AS tid
                     FROM "chancy".jobs j
                    WHERE j.position >= 0 AND j.claim_seq IS NULL AND j.concurrency_key = f.key
                      AND j.queue = wanted_queue
                      AND (j.priority < f.priority OR j.priority = f.priority AND j.seq > f.seq)
                      AND j.ctid <> ALL (surplus)
                    ORDER BY j.position
                    LIMIT 2000
                      FOR NO KEY UPDATE SKIP LOCKED) s
           LIMIT 2000);
      END IF;
      IF surplus IS NOT NULL THEN
        UPDATE "chancy".jobs j
           SET blocked = true, position = NULL, parked = false
         WHERE j.ctid = ANY (surplus);
      END IF;
    END IF;
    -- A bound for the count, moved rarely: under a long-running transaction the index keeps every
    -- job that ran in the group since.
    IF is_low THEN
      UPDATE "chancy".concurrency_groups g
         SET scan_from = k.low
        FROM (SELECT u.key, coalesce(u.oldest, claim_number) AS low, u.was
                FROM unnest(keys, oldest, lows_held) AS u(key, oldest, was)) k
       WHERE g.key = k.key AND k.low - k.was > 1000;
    END IF;
    IF candidates IS NULL THEN
      summary := json_build_object(
        'queue_state', queue_state, 'claim_seq', claim_number, 'scanned', scanned,
        'requested', CASE queue_state WHEN 'active' THEN max_jobs ELSE 0 END,
        'started_ms', date_part('epoch', start_at) * 1000, 'wait_ms', 0, 'scan_us', scan_us)::text;
      RETURN NEXT;
      RETURN;
    END IF;
  ELSE
    claim_number := nextval('"chancy".claim_numbers');
  END IF;

  INSERT INTO "chancy".claims (worker_id, claim_seq, ids) VALUES (worker, claim_number, ids);
  IF rate_max IS NULL THEN
    start_at := "chancy".clock_1();
  ELSE
    INSERT INTO "chancy".rate_starts (queue, at)
    SELECT wanted_queue, start_at FROM generate_series(1, cardinality(candidates));
  END IF;
  summary := json_build_object(
    'queue_state', queue_state, 'claim_seq', claim_number, 'scanned', scanned,
    'requested', CASE queue_state WHEN 'active' THEN max_jobs ELSE 0 END,
    'started_ms', date_part('epoch', start_at) * 1000, 'wait_ms', 0, 'scan_us', scan_us)::text;
  RETURN NEXT;
  RETURN QUERY
  UPDATE "chancy".jobs j
     SET state = 'running', worker_id = worker, started_at = start_at,
         -- Bounded, since one row that overflows would fail the claim of all, again and again.
         attempts = least(j.attempts, 2147483646) + 1,
         fence = least(j.fence, 9007199254740990) + 1,
         -- No change in an ordinary job: what an index knows of it stays as it is. One that has a
         -- limit leaves the index of the queue's order, and one that was parked gets the first position
         -- of all, which moves no bound.
         claim_seq = CASE WHEN j.concurrency_key IS NOT NULL THEN claim_number END,
         parked = false, position = coalesce(j.position, -9007199254740991)
   WHERE j.ctid = ANY (candidates)
  RETURNING j.id, j.name::text,
            CASE WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                 -- A cast to a length is nearly free, where a function that counts characters is not.
                 THEN j.args::text::varchar(65536)::text
                 ELSE "chancy".text_1(j.args, 262144, 65536) END,
            j.priority, j.attempts, j.max_attempts, j.fence, j.position, date_part('epoch', j.created_at) * 1000,
            date_part('epoch', j.scheduled_at) * 1000, CASE WHEN j.concurrency_key IS NULL AND j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                                 AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                                 AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                                                                 AND j.owner_id IS NULL AND j.extras IS NULL
                                                            THEN NULL
                                                            -- The keys are what most jobs have that have anything of these, and most have one of them. One alone takes
                                                            -- a quarter of the cost of the whole object.
                                                            WHEN j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                                 AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                                 AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                                                                 AND j.owner_id IS NULL AND j.extras IS NULL
                                                            THEN json_build_object('concurrency_key', j.concurrency_key)::text
                                                            WHEN j.concurrency_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                                 AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                                 AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                                                                 AND j.owner_id IS NULL AND j.extras IS NULL
                                                            THEN json_build_object('unique_key', j.unique_key)::text
                                                            WHEN j.concurrency_key IS NULL AND j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                                 AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                                 AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0 AND j.extras IS NULL
                                                            THEN json_build_object('owner_id', j.owner_id, 'owner_step', j.owner_step)::text
                                                            WHEN coalesce(pg_column_size(j.limits), 0) + coalesce(pg_column_size(j.backoff), 0)
                                                                 + coalesce(pg_column_size(j.progress), 0) + coalesce(pg_column_size(j.errors), 0)
                                                                 + coalesce(pg_column_size(j.meta), 0) + coalesce(pg_column_size(j.extras), 0) > 65536
                                                            THEN json_strip_nulls(json_build_object(
                                                                   'concurrency_key', j.concurrency_key, 'unique_key', left(j.unique_key, 1000),
                                                                   'owner_id', j.owner_id, 'owner_step', j.owner_step,
                                                                   'crashes', nullif(j.crashes, 0), 'is_cut', true))::text
                                                            ELSE "chancy".text_1(
                                                                   jsonb_strip_nulls(jsonb_build_object(
                                                                     'concurrency_key', j.concurrency_key, 'unique_key', j.unique_key, 'limits', j.limits,
                                                                     'backoff', j.backoff, 'cancel_requested_at', j.cancel_requested_at,
                                                                     'retention_ms', extract(epoch FROM j.retention) * 1000, 'crashes', nullif(j.crashes, 0),
                                                                     'owner_id', j.owner_id, 'owner_step', j.owner_step))
                                                                   -- What users wrote may have nulls inside, which are theirs.
                                                                   || CASE WHEN j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.extras IS NULL THEN '{}'
                                                                           ELSE CASE WHEN j.extras IS NULL THEN '{}'
                                                                                     ELSE jsonb_build_object('extras', j.extras) END
                                                                                || CASE WHEN j.progress IS NULL THEN '{}'
                                                                                     ELSE jsonb_build_object('progress', j.progress) END
                                                                                || CASE WHEN j.errors IS NULL THEN '{}'
                                                                                        ELSE jsonb_build_object('errors', j.errors) END
                                                                                || CASE WHEN j.meta IS NULL THEN '{}'
                                                                                        ELSE jsonb_build_object('meta', j.meta) END END,
                                                                   262144, 65536) END, j.ctid, NULL::text;
END $function$;

CREATE OR REPLACE FUNCTION chancy.clock_1()
 RETURNS timestamp with time zone
 LANGUAGE sql
 PARALLEL SAFE
AS $function$ SELECT pg_catalog.clock_timestamp() $function$;

CREATE OR REPLACE FUNCTION chancy.count_batch_1(batches uuid[], ends chancy.step_ends[])
 RETURNS TABLE(verdict text, owner uuid, name text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".clock_1();
  one record;
  finished uuid[];
BEGIN
  WITH gone AS (
    DELETE FROM "chancy".step_ends s
     WHERE s.ctid = ANY (ARRAY(
             SELECT o.ctid FROM "chancy".step_ends o WHERE o.owner_id = ANY (batches) LIMIT 1000))
    RETURNING s.owner_id, s.result
  ), sums AS MATERIALIZED (
    SELECT a.owner_id, coalesce(sum((a.result ->> 'succeeded')::int), 0)::int AS fine,
           coalesce(sum((a.result ->> 'failed')::int), 0)::int AS failed,
           coalesce(sum((a.result ->> 'cancelled')::int), 0)::int AS cancelled
      FROM (SELECT g.owner_id, g.result FROM gone g
            UNION ALL
            SELECT e.owner_id, e.result FROM unnest(ends) e) a
     GROUP BY a.owner_id
  )
  UPDATE "chancy".workflows w
     SET open = w.open - s.fine - s.failed - s.cancelled, bad = w.bad + s.failed, cancelled = w.cancelled + s.cancelled
    FROM sums s
   WHERE w.id = s.owner_id;

  FOR one IN
    SELECT w.id FROM "chancy".workflows w
     WHERE w.id = ANY (batches) AND w.stopping IS NOT NULL AND w.finished_at IS NULL
     ORDER BY w.id
  LOOP
    RETURN QUERY SELECT s.* FROM "chancy".stop_batch_1(one.id, at) s;
  END LOOP;

  -- A later statement: it sees what came meanwhile.
  FOR one IN
    SELECT w.id, (SELECT true FROM "chancy".step_ends e WHERE e.owner_id = w.id LIMIT 1) AS has_ends
      FROM "chancy".workflows w
     WHERE w.id = ANY (batches) AND w.open = 0 AND w.finished_at IS NULL
     ORDER BY w.id
  LOOP
    CONTINUE WHEN one.has_ends;
    finished := finished || one.id;
    RETURN QUERY SELECT e.* FROM "chancy".end_batch_1(one.id, at) e;
  END LOOP;
  RETURN QUERY
  SELECT 'left', b.id, NULL::text
    FROM unnest(batches) AS b(id)
   WHERE (SELECT true FROM "chancy".step_ends e WHERE e.owner_id = b.id LIMIT 1);
  -- Only checked where a wait is registered.
  IF finished IS NOT NULL AND (SELECT true FROM "chancy".waiters LIMIT 1) AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
       FROM "chancy".waiters w
      WHERE w.job_id = ANY (finished);
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.create_partitions_1(ahead integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  today date := ("chancy".now_1() AT TIME ZONE 'UTC')::date;
  day date;
  partition text;
  created int := 0;
BEGIN
  -- Two calls for one day would otherwise meet at CREATE TABLE, and one would fail.
  PERFORM pg_advisory_xact_lock(hashtextextended('chancy partitions ' || 'chancy', 0::bigint));
  FOR i IN 0 .. ahead LOOP
    day := today + i;
    partition := 'finished_jobs_' || to_char(day::timestamp, 'YYYYMMDD');
    CONTINUE WHEN to_regclass(format('%I.%I', 'chancy', partition)) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)',
                   'chancy', partition, '"chancy".finished_jobs');
    -- A table without a primary key refuses DELETE under a publication of all tables otherwise.
    EXECUTE format('ALTER TABLE %I.%I REPLICA IDENTITY FULL', 'chancy', partition);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                   '"chancy".finished_jobs', 'chancy', partition,
                   day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
    created := created + 1;
  END LOOP;
  RETURN created;
END $function$;

CREATE OR REPLACE FUNCTION chancy.day_candidates_1(args jsonpath, meta jsonpath, day timestamp with time zone, most integer)
 RETURNS uuid[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
 SET enable_seqscan TO 'off'
 SET enable_indexscan TO 'off'
 SET enable_bitmapscan TO 'on'
 SET jit TO 'off'
AS $function$
BEGIN
  RETURN ARRAY(
    SELECT f.id
      FROM "chancy".finished_jobs f
     WHERE f.finished_at >= day AND f.finished_at < day + interval '1 day'
       AND (day_candidates_1.args IS NULL OR f.args @@ day_candidates_1.args)
       AND (day_candidates_1.meta IS NULL OR f.meta @@ day_candidates_1.meta)
     LIMIT most);
END $function$;

CREATE OR REPLACE FUNCTION chancy.delete_1(job uuid)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  found_state text;
BEGIN
  DELETE FROM "chancy".finished_jobs f WHERE f.id = job;
  IF FOUND THEN
    RETURN 'deleted';
  END IF;
  SELECT j.state INTO found_state FROM "chancy".jobs j WHERE j.id = job;
  RETURN coalesce(found_state, 'unknown');
END $function$;

CREATE OR REPLACE FUNCTION chancy.delete_many_1(jobs uuid[])
 RETURNS TABLE(id text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  held uuid[];
BEGIN
  SELECT array_agg(h.id)
    INTO held
    FROM (SELECT f.id FROM "chancy".finished_jobs f
           WHERE f.id = ANY (delete_many_1.jobs)
             FOR UPDATE SKIP LOCKED) h;
  RETURN QUERY
  DELETE FROM "chancy".finished_jobs f WHERE f.id = ANY (held) RETURNING f.id::text;
END $function$;

CREATE OR REPLACE FUNCTION chancy.draw_positions_1(rows integer)
 RETURNS bigint[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
BEGIN
  RETURN ARRAY(SELECT nextval('"chancy".positions')
                 FROM generate_series(1, (rows + 255) / 256));
END $function$;

CREATE OR REPLACE FUNCTION chancy.drop_partition_1(partition text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET lock_timeout TO '200ms'
AS $function$
DECLARE
  gone record;
  is_needed boolean;
BEGIN
  SELECT c.oid::regclass AS name, i.inhrelid IS NOT NULL AS is_attached,
         coalesce(i.inhdetachpending, false) AS is_pending
    INTO gone
    FROM pg_class c
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
   WHERE c.relnamespace = quote_ident('chancy')::regnamespace AND c.relkind = 'r'
     AND c.relname = drop_partition_1.partition AND c.relname ~ '^finished_jobs_[0-9]{8}$'
     AND (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC'
         < "chancy".now_1() - interval '10 minutes';
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s f WHERE f.finished_at
                   + least(greatest(coalesce(f.retention, interval ''7 days''),
                                    interval ''10 minutes''), interval ''3650 days'') > %I.now_1())', gone.name, 'chancy')
     INTO is_needed;
  IF is_needed THEN
    RETURN false;
  END IF;
  IF gone.is_attached THEN
    EXECUTE format('ALTER TABLE %s DETACH PARTITION %s %s', '"chancy".finished_jobs', gone.name,
                   CASE WHEN gone.is_pending THEN 'FINALIZE' ELSE '' END);
  END IF;
  EXECUTE format('DROP TABLE %s', gone.name);
  RETURN true;
END $function$;

CREATE OR REPLACE FUNCTION chancy.drop_signals_1(ids uuid[])
 RETURNS TABLE(job text, name text, dropped integer)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  PERFORM "chancy".stop_children_1(ARRAY(
    SELECT i.id FROM unnest(drop_signals_1.ids) AS i(id)
     WHERE (SELECT true FROM "chancy".jobs j WHERE j.id = i.id) IS NULL));
  RETURN QUERY
  WITH gone AS (
    DELETE FROM "chancy".signals s
     WHERE s.job_id = ANY (ARRAY(
             SELECT i.id FROM unnest(drop_signals_1.ids) AS i(id)
              WHERE (SELECT true FROM "chancy".jobs j WHERE j.id = i.id) IS NULL))
    RETURNING s.job_id, s.name, s.taken_at
  )
  SELECT g.job_id::text, g.name, count(*)::int FROM gone g WHERE g.taken_at IS NULL AND g.name <> '' GROUP BY g.job_id, g.name;
END $function$;

CREATE OR REPLACE FUNCTION chancy.due_1(queues text[], names text[], worker uuid)
 RETURNS TABLE(kind text, queue text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  wanted_queues text[] := due_1.queues;
  known_names text[] := due_1.names;
  wanted_worker uuid := due_1.worker;
  wanted_queue text;
  present timestamptz := "chancy".clock_1();
  open_queues text[];
  highs bigint[];
  lows bigint[];
  afters bigint[];
  befores bigint[];
BEGIN
  open_queues := ARRAY(
    SELECT q.name
      FROM "chancy".queues q
     WHERE q.name = ANY (wanted_queues) AND (q.state = 'active' OR q.resume_at <= present)
       AND (q.rate_max IS NULL OR q.rate_per_ms <= 0
            OR q.rate_max > (SELECT count(*)
                               FROM "chancy".rate_starts s
                              WHERE s.queue = q.name AND s.at > present - make_interval(secs => q.rate_per_ms / 1000))));

  FOREACH wanted_queue IN ARRAY open_queues LOOP
    SELECT f.highs, f.lows, f.afters, f.befores
      INTO highs, lows, afters, befores
      FROM (
             SELECT l.highs, l.lows, l.afters, l.befores
               FROM "chancy".scan_watermarks l
              WHERE l.queue = wanted_queue
                AND (cardinality(l.ignored_xids) = 0 OR l.advanced_at > "chancy".now_1() - interval '1 minute')) f;
    IF (SELECT true FROM "chancy".jobs j
         WHERE j.parked AND j.queue = wanted_queue AND j.name = ANY (known_names)
         LIMIT 1) THEN
      kind := 'ready';
    ELSIF highs IS NULL THEN
      kind := (SELECT 'ready' FROM "chancy".jobs j
                WHERE j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND j.name = ANY (known_names)
                LIMIT 1);
    ELSE
      -- From the watermarks on, or dead tuples before them would be read.
      kind := (
        SELECT 'ready'
          FROM unnest(highs, lows, afters, befores) AS g(high, low, after, before)
         CROSS JOIN LATERAL (
           SELECT one.tid
             FROM (
               SELECT j.ctid AS tid FROM "chancy".jobs j
                WHERE g.high = g.low AND j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND j.priority = g.high
                  AND j.position > g.after AND j.position < g.before AND j.name = ANY (known_names)
                ORDER BY j.priority DESC, j.position
                LIMIT 1) one
           UNION ALL
           SELECT gap.tid
             FROM (
               SELECT j.ctid AS tid FROM "chancy".jobs j
                WHERE g.high <> g.low AND j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                  AND j.priority < g.high AND j.priority > g.low AND j.name = ANY (known_names)
                ORDER BY j.priority DESC, j.position
                LIMIT 1) gap) r
         LIMIT 1);
    END IF;
    IF kind IS NOT NULL THEN
      queue := wanted_queue;
      RETURN NEXT;
    END IF;
  END LOOP;

  RETURN QUERY
  (SELECT 'unstaged', j.queue FROM "chancy".jobs j
    WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.run_at <= present
      AND j.queue = ANY (open_queues) AND j.name = ANY (known_names)
    ORDER BY j.run_at
    LIMIT 1);

  RETURN QUERY
  (SELECT 'blocked', j.queue FROM "chancy".jobs j
    WHERE j.blocked AND j.queue = ANY (open_queues) AND j.name = ANY (known_names)
    LIMIT 1);

  RETURN QUERY
  (SELECT 'claimed', k.queue
     FROM (SELECT i.id, o.worker_id
             FROM "chancy".claims o
            CROSS JOIN LATERAL unnest(o.ids) AS i(id)
            WHERE o.worker_id = wanted_worker
               OR (SELECT true FROM "chancy".workers w WHERE w.id = o.worker_id AND w.revoked_at IS NULL AND w.expires_at > "chancy".now_1()) IS NULL) c
    CROSS JOIN LATERAL (
            -- By its id alone: no plan may begin elsewhere.
            SELECT j.queue, j.name FROM "chancy".jobs j
             WHERE j.id = c.id AND j.state = 'running' AND j.worker_id = c.worker_id
            OFFSET 0) k
    WHERE c.worker_id = wanted_worker OR k.queue = ANY (open_queues) AND k.name = ANY (known_names)
    LIMIT 1);
END $function$;

CREATE OR REPLACE FUNCTION chancy.edit_1(job uuid, change jsonb, notifying boolean)
 RETURNS TABLE(verdict text, queue text, concurrency_key text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".clock_1();
  held record;
  is_moved boolean;
  is_timed boolean;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  SELECT j.state, j.waits, j.run_at, j.scheduled_at, j.concurrency_key, j.queue,
         j.position IS NULL AND NOT j.blocked AND NOT j.parked AS waits_for_time
    INTO held
    FROM "chancy".jobs j
   WHERE j.id = job
     FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY
    SELECT coalesce((SELECT f.state FROM "chancy".finished_jobs f WHERE f.id = job LIMIT 1), 'unknown'), NULL::text, NULL::text;
    RETURN;
  END IF;
  IF held.state = 'running' OR held.waits IS NOT NULL THEN
    RETURN QUERY SELECT CASE WHEN held.state = 'running' THEN 'running' ELSE 'suspended' END, NULL::text, NULL::text;
    RETURN;
  END IF;
  is_timed := change ? 'scheduledMs' OR held.waits_for_time AND change ? 'runNow';
  is_moved := is_timed OR change ?| ARRAY['queue', 'priority'];
  UPDATE "chancy".jobs j
     SET args = coalesce(change -> 'args', j.args),
         meta = CASE WHEN change ? 'meta' THEN nullif(change -> 'meta', '{}') ELSE j.meta END,
         max_attempts = coalesce((change ->> 'maxAttempts')::int, j.max_attempts),
         queue = coalesce(change ->> 'queue', j.queue),
         priority = coalesce((change ->> 'priority')::int, j.priority),
         scheduled_at = CASE WHEN change ? 'scheduledMs'
                               THEN to_timestamp((change ->> 'scheduledMs')::float8 / 1000)
                             WHEN is_timed THEN least(j.scheduled_at, at)
                             ELSE j.scheduled_at END,
         run_at = CASE WHEN NOT is_moved THEN j.run_at
                       WHEN is_timed THEN coalesce(to_timestamp((change ->> 'scheduledMs')::float8 / 1000), at)
                       WHEN held.waits_for_time THEN j.run_at
                       ELSE at END,
         position = CASE WHEN NOT is_moved THEN j.position END,
         blocked = j.blocked AND NOT is_moved,
         parked = j.parked AND NOT is_moved
   WHERE j.id = job;
  queue := coalesce(change ->> 'queue', held.queue);
  IF is_moved AND notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'job.scheduled ' || queue);
  END IF;
  RETURN QUERY SELECT 'edited', queue, CASE WHEN is_moved AND NOT held.waits_for_time THEN held.concurrency_key::text END;
END $function$;

CREATE OR REPLACE FUNCTION chancy.edit_many_1(jobs uuid[], change jsonb, notifying boolean)
 RETURNS TABLE(id text, queue text, concurrency_key text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".clock_1();
  edited uuid[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  WITH held AS MATERIALIZED (
    SELECT j.ctid AS tid
      FROM "chancy".jobs j
     WHERE j.id = ANY (edit_many_1.jobs) AND j.state <> 'running' AND j.waits IS NULL
       AND (j.queue <> change ->> 'queue'
            OR j.priority <> (change ->> 'priority')::int
            OR (change ? 'runNow' AND NOT (j.position IS NOT NULL OR j.blocked OR j.parked) AND j.run_at > at))
       FOR NO KEY UPDATE SKIP LOCKED
  ), moved AS (
    UPDATE "chancy".jobs j
       SET queue = coalesce(change ->> 'queue', j.queue),
           priority = coalesce((change ->> 'priority')::int, j.priority),
           scheduled_at = CASE WHEN change ? 'runNow' THEN least(j.scheduled_at, at) ELSE j.scheduled_at END,
           run_at = CASE WHEN change ? 'runNow' OR (j.position IS NOT NULL OR j.blocked OR j.parked) THEN at ELSE j.run_at END,
           position = NULL,
           blocked = false,
           parked = false
      FROM held h
     WHERE j.ctid = h.tid
    RETURNING j.id
  )
  SELECT array_agg(m.id) INTO edited FROM moved m;

  RETURN QUERY
  SELECT j.id::text, j.queue, j.concurrency_key::text FROM "chancy".jobs j WHERE j.id = ANY (edited);
  IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'job.scheduled ' || n.queue)
       FROM (SELECT DISTINCT j.queue FROM "chancy".jobs j WHERE j.id = ANY (edited)) n;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.end_batch_1(batch uuid, at timestamp with time zone)
 RETURNS TABLE(verdict text, owner uuid, name text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  w "chancy".workflows;
  ended_as text;
  callbacks jsonb;
BEGIN
  SELECT b.* INTO w FROM "chancy".workflows b WHERE b.id = batch;
  ended_as := CASE WHEN w.stopping = 'cancelled' THEN 'cancelled'
                   WHEN w.stopping IS NOT NULL OR w.bad + w.cancelled > 0 THEN 'failed'
                   ELSE 'succeeded' END;
  UPDATE "chancy".workflows b
     SET state = ended_as, finished_at = at,
         failure = CASE WHEN ended_as = 'succeeded' THEN NULL
                        WHEN w.stopping = 'deadline'
                        THEN '{"step": null, "kind": "deadline", "message": "The deadline of the batch passed."}'
                        WHEN ended_as = 'failed' THEN coalesce(w.failure, jsonb_build_object(
                          'step', NULL, 'kind', CASE WHEN w.bad = 0 THEN 'cancelled' ELSE 'error' END, 'message',
                          format('Of %s jobs %s failed and %s were cancelled.', w.size, w.bad, w.cancelled))) END,
         expires_at = at + least(coalesce(w.retention, interval '7 days'), interval '3650 days')
   WHERE b.id = batch;
  SELECT jsonb_agg(c.value || jsonb_build_object('args', jsonb_build_object('batch', jsonb_build_object(
           'id', w.id, 'name', w.name, 'total', w.size, 'succeeded', w.size - w.bad - w.cancelled,
           'failed', w.bad, 'cancelled', w.cancelled))) ORDER BY c.key DESC)
    INTO callbacks
    FROM jsonb_each(w.extras -> 'callbacks') c
   WHERE c.key = 'ended' OR c.key = ended_as;
  IF callbacks IS NOT NULL THEN
    PERFORM "chancy".push_stored_1(callbacks);
    RETURN QUERY SELECT DISTINCT 'ready', NULL::uuid, c ->> 'queue' FROM jsonb_array_elements(callbacks) c;
  END IF;
  RETURN QUERY SELECT 'batch', batch, ended_as;
END $function$;

CREATE OR REPLACE FUNCTION chancy.end_flow_1(flow uuid, at timestamp with time zone, OUT ended_as text, OUT parent uuid)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_variable
DECLARE
  w "chancy".workflows;
  template jsonb;
  given jsonb;
  why jsonb;
BEGIN
  SELECT * INTO w FROM "chancy".workflows f WHERE f.id = flow;
  why := w.failure;
  ended_as := CASE WHEN w.stopping = 'cancelled' THEN 'cancelled'
                   WHEN w.stopping IS NOT NULL OR w.bad > 0 THEN 'failed'
                   ELSE 'succeeded' END;
  IF w.stopping = 'deadline' THEN
    why := jsonb_build_object('kind', 'deadline', 'message', 'The deadline of the workflow passed.', 'step', NULL);
  END IF;
  template := w.extras -> 'output';
  IF template IS NOT NULL AND ended_as = 'succeeded' THEN
    BEGIN
      given := "chancy".filled_1(flow, template -> 'value', coalesce(template -> 'holes', '[]'));
    EXCEPTION
      WHEN SQLSTATE 'CH004' OR data_exception OR program_limit_exceeded THEN
        ended_as := 'failed';
        why := jsonb_build_object('kind', 'input', 'message', 'Its output cannot be made: ' || SQLERRM, 'step', NULL);
    END;
  END IF;
  parent := w.owner_id;
  UPDATE "chancy".workflows f
     SET state = ended_as, failure = CASE WHEN ended_as = 'succeeded' THEN NULL ELSE why END, output = given,
         finished_at = at,
         expires_at = at + least(coalesce(w.retention, interval '7 days'), interval '3650 days')
   WHERE f.id = flow;
  IF w.stopping IS NOT NULL THEN
    -- What is left to count decides nothing any more, and a retry counts again.
    DELETE FROM "chancy".step_ends e WHERE e.owner_id = flow;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.end_unrun_1(owners uuid[], ordinals integer[], states text[], errors jsonb[], at timestamp with time zone)
 RETURNS TABLE(owner_id uuid, n integer, state text, job_id uuid)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  WITH gone AS (
    DELETE FROM "chancy".jobs j
     USING (SELECT s.job_id, u.state, u.error
              FROM unnest(owners, ordinals, states, errors) AS u(owner_id, n, state, error)
              JOIN "chancy".steps s ON s.owner_id = u.owner_id AND s.n = u.n AND s.state = 'waiting') d
     WHERE j.id = d.job_id AND j.waits = 'steps'
    RETURNING j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts,
              j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key,
              j.concurrency_key, j.limits, j.backoff, j.retention, j.progress, j.errors, j.meta, j.owner_id, j.owner_step, j.extras,
              d.state AS ended_as, d.error AS reason
  )
  INSERT INTO "chancy".finished_jobs (
         id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
         concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
         backoff, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state)
  SELECT g.id, g.fence, g.created_at, g.scheduled_at, g.started_at, g.worker_id, g.priority, g.attempts,
         g.max_attempts, g.concurrency_max, g.crashes, g.format, g.queue, g.name, g.args, g.unique_key,
         g.concurrency_key, g.limits, g.backoff, at, CASE WHEN g.retention IS NOT NULL
                                                          THEN least(greatest(g.retention, interval '10 minutes'), interval '3650 days') END, g.progress,
         "chancy".with_error_1(g.errors,
           jsonb_build_object('attempt', g.attempts, 'name', 'AttemptError', 'stack', NULL) || g.reason, at),
         g.meta, g.owner_id, g.owner_step, g.extras, CASE g.ended_as WHEN 'failed' THEN 'failed' ELSE 'cancelled' END
    FROM gone g;
  RETURN QUERY
  UPDATE "chancy".steps s
     SET state = u.state, error = u.error, ended_at = at, spec = CASE WHEN s.job_id IS NULL THEN s.spec
                                                                      ELSE coalesce(s.spec, '{}') || jsonb_build_object('job', (
                                                                             SELECT to_jsonb(f) - 'result' FROM "chancy".finished_jobs f WHERE f.id = s.job_id LIMIT 1)) END
    FROM unnest(owners, ordinals, states, errors) AS u(owner_id, n, state, error)
   WHERE s.owner_id = u.owner_id AND s.n = u.n AND s.state = 'waiting'
  RETURNING s.owner_id, s.n, s.state, s.job_id;
END $function$;

CREATE OR REPLACE FUNCTION chancy.explain_1(job uuid, bound integer)
 RETURNS TABLE(state text, queue text, name text, scheduled_ms double precision, run_ms double precision, blocked boolean, concurrency_key text, concurrency_max integer, running integer, holders text, ahead integer, queue_state text, resume_ms double precision, tags text, rate_max integer, rate_per_ms double precision, next_start_ms double precision, workers text, now_ms double precision)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
 SET enable_sort TO 'off'
 SET enable_incremental_sort TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".clock_1();
  found_job record;
  found_queue record;
  head record;
  rate_per interval;
  next_start timestamptz;
  low bigint;
  is_held boolean := false;
  used int := 0;
  users jsonb := '[]';
  before int;
BEGIN
  SELECT j.state, j.queue, j.name::text AS name, j.scheduled_at, j.run_at, j.blocked,
         j.concurrency_key::text AS concurrency_key,
         greatest(j.concurrency_max, 1) AS max, j.priority, j.seq, j.position
    INTO found_job
    FROM "chancy".jobs j
   WHERE j.id = explain_1.job;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT q.state, q.resume_at, q.tags, q.rate_max, q.rate_per_ms
    INTO found_queue
    FROM "chancy".queues q
   WHERE q.name = found_job.queue;

  -- Backwards from the job: of a long queue the nearest are read, and never the head, where dead
  -- tuples may pile up.
  SELECT count(*)::int
    INTO before
    FROM (
      (SELECT 1
         FROM "chancy".jobs a
        WHERE a.queue = found_job.queue AND a.priority = found_job.priority
          AND a.position < found_job.position AND a.position IS NOT NULL AND a.claim_seq IS NULL AND a.state <> 'running'
        ORDER BY a.position DESC
        LIMIT bound)
      UNION ALL
      (SELECT 1
         FROM "chancy".jobs a
        WHERE a.queue = found_job.queue AND a.priority > found_job.priority
          AND a.position IS NOT NULL AND a.claim_seq IS NULL AND a.state <> 'running'
        ORDER BY a.priority, a.position DESC
        LIMIT bound)
      LIMIT bound) counted;

  IF found_queue.rate_max IS NOT NULL AND found_queue.rate_per_ms > 0 THEN
    rate_per := make_interval(secs => found_queue.rate_per_ms / 1000);
    SELECT s.at + rate_per
      INTO next_start
      FROM "chancy".rate_starts s
     WHERE s.queue = found_job.queue AND s.at > at - rate_per
     ORDER BY s.at DESC
    OFFSET greatest(found_queue.rate_max, 1) - 1
     LIMIT 1;
  END IF;

  IF found_job.concurrency_key IS NOT NULL THEN
    SELECT max(g.scan_from)
      INTO low
      FROM "chancy".concurrency_groups g
     WHERE g.key = found_job.concurrency_key;
    SELECT count(*)::int, coalesce(jsonb_agg(h.id) FILTER (WHERE h.n <= 1000), '[]')
      INTO used, users
      FROM (
        SELECT k.id, row_number() OVER () AS n
          FROM (
            SELECT r.id
              FROM "chancy".jobs r
             WHERE r.concurrency_key = found_job.concurrency_key
               AND r.claim_seq >= coalesce(low, 0)
             ORDER BY r.claim_seq
             LIMIT greatest(found_job.max, 1000)) k) h;
    -- No job overtakes an older one of its group that is blocked.
    SELECT b.priority, b.seq
      INTO head
      FROM "chancy".jobs b
     WHERE b.blocked AND b.concurrency_key = found_job.concurrency_key
       AND b.queue = found_job.queue
     ORDER BY b.priority DESC, b.seq
     LIMIT 1;
    is_held := coalesce(head.priority > found_job.priority
                        OR (head.priority = found_job.priority AND head.seq < found_job.seq), false);
  END IF;

  RETURN QUERY
  SELECT found_job.state, found_job.queue, found_job.name,
         date_part('epoch', found_job.scheduled_at) * 1000,
         date_part('epoch', found_job.run_at) * 1000,
         found_job.blocked OR is_held, found_job.concurrency_key, found_job.max, used,
         users::text, before, found_queue.state,
         date_part('epoch', found_queue.resume_at) * 1000, found_queue.tags::text,
         found_queue.rate_max, found_queue.rate_per_ms,
         date_part('epoch', next_start) * 1000,
         coalesce((SELECT jsonb_agg(jsonb_build_object('tags', w.tags, 'names', w.names,
                                                       'queues', w.queues,
                                                       'refusals', w.refusals))
                     FROM "chancy".workers w
                    WHERE w.revoked_at IS NULL AND w.expires_at > at), '[]')::text, date_part('epoch', at) * 1000;
END $function$;

CREATE OR REPLACE FUNCTION chancy.explain_2(job uuid, bound integer)
 RETURNS TABLE(state text, queue text, name text, scheduled_ms double precision, run_ms double precision, blocked boolean, concurrency_key text, concurrency_max integer, running integer, holders text, ahead integer, queue_state text, resume_ms double precision, tags text, rate_max integer, rate_per_ms double precision, next_start_ms double precision, workers text, now_ms double precision, waits text, workflow text, waits_for text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
 SET enable_sort TO 'off'
 SET enable_incremental_sort TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".clock_1();
  found_job record;
  found_queue record;
  head record;
  rate_per interval;
  next_start timestamptz;
  low bigint;
  is_held boolean := false;
  used int := 0;
  users jsonb := '[]';
  before int;
  open_steps jsonb;
BEGIN
  SELECT j.state, j.queue, j.name::text AS name, j.scheduled_at, j.run_at, j.blocked,
         j.concurrency_key::text AS concurrency_key,
         greatest(j.concurrency_max, 1) AS max, j.priority, j.seq, j.position, j.waits, j.owner_id, j.owner_step,
         CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END AS open
    INTO found_job
    FROM "chancy".jobs j
   WHERE j.id = explain_2.job;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT q.state, q.resume_at, q.tags, q.rate_max, q.rate_per_ms
    INTO found_queue
    FROM "chancy".queues q
   WHERE q.name = found_job.queue;

  -- Backwards from the job: of a long queue the nearest are read, and never the head, where dead
  -- tuples may pile up.
  SELECT count(*)::int
    INTO before
    FROM (
      (SELECT 1
         FROM "chancy".jobs a
        WHERE a.queue = found_job.queue AND a.priority = found_job.priority
          AND a.position < found_job.position AND a.position IS NOT NULL AND a.claim_seq IS NULL AND a.state <> 'running'
        ORDER BY a.position DESC
        LIMIT bound)
      UNION ALL
      (SELECT 1
         FROM "chancy".jobs a
        WHERE a.queue = found_job.queue AND a.priority > found_job.priority
          AND a.position IS NOT NULL AND a.claim_seq IS NULL AND a.state <> 'running'
        ORDER BY a.priority, a.position DESC
        LIMIT bound)
      LIMIT bound) counted;

  IF found_job.waits = 'steps' THEN
    SELECT coalesce(jsonb_agg(o.waiting), '[]')
      INTO open_steps
      FROM (
        SELECT jsonb_build_object(
                 'step', p.name, 'job', p.job_id,
                 'state', CASE WHEN p.state = 'waiting' THEN 'waiting'
                               WHEN p.job_id IS NULL THEN 'running' ELSE coalesce(j.state, 'pending') END) AS waiting
          FROM "chancy".steps s
         CROSS JOIN LATERAL unnest(s.deps) AS d(n)
          JOIN "chancy".steps p ON p.owner_id = s.owner_id AND p.n = d.n
          LEFT JOIN LATERAL (SELECT k.state FROM "chancy".jobs k WHERE k.id = p.job_id OFFSET 0) j ON true
         WHERE s.owner_id = found_job.owner_id AND s.n = found_job.owner_step AND p.state IN ('waiting', 'open')
         ORDER BY p.name
         LIMIT 101) o;
  END IF;
  IF found_queue.rate_max IS NOT NULL AND found_queue.rate_per_ms > 0 THEN
    rate_per := make_interval(secs => found_queue.rate_per_ms / 1000);
    SELECT s.at + rate_per
      INTO next_start
      FROM "chancy".rate_starts s
     WHERE s.queue = found_job.queue AND s.at > at - rate_per
     ORDER BY s.at DESC
    OFFSET greatest(found_queue.rate_max, 1) - 1
     LIMIT 1;
  END IF;

  IF found_job.concurrency_key IS NOT NULL THEN
    SELECT max(g.scan_from)
      INTO low
      FROM "chancy".concurrency_groups g
     WHERE g.key = found_job.concurrency_key;
    SELECT count(*)::int, coalesce(jsonb_agg(h.id) FILTER (WHERE h.n <= 1000), '[]')
      INTO used, users
      FROM (
        SELECT k.id, row_number() OVER () AS n
          FROM (
            SELECT r.id
              FROM "chancy".jobs r
             WHERE r.concurrency_key = found_job.concurrency_key
               AND r.claim_seq >= coalesce(low, 0)
             ORDER BY r.claim_seq
             LIMIT greatest(found_job.max, 1000)) k) h;
    -- No job overtakes an older one of its group that is blocked.
    SELECT b.priority, b.seq
      INTO head
      FROM "chancy".jobs b
     WHERE b.blocked AND b.concurrency_key = found_job.concurrency_key
       AND b.queue = found_job.queue
     ORDER BY b.priority DESC, b.seq
     LIMIT 1;
    is_held := coalesce(head.priority > found_job.priority
                        OR (head.priority = found_job.priority AND head.seq < found_job.seq), false);
  END IF;

  RETURN QUERY
  SELECT found_job.state, found_job.queue, found_job.name,
         date_part('epoch', found_job.scheduled_at) * 1000,
         date_part('epoch', found_job.run_at) * 1000,
         found_job.blocked OR is_held, found_job.concurrency_key, found_job.max, used,
         users::text, before, found_queue.state,
         date_part('epoch', found_queue.resume_at) * 1000, found_queue.tags::text,
         found_queue.rate_max, found_queue.rate_per_ms,
         date_part('epoch', next_start) * 1000,
         coalesce((SELECT jsonb_agg(jsonb_build_object('id', w.id, 'label', w.label, 'tags', w.tags, 'names', w.names,
                                                       'queues', w.queues, 'refusals', w.refusals, 'paused', w.paused)
                                    ORDER BY w.started_at, w.id)
                     FROM "chancy".workers w
                    WHERE w.revoked_at IS NULL AND w.expires_at > at), '[]')::text, date_part('epoch', at) * 1000, found_job.waits,
         found_job.owner_id::text, coalesce(open_steps, found_job.open)::text;
END $function$;

CREATE OR REPLACE FUNCTION chancy.explain_queue_1(wanted_queue text, bound integer, max_scanned integer)
 RETURNS TABLE(queue_state text, ready integer, scheduled integer, backoff integer, parked integer, blocked integer, blocked_more boolean, running integer, running_more boolean, tags text, workers text, next_start_ms double precision)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT e.queue_state, e.ready, e.scheduled, e.backoff, e.parked, e.blocked, e.blocked_more, e.running, e.running_more,
         e.tags, e.workers, e.next_start_ms
    FROM "chancy".explain_queue_2(wanted_queue, bound, max_scanned) e;
END $function$;

CREATE OR REPLACE FUNCTION chancy.explain_queue_2(wanted_queue text, bound integer, max_scanned integer)
 RETURNS TABLE(queue_state text, ready integer, scheduled integer, backoff integer, parked integer, dependency integer, durable integer, blocked integer, blocked_more boolean, running integer, running_more boolean, tags text, workers text, next_start_ms double precision)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
 SET enable_sort TO 'off'
 SET enable_incremental_sort TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".clock_1();
  found_queue record;
  rate_per interval;
  next_start timestamptz;
  walked record;
  seen record;
BEGIN
  SELECT CASE WHEN q.state = 'paused' AND q.resume_at <= "chancy".now_1() THEN 'active' ELSE q.state END AS state,
         q.tags, q.rate_max, q.rate_per_ms
    INTO found_queue
    FROM "chancy".queues q
   WHERE q.name = wanted_queue;
  IF found_queue.rate_max IS NOT NULL AND found_queue.rate_per_ms > 0 THEN
    rate_per := make_interval(secs => found_queue.rate_per_ms / 1000);
    SELECT s.at + rate_per
      INTO next_start
      FROM "chancy".rate_starts s
     WHERE s.queue = wanted_queue AND s.at > at - rate_per
     ORDER BY s.at DESC
    OFFSET greatest(found_queue.rate_max, 1) - 1
     LIMIT 1;
  END IF;

  WITH RECURSIVE walk AS (
    SELECT ''::text COLLATE "C" AS key, 0 AS groups, 0 AS jobs
    UNION ALL
    SELECT n.key, walk.groups + 1, walk.jobs + c.jobs
      FROM walk
     CROSS JOIN LATERAL (
             SELECT b.concurrency_key AS key
               FROM "chancy".jobs b
              WHERE b.blocked AND b.concurrency_key > walk.key
              ORDER BY b.concurrency_key
              LIMIT 1) n
     CROSS JOIN LATERAL (
             SELECT count(*)::int AS jobs
               FROM (
                 SELECT 1
                   FROM "chancy".jobs j
                  WHERE j.blocked AND j.concurrency_key = n.key AND j.queue = wanted_queue
                  ORDER BY j.priority DESC, j.seq
                  LIMIT bound - walk.jobs) counted) c
     WHERE walk.groups <= max_scanned AND walk.jobs < bound
  )
  SELECT max(walk.jobs) AS jobs, max(walk.groups) > max_scanned AS more INTO walked FROM walk;

  -- A job that was claimed again by the same worker stands in two of its claims.
  SELECT count(DISTINCT r.id) FILTER (WHERE r.queue = wanted_queue)::int AS jobs,
         count(*) > max_scanned AS more
    INTO seen
    FROM (
      SELECT j.queue, i.id
        FROM (
          SELECT i.id, c.worker_id
            FROM "chancy".claims c
           CROSS JOIN LATERAL unnest(c.ids) AS i(id)
           ORDER BY c.worker_id, c.claim_seq
           LIMIT max_scanned + 1) i
        LEFT JOIN LATERAL (
               SELECT k.queue FROM "chancy".jobs k
                WHERE k.id = i.id AND k.state = 'running' AND k.worker_id = i.worker_id
               OFFSET 0) j ON true) r;

  RETURN QUERY
  SELECT found_queue.state,
         (SELECT count(*)::int
            FROM (
              SELECT 1
                FROM "chancy".jobs j
               WHERE j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
               ORDER BY j.priority DESC, j.position
               LIMIT bound) counted),
         (SELECT count(*)::int
            FROM (
              SELECT 1
                FROM "chancy".jobs j
               WHERE j.queue = wanted_queue
                 AND j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.waits IS NULL
                 AND j.seq IS NULL
               ORDER BY j.seq
               LIMIT bound) counted),
         (SELECT count(*)::int
            FROM (
              SELECT 1
                FROM "chancy".jobs j
               WHERE j.queue = wanted_queue
                 AND j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.waits IS NULL
                 AND j.seq IS NOT NULL
               ORDER BY j.seq
               LIMIT bound) counted),
         (SELECT count(*)::int
            FROM (
              SELECT 1
                FROM "chancy".jobs j
               WHERE j.queue = wanted_queue AND j.parked
               ORDER BY j.name, j.priority DESC, j.seq
               LIMIT bound) counted),
         (SELECT count(*)::int
            FROM (
              SELECT 1
                FROM "chancy".jobs j
               WHERE j.queue = wanted_queue AND j.waits = 'steps'
               ORDER BY j.id
               LIMIT bound) counted),
         (SELECT count(*)::int
            FROM (
              SELECT 1
                FROM "chancy".jobs j
               WHERE j.queue = wanted_queue AND j.waits = 'wait'
               ORDER BY j.id
               LIMIT bound) counted),
         walked.jobs, walked.more, seen.jobs, seen.more, found_queue.tags::text,
         coalesce((SELECT jsonb_agg(jsonb_build_object('id', w.id, 'label', w.label, 'tags', w.tags, 'names', w.names,
                                                       'queues', w.queues, 'refusals', w.refusals, 'paused', w.paused)
                                    ORDER BY w.started_at, w.id)
                     FROM "chancy".workers w
                    WHERE w.revoked_at IS NULL AND w.expires_at > at), '[]')::text, date_part('epoch', next_start) * 1000;
END $function$;

CREATE OR REPLACE FUNCTION chancy.failures_add_1(entries jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET jit TO 'off'
AS $function$
BEGIN
  INSERT INTO "chancy"."failures_groups" AS g (
         fingerprint, name, kind, error, message, frames, first_version, last_version, first_at, last_at, total, samples)
  SELECT e.f, e.name, e.kind, e.error, e.message, e.frames, e.version, e.version,
         to_timestamp(e.first / 1000), to_timestamp(e.last / 1000), e.n,
         ARRAY(SELECT s.id FROM unnest(e.samples) WITH ORDINALITY AS s(id, at) ORDER BY s.at DESC)
    FROM jsonb_to_recordset(entries)
           AS e(f bigint, name text, kind text, error text, message text, frames text[], version text, first float8,
                last float8, n bigint, samples uuid[])
   ORDER BY e.f
  ON CONFLICT (fingerprint) DO UPDATE
     SET message = excluded.message, total = g.total + excluded.total,
         first_at = least(g.first_at, excluded.first_at), last_at = greatest(g.last_at, excluded.last_at),
         last_version = coalesce(excluded.last_version, g.last_version),
         samples = (ARRAY(SELECT x.id
                            FROM (SELECT s.id, min(s.at) AS at
                                    FROM unnest(excluded.samples || g.samples) WITH ORDINALITY AS s(id, at)
                                   GROUP BY s.id) x
                           ORDER BY x.at))[1:5],
         -- What failed before it was resolved, and is written later, does not open it.
         again = g.again + CASE WHEN g.state = 'resolved' AND excluded.last_at > g.state_at THEN 1 ELSE 0 END,
         state = CASE WHEN g.state = 'resolved' AND excluded.last_at > g.state_at THEN 'open' ELSE g.state END;

  INSERT INTO "chancy"."failures_hours" AS h (fingerprint, hour, queue, n)
  SELECT e.f, to_timestamp((x.value ->> 0)::float8 / 1000), x.value ->> 1, (x.value ->> 2)::int
    FROM jsonb_to_recordset(entries) AS e(f bigint, hours jsonb)
   CROSS JOIN LATERAL jsonb_array_elements(e.hours) AS x(value)
   ORDER BY 1, 2, 3
  ON CONFLICT (fingerprint, hour, queue) DO UPDATE SET n = h.n + excluded.n;
END $function$;

CREATE OR REPLACE FUNCTION chancy.filled_1(owner uuid, value jsonb, holes jsonb, which text DEFAULT 'all'::text, item jsonb DEFAULT NULL::jsonb, index integer DEFAULT NULL::integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  hole jsonb;
  source jsonb;
  place text[];
  path text[];
  content jsonb;
BEGIN
  FOR hole IN SELECT h FROM jsonb_array_elements(holes) AS h LOOP
    source := hole -> 'from';
    CONTINUE WHEN which <> 'all' AND (which = 'steps') <> (jsonb_typeof(source) = 'number');
    place := ARRAY(SELECT jsonb_array_elements_text(hole -> 'at'));
    path := ARRAY(SELECT jsonb_array_elements_text(hole -> 'path'));
    content := coalesce(
      CASE WHEN jsonb_typeof(source) = 'number' THEN "chancy".output_1(owner, source::int, path)
           WHEN source = '"item"' THEN item #> path
           ELSE to_jsonb(index) END, 'null');
    value := CASE WHEN cardinality(place) = 0 THEN content ELSE jsonb_set(value, place, content, false) END;
  END LOOP;
  -- A text of so few bytes is never longer than that.
  IF pg_column_size(value) > 100000 AND octet_length(value::text) > 1048576 THEN
    RAISE EXCEPTION 'The value is larger than 1 MiB' USING ERRCODE = 'CH004';
  END IF;
  RETURN value;
END $function$;

CREATE OR REPLACE FUNCTION chancy.find_jobs_1(filter jsonb, after jsonb, size integer, budget_ms double precision)
 RETURNS TABLE(id uuid, place jsonb)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_sort TO 'off'
 SET enable_partitionwise_join TO 'off'
 SET max_parallel_workers_per_gather TO '0'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  f record;
  one record;
  day record;
  failed refcursor;
  cancelled refcursor;
  next_failed record;
  next_cancelled record;
  deadline timestamptz := "chancy".clock_1() + budget_ms * interval '1 millisecond';
  section text := coalesce(after ->> 's', '');
  scanned int := 0;
  shown int := 0;
  is_live boolean;
  is_history boolean;
  known uuid[];
  of_queue text;
  of_name text;
  low uuid;
  high uuid;
  since timestamptz;
  until timestamptz;
  open_from timestamptz;
  after_at timestamptz;
  after_id uuid;
BEGIN
  SELECT * INTO f
    FROM jsonb_to_record(filter) AS r(
           path text, live boolean, history boolean, known uuid[], low uuid, high uuid,
           since float8, until float8, of_queue text, of_name text, of_workers uuid[], of_uniques text[],
           of_workflows uuid[], is_running boolean,
           states text[], queues text[], not_queues text[], seen_queues text[], names text[], not_names text[],
           id_lows uuid[], id_highs uuid[], not_id_lows uuid[], not_id_highs uuid[],
           groups text[], not_groups text[], uniques text[], not_uniques text[],
           workers uuid[], not_workers uuid[], workflows uuid[], not_workflows uuid[],
           failures bigint[], not_failures bigint[], kinds text[], not_kinds text[], created float8[],
           scheduled float8[], scheduled_null boolean, started float8[], started_null boolean,
           finished float8[], finished_null boolean, wait float8[], wait_null boolean,
           wall float8[], wall_null boolean, cpu float8[], cpu_null boolean,
           memory float8[], memory_null boolean, attempts float8[], priority float8[],
           args jsonpath, meta jsonpath);
  is_live := f.live;
  is_history := f.history;
  of_queue := f.of_queue;
  low := coalesce(f.low, '00000000-0000-0000-0000-000000000000');
  high := coalesce(f.high, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  since := coalesce(to_timestamp(f.since / 1000), '-infinity');
  -- Partitions are created ahead. A clock that is set back leaves rows in the future.
  until := coalesce(to_timestamp(f.until / 1000), "chancy".clock_1() + interval '1 day');
  after_id := (after ->> 'id')::uuid;

  IF f.path = 'line' THEN
    FOR one IN
      SELECT j.id, j.priority, j.position, (f.states IS NULL OR j.state = ANY (f.states))
                                           AND (f.queues IS NULL OR j.queue = ANY (f.queues))
                                           AND (f.not_queues IS NULL OR j.queue <> ALL (f.not_queues))
                                           AND (f.seen_queues IS NULL OR j.queue LIKE ANY (f.seen_queues))
                                           AND (f.names IS NULL OR j.name::text LIKE ANY (f.names))
                                           AND (f.not_names IS NULL OR j.name::text NOT LIKE ALL (f.not_names))
                                           AND (f.id_lows IS NULL OR EXISTS (
                                                 SELECT 1 FROM unnest(f.id_lows, f.id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                                           AND (f.not_id_lows IS NULL OR NOT EXISTS (
                                                 SELECT 1 FROM unnest(f.not_id_lows, f.not_id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                                           AND (f.groups IS NULL OR j.concurrency_key::text = ANY (f.groups))
                                           AND (f.not_groups IS NULL OR coalesce(j.concurrency_key::text <> ALL (f.not_groups), true))
                                           AND (f.uniques IS NULL OR j.unique_key = ANY (f.uniques))
                                           AND (f.not_uniques IS NULL OR coalesce(j.unique_key <> ALL (f.not_uniques), true))
                                           AND (f.workers IS NULL OR j.worker_id = ANY (f.workers))
                                           AND (f.not_workers IS NULL OR coalesce(j.worker_id <> ALL (f.not_workers), true))
                                           AND (f.workflows IS NULL OR (j.owner_id = ANY (f.workflows) AND j.owner_step IS NOT NULL))
                                           AND (f.not_workflows IS NULL OR j.owner_step IS NULL OR coalesce(j.owner_id <> ALL (f.not_workflows), true))
                                           AND (f.failures IS NULL OR j.fingerprint = ANY (f.failures))
                                           AND (f.not_failures IS NULL OR coalesce(j.fingerprint <> ALL (f.not_failures), true))
                                           AND (f.kinds IS NULL OR j.errors -> (-1) ->> 'kind' = ANY (f.kinds))
                                           AND (f.not_kinds IS NULL OR coalesce(j.errors -> (-1) ->> 'kind' <> ALL (f.not_kinds), true))
                                           AND (f.created IS NULL OR width_bucket(date_part('epoch', j.created_at) * 1000, f.created) % 2 = 1)
                                           AND (f.scheduled IS NULL
                                                OR coalesce(width_bucket(date_part('epoch', j.scheduled_at) * 1000, f.scheduled) % 2 = 1, f.scheduled_null))
                                           AND (f.started IS NULL
                                                OR coalesce(width_bucket(date_part('epoch', j.started_at) * 1000, f.started) % 2 = 1, f.started_null))
                                           AND (f.wait IS NULL
                                                OR coalesce(width_bucket((date_part('epoch', j.started_at)
                                                                          - date_part('epoch', greatest(j.created_at, j.scheduled_at))) * 1000, f.wait) % 2 = 1,
                                                            f.wait_null))
                                           AND (f.attempts IS NULL OR width_bucket(j.attempts::float8, f.attempts) % 2 = 1)
                                           AND (f.priority IS NULL OR width_bucket(j.priority::float8, f.priority) % 2 = 1)
                                           AND (f.args IS NULL OR j.args @@ f.args)
                                           AND (f.meta IS NULL OR coalesce(j.meta, '{}') @@ f.meta)
                                           AND (f.finished IS NULL OR f.finished_null)
                                           AND (f.wall IS NULL OR f.wall_null)
                                           AND (f.cpu IS NULL OR f.cpu_null)
                                           AND (f.memory IS NULL OR f.memory_null) AS fits
        FROM "chancy".jobs j
       WHERE j.queue = f.of_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL
         AND (after IS NULL OR (j.priority <= (after ->> 'p')::int
              AND (j.priority < (after ->> 'p')::int OR j.position > (after ->> 'q')::bigint)))
       ORDER BY j.priority DESC, j.position
    LOOP
      scanned := scanned + 1;
      IF one.fits THEN
        id := one.id;
        place := jsonb_build_object('p', one.priority, 'q', one.position);
        RETURN NEXT;
        shown := shown + 1;
        IF shown >= size THEN
          RETURN;
        END IF;
      END IF;
      IF scanned % 256 = 0 AND "chancy".clock_1() > deadline THEN
        id := NULL;
        place := jsonb_build_object('p', one.priority, 'q', one.position);
        RETURN NEXT;
        RETURN;
      END IF;
    END LOOP;
    RETURN;
  END IF;

  IF f.path = 'due' THEN
    after_at := (after ->> 'at')::timestamptz;
    FOR one IN
      SELECT j.id, j.run_at, (f.states IS NULL OR j.state = ANY (f.states))
                             AND (f.queues IS NULL OR j.queue = ANY (f.queues))
                             AND (f.not_queues IS NULL OR j.queue <> ALL (f.not_queues))
                             AND (f.seen_queues IS NULL OR j.queue LIKE ANY (f.seen_queues))
                             AND (f.names IS NULL OR j.name::text LIKE ANY (f.names))
                             AND (f.not_names IS NULL OR j.name::text NOT LIKE ALL (f.not_names))
                             AND (f.id_lows IS NULL OR EXISTS (
                                   SELECT 1 FROM unnest(f.id_lows, f.id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                             AND (f.not_id_lows IS NULL OR NOT EXISTS (
                                   SELECT 1 FROM unnest(f.not_id_lows, f.not_id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                             AND (f.groups IS NULL OR j.concurrency_key::text = ANY (f.groups))
                             AND (f.not_groups IS NULL OR coalesce(j.concurrency_key::text <> ALL (f.not_groups), true))
                             AND (f.uniques IS NULL OR j.unique_key = ANY (f.uniques))
                             AND (f.not_uniques IS NULL OR coalesce(j.unique_key <> ALL (f.not_uniques), true))
                             AND (f.workers IS NULL OR j.worker_id = ANY (f.workers))
                             AND (f.not_workers IS NULL OR coalesce(j.worker_id <> ALL (f.not_workers), true))
                             AND (f.workflows IS NULL OR (j.owner_id = ANY (f.workflows) AND j.owner_step IS NOT NULL))
                             AND (f.not_workflows IS NULL OR j.owner_step IS NULL OR coalesce(j.owner_id <> ALL (f.not_workflows), true))
                             AND (f.failures IS NULL OR j.fingerprint = ANY (f.failures))
                             AND (f.not_failures IS NULL OR coalesce(j.fingerprint <> ALL (f.not_failures), true))
                             AND (f.kinds IS NULL OR j.errors -> (-1) ->> 'kind' = ANY (f.kinds))
                             AND (f.not_kinds IS NULL OR coalesce(j.errors -> (-1) ->> 'kind' <> ALL (f.not_kinds), true))
                             AND (f.created IS NULL OR width_bucket(date_part('epoch', j.created_at) * 1000, f.created) % 2 = 1)
                             AND (f.scheduled IS NULL
                                  OR coalesce(width_bucket(date_part('epoch', j.scheduled_at) * 1000, f.scheduled) % 2 = 1, f.scheduled_null))
                             AND (f.started IS NULL
                                  OR coalesce(width_bucket(date_part('epoch', j.started_at) * 1000, f.started) % 2 = 1, f.started_null))
                             AND (f.wait IS NULL
                                  OR coalesce(width_bucket((date_part('epoch', j.started_at)
                                                            - date_part('epoch', greatest(j.created_at, j.scheduled_at))) * 1000, f.wait) % 2 = 1,
                                              f.wait_null))
                             AND (f.attempts IS NULL OR width_bucket(j.attempts::float8, f.attempts) % 2 = 1)
                             AND (f.priority IS NULL OR width_bucket(j.priority::float8, f.priority) % 2 = 1)
                             AND (f.args IS NULL OR j.args @@ f.args)
                             AND (f.meta IS NULL OR coalesce(j.meta, '{}') @@ f.meta)
                             AND (f.finished IS NULL OR f.finished_null)
                             AND (f.wall IS NULL OR f.wall_null)
                             AND (f.cpu IS NULL OR f.cpu_null)
                             AND (f.memory IS NULL OR f.memory_null) AS fits
        FROM "chancy".jobs j
       WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked
         AND (after IS NULL OR (j.run_at >= after_at AND (j.run_at > after_at OR j.id > after_id)))
       ORDER BY j.run_at, j.id
    LOOP
      scanned := scanned + 1;
      IF one.fits THEN
        id := one.id;
        place := jsonb_build_object('at', one.run_at, 'id', one.id);
        RETURN NEXT;
        shown := shown + 1;
        IF shown >= size THEN
          RETURN;
        END IF;
      END IF;
      IF scanned % 256 = 0 AND "chancy".clock_1() > deadline THEN
        id := NULL;
        place := jsonb_build_object('at', one.run_at, 'id', one.id);
        RETURN NEXT;
        RETURN;
      END IF;
    END LOOP;
    RETURN;
  END IF;

  IF f.path = 'ended' THEN
    after_at := coalesce((after ->> 'at')::timestamptz, 'infinity');
    until := least(until, after_at + interval '1 microsecond');
    -- Two scans, each in the order of its index: over both states together there is no such order.
    OPEN failed FOR
      SELECT j.id, j.finished_at, (f.states IS NULL OR j.state = ANY (f.states))
                                  AND (f.queues IS NULL OR j.queue = ANY (f.queues))
                                  AND (f.not_queues IS NULL OR j.queue <> ALL (f.not_queues))
                                  AND (f.seen_queues IS NULL OR j.queue LIKE ANY (f.seen_queues))
                                  AND (f.names IS NULL OR j.name::text LIKE ANY (f.names))
                                  AND (f.not_names IS NULL OR j.name::text NOT LIKE ALL (f.not_names))
                                  AND (f.id_lows IS NULL OR EXISTS (
                                        SELECT 1 FROM unnest(f.id_lows, f.id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                                  AND (f.not_id_lows IS NULL OR NOT EXISTS (
                                        SELECT 1 FROM unnest(f.not_id_lows, f.not_id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                                  AND (f.groups IS NULL OR j.concurrency_key::text = ANY (f.groups))
                                  AND (f.not_groups IS NULL OR coalesce(j.concurrency_key::text <> ALL (f.not_groups), true))
                                  AND (f.uniques IS NULL OR j.unique_key = ANY (f.uniques))
                                  AND (f.not_uniques IS NULL OR coalesce(j.unique_key <> ALL (f.not_uniques), true))
                                  AND (f.workers IS NULL OR j.worker_id = ANY (f.workers))
                                  AND (f.not_workers IS NULL OR coalesce(j.worker_id <> ALL (f.not_workers), true))
                                  AND (f.workflows IS NULL OR (j.owner_id = ANY (f.workflows) AND j.owner_step IS NOT NULL))
                                  AND (f.not_workflows IS NULL OR j.owner_step IS NULL OR coalesce(j.owner_id <> ALL (f.not_workflows), true))
                                  AND (f.failures IS NULL OR j.fingerprint = ANY (f.failures))
                                  AND (f.not_failures IS NULL OR coalesce(j.fingerprint <> ALL (f.not_failures), true))
                                  AND (f.kinds IS NULL OR j.errors -> (-1) ->> 'kind' = ANY (f.kinds))
                                  AND (f.not_kinds IS NULL OR coalesce(j.errors -> (-1) ->> 'kind' <> ALL (f.not_kinds), true))
                                  AND (f.created IS NULL OR width_bucket(date_part('epoch', j.created_at) * 1000, f.created) % 2 = 1)
                                  AND (f.scheduled IS NULL
                                       OR coalesce(width_bucket(date_part('epoch', j.scheduled_at) * 1000, f.scheduled) % 2 = 1, f.scheduled_null))
                                  AND (f.started IS NULL
                                       OR coalesce(width_bucket(date_part('epoch', j.started_at) * 1000, f.started) % 2 = 1, f.started_null))
                                  AND (f.wait IS NULL
                                       OR coalesce(width_bucket((date_part('epoch', j.started_at)
                                                                 - date_part('epoch', greatest(j.created_at, j.scheduled_at))) * 1000, f.wait) % 2 = 1,
                                                   f.wait_null))
                                  AND (f.attempts IS NULL OR width_bucket(j.attempts::float8, f.attempts) % 2 = 1)
                                  AND (f.priority IS NULL OR width_bucket(j.priority::float8, f.priority) % 2 = 1)
                                  AND (f.args IS NULL OR j.args @@ f.args)
                                  AND (f.meta IS NULL OR coalesce(j.meta, '{}') @@ f.meta)
                                  AND (f.finished IS NULL OR width_bucket(date_part('epoch', j.finished_at) * 1000, f.finished) % 2 = 1)
                                  AND (f.wall IS NULL OR coalesce(width_bucket(j.wall_ms, f.wall) % 2 = 1, f.wall_null))
                                  AND (f.cpu IS NULL OR coalesce(width_bucket(j.cpu_ms, f.cpu) % 2 = 1, f.cpu_null))
                                  AND (f.memory IS NULL OR coalesce(width_bucket(j.peak_bytes, f.memory) % 2 = 1, f.memory_null)) AS fits
        FROM "chancy".finished_jobs j
       WHERE j.state = 'failed' AND 'failed' = ANY (f.states) AND j.finished_at >= since AND j.finished_at < until
         AND (after IS NULL OR (j.finished_at, j.id) < (after_at, after_id))
       ORDER BY j.finished_at DESC, j.id DESC;
    OPEN cancelled FOR
      SELECT j.id, j.finished_at, (f.states IS NULL OR j.state = ANY (f.states))
                                  AND (f.queues IS NULL OR j.queue = ANY (f.queues))
                                  AND (f.not_queues IS NULL OR j.queue <> ALL (f.not_queues))
                                  AND (f.seen_queues IS NULL OR j.queue LIKE ANY (f.seen_queues))
                                  AND (f.names IS NULL OR j.name::text LIKE ANY (f.names))
                                  AND (f.not_names IS NULL OR j.name::text NOT LIKE ALL (f.not_names))
                                  AND (f.id_lows IS NULL OR EXISTS (
                                        SELECT 1 FROM unnest(f.id_lows, f.id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                                  AND (f.not_id_lows IS NULL OR NOT EXISTS (
                                        SELECT 1 FROM unnest(f.not_id_lows, f.not_id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                                  AND (f.groups IS NULL OR j.concurrency_key::text = ANY (f.groups))
                                  AND (f.not_groups IS NULL OR coalesce(j.concurrency_key::text <> ALL (f.not_groups), true))
                                  AND (f.uniques IS NULL OR j.unique_key = ANY (f.uniques))
                                  AND (f.not_uniques IS NULL OR coalesce(j.unique_key <> ALL (f.not_uniques), true))
                                  AND (f.workers IS NULL OR j.worker_id = ANY (f.workers))
                                  AND (f.not_workers IS NULL OR coalesce(j.worker_id <> ALL (f.not_workers), true))
                                  AND (f.workflows IS NULL OR (j.owner_id = ANY (f.workflows) AND j.owner_step IS NOT NULL))
                                  AND (f.not_workflows IS NULL OR j.owner_step IS NULL OR coalesce(j.owner_id <> ALL (f.not_workflows), true))
                                  AND (f.failures IS NULL OR j.fingerprint = ANY (f.failures))
                                  AND (f.not_failures IS NULL OR coalesce(j.fingerprint <> ALL (f.not_failures), true))
                                  AND (f.kinds IS NULL OR j.errors -> (-1) ->> 'kind' = ANY (f.kinds))
                                  AND (f.not_kinds IS NULL OR coalesce(j.errors -> (-1) ->> 'kind' <> ALL (f.not_kinds), true))
                                  AND (f.created IS NULL OR width_bucket(date_part('epoch', j.created_at) * 1000, f.created) % 2 = 1)
                                  AND (f.scheduled IS NULL
                                       OR coalesce(width_bucket(date_part('epoch', j.scheduled_at) * 1000, f.scheduled) % 2 = 1, f.scheduled_null))
                                  AND (f.started IS NULL
                                       OR coalesce(width_bucket(date_part('epoch', j.started_at) * 1000, f.started) % 2 = 1, f.started_null))
                                  AND (f.wait IS NULL
                                       OR coalesce(width_bucket((date_part('epoch', j.started_at)
                                                                 - date_part('epoch', greatest(j.created_at, j.scheduled_at))) * 1000, f.wait) % 2 = 1,
                                                   f.wait_null))
                                  AND (f.attempts IS NULL OR width_bucket(j.attempts::float8, f.attempts) % 2 = 1)
                                  AND (f.priority IS NULL OR width_bucket(j.priority::float8, f.priority) % 2 = 1)
                                  AND (f.args IS NULL OR j.args @@ f.args)
                                  AND (f.meta IS NULL OR coalesce(j.meta, '{}') @@ f.meta)
                                  AND (f.finished IS NULL OR width_bucket(date_part('epoch', j.finished_at) * 1000, f.finished) % 2 = 1)
                                  AND (f.wall IS NULL OR coalesce(width_bucket(j.wall_ms, f.wall) % 2 = 1, f.wall_null))
                                  AND (f.cpu IS NULL OR coalesce(width_bucket(j.cpu_ms, f.cpu) % 2 = 1, f.cpu_null))
                                  AND (f.memory IS NULL OR coalesce(width_bucket(j.peak_bytes, f.memory) % 2 = 1, f.memory_null)) AS fits
        FROM "chancy".finished_jobs j
       WHERE j.state = 'cancelled' AND 'cancelled' = ANY (f.states) AND j.finished_at >= since AND j.finished_at < until
         AND (after IS NULL OR (j.finished_at, j.id) < (after_at, after_id))
       ORDER BY j.finished_at DESC, j.id DESC;
    FETCH failed INTO next_failed;
    FETCH cancelled INTO next_cancelled;
    WHILE next_failed.id IS NOT NULL OR next_cancelled.id IS NOT NULL LOOP
      IF next_cancelled.id IS NULL
         OR (next_failed.finished_at, next_failed.id) > (next_cancelled.finished_at, next_cancelled.id) THEN
        one := next_failed;
        FETCH failed INTO next_failed;
      ELSE
        one := next_cancelled;
        FETCH cancelled INTO next_cancelled;
      END IF;
      scanned := scanned + 1;
      IF one.fits THEN
        id := one.id;
        place := jsonb_build_object('at', one.finished_at, 'id', one.id);
        RETURN NEXT;
        shown := shown + 1;
        IF shown >= size THEN
          RETURN;
        END IF;
      END IF;
      IF scanned % 256 = 0 AND "chancy".clock_1() > deadline THEN
        id := NULL;
        place := jsonb_build_object('at', one.finished_at, 'id', one.id);
        RETURN NEXT;
        RETURN;
      END IF;
    END LOOP;
    RETURN;
  END IF;

  known := f.known;
  IF f.is_running THEN
    -- Among many that wait no index has the few that run, but claims know them.
    known := ARRAY(SELECT DISTINCT unnest(c.ids) FROM "chancy".claims c);
  ELSIF f.of_workers IS NOT NULL THEN
    known := ARRAY(SELECT DISTINCT unnest(c.ids) FROM "chancy".claims c WHERE c.worker_id = ANY (f.of_workers));
  ELSIF f.of_uniques IS NOT NULL THEN
    known := ARRAY(SELECT j.id FROM "chancy".jobs j WHERE j.unique_key = ANY (f.of_uniques));
  ELSIF f.of_workflows IS NOT NULL THEN
    known := ARRAY(SELECT s.job_id FROM "chancy".steps s
                    WHERE s.owner_id = ANY (f.of_workflows) AND s.job_id IS NOT NULL);
  END IF;
  IF known IS NOT NULL AND section IN ('', 'ids') THEN
    FOR one IN
      SELECT u.id, u.fits
        FROM (
          SELECT j.id, (f.states IS NULL OR j.state = ANY (f.states))
                       AND (f.queues IS NULL OR j.queue = ANY (f.queues))
                       AND (f.not_queues IS NULL OR j.queue <> ALL (f.not_queues))
                       AND (f.seen_queues IS NULL OR j.queue LIKE ANY (f.seen_queues))
                       AND (f.names IS NULL OR j.name::text LIKE ANY (f.names))
                       AND (f.not_names IS NULL OR j.name::text NOT LIKE ALL (f.not_names))
                       AND (f.id_lows IS NULL OR EXISTS (
                             SELECT 1 FROM unnest(f.id_lows, f.id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                       AND (f.not_id_lows IS NULL OR NOT EXISTS (
                             SELECT 1 FROM unnest(f.not_id_lows, f.not_id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                       AND (f.groups IS NULL OR j.concurrency_key::text = ANY (f.groups))
                       AND (f.not_groups IS NULL OR coalesce(j.concurrency_key::text <> ALL (f.not_groups), true))
                       AND (f.uniques IS NULL OR j.unique_key = ANY (f.uniques))
                       AND (f.not_uniques IS NULL OR coalesce(j.unique_key <> ALL (f.not_uniques), true))
                       AND (f.workers IS NULL OR j.worker_id = ANY (f.workers))
                       AND (f.not_workers IS NULL OR coalesce(j.worker_id <> ALL (f.not_workers), true))
                       AND (f.workflows IS NULL OR (j.owner_id = ANY (f.workflows) AND j.owner_step IS NOT NULL))
                       AND (f.not_workflows IS NULL OR j.owner_step IS NULL OR coalesce(j.owner_id <> ALL (f.not_workflows), true))
                       AND (f.failures IS NULL OR j.fingerprint = ANY (f.failures))
                       AND (f.not_failures IS NULL OR coalesce(j.fingerprint <> ALL (f.not_failures), true))
                       AND (f.kinds IS NULL OR j.errors -> (-1) ->> 'kind' = ANY (f.kinds))
                       AND (f.not_kinds IS NULL OR coalesce(j.errors -> (-1) ->> 'kind' <> ALL (f.not_kinds), true))
                       AND (f.created IS NULL OR width_bucket(date_part('epoch', j.created_at) * 1000, f.created) % 2 = 1)
                       AND (f.scheduled IS NULL
                            OR coalesce(width_bucket(date_part('epoch', j.scheduled_at) * 1000, f.scheduled) % 2 = 1, f.scheduled_null))
                       AND (f.started IS NULL
                            OR coalesce(width_bucket(date_part('epoch', j.started_at) * 1000, f.started) % 2 = 1, f.started_null))
                       AND (f.wait IS NULL
                            OR coalesce(width_bucket((date_part('epoch', j.started_at)
                                                      - date_part('epoch', greatest(j.created_at, j.scheduled_at))) * 1000, f.wait) % 2 = 1,
                                        f.wait_null))
                       AND (f.attempts IS NULL OR width_bucket(j.attempts::float8, f.attempts) % 2 = 1)
                       AND (f.priority IS NULL OR width_bucket(j.priority::float8, f.priority) % 2 = 1)
                       AND (f.args IS NULL OR j.args @@ f.args)
                       AND (f.meta IS NULL OR coalesce(j.meta, '{}') @@ f.meta)
                       AND (f.finished IS NULL OR f.finished_null)
                       AND (f.wall IS NULL OR f.wall_null)
                       AND (f.cpu IS NULL OR f.cpu_null)
                       AND (f.memory IS NULL OR f.memory_null) AS fits
            FROM "chancy".jobs j
           WHERE j.id = ANY (known) AND (f.of_workers IS NULL OR j.state = 'running')
          UNION ALL
          SELECT j.id, (f.states IS NULL OR j.state = ANY (f.states))
                       AND (f.queues IS NULL OR j.queue = ANY (f.queues))
                       AND (f.not_queues IS NULL OR j.queue <> ALL (f.not_queues))
                       AND (f.seen_queues IS NULL OR j.queue LIKE ANY (f.seen_queues))
                       AND (f.names IS NULL OR j.name::text LIKE ANY (f.names))
                       AND (f.not_names IS NULL OR j.name::text NOT LIKE ALL (f.not_names))
                       AND (f.id_lows IS NULL OR EXISTS (
                             SELECT 1 FROM unnest(f.id_lows, f.id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                       AND (f.not_id_lows IS NULL OR NOT EXISTS (
                             SELECT 1 FROM unnest(f.not_id_lows, f.not_id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                       AND (f.groups IS NULL OR j.concurrency_key::text = ANY (f.groups))
                       AND (f.not_groups IS NULL OR coalesce(j.concurrency_key::text <> ALL (f.not_groups), true))
                       AND (f.uniques IS NULL OR j.unique_key = ANY (f.uniques))
                       AND (f.not_uniques IS NULL OR coalesce(j.unique_key <> ALL (f.not_uniques), true))
                       AND (f.workers IS NULL OR j.worker_id = ANY (f.workers))
                       AND (f.not_workers IS NULL OR coalesce(j.worker_id <> ALL (f.not_workers), true))
                       AND (f.workflows IS NULL OR (j.owner_id = ANY (f.workflows) AND j.owner_step IS NOT NULL))
                       AND (f.not_workflows IS NULL OR j.owner_step IS NULL OR coalesce(j.owner_id <> ALL (f.not_workflows), true))
                       AND (f.failures IS NULL OR j.fingerprint = ANY (f.failures))
                       AND (f.not_failures IS NULL OR coalesce(j.fingerprint <> ALL (f.not_failures), true))
                       AND (f.kinds IS NULL OR j.errors -> (-1) ->> 'kind' = ANY (f.kinds))
                       AND (f.not_kinds IS NULL OR coalesce(j.errors -> (-1) ->> 'kind' <> ALL (f.not_kinds), true))
                       AND (f.created IS NULL OR width_bucket(date_part('epoch', j.created_at) * 1000, f.created) % 2 = 1)
                       AND (f.scheduled IS NULL
                            OR coalesce(width_bucket(date_part('epoch', j.scheduled_at) * 1000, f.scheduled) % 2 = 1, f.scheduled_null))
                       AND (f.started IS NULL
                            OR coalesce(width_bucket(date_part('epoch', j.started_at) * 1000, f.started) % 2 = 1, f.started_null))
                       AND (f.wait IS NULL
                            OR coalesce(width_bucket((date_part('epoch', j.started_at)
                                                      - date_part('epoch', greatest(j.created_at, j.scheduled_at))) * 1000, f.wait) % 2 = 1,
                                        f.wait_null))
                       AND (f.attempts IS NULL OR width_bucket(j.attempts::float8, f.attempts) % 2 = 1)
                       AND (f.priority IS NULL OR width_bucket(j.priority::float8, f.priority) % 2 = 1)
                       AND (f.args IS NULL OR j.args @@ f.args)
                       AND (f.meta IS NULL OR coalesce(j.meta, '{}') @@ f.meta)
                       AND (f.finished IS NULL OR width_bucket(date_part('epoch', j.finished_at) * 1000, f.finished) % 2 = 1)
                       AND (f.wall IS NULL OR coalesce(width_bucket(j.wall_ms, f.wall) % 2 = 1, f.wall_null))
                       AND (f.cpu IS NULL OR coalesce(width_bucket(j.cpu_ms, f.cpu) % 2 = 1, f.cpu_null))
                       AND (f.memory IS NULL OR coalesce(width_bucket(j.peak_bytes, f.memory) % 2 = 1, f.memory_null)) AS fits
            FROM "chancy".finished_jobs j
           WHERE f.of_workers IS NULL AND f.of_uniques IS NULL AND NOT f.is_running
             AND j.id = ANY (known)) u
       WHERE after_id IS NULL OR u.id < after_id
       ORDER BY u.id DESC
    LOOP
      scanned := scanned + 1;
      IF one.fits THEN
        id := one.id;
        place := jsonb_build_object('s', 'ids', 'id', one.id);
        RETURN NEXT;
        shown := shown + 1;
        IF shown >= size THEN
          RETURN;
        END IF;
      END IF;
      IF scanned % 256 = 0 AND "chancy".clock_1() > deadline THEN
        id := NULL;
        place := jsonb_build_object('s', 'ids', 'id', one.id);
        RETURN NEXT;
        RETURN;
      END IF;
    END LOOP;
    after_id := NULL;
  END IF;
  IF f.path = 'ids' THEN
    RETURN;
  END IF;
  -- What the index has given is no part of the walk behind it.
  IF f.of_uniques IS NOT NULL THEN
    is_live := false;
  END IF;

  IF after ? 'o' THEN
    -- An index may have been made since the page before.
    open_from := (after ->> 'o')::timestamptz;
  ELSIF f.path IN ('name', 'args') AND is_history THEN
    SELECT max(d.day) INTO open_from FROM "chancy".indexed_days_1(f.path) d WHERE d.is_indexed;
    -- The days behind the last one that has the index.
    open_from := coalesce(open_from + interval '1 day', '-infinity');
  ELSE
    open_from := '-infinity';
  END IF;

  IF section IN ('', 'ids', 'walk') THEN
    since := greatest(since, open_from);
    FOR one IN
      SELECT u.id, u.fits
        FROM (
          SELECT j.id, j.state, of_queue AS queue, since AS finished_at, is_live AS is_wanted,
                 (f.states IS NULL OR j.state = ANY (f.states))
                 AND (f.queues IS NULL OR j.queue = ANY (f.queues))
                 AND (f.not_queues IS NULL OR j.queue <> ALL (f.not_queues))
                 AND (f.seen_queues IS NULL OR j.queue LIKE ANY (f.seen_queues))
                 AND (f.names IS NULL OR j.name::text LIKE ANY (f.names))
                 AND (f.not_names IS NULL OR j.name::text NOT LIKE ALL (f.not_names))
                 AND (f.id_lows IS NULL OR EXISTS (
                       SELECT 1 FROM unnest(f.id_lows, f.id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                 AND (f.not_id_lows IS NULL OR NOT EXISTS (
                       SELECT 1 FROM unnest(f.not_id_lows, f.not_id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                 AND (f.groups IS NULL OR j.concurrency_key::text = ANY (f.groups))
                 AND (f.not_groups IS NULL OR coalesce(j.concurrency_key::text <> ALL (f.not_groups), true))
                 AND (f.uniques IS NULL OR j.unique_key = ANY (f.uniques))
                 AND (f.not_uniques IS NULL OR coalesce(j.unique_key <> ALL (f.not_uniques), true))
                 AND (f.workers IS NULL OR j.worker_id = ANY (f.workers))
                 AND (f.not_workers IS NULL OR coalesce(j.worker_id <> ALL (f.not_workers), true))
                 AND (f.workflows IS NULL OR (j.owner_id = ANY (f.workflows) AND j.owner_step IS NOT NULL))
                 AND (f.not_workflows IS NULL OR j.owner_step IS NULL OR coalesce(j.owner_id <> ALL (f.not_workflows), true))
                 AND (f.failures IS NULL OR j.fingerprint = ANY (f.failures))
                 AND (f.not_failures IS NULL OR coalesce(j.fingerprint <> ALL (f.not_failures), true))
                 AND (f.kinds IS NULL OR j.errors -> (-1) ->> 'kind' = ANY (f.kinds))
                 AND (f.not_kinds IS NULL OR coalesce(j.errors -> (-1) ->> 'kind' <> ALL (f.not_kinds), true))
                 AND (f.created IS NULL OR width_bucket(date_part('epoch', j.created_at) * 1000, f.created) % 2 = 1)
                 AND (f.scheduled IS NULL
                      OR coalesce(width_bucket(date_part('epoch', j.scheduled_at) * 1000, f.scheduled) % 2 = 1, f.scheduled_null))
                 AND (f.started IS NULL
                      OR coalesce(width_bucket(date_part('epoch', j.started_at) * 1000, f.started) % 2 = 1, f.started_null))
                 AND (f.wait IS NULL
                      OR coalesce(width_bucket((date_part('epoch', j.started_at)
                                                - date_part('epoch', greatest(j.created_at, j.scheduled_at))) * 1000, f.wait) % 2 = 1,
                                  f.wait_null))
                 AND (f.attempts IS NULL OR width_bucket(j.attempts::float8, f.attempts) % 2 = 1)
                 AND (f.priority IS NULL OR width_bucket(j.priority::float8, f.priority) % 2 = 1)
                 AND (f.args IS NULL OR j.args @@ f.args)
                 AND (f.meta IS NULL OR coalesce(j.meta, '{}') @@ f.meta)
                 AND (f.finished IS NULL OR f.finished_null)
                 AND (f.wall IS NULL OR f.wall_null)
                 AND (f.cpu IS NULL OR f.cpu_null)
                 AND (f.memory IS NULL OR f.memory_null) AS fits
            FROM "chancy".jobs j
          UNION ALL
          SELECT j.id, '' AS state, j.queue, j.finished_at, is_history AS is_wanted,
                 (f.states IS NULL OR j.state = ANY (f.states))
                 AND (f.queues IS NULL OR j.queue = ANY (f.queues))
                 AND (f.not_queues IS NULL OR j.queue <> ALL (f.not_queues))
                 AND (f.seen_queues IS NULL OR j.queue LIKE ANY (f.seen_queues))
                 AND (f.names IS NULL OR j.name::text LIKE ANY (f.names))
                 AND (f.not_names IS NULL OR j.name::text NOT LIKE ALL (f.not_names))
                 AND (f.id_lows IS NULL OR EXISTS (
                       SELECT 1 FROM unnest(f.id_lows, f.id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                 AND (f.not_id_lows IS NULL OR NOT EXISTS (
                       SELECT 1 FROM unnest(f.not_id_lows, f.not_id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                 AND (f.groups IS NULL OR j.concurrency_key::text = ANY (f.groups))
                 AND (f.not_groups IS NULL OR coalesce(j.concurrency_key::text <> ALL (f.not_groups), true))
                 AND (f.uniques IS NULL OR j.unique_key = ANY (f.uniques))
                 AND (f.not_uniques IS NULL OR coalesce(j.unique_key <> ALL (f.not_uniques), true))
                 AND (f.workers IS NULL OR j.worker_id = ANY (f.workers))
                 AND (f.not_workers IS NULL OR coalesce(j.worker_id <> ALL (f.not_workers), true))
                 AND (f.workflows IS NULL OR (j.owner_id = ANY (f.workflows) AND j.owner_step IS NOT NULL))
                 AND (f.not_workflows IS NULL OR j.owner_step IS NULL OR coalesce(j.owner_id <> ALL (f.not_workflows), true))
                 AND (f.failures IS NULL OR j.fingerprint = ANY (f.failures))
                 AND (f.not_failures IS NULL OR coalesce(j.fingerprint <> ALL (f.not_failures), true))
                 AND (f.kinds IS NULL OR j.errors -> (-1) ->> 'kind' = ANY (f.kinds))
                 AND (f.not_kinds IS NULL OR coalesce(j.errors -> (-1) ->> 'kind' <> ALL (f.not_kinds), true))
                 AND (f.created IS NULL OR width_bucket(date_part('epoch', j.created_at) * 1000, f.created) % 2 = 1)
                 AND (f.scheduled IS NULL
                      OR coalesce(width_bucket(date_part('epoch', j.scheduled_at) * 1000, f.scheduled) % 2 = 1, f.scheduled_null))
                 AND (f.started IS NULL
                      OR coalesce(width_bucket(date_part('epoch', j.started_at) * 1000, f.started) % 2 = 1, f.started_null))
                 AND (f.wait IS NULL
                      OR coalesce(width_bucket((date_part('epoch', j.started_at)
                                                - date_part('epoch', greatest(j.created_at, j.scheduled_at))) * 1000, f.wait) % 2 = 1,
                                  f.wait_null))
                 AND (f.attempts IS NULL OR width_bucket(j.attempts::float8, f.attempts) % 2 = 1)
                 AND (f.priority IS NULL OR width_bucket(j.priority::float8, f.priority) % 2 = 1)
                 AND (f.args IS NULL OR j.args @@ f.args)
                 AND (f.meta IS NULL OR coalesce(j.meta, '{}') @@ f.meta)
                 AND (f.finished IS NULL OR width_bucket(date_part('epoch', j.finished_at) * 1000, f.finished) % 2 = 1)
                 AND (f.wall IS NULL OR coalesce(width_bucket(j.wall_ms, f.wall) % 2 = 1, f.wall_null))
                 AND (f.cpu IS NULL OR coalesce(width_bucket(j.cpu_ms, f.cpu) % 2 = 1, f.cpu_null))
                 AND (f.memory IS NULL OR coalesce(width_bucket(j.peak_bytes, f.memory) % 2 = 1, f.memory_null)) AS fits
            FROM "chancy".finished_jobs j) u
       WHERE u.is_wanted AND u.id >= low AND u.id <= high
         AND (after_id IS NULL OR u.id < after_id)
         AND (f.of_workers IS NULL OR u.state <> 'running')
         AND (of_queue IS NULL OR u.queue = of_queue)
         AND u.finished_at >= since AND u.finished_at < until
       ORDER BY u.id DESC
    LOOP
      scanned := scanned + 1;
      IF one.fits THEN
        id := one.id;
        place := jsonb_build_object('s', 'walk', 'id', one.id, 'o', open_from);
        RETURN NEXT;
        shown := shown + 1;
        IF shown >= size THEN
          RETURN;
        END IF;
      END IF;
      IF scanned % 256 = 0 AND "chancy".clock_1() > deadline THEN
        id := NULL;
        place := jsonb_build_object('s', 'walk', 'id', one.id, 'o', open_from);
        RETURN NEXT;
        RETURN;
      END IF;
    END LOOP;
    after_id := NULL;
    section := '';
  END IF;
  since := coalesce(to_timestamp(f.since / 1000), '-infinity');

  IF f.path IN ('name', 'args') AND is_history THEN
    FOR day IN
      SELECT d.day, d.is_indexed, to_char(d.day AT TIME ZONE 'UTC', 'YYYYMMDD') AS section
        FROM "chancy".indexed_days_1(f.path) d
       WHERE d.day < open_from AND d.day < until AND d.day + interval '1 day' > since
       ORDER BY d.day DESC
    LOOP
      CONTINUE WHEN section <> '' AND day.section > section;
      known := NULL;
      IF f.path = 'args' AND day.is_indexed THEN
        known := "chancy".day_candidates_1(f.args, f.meta, day.day, 1001);
      END IF;
      IF cardinality(known) <= 1000 THEN
        FOR one IN
          -- Apart from the order: to have it without a sort the plan would read the whole day by its ids.
          WITH chosen AS MATERIALIZED (
            SELECT c.id, c.fits
              FROM unnest(known) AS k(id)
             CROSS JOIN LATERAL (
                     SELECT j.id, (f.states IS NULL OR j.state = ANY (f.states))
                                  AND (f.queues IS NULL OR j.queue = ANY (f.queues))
                                  AND (f.not_queues IS NULL OR j.queue <> ALL (f.not_queues))
                                  AND (f.seen_queues IS NULL OR j.queue LIKE ANY (f.seen_queues))
                                  AND (f.names IS NULL OR j.name::text LIKE ANY (f.names))
                                  AND (f.not_names IS NULL OR j.name::text NOT LIKE ALL (f.not_names))
                                  AND (f.id_lows IS NULL OR EXISTS (
                                        SELECT 1 FROM unnest(f.id_lows, f.id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                                  AND (f.not_id_lows IS NULL OR NOT EXISTS (
                                        SELECT 1 FROM unnest(f.not_id_lows, f.not_id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                                  AND (f.groups IS NULL OR j.concurrency_key::text = ANY (f.groups))
                                  AND (f.not_groups IS NULL OR coalesce(j.concurrency_key::text <> ALL (f.not_groups), true))
                                  AND (f.uniques IS NULL OR j.unique_key = ANY (f.uniques))
                                  AND (f.not_uniques IS NULL OR coalesce(j.unique_key <> ALL (f.not_uniques), true))
                                  AND (f.workers IS NULL OR j.worker_id = ANY (f.workers))
                                  AND (f.not_workers IS NULL OR coalesce(j.worker_id <> ALL (f.not_workers), true))
                                  AND (f.workflows IS NULL OR (j.owner_id = ANY (f.workflows) AND j.owner_step IS NOT NULL))
                                  AND (f.not_workflows IS NULL OR j.owner_step IS NULL OR coalesce(j.owner_id <> ALL (f.not_workflows), true))
                                  AND (f.failures IS NULL OR j.fingerprint = ANY (f.failures))
                                  AND (f.not_failures IS NULL OR coalesce(j.fingerprint <> ALL (f.not_failures), true))
                                  AND (f.kinds IS NULL OR j.errors -> (-1) ->> 'kind' = ANY (f.kinds))
                                  AND (f.not_kinds IS NULL OR coalesce(j.errors -> (-1) ->> 'kind' <> ALL (f.not_kinds), true))
                                  AND (f.created IS NULL OR width_bucket(date_part('epoch', j.created_at) * 1000, f.created) % 2 = 1)
                                  AND (f.scheduled IS NULL
                                       OR coalesce(width_bucket(date_part('epoch', j.scheduled_at) * 1000, f.scheduled) % 2 = 1, f.scheduled_null))
                                  AND (f.started IS NULL
                                       OR coalesce(width_bucket(date_part('epoch', j.started_at) * 1000, f.started) % 2 = 1, f.started_null))
                                  AND (f.wait IS NULL
                                       OR coalesce(width_bucket((date_part('epoch', j.started_at)
                                                                 - date_part('epoch', greatest(j.created_at, j.scheduled_at))) * 1000, f.wait) % 2 = 1,
                                                   f.wait_null))
                                  AND (f.attempts IS NULL OR width_bucket(j.attempts::float8, f.attempts) % 2 = 1)
                                  AND (f.priority IS NULL OR width_bucket(j.priority::float8, f.priority) % 2 = 1)
                                  AND (f.args IS NULL OR j.args @@ f.args)
                                  AND (f.meta IS NULL OR coalesce(j.meta, '{}') @@ f.meta)
                                  AND (f.finished IS NULL OR width_bucket(date_part('epoch', j.finished_at) * 1000, f.finished) % 2 = 1)
                                  AND (f.wall IS NULL OR coalesce(width_bucket(j.wall_ms, f.wall) % 2 = 1, f.wall_null))
                                  AND (f.cpu IS NULL OR coalesce(width_bucket(j.cpu_ms, f.cpu) % 2 = 1, f.cpu_null))
                                  AND (f.memory IS NULL OR coalesce(width_bucket(j.peak_bytes, f.memory) % 2 = 1, f.memory_null)) AS fits
                       FROM "chancy".finished_jobs j
                      WHERE j.id = k.id AND j.finished_at >= greatest(since, day.day)
                        AND j.finished_at < least(until, day.day + interval '1 day')
                        AND j.id >= low AND j.id <= high
                        AND (after_id IS NULL OR j.id < after_id)) c
          )
          SELECT c.id, c.fits FROM chosen c ORDER BY c.id DESC
        LOOP
          scanned := scanned + 1;
          IF one.fits THEN
            id := one.id;
            place := jsonb_build_object('s', day.section, 'id', one.id);
            RETURN NEXT;
            shown := shown + 1;
            IF shown >= size THEN
              RETURN;
            END IF;
          END IF;
          IF scanned % 256 = 0 AND "chancy".clock_1() > deadline THEN
            id := NULL;
            place := jsonb_build_object('s', day.section, 'id', one.id);
            RETURN NEXT;
            RETURN;
          END IF;
        END LOOP;
        after_id := NULL;
        CONTINUE;
      END IF;
      of_name := CASE WHEN day.is_indexed THEN f.of_name END;
      FOR one IN
        SELECT j.id, (f.states IS NULL OR j.state = ANY (f.states))
                     AND (f.queues IS NULL OR j.queue = ANY (f.queues))
                     AND (f.not_queues IS NULL OR j.queue <> ALL (f.not_queues))
                     AND (f.seen_queues IS NULL OR j.queue LIKE ANY (f.seen_queues))
                     AND (f.names IS NULL OR j.name::text LIKE ANY (f.names))
                     AND (f.not_names IS NULL OR j.name::text NOT LIKE ALL (f.not_names))
                     AND (f.id_lows IS NULL OR EXISTS (
                           SELECT 1 FROM unnest(f.id_lows, f.id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                     AND (f.not_id_lows IS NULL OR NOT EXISTS (
                           SELECT 1 FROM unnest(f.not_id_lows, f.not_id_highs) AS r(low, high) WHERE j.id >= r.low AND j.id <= r.high))
                     AND (f.groups IS NULL OR j.concurrency_key::text = ANY (f.groups))
                     AND (f.not_groups IS NULL OR coalesce(j.concurrency_key::text <> ALL (f.not_groups), true))
                     AND (f.uniques IS NULL OR j.unique_key = ANY (f.uniques))
                     AND (f.not_uniques IS NULL OR coalesce(j.unique_key <> ALL (f.not_uniques), true))
                     AND (f.workers IS NULL OR j.worker_id = ANY (f.workers))
                     AND (f.not_workers IS NULL OR coalesce(j.worker_id <> ALL (f.not_workers), true))
                     AND (f.workflows IS NULL OR (j.owner_id = ANY (f.workflows) AND j.owner_step IS NOT NULL))
                     AND (f.not_workflows IS NULL OR j.owner_step IS NULL OR coalesce(j.owner_id <> ALL (f.not_workflows), true))
                     AND (f.failures IS NULL OR j.fingerprint = ANY (f.failures))
                     AND (f.not_failures IS NULL OR coalesce(j.fingerprint <> ALL (f.not_failures), true))
                     AND (f.kinds IS NULL OR j.errors -> (-1) ->> 'kind' = ANY (f.kinds))
                     AND (f.not_kinds IS NULL OR coalesce(j.errors -> (-1) ->> 'kind' <> ALL (f.not_kinds), true))
                     AND (f.created IS NULL OR width_bucket(date_part('epoch', j.created_at) * 1000, f.created) % 2 = 1)
                     AND (f.scheduled IS NULL
                          OR coalesce(width_bucket(date_part('epoch', j.scheduled_at) * 1000, f.scheduled) % 2 = 1, f.scheduled_null))
                     AND (f.started IS NULL
                          OR coalesce(width_bucket(date_part('epoch', j.started_at) * 1000, f.started) % 2 = 1, f.started_null))
                     AND (f.wait IS NULL
                          OR coalesce(width_bucket((date_part('epoch', j.started_at)
                                                    - date_part('epoch', greatest(j.created_at, j.scheduled_at))) * 1000, f.wait) % 2 = 1,
                                      f.wait_null))
                     AND (f.attempts IS NULL OR width_bucket(j.attempts::float8, f.attempts) % 2 = 1)
                     AND (f.priority IS NULL OR width_bucket(j.priority::float8, f.priority) % 2 = 1)
                     AND (f.args IS NULL OR j.args @@ f.args)
                     AND (f.meta IS NULL OR coalesce(j.meta, '{}') @@ f.meta)
                     AND (f.finished IS NULL OR width_bucket(date_part('epoch', j.finished_at) * 1000, f.finished) % 2 = 1)
                     AND (f.wall IS NULL OR coalesce(width_bucket(j.wall_ms, f.wall) % 2 = 1, f.wall_null))
                     AND (f.cpu IS NULL OR coalesce(width_bucket(j.cpu_ms, f.cpu) % 2 = 1, f.cpu_null))
                     AND (f.memory IS NULL OR coalesce(width_bucket(j.peak_bytes, f.memory) % 2 = 1, f.memory_null)) AS fits
          FROM "chancy".finished_jobs j
         WHERE j.finished_at >= greatest(since, day.day) AND j.finished_at < least(until, day.day + interval '1 day')
           AND j.id >= low AND j.id <= high
           AND (after_id IS NULL OR j.id < after_id)
           AND (of_name IS NULL OR j.name = of_name)
         ORDER BY j.id DESC
      LOOP
        scanned := scanned + 1;
        IF one.fits THEN
          id := one.id;
          place := jsonb_build_object('s', day.section, 'id', one.id);
          RETURN NEXT;
          shown := shown + 1;
          IF shown >= size THEN
            RETURN;
          END IF;
        END IF;
        IF scanned % 256 = 0 AND "chancy".clock_1() > deadline THEN
          id := NULL;
          place := jsonb_build_object('s', day.section, 'id', one.id);
          RETURN NEXT;
          RETURN;
        END IF;
      END LOOP;
      after_id := NULL;
    END LOOP;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.finish_1(worker uuid, ctids tid[], ids uuid[], fences bigint[], states text[], results text[], errors text[], delays_ms double precision[], given_back integer[], crashed integer[], fronts boolean[], walls_ms double precision[], cpus_ms double precision[], peaks double precision[], extras_texts text[], since_ms double precision, keys text[], ended bigint[])
 RETURNS TABLE(id text, verdict text, queue text, saved_ms double precision)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  owned uuid[] := ARRAY(
    SELECT j.id FROM "chancy".jobs j WHERE j.id = ANY (finish_1.ids) AND j.owner_id IS NOT NULL);
BEGIN
  RETURN QUERY
  SELECT f.id, f.verdict, f.queue, f.saved_ms
    FROM "chancy".finish_2(
           worker, ctids, ids, fences, states, results, errors, delays_ms, given_back, crashed, fronts, walls_ms,
           cpus_ms, peaks, extras_texts, since_ms, keys, ended, nullif(owned, '{}')) f
   -- What it does not know is found by the sweep.
   WHERE f.verdict IS NULL OR f.verdict IN ('cancelled', 'lost', 'ready', 'again');
END $function$;

CREATE OR REPLACE FUNCTION chancy.finish_2(worker uuid, ctids tid[], ids uuid[], fences bigint[], states text[], results text[], errors text[], delays_ms double precision[], given_back integer[], crashed integer[], fronts boolean[], walls_ms double precision[], cpus_ms double precision[], peaks double precision[], extras_texts text[], since_ms double precision, keys text[], ended bigint[], owned uuid[] DEFAULT NULL::uuid[], parks text[] DEFAULT NULL::text[])
 RETURNS TABLE(id text, verdict text, queue text, saved_ms double precision)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".clock_1();
  tids tid[];
  ends text[];
  copied int;
  deleted int;
  moved int := 0;
  kept int := 0;
  cancels uuid[];
  cancelled uuid[];
  own_id xid8;
  waiting_ids uuid[];
  end_owners uuid[];
  end_steps int[];
  end_states text[];
  end_results jsonb[];
  end_errors jsonb[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  -- Rows are first looked up where the claim left them, and those that have moved since (a progress
  -- was saved, a cancel requested) by their ids. They are copied first and deleted then, without a
  -- lock in between: rows with that many columns are expensive to carry through RETURNING. When a row
  -- changes between the two, the counts differ, and the whole batch is done again.
  IF finish_2.states IS NULL AND finish_2.errors IS NULL AND finish_2.extras_texts IS NULL THEN
    -- The common case, without a question that costs every row. What it leaves is found below.
    INSERT INTO "chancy".finished_jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
           backoff, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state,
           result, wall_ms, cpu_ms, peak_bytes)
    SELECT j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts,
           j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key,
           j.concurrency_key, j.limits, j.backoff, at, CASE WHEN j.retention IS NOT NULL
                                                            THEN least(greatest(j.retention, interval '10 minutes'), interval '3650 days') END, j.progress, j.errors, j.meta,
           j.owner_id, j.owner_step, j.extras, 'succeeded',
           d.result::jsonb, d.wall_ms, d.cpu_ms, d.peak_bytes
      FROM unnest(finish_2.ctids, finish_2.ids, finish_2.fences, finish_2.results,
                  finish_2.walls_ms, finish_2.cpus_ms, finish_2.peaks)
        AS d(tid, id, fence, result, wall_ms, cpu_ms, peak_bytes)
      JOIN "chancy".jobs j ON j.ctid = d.tid
     WHERE (j.id = d.id) IS TRUE AND j.fence = d.fence AND j.worker_id = worker AND j.state = 'running' AND j.cancel_requested_at IS NULL;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF finish_2.fences = array_fill(finish_2.fences[1], ARRAY[moved]) THEN
      -- Each ctid has been seen to hold its job, and goes to no other row during this call: the
      -- snapshot of the call keeps what was there. So the fence, one for all, is what is left to check.
      DELETE FROM "chancy".jobs j
       WHERE j.ctid = ANY (finish_2.ctids) AND j.fence = finish_2.fences[1]
         AND j.worker_id = worker AND j.state = 'running' AND j.cancel_requested_at IS NULL;
    ELSE
      DELETE FROM "chancy".jobs j
       USING unnest(finish_2.ctids, finish_2.ids, finish_2.fences) AS d(tid, id, fence)
       WHERE j.ctid = d.tid AND (j.id = d.id) IS TRUE AND j.fence = d.fence AND j.worker_id = worker AND j.state = 'running' AND j.cancel_requested_at IS NULL;
    END IF;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    IF deleted <> moved THEN
      RAISE EXCEPTION 'a job changed while it was being finished' USING ERRCODE = 'CH002';
    END IF;
  END IF;

  tids := finish_2.ctids;
  FOR round IN 1 .. 2 LOOP
    EXIT WHEN moved = cardinality(finish_2.ids);
    ends := coalesce(finish_2.states, array_fill('succeeded'::text, ARRAY[cardinality(finish_2.ids)]));
    INSERT INTO "chancy".finished_jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
           backoff, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state,
           result, wall_ms, cpu_ms, peak_bytes, fingerprint)
    SELECT j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts,
           j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key,
           j.concurrency_key, j.limits, j.backoff, at,
           CASE WHEN d.extras IS NULL OR j.retention IS NOT NULL THEN CASE WHEN j.retention IS NOT NULL
                                                                           THEN least(greatest(j.retention, interval '10 minutes'), interval '3650 days') END
                ELSE make_interval(secs => (d.extras::jsonb ->> 'retention_ms')::float8 / 1000) END,
           CASE WHEN d.extras IS NULL OR NOT d.extras::jsonb ? 'progress' THEN j.progress
                ELSE d.extras::jsonb -> 'progress' END,
           CASE WHEN j.cancel_requested_at IS NOT NULL
                THEN "chancy".with_error_1(j.errors, CASE
                       WHEN d.error::jsonb ->> 'kind' = 'cancelled' THEN d.error::jsonb
                       ELSE "chancy".cancelled_entry_1(j.attempts) END, at)
                WHEN d.error IS NULL THEN j.errors
                ELSE "chancy".with_error_1(j.errors, d.error::jsonb, at) END,
           CASE WHEN d.extras IS NULL OR NOT d.extras::jsonb ? 'meta' THEN j.meta
                ELSE d.extras::jsonb -> 'meta' END,
           j.owner_id, j.owner_step, j.extras,
           CASE WHEN j.cancel_requested_at IS NULL THEN d.state ELSE 'cancelled' END,
           CASE WHEN j.cancel_requested_at IS NULL THEN d.result::jsonb END,
           d.wall_ms, d.cpu_ms, d.peak_bytes,
           CASE WHEN d.state = 'failed' AND j.cancel_requested_at IS NULL
                THEN ('x' || left(d.error::jsonb ->> 'fingerprint', 16))::bit(64)::bigint END
      FROM unnest(tids, finish_2.ids, finish_2.fences, ends, finish_2.results,
                  finish_2.errors, finish_2.walls_ms, finish_2.cpus_ms, finish_2.peaks,
                  finish_2.extras_texts)
        AS d(tid, id, fence, state, result, error, wall_ms, cpu_ms, peak_bytes, extras)
      JOIN "chancy".jobs j ON j.ctid = d.tid
     WHERE (j.id = d.id) IS TRUE AND j.fence = d.fence AND j.worker_id = worker AND j.state = 'running'
       AND (d.state IN ('succeeded', 'failed', 'cancelled') OR j.cancel_requested_at IS NOT NULL);
    GET DIAGNOSTICS copied = ROW_COUNT;

    WITH gone AS (
      DELETE FROM "chancy".jobs j
       USING (
              -- By ctid, as the common case has it: a batch that is sent again may meet its first
              -- try, which still waits for a row.
              SELECT u.*
                FROM unnest(tids, finish_2.ids, finish_2.fences, ends)
                  AS u(tid, id, fence, state)
               ORDER BY u.tid) d
       WHERE j.ctid = d.tid AND (j.id = d.id) IS TRUE AND j.fence = d.fence AND j.worker_id = worker AND j.state = 'running'
         AND (d.state IN ('succeeded', 'failed', 'cancelled')
              OR j.cancel_requested_at IS NOT NULL)
      RETURNING CASE WHEN j.cancel_requested_at IS NOT NULL THEN j.id END AS cancel_id
    )
    SELECT count(*), array_agg(gone.cancel_id) FILTER (WHERE gone.cancel_id IS NOT NULL)
      INTO deleted, cancels
      FROM gone;
    IF deleted <> copied OR cancels IS NOT NULL AND cardinality(cancels) <> (
         SELECT count(*) FROM "chancy".finished_jobs f
          WHERE f.id = ANY (cancels) AND f.finished_at = at AND f.state = 'cancelled') THEN
      RAISE EXCEPTION 'a job changed while it was being finished' USING ERRCODE = 'CH002';
    END IF;
    moved := moved + copied;
    cancelled := cancelled || cancels;
    EXIT WHEN moved = cardinality(finish_2.ids) OR round = 2;
    tids := ARRAY(
      SELECT h.tid
        FROM unnest(finish_2.ids) AS d(id)
        LEFT JOIN LATERAL (
               SELECT j.ctid AS tid FROM "chancy".jobs j WHERE j.id = d.id OFFSET 0) h ON true);
  END LOOP;

  IF moved < cardinality(finish_2.ids) THEN
    -- Before a position is drawn: see ENGINE.md, Watermarks.
    own_id := pg_current_xact_id();
    UPDATE "chancy".jobs j
       SET state = d.state, claim_seq = NULL,
           position = CASE WHEN d.front THEN nextval('"chancy".requeue_positions')
                            WHEN coalesce(d.delay_ms, 0) <= 0 THEN nextval('"chancy".positions') END,
           run_at = CASE WHEN d.front THEN j.run_at
                         WHEN d.delay_ms > 0 THEN at + make_interval(secs => d.delay_ms / 1000)
                         ELSE at END,
           attempts = j.attempts - coalesce(d.given_back, 0),
           crashes = j.crashes + coalesce(d.crashed, 0),
           errors = "chancy".with_error_1(j.errors, d.error::jsonb, at),
           fingerprint = CASE WHEN d.error IS NULL THEN j.fingerprint ELSE ('x' || left(d.error::jsonb ->> 'fingerprint', 16))::bit(64)::bigint END,
           progress = CASE WHEN d.extras::jsonb ? 'progress' THEN d.extras::jsonb -> 'progress'
                           ELSE j.progress END,
           meta = CASE WHEN d.extras::jsonb ? 'meta' THEN d.extras::jsonb -> 'meta' ELSE j.meta END
      FROM (
             SELECT u.*
               FROM unnest(tids, finish_2.ids, finish_2.fences, ends, finish_2.errors,
                           finish_2.delays_ms, finish_2.given_back, finish_2.crashed,
                           finish_2.fronts, finish_2.extras_texts, finish_2.parks)
                 AS u(tid, id, fence, state, error, delay_ms, given_back, crashed, front, extras, park)
              ORDER BY u.tid) d
     WHERE j.ctid = d.tid AND (j.id = d.id) IS TRUE AND j.fence = d.fence AND j.worker_id = worker AND j.state = 'running'
       AND d.state IN ('pending', 'retrying') AND d.park IS NULL
       -- A cancel that came since the first statement: the next try moves the row.
       AND j.cancel_requested_at IS NULL;
    GET DIAGNOSTICS kept = ROW_COUNT;
    IF finish_2.parks IS NOT NULL THEN
      WITH put AS (
        UPDATE "chancy".jobs j
           SET state = 'pending', claim_seq = NULL, crashes = 0,
               attempts = CASE WHEN o.open IS NULL THEN 0 ELSE greatest(k.attempts - 1, 0) END,
               args = coalesce(d.park::jsonb -> 'args', k.args),
               waits = CASE WHEN o.open <> '[]' THEN 'wait' END,
               position = CASE WHEN o.open <> '[]' THEN NULL ELSE nextval('"chancy".positions') END,
               run_at = CASE WHEN o.open <> '[]' THEN to_timestamp(o.until_ms / 1000) ELSE at END,
               extras = CASE WHEN o.open IS NULL
                             THEN coalesce(k.extras, '{}') - 'open' || jsonb_build_object(
                                    'run', coalesce((k.extras ->> 'run')::int, 1) + 1,
                                    'base', coalesce((SELECT s.n FROM "chancy".job_steps s
                                                       WHERE s.job_id = k.id ORDER BY s.n DESC LIMIT 1), 0))
                             ELSE coalesce(k.extras, '{}') || jsonb_build_object('open', o.open) END,
               progress = CASE WHEN d.extras::jsonb ? 'progress' THEN d.extras::jsonb -> 'progress' ELSE k.progress END,
               meta = CASE WHEN d.extras::jsonb ? 'meta' THEN d.extras::jsonb -> 'meta' ELSE k.meta END
          FROM (
                 SELECT u.*
                   FROM unnest(tids, finish_2.ids, finish_2.fences, finish_2.extras_texts, finish_2.parks)
                     AS u(tid, id, fence, extras, park)
                  WHERE u.park IS NOT NULL
                  ORDER BY u.tid) d
          JOIN "chancy".jobs k ON k.ctid = d.tid
         CROSS JOIN LATERAL (
                 SELECT w.open, least((SELECT min((e.wait ->> 'until_ms')::float8) FROM jsonb_array_elements(w.open) AS e(wait)),
                                      (k.extras ->> 'deadline_ms')::float8) AS until_ms
                   FROM (SELECT CASE WHEN d.park::jsonb ? 'waits'
                                     THEN "chancy".open_waits_1(k.extras -> 'open', d.park::jsonb -> 'waits', at) END AS open) w) o
         WHERE j.ctid = d.tid AND (j.id = d.id) IS TRUE AND j.fence = d.fence AND j.worker_id = worker AND j.state = 'running' AND j.cancel_requested_at IS NULL
        RETURNING j.id
      )
      SELECT array_agg(put.id) INTO waiting_ids FROM put;
      kept := kept + coalesce(cardinality(waiting_ids), 0);
      IF waiting_ids IS NOT NULL THEN
        RETURN QUERY
        WITH woken AS (
          UPDATE "chancy".jobs j
             SET waits = NULL, position = nextval('"chancy".positions'), run_at = at
           WHERE j.id = ANY (waiting_ids) AND j.waits = 'wait' AND EXISTS (
                                                                     SELECT 1
                                                                       FROM jsonb_array_elements(j.extras -> 'open') AS w(wait)
                                                                      WHERE EXISTS (SELECT 1
                                                                                      FROM jsonb_array_elements_text(w.wait -> 'signals') AS n(name)
                                                                                     WHERE (SELECT true FROM "chancy".signals s
                                                                                             WHERE s.job_id = j.id AND s.name = n.name AND s.taken_at IS NULL LIMIT 1))
                                                                         OR (SELECT o.finished_at IS NOT NULL FROM "chancy".workflows o
                                                                              WHERE o.id = (w.wait ->> 'owner')::uuid))
          RETURNING j.queue
        )
        SELECT DISTINCT NULL::text, 'ready', w.queue, NULL::float8 FROM woken w;
      END IF;
    END IF;
  END IF;

  IF moved + kept < cardinality(finish_2.ids) THEN
    RETURN QUERY
    SELECT d.id::text, v.verdict, NULL::text, NULL::float8
      FROM unnest(finish_2.ids, finish_2.fences) AS d(id, fence),
           LATERAL (
             SELECT CASE
                      WHEN EXISTS (
                        SELECT 1 FROM "chancy".jobs j
                         WHERE j.id = d.id AND j.fence = d.fence AND j.worker_id = worker)
                      THEN (SELECT CASE WHEN j.state = 'running' THEN 'again' ELSE 'saved' END
                              FROM "chancy".jobs j WHERE j.id = d.id)
                      -- A bound on the time prunes the partitions that cannot hold it.
                      WHEN EXISTS (
                        SELECT 1 FROM "chancy".finished_jobs f
                         WHERE f.id = d.id AND f.fence = d.fence AND f.worker_id = worker
                           AND f.finished_at >= to_timestamp(since_ms / 1000))
                      THEN 'saved'
                      ELSE 'lost'
                    END AS verdict) v
     WHERE v.verdict <> 'saved';
  END IF;

  IF ended IS NOT NULL THEN
    DELETE FROM "chancy".claims c WHERE c.worker_id = worker AND c.claim_seq = ANY (ended);
  END IF;
  -- Only checked where a wait is registered.
  IF EXISTS (SELECT 1 FROM "chancy".waiters w) AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
       FROM "chancy".waiters w
      WHERE w.job_id = ANY (finish_2.ids);
  END IF;
  IF owned IS NOT NULL THEN
    WITH parts AS MATERIALIZED (
      SELECT f.owner_id, f.owner_step, f.state, CASE WHEN f.owner_step IS NOT NULL THEN f.result END AS result,
             CASE WHEN f.owner_step IS NOT NULL AND f.state <> 'succeeded' THEN
               jsonb_build_object('kind', f.errors -> -1 ->> 'kind', 'message', left(f.errors -> -1 ->> 'message', 2000)) END AS error
        FROM "chancy".finished_jobs f
       WHERE f.id = ANY (finish_2.owned) AND f.finished_at = at AND f.owner_id IS NOT NULL
    )
    SELECT array_agg(e.owner_id), array_agg(e.owner_step), array_agg(e.state), array_agg(e.result), array_agg(e.error)
      INTO end_owners, end_steps, end_states, end_results, end_errors
      FROM (SELECT p.* FROM parts p WHERE p.owner_step IS NOT NULL
            UNION ALL
            SELECT p.owner_id, NULL, 'counted', jsonb_build_object(
                     'succeeded', count(*) FILTER (WHERE p.state = 'succeeded'),
                     'failed', count(*) FILTER (WHERE p.state = 'failed'),
                     'cancelled', count(*) FILTER (WHERE p.state = 'cancelled')), NULL
              FROM parts p
             WHERE p.owner_step IS NULL
             GROUP BY p.owner_id) e;
    RETURN QUERY
    SELECT f.owner::text, f.verdict, f.name, NULL::float8
      FROM "chancy".flow_1(end_owners, false, end_owners, end_steps, end_states, end_results, end_errors) f;
  END IF;
  IF keys IS NOT NULL THEN
    -- After the jobs and the claims: see ENGINE.md, Lock order.
    PERFORM "chancy".lock_groups_1(keys);
    RETURN QUERY SELECT NULL::text, 'ready', r.queue, NULL::float8 FROM "chancy".ready_1(keys) r;
  END IF;
  RETURN QUERY SELECT c::text, 'cancelled', NULL::text, NULL::float8 FROM unnest(cancelled) AS c;
  RETURN QUERY SELECT NULL::text, NULL::text, NULL::text, extract(epoch FROM at)::float8 * 1000;
END $function$;

CREATE OR REPLACE FUNCTION chancy.flow_1(owners uuid[], wait boolean, end_owners uuid[] DEFAULT NULL::uuid[], end_steps integer[] DEFAULT NULL::integer[], end_states text[] DEFAULT NULL::text[], end_results jsonb[] DEFAULT NULL::jsonb[], end_errors jsonb[] DEFAULT NULL::jsonb[])
 RETURNS TABLE(verdict text, owner uuid, name text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  held uuid[];
  stopped uuid[];
  batches uuid[];
  ends "chancy".step_ends[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  -- The state is that of the newest version of the row, also after a wait.
  IF wait THEN
    SELECT array_agg(l.id), array_agg(l.id) FILTER (WHERE l.stopping IS NOT NULL AND l.finished_at IS NULL),
           array_agg(l.id) FILTER (WHERE l.kind = 'batch')
      INTO held, stopped, batches
      FROM (SELECT w.id, w.stopping, w.finished_at, w.kind FROM "chancy".workflows w
             WHERE w.id = ANY (owners)
             ORDER BY w.id
               FOR NO KEY UPDATE) l;
  ELSE
    SELECT array_agg(l.id), array_agg(l.id) FILTER (WHERE l.stopping IS NOT NULL AND l.finished_at IS NULL),
           array_agg(l.id) FILTER (WHERE l.kind = 'batch')
      INTO held, stopped, batches
      FROM (SELECT w.id, w.stopping, w.finished_at, w.kind FROM "chancy".workflows w
             WHERE w.id = ANY (owners)
             ORDER BY w.id
               FOR NO KEY UPDATE SKIP LOCKED) l;
    IF end_owners IS NOT NULL AND NOT end_owners <@ coalesce(held, '{}') THEN
      RETURN QUERY
      WITH put AS (
        INSERT INTO "chancy".step_ends (owner_id, n, state, result, error)
        SELECT e.owner_id, e.n, e.state, e.result, e.error
          FROM unnest(end_owners, end_steps, end_states, end_results, end_errors) AS e(owner_id, n, state, result, error)
         WHERE e.owner_id <> ALL (coalesce(held, '{}'))
           -- One that was removed has nothing to count any more.
           AND (SELECT true FROM "chancy".workflows w WHERE w.id = e.owner_id)
        RETURNING owner_id
      )
      SELECT DISTINCT 'left', p.owner_id, NULL::text FROM put p;
    END IF;
  END IF;
  IF held IS NULL THEN
    RETURN;
  END IF;

  IF end_owners IS NOT NULL THEN
    ends := ARRAY(
      SELECT ROW(e.owner_id, e.n, NULL::int, e.state, e.result, e.error)::"chancy".step_ends
        FROM unnest(end_owners, end_steps, end_states, end_results, end_errors) AS e(owner_id, n, state, result, error)
       WHERE e.owner_id = ANY (held));
  END IF;
  IF batches IS NOT NULL THEN
    RETURN QUERY
    SELECT f.* FROM "chancy".count_batch_1(batches, ARRAY(
      SELECT ROW(e.*)::"chancy".step_ends FROM unnest(ends) e WHERE e.owner_id = ANY (batches))) f;
    held := nullif(ARRAY(SELECT h.id FROM unnest(held) AS h(id) WHERE h.id <> ALL (batches)), '{}');
    IF held IS NULL THEN
      RETURN;
    END IF;
    stopped := nullif(ARRAY(SELECT h.id FROM unnest(stopped) AS h(id) WHERE h.id <> ALL (batches)), '{}');
    ends := ARRAY(SELECT ROW(e.*)::"chancy".step_ends FROM unnest(ends) e WHERE e.n IS NOT NULL);
  END IF;
  RETURN QUERY SELECT f.* FROM "chancy".flow_held_1(held, stopped, ends) f;
END $function$;

CREATE OR REPLACE FUNCTION chancy.flow_held_1(held uuid[], stopped uuid[], ends chancy.step_ends[])
 RETURNS TABLE(verdict text, owner uuid, name text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8;
  at timestamptz := "chancy".clock_1();
  -- Changes of steps that are left for this transaction.
  room int := 1000;
  folded "chancy".step_ends[];
  -- Of this round, and of all. Each is a step that has ended; with a number, all but its dependents
  -- from there on was done before.
  ended "chancy".step_ends[];
  all_ended "chancy".step_ends[];
  again uuid[];
  counted int;
  hard "chancy".step_ends[];
  skips "chancy".step_ends[];
  maps "chancy".step_ends[];
  more "chancy".step_ends[];
  ready_jobs uuid[];
  ready_args jsonb[];
  ready_delays float8[];
  ready_keys text[];
  finished uuid[];
  ended_flows uuid[];
  ended_as text[];
  parents uuid[];
  stopped_flows uuid[];
  block_starts bigint[];
  notified uuid[];
  one record;
  items record;
  woken text;
BEGIN
  -- Later statements than the lock: they see what its last holder did.
  IF (SELECT true FROM "chancy".step_ends s WHERE s.owner_id = ANY (held) LIMIT 1) THEN
    WITH gone AS (
      DELETE FROM "chancy".step_ends s
       WHERE s.ctid = ANY (ARRAY(
               SELECT o.ctid FROM "chancy".step_ends o WHERE o.owner_id = ANY (held) AND o.n IS NOT NULL LIMIT 1000))
      RETURNING s.*
    )
    SELECT array_agg(ROW(g.*)::"chancy".step_ends) INTO folded FROM gone g;
    IF cardinality(folded) = 1000 THEN
      again := ARRAY(SELECT DISTINCT f.owner_id FROM unnest(folded) f);
    END IF;
    ended := ARRAY(SELECT ROW(f.*)::"chancy".step_ends FROM unnest(folded) f WHERE f."from" IS NOT NULL AND f.state <> 'map');
    more := ARRAY(SELECT ROW(f.*)::"chancy".step_ends FROM unnest(folded) f WHERE f.state = 'map');
  END IF;
  ends := ends || ARRAY(SELECT ROW(f.*)::"chancy".step_ends FROM unnest(folded) f WHERE f."from" IS NULL);
  -- Steps that are looked at again after a retry, with the counts that they have.
  ended := ended || ARRAY(SELECT ROW(e.owner_id, e.n, NULL, e.state, NULL, NULL)::"chancy".step_ends
                            FROM unnest(ends) e WHERE e.state = 'decide');
  IF cardinality(ends) > 0 THEN
    WITH applied AS (
      UPDATE "chancy".steps s
         SET state = e.state, result = e.result, error = e.error, ended_at = at,
             spec = CASE WHEN e.state = 'succeeded' THEN s.spec ELSE CASE WHEN s.job_id IS NULL THEN s.spec
                                                                          ELSE coalesce(s.spec, '{}') || jsonb_build_object('job', (
                                                                                 SELECT to_jsonb(f) - 'result' FROM "chancy".finished_jobs f WHERE f.id = s.job_id LIMIT 1)) END END
        FROM unnest(ends) e
       WHERE s.owner_id = e.owner_id AND s.n = e.n AND e.state <> 'decide'
         -- An end counts once.
         AND s.state IN ('waiting', 'open')
      RETURNING s.owner_id, s.n, s.state
    )
    SELECT ended || array_agg(ROW(a.owner_id, a.n, NULL, a.state, NULL, NULL)::"chancy".step_ends)
      INTO ended
      FROM applied a;
  END IF;
  IF stopped IS NOT NULL THEN
    FOR one IN SELECT f.id FROM unnest(stopped) AS f(id) LOOP
      FOR items IN SELECT s.* FROM "chancy".stop_flow_1(one.id, greatest(room, 0)) s LOOP
        IF items.verdict = 'left' THEN
          again := again || one.id;
        ELSIF items.n IS NULL THEN
          RETURN QUERY SELECT items.verdict, items.job_id, items.name;
        ELSE
          room := room - 1;
          ended := ended || ROW(one.id, items.n, NULL, items.verdict, NULL, NULL)::"chancy".step_ends;
          IF items.job_id IS NOT NULL THEN
            notified := notified || items.job_id;
            RETURN QUERY SELECT 'ended', items.job_id, 'cancelled'::text;
          END IF;
        END IF;
      END LOOP;
    END LOOP;
  END IF;

  own_id := pg_current_xact_id();
  LOOP
    skips := NULL;
    hard := NULL;
    maps := NULL;
    ready_jobs := NULL;
    ready_args := NULL;
    ready_delays := NULL;
    ready_keys := NULL;
    IF cardinality(ended) > 0 THEN
      all_ended := all_ended || ARRAY(SELECT ROW(e.*)::"chancy".step_ends FROM unnest(ended) e
                                       WHERE e."from" IS NULL AND e.state <> 'decide');
      WITH edges AS MATERIALIZED (
        SELECT e.owner_id, e.n, e.state, d.n AS dependent, d.i::int AS i, s.of_map IS NOT NULL AS is_item,
               row_number() OVER () AS r
          FROM unnest(ended) e
          JOIN "chancy".steps s ON s.owner_id = e.owner_id AND s.n = e.n
         CROSS JOIN LATERAL unnest(CASE e.state WHEN 'decide' THEN ARRAY[e.n] ELSE s.dependents END)
                              WITH ORDINALITY AS d(n, i)
         WHERE d.i > coalesce(e."from", 0)
      ), rest AS (
        INSERT INTO "chancy".step_ends (owner_id, n, "from", state)
        SELECT g.owner_id, g.n, min(g.i) - 1, g.state
          FROM edges g
         WHERE g.r > room
         GROUP BY g.owner_id, g.n, g.state
        RETURNING owner_id
      ), now AS MATERIALIZED (
        SELECT d.owner_id, d.n, d.job_id, d.spec IS NULL AND d.job_id IS NOT NULL AS is_plain,
               c.ended, c.bad, c.skipped, c.fine,
               -- Of a stopped one no step waits any more, or there is no room for what would be decided here.
               CASE WHEN d.state = 'waiting'
                    THEN CASE d.run_when
                           WHEN 'all-succeeded' THEN CASE WHEN d.bad + c.bad + d.skipped + c.skipped > 0 THEN 'skip'
                                                          WHEN d.pending = c.ended THEN 'run' END
                           WHEN 'none-failed' THEN CASE WHEN d.bad + c.bad > 0 THEN 'skip'
                                                        WHEN d.pending = c.ended THEN 'run' END
                           WHEN 'any-succeeded' THEN CASE WHEN d.fine + c.fine > 0 THEN 'run'
                                                          WHEN d.pending = c.ended THEN 'skip' END
                           WHEN 'any-failed' THEN CASE WHEN d.bad + c.bad > 0 THEN 'run'
                                                       WHEN d.pending = c.ended THEN 'skip' END
                           ELSE CASE WHEN d.pending = c.ended THEN 'run' END END
                    WHEN d.state = 'open' AND d.job_id IS NULL AND d.pending = c.ended THEN 'end' END AS decision
          FROM (SELECT g.owner_id, g.dependent, g.is_item AND g.state <> 'decide' AS is_item,
                       count(*) FILTER (WHERE g.state <> 'decide')::int AS ended,
                       count(*) FILTER (WHERE g.state IN ('failed', 'cancelled'))::int AS bad,
                       count(*) FILTER (WHERE g.state = 'skipped')::int AS skipped,
                       count(*) FILTER (WHERE g.state = 'succeeded')::int AS fine
                  FROM edges g
                 WHERE g.r <= room
                 GROUP BY g.owner_id, g.dependent, 3) c
          JOIN "chancy".steps d ON d.owner_id = c.owner_id AND d.n = c.dependent
           -- A map that has begun counts its items, and no dependency that was retried.
           AND (d.state <> 'open' OR d.job_id IS NOT NULL OR c.is_item)
      ), changed AS (
        UPDATE "chancy".steps d
           SET pending = d.pending - o.ended, bad = d.bad + o.bad, skipped = d.skipped + o.skipped,
               fine = d.fine + o.fine,
               state = CASE WHEN o.decision = 'run' AND o.is_plain THEN 'open' ELSE d.state END
          FROM now o
         WHERE d.owner_id = o.owner_id AND d.n = o.n
        RETURNING 1
      )
      SELECT array_agg(o.job_id) FILTER (WHERE o.decision = 'run' AND o.is_plain),
             array_agg(ROW(o.owner_id, o.n, NULL, 'run', NULL, NULL)::"chancy".step_ends)
               FILTER (WHERE o.decision = 'run' AND NOT o.is_plain),
             array_agg(ROW(o.owner_id, o.n, NULL, 'skipped', NULL, NULL)::"chancy".step_ends)
               FILTER (WHERE o.decision = 'skip'),
             array_agg(ROW(o.owner_id, o.n, NULL, 'end', NULL, NULL)::"chancy".step_ends)
               FILTER (WHERE o.decision = 'end'),
             again || (SELECT array_agg(DISTINCT r.owner_id) FROM rest r), (SELECT count(*)::int FROM changed)
        INTO ready_jobs, hard, skips, maps, again, counted
        FROM now o;
      room := greatest(room - counted, 0);
      IF ready_jobs IS NOT NULL THEN
        ready_args := array_fill(NULL::jsonb, ARRAY[cardinality(ready_jobs)]);
        ready_delays := array_fill(NULL::float8, ARRAY[cardinality(ready_jobs)]);
        ready_keys := array_fill(NULL::text, ARRAY[cardinality(ready_jobs)]);
      END IF;
    END IF;
    ended := NULL;

    IF skips IS NOT NULL THEN
      skips := ARRAY(
        SELECT ROW(k.owner_id, k.n, NULL, 'skipped', NULL,
                   jsonb_build_object('kind', 'skipped', 'step', r.name, 'message',
                     CASE WHEN r.state IS NULL THEN 'No step that it waits for ended as it needs.'
                          ELSE format('"%s" %s.', r.name, CASE r.state WHEN 'failed' THEN 'failed'
                                                                       ELSE 'was ' || r.state END) END)
               )::"chancy".step_ends
          FROM unnest(skips) k
          JOIN "chancy".steps s ON s.owner_id = k.owner_id AND s.n = k.n
          LEFT JOIN LATERAL (
                 SELECT p.name, p.state
                   FROM "chancy".steps p
                  WHERE p.owner_id = s.owner_id AND p.n = ANY (s.deps)
                    AND p.state IN ('failed', 'cancelled', 'skipped') AND s.run_when <> 'any-failed'
                  ORDER BY p.state = 'skipped', p.n
                  LIMIT 1) r ON true);
    END IF;
    IF hard IS NOT NULL THEN
      FOR one IN
        SELECT s.owner_id, s.n, s.job_id, s.spec, p.*
          FROM unnest(hard) h
          JOIN "chancy".steps s ON s.owner_id = h.owner_id AND s.n = h.n
         CROSS JOIN LATERAL "chancy".prepare_step_1(s) p
         WHERE p.verdict IS NOT NULL
      LOOP
        IF one.verdict = 'run' THEN
          UPDATE "chancy".steps s SET state = 'open' WHERE s.owner_id = one.owner_id AND s.n = one.n;
          ready_jobs := ready_jobs || one.job_id;
          ready_args := array_append(ready_args, one.content);
          ready_delays := array_append(ready_delays, one.delay_ms);
          ready_keys := array_append(ready_keys, one.group_key);
        ELSIF one.verdict = 'skip' THEN
          skips := skips || ROW(one.owner_id, one.n, NULL, 'skipped', NULL, one.error)::"chancy".step_ends;
        ELSIF one.verdict = 'fail' THEN
          skips := skips || ROW(one.owner_id, one.n, NULL, 'failed', NULL, one.error)::"chancy".step_ends;
        ELSIF one.verdict = 'end' THEN
          UPDATE "chancy".steps s SET state = 'succeeded', result = one.content, ended_at = at
           WHERE s.owner_id = one.owner_id AND s.n = one.n;
          ended := ended || ROW(one.owner_id, one.n, NULL, 'succeeded', NULL, NULL)::"chancy".step_ends;
        ELSE
          -- The items get the ordinals behind all others.
          UPDATE "chancy".workflows w SET size = w.size + jsonb_array_length(one.content)
           WHERE w.id = one.owner_id AND w.size + jsonb_array_length(one.content) <= 10000
          RETURNING w.size - jsonb_array_length(one.content) AS base INTO items;
          IF items.base IS NULL THEN
            skips := skips || ROW(one.owner_id, one.n, NULL, 'failed', NULL, jsonb_build_object(
              'kind', 'input', 'message', format('A workflow has at most 10000 steps with the items of its maps, and this map has %s.',
                                                 jsonb_array_length(one.content))))::"chancy".step_ends;
          ELSE
            UPDATE "chancy".steps s
               SET state = 'open', pending = jsonb_array_length(one.content), bad = 0, skipped = 0, fine = 0,
                   spec = s.spec || jsonb_build_object('base', items.base, 'items', jsonb_array_length(one.content))
             WHERE s.owner_id = one.owner_id AND s.n = one.n;
            IF jsonb_array_length(one.content) = 0 THEN
              maps := maps || ROW(one.owner_id, one.n, NULL, 'end', NULL, NULL)::"chancy".step_ends;
            ELSE
              more := more || ROW(one.owner_id, one.n, 0, 'map', NULL, NULL)::"chancy".step_ends;
            END IF;
          END IF;
        END IF;
      END LOOP;
    END IF;
    IF skips IS NOT NULL THEN
      FOR one IN
        SELECT e.*
          FROM (SELECT array_agg(k.owner_id) AS owners, array_agg(k.n) AS ordinals, array_agg(k.state) AS states,
                       array_agg(k.error) AS errors
                  FROM unnest(skips) k) a
         CROSS JOIN LATERAL "chancy".end_unrun_1(a.owners, a.ordinals, a.states, a.errors, at) e
      LOOP
        ended := ended || ROW(one.owner_id, one.n, NULL, one.state, NULL, NULL)::"chancy".step_ends;
        IF one.job_id IS NOT NULL THEN
          notified := notified || one.job_id;
          RETURN QUERY SELECT 'ended', one.job_id, one.state;
        END IF;
      END LOOP;
    END IF;
    WHILE cardinality(more) > 0 AND room > 0 LOOP
      SELECT m.* INTO items FROM "chancy".make_items_1(more[1].owner_id, more[1].n, more[1]."from", room) m;
      IF items.error IS NOT NULL THEN
        -- None of the others is made, and the map fails by this one.
        UPDATE "chancy".steps s
           SET pending = s.pending - ((s.spec ->> 'items')::int - more[1]."from"), bad = s.bad + 1, error = items.error,
               spec = s.spec || jsonb_build_object('made', more[1]."from")
         WHERE s.owner_id = more[1].owner_id AND s.n = more[1].n
        RETURNING s.pending INTO counted;
        IF counted = 0 THEN
          maps := maps || ROW(more[1].owner_id, more[1].n, NULL, 'end', NULL, NULL)::"chancy".step_ends;
        END IF;
        more := more[2:];
      ELSE
        room := room - items.made;
        RETURN QUERY SELECT 'ready', NULL::uuid, items.job_queue;
        IF (SELECT (s.spec ->> 'items')::int > more[1]."from" + items.made
              FROM "chancy".steps s WHERE s.owner_id = more[1].owner_id AND s.n = more[1].n) THEN
          more[1]."from" := more[1]."from" + items.made;
        ELSE
          more := more[2:];
        END IF;
      END IF;
    END LOOP;
    IF maps IS NOT NULL THEN
      WITH closed AS (
        UPDATE "chancy".steps s
           SET state = CASE WHEN s.bad = 0 THEN 'succeeded'
                            WHEN s.owner_id = ANY (stopped) THEN 'cancelled' ELSE 'failed' END,
               ended_at = at, pending = 0, error = CASE WHEN s.bad > 0 THEN coalesce(s.error, r.error) END
          FROM unnest(maps) m
          LEFT JOIN LATERAL (
                 SELECT i.error || jsonb_build_object('item', i.item) AS error
                   FROM "chancy".steps i
                  WHERE i.owner_id = m.owner_id AND i.of_map = m.n AND i.state <> 'succeeded'
                  ORDER BY i.n
                  LIMIT 1) r ON true
         WHERE s.owner_id = m.owner_id AND s.n = m.n AND s.state = 'open'
        RETURNING s.owner_id, s.n, s.state
      )
      SELECT ended || array_agg(ROW(c.owner_id, c.n, NULL, c.state, NULL, NULL)::"chancy".step_ends)
        INTO ended
        FROM closed c;
    END IF;
    IF ready_jobs IS NOT NULL THEN
      IF cardinality(ready_jobs) <= 256 THEN
        block_starts := ARRAY[nextval('"chancy".positions')];
      ELSE
        block_starts := "chancy".draw_positions_1(cardinality(ready_jobs));
      END IF;
      RETURN QUERY
      WITH placed AS (
        UPDATE "chancy".jobs j
           SET waits = NULL, args = coalesce(g.args, j.args),
               concurrency_key = coalesce(g.key, j.concurrency_key),
               scheduled_at = at + make_interval(secs => coalesce(g.delay_ms, 0) / 1000),
               run_at = CASE WHEN g.delay_ms > 0 THEN at + make_interval(secs => g.delay_ms / 1000) END,
               seq = CASE WHEN g.delay_ms > 0 THEN NULL ELSE block_starts[(g.k - 1::bigint) / 256::bigint + 1::bigint] + (g.k - 1::bigint) % 256::bigint END,
               position = CASE WHEN g.delay_ms > 0 THEN NULL ELSE block_starts[(g.k - 1::bigint) / 256::bigint + 1::bigint] + (g.k - 1::bigint) % 256::bigint END
          FROM unnest(ready_jobs, ready_args, ready_delays, ready_keys) WITH ORDINALITY AS g(id, args, delay_ms, key, k)
         WHERE j.id = g.id AND j.waits = 'steps'
        RETURNING j.queue, j.position IS NULL AS is_later
      )
      SELECT DISTINCT CASE WHEN p.is_later THEN 'scheduled' ELSE 'ready' END, NULL::uuid, p.queue FROM placed p;
    END IF;
    EXIT WHEN coalesce(cardinality(ended), 0) = 0;
  END LOOP;

  IF cardinality(more) > 0 THEN
    INSERT INTO "chancy".step_ends (owner_id, n, "from", state)
    SELECT m.owner_id, m.n, m."from", 'map' FROM unnest(more) m;
    again := again || ARRAY(SELECT DISTINCT m.owner_id FROM unnest(more) m);
  END IF;
  IF cardinality(all_ended) > 0 THEN
    WITH sums AS MATERIALIZED (
      SELECT s.owner_id, count(*) FILTER (WHERE s.of_map IS NULL)::int AS closed,
             count(*) FILTER (WHERE s.of_map IS NULL AND s.state IN ('failed', 'cancelled') AND NOT s.may_fail)::int AS bad,
             bool_or(s.state IN ('failed', 'cancelled') AND NOT s.may_fail) AS is_bad,
             (array_agg(
                jsonb_build_object('step', coalesce(s.error ->> 'step', s.name, m.name),
                                   'kind', s.error ->> 'kind', 'message', s.error ->> 'message')
                ORDER BY s.n)
                FILTER (WHERE s.state IN ('failed', 'cancelled') AND NOT s.may_fail))[1] AS failure
        FROM unnest(all_ended) e
        JOIN "chancy".steps s ON s.owner_id = e.owner_id AND s.n = e.n
        LEFT JOIN "chancy".steps m ON m.owner_id = s.owner_id AND m.n = s.of_map
       GROUP BY s.owner_id
    ), whole AS MATERIALIZED (
      -- The row is this transaction's. One that ends is written once, unless its output has to be filled.
      SELECT c.*, coalesce(w.failure, c.failure) AS first_failure,
             CASE WHEN w.open = c.closed
                  THEN CASE WHEN w.stopping = 'cancelled' THEN 'cancelled'
                            WHEN w.stopping IS NOT NULL OR w.bad + c.bad > 0 THEN 'failed'
                            WHEN coalesce(w.extras #> '{output,holes}', '[]') = '[]' THEN 'succeeded' END END AS ends_as
        FROM sums c
        JOIN "chancy".workflows w ON w.id = c.owner_id
    ), changed AS (
      UPDATE "chancy".workflows w
         SET open = w.open - c.closed, bad = w.bad + c.bad,
             stopping = CASE WHEN w.cancels AND c.is_bad AND w.stopping IS NULL AND w.open > c.closed
                             THEN 'failure' ELSE w.stopping END,
             state = coalesce(c.ends_as, w.state),
             failure = CASE WHEN c.ends_as = 'succeeded' THEN NULL
                            WHEN c.ends_as IS NOT NULL AND w.stopping = 'deadline'
                            THEN '{"step": null, "kind": "deadline", "message": "The deadline of the workflow passed."}'
                            ELSE c.first_failure END,
             output = CASE WHEN c.ends_as = 'succeeded' THEN w.extras #> '{output,value}' ELSE w.output END,
             finished_at = CASE WHEN c.ends_as IS NULL THEN w.finished_at ELSE at END,
             expires_at = CASE WHEN c.ends_as IS NULL THEN w.expires_at
                               ELSE at + least(coalesce(w.retention, interval '7 days'), interval '3650 days') END
        FROM whole c
       WHERE w.id = c.owner_id
      RETURNING w.id, w.open, w.stopping, w.owner_id, c.ends_as
    )
    SELECT array_agg(c.id) FILTER (WHERE c.open = 0 AND c.ends_as IS NULL),
           array_agg(c.id) FILTER (WHERE c.ends_as IS NOT NULL),
           array_agg(c.ends_as) FILTER (WHERE c.ends_as IS NOT NULL),
           array_agg(c.owner_id) FILTER (WHERE c.ends_as IS NOT NULL AND c.owner_id IS NOT NULL),
           array_agg(c.id) FILTER (WHERE c.ends_as IS NOT NULL AND c.stopping IS NOT NULL),
           again || array_agg(c.id) FILTER (WHERE c.open > 0 AND c.stopping = 'failure' AND c.id <> ALL (coalesce(stopped, '{}')))
      INTO finished, ended_flows, ended_as, parents, stopped_flows, again
      FROM changed c;
    IF ended_flows IS NOT NULL THEN
      notified := notified || ended_flows;
      RETURN QUERY SELECT 'finished', f.id, f.state FROM unnest(ended_flows, ended_as) AS f(id, state);
      IF stopped_flows IS NOT NULL THEN
        -- What is left to count decides nothing any more, and a retry counts again.
        DELETE FROM "chancy".step_ends e WHERE e.owner_id = ANY (stopped_flows);
      END IF;
    END IF;
    IF finished IS NOT NULL THEN
      FOR one IN SELECT f.id, e.* FROM unnest(finished) AS f(id) CROSS JOIN LATERAL "chancy".end_flow_1(f.id, at) e LOOP
        notified := notified || one.id;
        parents := parents || one.parent;
        RETURN QUERY SELECT 'finished', one.id, one.ended_as;
      END LOOP;
    END IF;
    IF parents IS NOT NULL THEN
      FOR one IN SELECT p.id FROM unnest(parents) AS p(id) WHERE p.id IS NOT NULL LOOP
        woken := "chancy".wake_parent_1(one.id);
        IF woken IS NOT NULL THEN
          RETURN QUERY SELECT 'ready', NULL::uuid, woken;
        END IF;
      END LOOP;
    END IF;
  END IF;
  -- Only checked where a wait is registered.
  IF notified IS NOT NULL AND (SELECT true FROM "chancy".waiters LIMIT 1) AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
       FROM "chancy".waiters w
      WHERE w.job_id = ANY (notified);
  END IF;
  RETURN QUERY SELECT DISTINCT 'left', a.id, NULL::text FROM unnest(again) AS a(id) WHERE a.id IS NOT NULL;
END $function$;

CREATE OR REPLACE FUNCTION chancy.flow_holder_1(flow uuid, key text, any_state boolean)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
DECLARE
  holder uuid;
BEGIN
  SELECT w.id INTO holder FROM "chancy".workflows w WHERE w.id = flow;
  IF holder IS NULL THEN
    SELECT w.id INTO holder
      FROM "chancy".workflows w
     WHERE w.unique_key = key AND (any_state OR w.finished_at IS NULL OR w.once)
     ORDER BY w.id DESC
     LIMIT 1;
  END IF;
  RETURN holder;
END $function$;

CREATE OR REPLACE FUNCTION chancy.flow_states_1(ids uuid[])
 RETURNS TABLE(id uuid, state text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT w.id, w.state FROM "chancy".workflows w WHERE w.id = ANY (ids) AND w.kind <> 'children';
END $function$;

CREATE OR REPLACE FUNCTION chancy.fork_1(job uuid, new_id uuid, before text, args_text text, notifying boolean)
 RETURNS TABLE(verdict text, queue text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  of_queue text;
  from_base int;
  end_n int;
BEGIN
  SELECT k.queue, coalesce((k.extras ->> 'base')::int, 0)
    INTO of_queue, from_base
    FROM (SELECT j.queue, j.extras FROM "chancy".jobs j WHERE j.id = fork_1.job
          UNION ALL
          SELECT f.queue, f.extras FROM "chancy".finished_jobs f WHERE f.id = fork_1.job) k
   LIMIT 1;
  IF of_queue IS NULL THEN
    RETURN QUERY SELECT 'unknown', NULL::text;
    RETURN;
  END IF;
  end_n := (SELECT min(s.n) FROM "chancy".job_steps s
             WHERE s.job_id = fork_1.job AND s.n > from_base AND s.name = fork_1.before);
  IF end_n IS NULL THEN
    RETURN QUERY SELECT 'no step', of_queue;
    RETURN;
  END IF;
  -- The first try of a call whose answer was lost has made it.
  IF (SELECT true FROM "chancy".jobs j WHERE j.id = new_id) OR
     (SELECT true FROM "chancy".finished_jobs f WHERE f.id = new_id LIMIT 1) THEN
    RETURN QUERY SELECT 'forked', of_queue;
    RETURN;
  END IF;
  INSERT INTO "chancy".jobs (
         id, fence, priority, max_attempts, concurrency_max, format, queue, name, args, concurrency_key,
         retention, limits, backoff, meta, seq, position, extras)
  SELECT new_id, 1, k.priority, k.max_attempts, k.concurrency_max, k.format, k.queue, k.name,
         coalesce(args_text::jsonb, k.args), k.concurrency_key, k.retention, k.limits, k.backoff, k.meta, p.position, p.position,
         coalesce(k.extras, '{}') - ARRAY['open', 'base', 'run', 'deadline_ms']
         || jsonb_build_object('seed', coalesce(k.extras ->> 'seed', fork_1.job || ':' || coalesce(k.extras ->> 'run', '1')))
    FROM (SELECT j.priority, j.max_attempts, j.concurrency_max, j.format, j.queue, j.name, j.args, j.concurrency_key,
                 j.retention, j.limits, j.backoff, j.meta, j.extras
            FROM "chancy".jobs j WHERE j.id = fork_1.job
          UNION ALL
          SELECT f.priority, f.max_attempts, f.concurrency_max, f.format, f.queue, f.name, f.args, f.concurrency_key,
                 f.retention, f.limits, f.backoff, f.meta, f.extras
            FROM "chancy".finished_jobs f WHERE f.id = fork_1.job) k
   CROSS JOIN (SELECT nextval('"chancy".positions') AS position) p
   LIMIT 1;
  INSERT INTO "chancy".job_steps (job_id, n, kind, name, result, error, started_at, ended_at)
  SELECT new_id, s.n - from_base, s.kind, s.name, s.result, s.error, s.started_at, s.ended_at
    FROM "chancy".job_steps s
   WHERE s.job_id = fork_1.job AND s.n > from_base AND s.n < end_n;
  INSERT INTO "chancy".job_values (job_id, key, value)
  SELECT new_id, v.key, v.value FROM "chancy".job_values v WHERE v.job_id = fork_1.job;
  IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'queue.pushed ' || of_queue);
  END IF;
  RETURN QUERY SELECT 'forked', of_queue;
END $function$;

CREATE OR REPLACE FUNCTION chancy.get_flow_1(flow uuid)
 RETURNS TABLE(id text, name text, state text, stopping text, priority integer, unique_key text, created_ms double precision, deadline_ms double precision, finished_ms double precision, expires_ms double precision, meta text, output text, failure text, kind text, total integer, failed integer, cancelled integer, open integer, is_pushing boolean, steps text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT w.id::text, left(w.name, 200), w.state, w.stopping, w.priority, w.unique_key,
         date_part('epoch', w.created_at) * 1000, date_part('epoch', w.deadline_at) * 1000,
         date_part('epoch', w.finished_at) * 1000, date_part('epoch', w.expires_at) * 1000,
         w.meta::text, w.output::text, w.failure::text, w.kind, w.size, w.bad, w.cancelled,
         w.open - (w.pushed_until IS NOT NULL)::int, w.pushed_until IS NOT NULL,
         (SELECT coalesce(json_agg(json_strip_nulls(json_build_object(
                   'n', s.n, 'name', s.name,
                   'state', CASE WHEN s.state <> 'open' THEN s.state
                                 -- Its end may be known and not counted yet.
                                 ELSE coalesce(e.state, j.state, CASE WHEN s.job_id IS NULL THEN 'running' ELSE 'pending' END) END,
                   'deps', s.deps, 'runWhen', s.run_when, 'mayFail', s.may_fail, 'job', s.job_id, 'ofMap', s.of_map,
                   'item', s.item, 'endedMs', date_part('epoch', s.ended_at) * 1000, 'error', s.error)) ORDER BY s.n), '[]')::text
            FROM "chancy".steps s
            LEFT JOIN LATERAL (
                   SELECT k.state FROM "chancy".jobs k WHERE s.state = 'open' AND k.id = s.job_id OFFSET 0) j ON true
            LEFT JOIN LATERAL (
                   SELECT o.state FROM "chancy".step_ends o
                    WHERE s.state = 'open' AND o.owner_id = w.id AND o.n = s.n AND o."from" IS NULL
                    LIMIT 1) e ON true
           WHERE s.owner_id = w.id)
    FROM "chancy".workflows w
   WHERE w.id = flow AND w.kind <> 'children';
END $function$;

CREATE OR REPLACE FUNCTION chancy.get_jobs_1(ids uuid[])
 RETURNS TABLE(id text, queue text, name text, args text, state text, priority integer, attempts integer, max_attempts integer, created_ms double precision, scheduled_ms double precision, started_ms double precision, unique_key text, concurrency_key text, limits text, errors text, progress text, meta text, worker_id text, finished_ms double precision, result text, wall_ms double precision, cpu_ms double precision, peak_bytes double precision)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
         CASE WHEN j.args IS NULL THEN NULL
              WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
              THEN j.args::text::varchar(65536)::text
              ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
         j.priority, j.attempts, j.max_attempts,
         date_part('epoch', j.created_at) * 1000 AS created_ms,
         date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
         date_part('epoch', j.started_at) * 1000 AS started_ms,
         left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
         CASE WHEN j.limits IS NULL THEN NULL
              WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
              THEN j.limits::text::varchar(65536)::text
              ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                 WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                 THEN j.errors::text::varchar(65536)::text
                                                                                 ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
         CASE WHEN j.progress IS NULL THEN NULL
              WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
              THEN j.progress::text::varchar(65536)::text
              ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                     WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                     THEN j.meta::text::varchar(65536)::text
                                                                                     ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
         j.worker_id::text AS worker_id,
         NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
         NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes
    FROM "chancy".jobs j
   WHERE j.id = ANY (ids)
  UNION ALL
  SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
         CASE WHEN j.args IS NULL THEN NULL
              WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
              THEN j.args::text::varchar(65536)::text
              ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
         j.priority, j.attempts, j.max_attempts,
         date_part('epoch', j.created_at) * 1000 AS created_ms,
         date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
         date_part('epoch', j.started_at) * 1000 AS started_ms,
         left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
         CASE WHEN j.limits IS NULL THEN NULL
              WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
              THEN j.limits::text::varchar(65536)::text
              ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                 WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                 THEN j.errors::text::varchar(65536)::text
                                                                                 ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
         CASE WHEN j.progress IS NULL THEN NULL
              WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
              THEN j.progress::text::varchar(65536)::text
              ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                     WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                     THEN j.meta::text::varchar(65536)::text
                                                                                     ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
         j.worker_id::text AS worker_id,
         date_part('epoch', j.finished_at) * 1000 AS finished_ms,
         CASE WHEN j.result IS NULL THEN NULL
              WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL
              THEN j.result::text::varchar(65536)::text
              ELSE "chancy".text_1(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes
    FROM "chancy".finished_jobs j
   WHERE j.id = ANY (ids);
END $function$;

CREATE OR REPLACE FUNCTION chancy.get_jobs_2(ids uuid[])
 RETURNS TABLE(id text, queue text, name text, args text, state text, priority integer, attempts integer, max_attempts integer, created_ms double precision, scheduled_ms double precision, started_ms double precision, unique_key text, concurrency_key text, limits text, errors text, progress text, meta text, worker_id text, finished_ms double precision, result text, wall_ms double precision, cpu_ms double precision, peak_bytes double precision, durable text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
         CASE WHEN j.args IS NULL THEN NULL
              WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
              THEN j.args::text::varchar(65536)::text
              ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
         j.priority, j.attempts, j.max_attempts,
         date_part('epoch', j.created_at) * 1000 AS created_ms,
         date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
         date_part('epoch', j.started_at) * 1000 AS started_ms,
         left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
         CASE WHEN j.limits IS NULL THEN NULL
              WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
              THEN j.limits::text::varchar(65536)::text
              ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                 WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                 THEN j.errors::text::varchar(65536)::text
                                                                                 ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
         CASE WHEN j.progress IS NULL THEN NULL
              WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
              THEN j.progress::text::varchar(65536)::text
              ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                     WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                     THEN j.meta::text::varchar(65536)::text
                                                                                     ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
         j.worker_id::text AS worker_id,
         NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
         NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes,
         (SELECT jsonb_build_object('values', v.shown, 'open', CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END, 'owner', o.owner)::text
            FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM "chancy".job_values k WHERE k.job_id = j.id) v
            LEFT JOIN LATERAL (
                   SELECT jsonb_build_object(
                            'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                            'name', w.name, 'step', (
                              SELECT coalesce(s.name, (SELECT m.name FROM "chancy".steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                                      || '[' || s.item || ']')
                                FROM "chancy".steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
                     FROM "chancy".workflows w
                    WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
           WHERE v.shown IS NOT NULL OR CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END IS NOT NULL OR o.owner IS NOT NULL) AS durable
    FROM "chancy".jobs j
   WHERE j.id = ANY (ids)
  UNION ALL
  SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
         CASE WHEN j.args IS NULL THEN NULL
              WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
              THEN j.args::text::varchar(65536)::text
              ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
         j.priority, j.attempts, j.max_attempts,
         date_part('epoch', j.created_at) * 1000 AS created_ms,
         date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
         date_part('epoch', j.started_at) * 1000 AS started_ms,
         left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
         CASE WHEN j.limits IS NULL THEN NULL
              WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
              THEN j.limits::text::varchar(65536)::text
              ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                 WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                 THEN j.errors::text::varchar(65536)::text
                                                                                 ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
         CASE WHEN j.progress IS NULL THEN NULL
              WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
              THEN j.progress::text::varchar(65536)::text
              ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                     WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                     THEN j.meta::text::varchar(65536)::text
                                                                                     ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
         j.worker_id::text AS worker_id,
         date_part('epoch', j.finished_at) * 1000 AS finished_ms,
         CASE WHEN j.result IS NULL THEN NULL
              WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL
              THEN j.result::text::varchar(65536)::text
              ELSE "chancy".text_1(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes, (SELECT jsonb_build_object('values', v.shown, 'open', NULL::jsonb, 'owner', o.owner)::text
                                                                                                                  FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM "chancy".job_values k WHERE k.job_id = j.id) v
                                                                                                                  LEFT JOIN LATERAL (
                                                                                                                         SELECT jsonb_build_object(
                                                                                                                                  'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                                                                                                                                  'name', w.name, 'step', (
                                                                                                                                    SELECT coalesce(s.name, (SELECT m.name FROM "chancy".steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                                                                                                                                            || '[' || s.item || ']')
                                                                                                                                      FROM "chancy".steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
                                                                                                                           FROM "chancy".workflows w
                                                                                                                          WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
                                                                                                                 WHERE v.shown IS NOT NULL OR NULL::jsonb IS NOT NULL OR o.owner IS NOT NULL) AS durable
    FROM "chancy".finished_jobs j
   WHERE j.id = ANY (ids);
END $function$;

CREATE OR REPLACE FUNCTION chancy.get_states_1(ids uuid[])
 RETURNS TABLE(id uuid, state text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT j.id, j.state FROM "chancy".jobs j WHERE j.id = ANY (ids)
  UNION ALL
  SELECT j.id, j.state FROM "chancy".finished_jobs j WHERE j.id = ANY (ids);
END $function$;

CREATE OR REPLACE FUNCTION chancy.get_steps_1(job uuid)
 RETURNS TABLE(n integer, kind text, name text, result text, error text, started_ms double precision, ended_ms double precision)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT s.n - f.base, s.kind, s.name, s.result::text, s.error::text,
         extract(epoch FROM s.started_at)::float8 * 1000, extract(epoch FROM s.ended_at)::float8 * 1000
    FROM (SELECT coalesce((k.extras ->> 'base')::int, 0) AS base
            FROM (SELECT j.extras FROM "chancy".jobs j WHERE j.id = get_steps_1.job
                  UNION ALL
                  SELECT h.extras FROM "chancy".finished_jobs h WHERE h.id = get_steps_1.job) k
           LIMIT 1) f
    JOIN "chancy".job_steps s ON s.job_id = get_steps_1.job AND s.n > f.base
   ORDER BY s.n;
END $function$;

CREATE OR REPLACE FUNCTION chancy.group_key_1(name text, field text, args jsonb)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  value jsonb := args -> field;
  key text;
BEGIN
  IF jsonb_typeof(value) IS NULL OR jsonb_typeof(value) NOT IN ('string', 'number', 'boolean') THEN
    RAISE EXCEPTION 'The concurrency key of job "%": expected a text, a number or a boolean from the argument "%", got %',
                    name, field, coalesce(jsonb_typeof(value), 'nothing')
      USING ERRCODE = 'CH004';
  END IF;
  key := name || ':' || field || '='
         || CASE jsonb_typeof(value) WHEN 'number' THEN trim_scale(value::numeric)::text ELSE value::text END;
  IF octet_length(key) > 1000 THEN
    RAISE EXCEPTION 'The concurrency key of job "%" is longer than 1000 bytes', name USING ERRCODE = 'CH004';
  END IF;
  RETURN key;
END $function$;

CREATE OR REPLACE FUNCTION chancy.held_1(worker uuid, claim_seqs bigint[])
 RETURNS TABLE(id uuid, name text, args text, priority integer, attempts integer, max_attempts integer, fence bigint, "position" bigint, created_ms double precision, scheduled_ms double precision, extras text, ctid tid, claim_seq bigint, queue text, started_ms double precision)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT j.id, j.name::text,
         CASE WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
              -- A cast to a length is nearly free, where a function that counts characters is not.
              THEN j.args::text::varchar(65536)::text
              ELSE "chancy".text_1(j.args, 262144, 65536) END,
         j.priority, j.attempts, j.max_attempts, j.fence, j.position, date_part('epoch', j.created_at) * 1000,
         date_part('epoch', j.scheduled_at) * 1000, CASE WHEN j.concurrency_key IS NULL AND j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                              AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                              AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                                                              AND j.owner_id IS NULL AND j.extras IS NULL
                                                         THEN NULL
                                                         -- The keys are what most jobs have that have anything of these, and most have one of them. One alone takes
                                                         -- a quarter of the cost of the whole object.
                                                         WHEN j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                              AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                              AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                                                              AND j.owner_id IS NULL AND j.extras IS NULL
                                                         THEN json_build_object('concurrency_key', j.concurrency_key)::text
                                                         WHEN j.concurrency_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                              AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                              AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                                                              AND j.owner_id IS NULL AND j.extras IS NULL
                                                         THEN json_build_object('unique_key', j.unique_key)::text
                                                         WHEN j.concurrency_key IS NULL AND j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                              AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                              AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0 AND j.extras IS NULL
                                                         THEN json_build_object('owner_id', j.owner_id, 'owner_step', j.owner_step)::text
                                                         WHEN coalesce(pg_column_size(j.limits), 0) + coalesce(pg_column_size(j.backoff), 0)
                                                              + coalesce(pg_column_size(j.progress), 0) + coalesce(pg_column_size(j.errors), 0)
                                                              + coalesce(pg_column_size(j.meta), 0) + coalesce(pg_column_size(j.extras), 0) > 65536
                                                         THEN json_strip_nulls(json_build_object(
                                                                'concurrency_key', j.concurrency_key, 'unique_key', left(j.unique_key, 1000),
                                                                'owner_id', j.owner_id, 'owner_step', j.owner_step,
                                                                'crashes', nullif(j.crashes, 0), 'is_cut', true))::text
                                                         ELSE "chancy".text_1(
                                                                jsonb_strip_nulls(jsonb_build_object(
                                                                  'concurrency_key', j.concurrency_key, 'unique_key', j.unique_key, 'limits', j.limits,
                                                                  'backoff', j.backoff, 'cancel_requested_at', j.cancel_requested_at,
                                                                  'retention_ms', extract(epoch FROM j.retention) * 1000, 'crashes', nullif(j.crashes, 0),
                                                                  'owner_id', j.owner_id, 'owner_step', j.owner_step))
                                                                -- What users wrote may have nulls inside, which are theirs.
                                                                || CASE WHEN j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.extras IS NULL THEN '{}'
                                                                        ELSE CASE WHEN j.extras IS NULL THEN '{}'
                                                                                  ELSE jsonb_build_object('extras', j.extras) END
                                                                             || CASE WHEN j.progress IS NULL THEN '{}'
                                                                                  ELSE jsonb_build_object('progress', j.progress) END
                                                                             || CASE WHEN j.errors IS NULL THEN '{}'
                                                                                     ELSE jsonb_build_object('errors', j.errors) END
                                                                             || CASE WHEN j.meta IS NULL THEN '{}'
                                                                                     ELSE jsonb_build_object('meta', j.meta) END END,
                                                                262144, 65536) END, j.ctid, c.claim_seq, j.queue, date_part('epoch', j.started_at) * 1000
    FROM "chancy".claims c
   CROSS JOIN LATERAL unnest(c.ids) AS i(id)
   CROSS JOIN LATERAL (
           SELECT k.ctid, k.* FROM "chancy".jobs k WHERE k.id = i.id OFFSET 0) j
   WHERE c.worker_id = worker AND c.claim_seq = ANY (claim_seqs)
     AND j.state = 'running' AND j.worker_id = worker;
END $function$;

CREATE OR REPLACE FUNCTION chancy.index_day_1(partition text, kind text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET lock_timeout TO '200ms'
 SET statement_timeout TO '0'
AS $function$
DECLARE
  day regclass;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('chancy day indexes ' || 'chancy', 0::bigint)) THEN
    RETURN false;
  END IF;
  SELECT c.oid::regclass INTO day
    FROM pg_inherits h
    JOIN pg_class c ON c.oid = h.inhrelid
   WHERE h.inhparent = '"chancy".finished_jobs'::regclass AND c.relname = index_day_1.partition
     AND c.relname ~ '^finished_jobs_[0-9]{8}$'
     AND (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC'
         < "chancy".now_1() - interval '10 minutes';
  IF NOT FOUND OR kind NOT IN ('name', 'args') THEN
    RETURN false;
  END IF;
  EXECUTE format('DROP INDEX IF EXISTS %I.%I', 'chancy', partition || '_' || kind);
  EXECUTE format('CREATE INDEX %I ON %s %s', partition || '_' || kind, day,
                 CASE kind WHEN 'name' THEN '(name, id)'
                      ELSE 'USING gin (args jsonb_path_ops, meta jsonb_path_ops)' END);
  RETURN true;
END $function$;

CREATE OR REPLACE FUNCTION chancy.index_ended_1()
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  partition regclass;
  index_name text;
BEGIN
  SELECT h.inhrelid::regclass, 'ended_' || h.inhrelid
    INTO partition, index_name
    FROM pg_inherits h
   WHERE h.inhparent = '"chancy".finished_jobs'::regclass
     AND NOT EXISTS (SELECT 1
                       FROM pg_index x
                       JOIN pg_inherits p ON p.inhrelid = x.indexrelid
                      WHERE x.indrelid = h.inhrelid AND p.inhparent = '"chancy".finished_jobs_ended'::regclass)
   ORDER BY h.inhrelid
   LIMIT 1;
  IF NOT FOUND THEN
    DROP INDEX IF EXISTS "chancy".finished_jobs_unusual;
    RETURN 0;
  END IF;
  EXECUTE format('CREATE INDEX %I ON %s (state, finished_at, id) WHERE state <> ''succeeded''', index_name, partition);
  EXECUTE format('ALTER INDEX %s ATTACH PARTITION %I.%I', '"chancy".finished_jobs_ended', 'chancy', index_name);
  RETURN 1;
END $function$;

CREATE OR REPLACE FUNCTION chancy.indexed_days_1(kind text)
 RETURNS TABLE(day timestamp with time zone, is_indexed boolean)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC',
         EXISTS (SELECT 1
                   FROM pg_index x
                   JOIN pg_class i ON i.oid = x.indexrelid
                  WHERE x.indrelid = c.oid AND x.indisvalid AND i.relname = c.relname || '_' || kind)
    FROM pg_inherits h
    JOIN pg_class c ON c.oid = h.inhrelid
   WHERE h.inhparent = '"chancy".finished_jobs'::regclass AND c.relname ~ '^finished_jobs_[0-9]{8}$'
$function$;

CREATE OR REPLACE FUNCTION chancy.job_of_key_1(key text)
 RETURNS uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT j.id FROM "chancy".jobs j WHERE j.unique_key = job_of_key_1.key
$function$;

CREATE OR REPLACE FUNCTION chancy.leave_signal_1(job uuid, name text, content jsonb, key text, notifying boolean)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
BEGIN
  IF (SELECT true FROM "chancy".jobs j WHERE j.id = leave_signal_1.job) IS NULL THEN
    RETURN CASE WHEN (SELECT true FROM "chancy".finished_jobs f WHERE f.id = leave_signal_1.job LIMIT 1)
                THEN 'finished' ELSE 'unknown' END;
  END IF;
  IF (SELECT count(*)
        FROM (SELECT 1 FROM "chancy".signals s
               WHERE s.job_id = leave_signal_1.job AND s.taken_at IS NULL LIMIT 10000) c) >= 10000 THEN
    RETURN 'full';
  END IF;
  INSERT INTO "chancy".signals (job_id, name, value, key, sent_at, untold)
  VALUES (leave_signal_1.job, leave_signal_1.name, content, leave_signal_1.key, "chancy".clock_1(), true)
      ON CONFLICT DO NOTHING;
  IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'signal.left ' || leave_signal_1.job::text);
  END IF;
  RETURN 'sent';
END $function$;

CREATE OR REPLACE FUNCTION chancy.list_flows_1(of_name text, of_state text, of_key text, after uuid, page_size integer, of_kind text DEFAULT NULL::text)
 RETURNS TABLE(id text, name text, state text, stopping text, priority integer, unique_key text, created_ms double precision, deadline_ms double precision, finished_ms double precision, expires_ms double precision, meta text, output text, failure text, kind text, total integer, failed integer, cancelled integer, open integer, is_pushing boolean, counts text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
 SET enable_sort TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  bound uuid := coalesce(after, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  kinds text[] := CASE WHEN of_kind IS NULL THEN '{workflow,batch}' ELSE ARRAY[of_kind] END;
  ids uuid[];
BEGIN
  -- Each kind of question has an index in this order, and reads a page of it.
  IF of_key IS NOT NULL THEN
    ids := ARRAY(
      SELECT w.id FROM "chancy".workflows w
       WHERE (w.unique_key, w.id) <= (of_key, bound) AND w.unique_key >= of_key AND w.unique_key IS NOT NULL
         AND w.id IS DISTINCT FROM after AND w.kind = ANY (kinds)
         AND (of_name IS NULL OR w.name = of_name) AND (of_state IS NULL OR w.state = of_state)
       ORDER BY w.unique_key DESC, w.id DESC LIMIT page_size);
  ELSIF of_name IS NOT NULL THEN
    ids := ARRAY(
      SELECT w.id FROM "chancy".workflows w
       WHERE (w.name, w.id) <= (of_name, bound) AND w.name >= of_name
         AND w.id IS DISTINCT FROM after AND w.kind = ANY (kinds) AND (of_state IS NULL OR w.state = of_state)
       ORDER BY w.name DESC, w.id DESC LIMIT page_size);
  ELSIF of_state = 'running' THEN
    ids := ARRAY(
      SELECT w.id FROM "chancy".workflows w
       WHERE w.finished_at IS NULL AND w.id <= bound AND w.id IS DISTINCT FROM after AND w.kind = ANY (kinds)
       ORDER BY w.id DESC LIMIT page_size);
  ELSE
    ids := ARRAY(
      SELECT w.id FROM "chancy".workflows w
       WHERE w.id <= bound AND w.id IS DISTINCT FROM after AND w.kind = ANY (kinds)
         AND (of_state IS NULL OR w.state = of_state)
       ORDER BY w.id DESC LIMIT page_size);
  END IF;
  RETURN QUERY
  SELECT w.id::text, left(w.name, 200), w.state, w.stopping, w.priority, w.unique_key,
         date_part('epoch', w.created_at) * 1000, date_part('epoch', w.deadline_at) * 1000,
         date_part('epoch', w.finished_at) * 1000, date_part('epoch', w.expires_at) * 1000,
         w.meta::text, w.output::text, w.failure::text, w.kind, w.size, w.bad, w.cancelled,
         w.open - (w.pushed_until IS NOT NULL)::int, w.pushed_until IS NOT NULL,
         (SELECT coalesce(json_object_agg(c.state, c.n), '{}')::text
            FROM (SELECT s.state, count(*)::int AS n
                    FROM "chancy".steps s
                   WHERE s.owner_id = w.id AND s.of_map IS NULL
                   GROUP BY s.state) c)
    FROM unnest(ids) WITH ORDINALITY AS i(id, n)
    JOIN "chancy".workflows w ON w.id = i.id;
END $function$;

CREATE OR REPLACE FUNCTION chancy.list_jobs_1(of_queue text, of_state text, of_name text, after uuid, size integer)
 RETURNS TABLE(id text, queue text, name text, args text, state text, priority integer, attempts integer, max_attempts integer, created_ms double precision, scheduled_ms double precision, started_ms double precision, unique_key text, concurrency_key text, limits text, errors text, progress text, meta text, worker_id text, finished_ms double precision, result text, wall_ms double precision, cpu_ms double precision, peak_bytes double precision)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
 SET enable_sort TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  bound uuid := coalesce(after, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
BEGIN
  IF of_state = 'running' THEN
    -- Among many that wait no index has the few that run, but claims know them.
    RETURN QUERY
    SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                THEN j.args::text::varchar(65536)::text
                ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                THEN j.limits::text::varchar(65536)::text
                ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                   WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                   THEN j.errors::text::varchar(65536)::text
                                                                                   ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                THEN j.progress::text::varchar(65536)::text
                ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                       WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                       THEN j.meta::text::varchar(65536)::text
                                                                                       ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
           NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes
      FROM "chancy".jobs j
     WHERE j.id = ANY (ARRAY(SELECT unnest(c.ids) FROM "chancy".claims c))
       AND j.id <= bound AND j.id IS DISTINCT FROM after
           AND (of_queue IS NULL OR j.queue = of_queue)
           AND (of_state IS NULL OR j.state = of_state)
           AND (of_name IS NULL OR j.name = of_name)
     ORDER BY j.id DESC
     LIMIT size;
  ELSIF of_state IS NULL OR of_state IN ('pending', 'retrying') THEN
    RETURN QUERY
    SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                THEN j.args::text::varchar(65536)::text
                ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                THEN j.limits::text::varchar(65536)::text
                ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                   WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                   THEN j.errors::text::varchar(65536)::text
                                                                                   ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                THEN j.progress::text::varchar(65536)::text
                ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                       WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                       THEN j.meta::text::varchar(65536)::text
                                                                                       ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
           NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes
      FROM "chancy".jobs j
     WHERE j.id <= bound AND j.id IS DISTINCT FROM after
           AND (of_queue IS NULL OR j.queue = of_queue)
           AND (of_state IS NULL OR j.state = of_state)
           AND (of_name IS NULL OR j.name = of_name)
     ORDER BY j.id DESC
     LIMIT size;
  END IF;
  IF of_state IN ('failed', 'cancelled') THEN
    RETURN QUERY
    SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                THEN j.args::text::varchar(65536)::text
                ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                THEN j.limits::text::varchar(65536)::text
                ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                   WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                   THEN j.errors::text::varchar(65536)::text
                                                                                   ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                THEN j.progress::text::varchar(65536)::text
                ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                       WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                       THEN j.meta::text::varchar(65536)::text
                                                                                       ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           date_part('epoch', j.finished_at) * 1000 AS finished_ms,
           CASE WHEN j.result IS NULL THEN NULL
                WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL
                THEN j.result::text::varchar(65536)::text
                ELSE "chancy".text_1(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes
      FROM "chancy".finished_jobs j
     WHERE (j.state, j.id) <= (of_state, bound) AND j.state >= of_state AND j.state <> 'succeeded'
       AND j.id <= bound AND j.id IS DISTINCT FROM after
           AND (of_queue IS NULL OR j.queue = of_queue)
           AND (of_state IS NULL OR j.state = of_state)
           AND (of_name IS NULL OR j.name = of_name)
     ORDER BY j.state DESC, j.id DESC
     LIMIT size;
  ELSIF of_state IS NULL OR of_state = 'succeeded' THEN
    IF of_queue IS NULL THEN
      RETURN QUERY
      SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
             CASE WHEN j.args IS NULL THEN NULL
                  WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                  THEN j.args::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
             j.priority, j.attempts, j.max_attempts,
             date_part('epoch', j.created_at) * 1000 AS created_ms,
             date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
             date_part('epoch', j.started_at) * 1000 AS started_ms,
             left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
             CASE WHEN j.limits IS NULL THEN NULL
                  WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                  THEN j.limits::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                     WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                     THEN j.errors::text::varchar(65536)::text
                                                                                     ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
             CASE WHEN j.progress IS NULL THEN NULL
                  WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                  THEN j.progress::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                         WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                         THEN j.meta::text::varchar(65536)::text
                                                                                         ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
             j.worker_id::text AS worker_id,
             date_part('epoch', j.finished_at) * 1000 AS finished_ms,
             CASE WHEN j.result IS NULL THEN NULL
                  WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL
                  THEN j.result::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes
        FROM "chancy".finished_jobs j
       WHERE j.id <= bound AND j.id IS DISTINCT FROM after
             AND (of_queue IS NULL OR j.queue = of_queue)
             AND (of_state IS NULL OR j.state = of_state)
             AND (of_name IS NULL OR j.name = of_name)
       ORDER BY j.id DESC
       LIMIT size;
    ELSE
      RETURN QUERY
      SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
             CASE WHEN j.args IS NULL THEN NULL
                  WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                  THEN j.args::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
             j.priority, j.attempts, j.max_attempts,
             date_part('epoch', j.created_at) * 1000 AS created_ms,
             date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
             date_part('epoch', j.started_at) * 1000 AS started_ms,
             left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
             CASE WHEN j.limits IS NULL THEN NULL
                  WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                  THEN j.limits::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                     WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                     THEN j.errors::text::varchar(65536)::text
                                                                                     ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
             CASE WHEN j.progress IS NULL THEN NULL
                  WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                  THEN j.progress::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                         WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                         THEN j.meta::text::varchar(65536)::text
                                                                                         ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
             j.worker_id::text AS worker_id,
             date_part('epoch', j.finished_at) * 1000 AS finished_ms,
             CASE WHEN j.result IS NULL THEN NULL
                  WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL
                  THEN j.result::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes
        FROM "chancy".finished_jobs j
       WHERE (j.queue, j.id) <= (of_queue, bound) AND j.queue >= of_queue
         AND j.id <= bound AND j.id IS DISTINCT FROM after
             AND (of_queue IS NULL OR j.queue = of_queue)
             AND (of_state IS NULL OR j.state = of_state)
             AND (of_name IS NULL OR j.name = of_name)
       ORDER BY j.queue DESC, j.id DESC
       LIMIT size;
    END IF;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.list_jobs_2(of_queue text, of_state text, of_name text, after uuid, size integer)
 RETURNS TABLE(id text, queue text, name text, args text, state text, priority integer, attempts integer, max_attempts integer, created_ms double precision, scheduled_ms double precision, started_ms double precision, unique_key text, concurrency_key text, limits text, errors text, progress text, meta text, worker_id text, finished_ms double precision, result text, wall_ms double precision, cpu_ms double precision, peak_bytes double precision, durable text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
 SET enable_sort TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  bound uuid := coalesce(after, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
BEGIN
  IF of_state = 'running' THEN
    -- Among many that wait no index has the few that run, but claims know them.
    RETURN QUERY
    SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                THEN j.args::text::varchar(65536)::text
                ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                THEN j.limits::text::varchar(65536)::text
                ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                   WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                   THEN j.errors::text::varchar(65536)::text
                                                                                   ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                THEN j.progress::text::varchar(65536)::text
                ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                       WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                       THEN j.meta::text::varchar(65536)::text
                                                                                       ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
           NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes,
         (SELECT jsonb_build_object('values', v.shown, 'open', CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END, 'owner', o.owner)::text
            FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM "chancy".job_values k WHERE k.job_id = j.id) v
            LEFT JOIN LATERAL (
                   SELECT jsonb_build_object(
                            'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                            'name', w.name, 'step', (
                              SELECT coalesce(s.name, (SELECT m.name FROM "chancy".steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                                      || '[' || s.item || ']')
                                FROM "chancy".steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
                     FROM "chancy".workflows w
                    WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
           WHERE v.shown IS NOT NULL OR CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END IS NOT NULL OR o.owner IS NOT NULL) AS durable
      FROM "chancy".jobs j
     WHERE j.id = ANY (ARRAY(SELECT unnest(c.ids) FROM "chancy".claims c))
       AND j.id <= bound AND j.id IS DISTINCT FROM after
           AND (of_queue IS NULL OR j.queue = of_queue)
           AND (of_state IS NULL OR j.state = of_state)
           AND (of_name IS NULL OR j.name = of_name)
     ORDER BY j.id DESC
     LIMIT size;
  ELSIF of_state IS NULL OR of_state IN ('pending', 'retrying') THEN
    RETURN QUERY
    SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                THEN j.args::text::varchar(65536)::text
                ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                THEN j.limits::text::varchar(65536)::text
                ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                   WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                   THEN j.errors::text::varchar(65536)::text
                                                                                   ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                THEN j.progress::text::varchar(65536)::text
                ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                       WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                       THEN j.meta::text::varchar(65536)::text
                                                                                       ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
           NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes,
         (SELECT jsonb_build_object('values', v.shown, 'open', CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END, 'owner', o.owner)::text
            FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM "chancy".job_values k WHERE k.job_id = j.id) v
            LEFT JOIN LATERAL (
                   SELECT jsonb_build_object(
                            'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                            'name', w.name, 'step', (
                              SELECT coalesce(s.name, (SELECT m.name FROM "chancy".steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                                      || '[' || s.item || ']')
                                FROM "chancy".steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
                     FROM "chancy".workflows w
                    WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
           WHERE v.shown IS NOT NULL OR CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END IS NOT NULL OR o.owner IS NOT NULL) AS durable
      FROM "chancy".jobs j
     WHERE j.id <= bound AND j.id IS DISTINCT FROM after
           AND (of_queue IS NULL OR j.queue = of_queue)
           AND (of_state IS NULL OR j.state = of_state)
           AND (of_name IS NULL OR j.name = of_name)
     ORDER BY j.id DESC
     LIMIT size;
  END IF;
  IF of_state IN ('failed', 'cancelled') THEN
    RETURN QUERY
    SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                THEN j.args::text::varchar(65536)::text
                ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                THEN j.limits::text::varchar(65536)::text
                ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                   WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                   THEN j.errors::text::varchar(65536)::text
                                                                                   ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                THEN j.progress::text::varchar(65536)::text
                ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                       WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                       THEN j.meta::text::varchar(65536)::text
                                                                                       ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           date_part('epoch', j.finished_at) * 1000 AS finished_ms,
           CASE WHEN j.result IS NULL THEN NULL
                WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL
                THEN j.result::text::varchar(65536)::text
                ELSE "chancy".text_1(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes, (SELECT jsonb_build_object('values', v.shown, 'open', NULL::jsonb, 'owner', o.owner)::text
                                                                                                                    FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM "chancy".job_values k WHERE k.job_id = j.id) v
                                                                                                                    LEFT JOIN LATERAL (
                                                                                                                           SELECT jsonb_build_object(
                                                                                                                                    'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                                                                                                                                    'name', w.name, 'step', (
                                                                                                                                      SELECT coalesce(s.name, (SELECT m.name FROM "chancy".steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                                                                                                                                              || '[' || s.item || ']')
                                                                                                                                        FROM "chancy".steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
                                                                                                                             FROM "chancy".workflows w
                                                                                                                            WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
                                                                                                                   WHERE v.shown IS NOT NULL OR NULL::jsonb IS NOT NULL OR o.owner IS NOT NULL) AS durable
      FROM "chancy".finished_jobs j
     WHERE (j.state, j.id) <= (of_state, bound) AND j.state >= of_state AND j.state <> 'succeeded'
       AND j.id <= bound AND j.id IS DISTINCT FROM after
           AND (of_queue IS NULL OR j.queue = of_queue)
           AND (of_state IS NULL OR j.state = of_state)
           AND (of_name IS NULL OR j.name = of_name)
     ORDER BY j.state DESC, j.id DESC
     LIMIT size;
  ELSIF of_state IS NULL OR of_state = 'succeeded' THEN
    IF of_queue IS NULL THEN
      RETURN QUERY
      SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
             CASE WHEN j.args IS NULL THEN NULL
                  WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                  THEN j.args::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
             j.priority, j.attempts, j.max_attempts,
             date_part('epoch', j.created_at) * 1000 AS created_ms,
             date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
             date_part('epoch', j.started_at) * 1000 AS started_ms,
             left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
             CASE WHEN j.limits IS NULL THEN NULL
                  WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                  THEN j.limits::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                     WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                     THEN j.errors::text::varchar(65536)::text
                                                                                     ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
             CASE WHEN j.progress IS NULL THEN NULL
                  WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                  THEN j.progress::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                         WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                         THEN j.meta::text::varchar(65536)::text
                                                                                         ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
             j.worker_id::text AS worker_id,
             date_part('epoch', j.finished_at) * 1000 AS finished_ms,
             CASE WHEN j.result IS NULL THEN NULL
                  WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL
                  THEN j.result::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes, (SELECT jsonb_build_object('values', v.shown, 'open', NULL::jsonb, 'owner', o.owner)::text
                                                                                                                      FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM "chancy".job_values k WHERE k.job_id = j.id) v
                                                                                                                      LEFT JOIN LATERAL (
                                                                                                                             SELECT jsonb_build_object(
                                                                                                                                      'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                                                                                                                                      'name', w.name, 'step', (
                                                                                                                                        SELECT coalesce(s.name, (SELECT m.name FROM "chancy".steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                                                                                                                                                || '[' || s.item || ']')
                                                                                                                                          FROM "chancy".steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
                                                                                                                               FROM "chancy".workflows w
                                                                                                                              WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
                                                                                                                     WHERE v.shown IS NOT NULL OR NULL::jsonb IS NOT NULL OR o.owner IS NOT NULL) AS durable
        FROM "chancy".finished_jobs j
       WHERE j.id <= bound AND j.id IS DISTINCT FROM after
             AND (of_queue IS NULL OR j.queue = of_queue)
             AND (of_state IS NULL OR j.state = of_state)
             AND (of_name IS NULL OR j.name = of_name)
       ORDER BY j.id DESC
       LIMIT size;
    ELSE
      RETURN QUERY
      SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
             CASE WHEN j.args IS NULL THEN NULL
                  WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                  THEN j.args::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
             j.priority, j.attempts, j.max_attempts,
             date_part('epoch', j.created_at) * 1000 AS created_ms,
             date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
             date_part('epoch', j.started_at) * 1000 AS started_ms,
             left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
             CASE WHEN j.limits IS NULL THEN NULL
                  WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                  THEN j.limits::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                     WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                     THEN j.errors::text::varchar(65536)::text
                                                                                     ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
             CASE WHEN j.progress IS NULL THEN NULL
                  WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                  THEN j.progress::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                         WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                         THEN j.meta::text::varchar(65536)::text
                                                                                         ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
             j.worker_id::text AS worker_id,
             date_part('epoch', j.finished_at) * 1000 AS finished_ms,
             CASE WHEN j.result IS NULL THEN NULL
                  WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL
                  THEN j.result::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes, (SELECT jsonb_build_object('values', v.shown, 'open', NULL::jsonb, 'owner', o.owner)::text
                                                                                                                      FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM "chancy".job_values k WHERE k.job_id = j.id) v
                                                                                                                      LEFT JOIN LATERAL (
                                                                                                                             SELECT jsonb_build_object(
                                                                                                                                      'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                                                                                                                                      'name', w.name, 'step', (
                                                                                                                                        SELECT coalesce(s.name, (SELECT m.name FROM "chancy".steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                                                                                                                                                || '[' || s.item || ']')
                                                                                                                                          FROM "chancy".steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
                                                                                                                               FROM "chancy".workflows w
                                                                                                                              WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
                                                                                                                     WHERE v.shown IS NOT NULL OR NULL::jsonb IS NOT NULL OR o.owner IS NOT NULL) AS durable
        FROM "chancy".finished_jobs j
       WHERE (j.queue, j.id) <= (of_queue, bound) AND j.queue >= of_queue
         AND j.id <= bound AND j.id IS DISTINCT FROM after
             AND (of_queue IS NULL OR j.queue = of_queue)
             AND (of_state IS NULL OR j.state = of_state)
             AND (of_name IS NULL OR j.name = of_name)
       ORDER BY j.queue DESC, j.id DESC
       LIMIT size;
    END IF;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.list_jobs_3(of_queue text, of_state text, of_name text, after uuid, size integer)
 RETURNS TABLE(id text, queue text, name text, args text, state text, priority integer, attempts integer, max_attempts integer, created_ms double precision, scheduled_ms double precision, started_ms double precision, unique_key text, concurrency_key text, limits text, errors text, progress text, meta text, worker_id text, finished_ms double precision, result text, wall_ms double precision, cpu_ms double precision, peak_bytes double precision, durable text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
 SET enable_sort TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  bound uuid := coalesce(after, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  after_at timestamptz := timestamptz 'infinity';
BEGIN
  IF of_state = 'running' THEN
    -- Among many that wait no index has the few that run, but claims know them.
    RETURN QUERY
    SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                THEN j.args::text::varchar(65536)::text
                ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                THEN j.limits::text::varchar(65536)::text
                ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                   WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                   THEN j.errors::text::varchar(65536)::text
                                                                                   ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                THEN j.progress::text::varchar(65536)::text
                ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                       WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                       THEN j.meta::text::varchar(65536)::text
                                                                                       ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
           NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes,
         (SELECT jsonb_build_object('values', v.shown, 'open', CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END, 'owner', o.owner)::text
            FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM "chancy".job_values k WHERE k.job_id = j.id) v
            LEFT JOIN LATERAL (
                   SELECT jsonb_build_object(
                            'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                            'name', w.name, 'step', (
                              SELECT coalesce(s.name, (SELECT m.name FROM "chancy".steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                                      || '[' || s.item || ']')
                                FROM "chancy".steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
                     FROM "chancy".workflows w
                    WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
           WHERE v.shown IS NOT NULL OR CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END IS NOT NULL OR o.owner IS NOT NULL) AS durable
      FROM "chancy".jobs j
     WHERE j.id = ANY (ARRAY(SELECT unnest(c.ids) FROM "chancy".claims c))
       AND j.id <= bound AND j.id IS DISTINCT FROM after
           AND (of_queue IS NULL OR j.queue = of_queue)
           AND (of_state IS NULL OR j.state = of_state)
           AND (of_name IS NULL OR j.name = of_name)
     ORDER BY j.id DESC
     LIMIT size;
  ELSIF of_state IS NULL OR of_state IN ('pending', 'retrying') THEN
    RETURN QUERY
    SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                THEN j.args::text::varchar(65536)::text
                ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                THEN j.limits::text::varchar(65536)::text
                ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                   WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                   THEN j.errors::text::varchar(65536)::text
                                                                                   ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                THEN j.progress::text::varchar(65536)::text
                ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                       WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                       THEN j.meta::text::varchar(65536)::text
                                                                                       ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
           NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes,
         (SELECT jsonb_build_object('values', v.shown, 'open', CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END, 'owner', o.owner)::text
            FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM "chancy".job_values k WHERE k.job_id = j.id) v
            LEFT JOIN LATERAL (
                   SELECT jsonb_build_object(
                            'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                            'name', w.name, 'step', (
                              SELECT coalesce(s.name, (SELECT m.name FROM "chancy".steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                                      || '[' || s.item || ']')
                                FROM "chancy".steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
                     FROM "chancy".workflows w
                    WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
           WHERE v.shown IS NOT NULL OR CASE WHEN j.waits = 'wait' THEN j.extras -> 'open' END IS NOT NULL OR o.owner IS NOT NULL) AS durable
      FROM "chancy".jobs j
     WHERE j.id <= bound AND j.id IS DISTINCT FROM after
           AND (of_queue IS NULL OR j.queue = of_queue)
           AND (of_state IS NULL OR j.state = of_state)
           AND (of_name IS NULL OR j.name = of_name)
     ORDER BY j.id DESC
     LIMIT size;
  END IF;
  IF of_state IN ('failed', 'cancelled') THEN
    IF after IS NOT NULL THEN
      -- One that was retried or pruned meanwhile has no end: what ended since its push is passed over.
      SELECT coalesce((SELECT j.finished_at FROM "chancy".finished_jobs j WHERE j.id = after LIMIT 1),
                      to_timestamp(('x' || translate(left(after::text, 13), '-', ''))::bit(48)::bigint / 1000::float8))
        INTO after_at;
    END IF;
    RETURN QUERY
    SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                THEN j.args::text::varchar(65536)::text
                ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                THEN j.limits::text::varchar(65536)::text
                ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                   WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                   THEN j.errors::text::varchar(65536)::text
                                                                                   ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                THEN j.progress::text::varchar(65536)::text
                ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                       WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                       THEN j.meta::text::varchar(65536)::text
                                                                                       ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           date_part('epoch', j.finished_at) * 1000 AS finished_ms,
           CASE WHEN j.result IS NULL THEN NULL
                WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL
                THEN j.result::text::varchar(65536)::text
                ELSE "chancy".text_1(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes, (SELECT jsonb_build_object('values', v.shown, 'open', NULL::jsonb, 'owner', o.owner)::text
                                                                                                                    FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM "chancy".job_values k WHERE k.job_id = j.id) v
                                                                                                                    LEFT JOIN LATERAL (
                                                                                                                           SELECT jsonb_build_object(
                                                                                                                                    'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                                                                                                                                    'name', w.name, 'step', (
                                                                                                                                      SELECT coalesce(s.name, (SELECT m.name FROM "chancy".steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                                                                                                                                              || '[' || s.item || ']')
                                                                                                                                        FROM "chancy".steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
                                                                                                                             FROM "chancy".workflows w
                                                                                                                            WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
                                                                                                                   WHERE v.shown IS NOT NULL OR NULL::jsonb IS NOT NULL OR o.owner IS NOT NULL) AS durable
      FROM "chancy".finished_jobs j
     WHERE j.state = of_state AND j.state <> 'succeeded'
       AND j.finished_at <= after_at
       AND (after IS NULL OR j.finished_at < after_at OR j.id < after)
       AND (of_queue IS NULL OR j.queue = of_queue)
       AND (of_name IS NULL OR j.name = of_name)
     ORDER BY j.finished_at DESC, j.id DESC
     LIMIT size;
  ELSIF of_state IS NULL OR of_state = 'succeeded' THEN
    IF of_queue IS NULL THEN
      RETURN QUERY
      SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
             CASE WHEN j.args IS NULL THEN NULL
                  WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                  THEN j.args::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
             j.priority, j.attempts, j.max_attempts,
             date_part('epoch', j.created_at) * 1000 AS created_ms,
             date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
             date_part('epoch', j.started_at) * 1000 AS started_ms,
             left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
             CASE WHEN j.limits IS NULL THEN NULL
                  WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                  THEN j.limits::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                     WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                     THEN j.errors::text::varchar(65536)::text
                                                                                     ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
             CASE WHEN j.progress IS NULL THEN NULL
                  WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                  THEN j.progress::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                         WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                         THEN j.meta::text::varchar(65536)::text
                                                                                         ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
             j.worker_id::text AS worker_id,
             date_part('epoch', j.finished_at) * 1000 AS finished_ms,
             CASE WHEN j.result IS NULL THEN NULL
                  WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL
                  THEN j.result::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes, (SELECT jsonb_build_object('values', v.shown, 'open', NULL::jsonb, 'owner', o.owner)::text
                                                                                                                      FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM "chancy".job_values k WHERE k.job_id = j.id) v
                                                                                                                      LEFT JOIN LATERAL (
                                                                                                                             SELECT jsonb_build_object(
                                                                                                                                      'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                                                                                                                                      'name', w.name, 'step', (
                                                                                                                                        SELECT coalesce(s.name, (SELECT m.name FROM "chancy".steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                                                                                                                                                || '[' || s.item || ']')
                                                                                                                                          FROM "chancy".steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
                                                                                                                               FROM "chancy".workflows w
                                                                                                                              WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
                                                                                                                     WHERE v.shown IS NOT NULL OR NULL::jsonb IS NOT NULL OR o.owner IS NOT NULL) AS durable
        FROM "chancy".finished_jobs j
       WHERE j.id <= bound AND j.id IS DISTINCT FROM after
             AND (of_queue IS NULL OR j.queue = of_queue)
             AND (of_state IS NULL OR j.state = of_state)
             AND (of_name IS NULL OR j.name = of_name)
       ORDER BY j.id DESC
       LIMIT size;
    ELSE
      RETURN QUERY
      SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
             CASE WHEN j.args IS NULL THEN NULL
                  WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                  THEN j.args::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
             j.priority, j.attempts, j.max_attempts,
             date_part('epoch', j.created_at) * 1000 AS created_ms,
             date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
             date_part('epoch', j.started_at) * 1000 AS started_ms,
             left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
             CASE WHEN j.limits IS NULL THEN NULL
                  WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
                  THEN j.limits::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                     WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                     THEN j.errors::text::varchar(65536)::text
                                                                                     ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
             CASE WHEN j.progress IS NULL THEN NULL
                  WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
                  THEN j.progress::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                         WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                         THEN j.meta::text::varchar(65536)::text
                                                                                         ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
             j.worker_id::text AS worker_id,
             date_part('epoch', j.finished_at) * 1000 AS finished_ms,
             CASE WHEN j.result IS NULL THEN NULL
                  WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL
                  THEN j.result::text::varchar(65536)::text
                  ELSE "chancy".text_1(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes, (SELECT jsonb_build_object('values', v.shown, 'open', NULL::jsonb, 'owner', o.owner)::text
                                                                                                                      FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM "chancy".job_values k WHERE k.job_id = j.id) v
                                                                                                                      LEFT JOIN LATERAL (
                                                                                                                             SELECT jsonb_build_object(
                                                                                                                                      'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                                                                                                                                      'name', w.name, 'step', (
                                                                                                                                        SELECT coalesce(s.name, (SELECT m.name FROM "chancy".steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                                                                                                                                                || '[' || s.item || ']')
                                                                                                                                          FROM "chancy".steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
                                                                                                                               FROM "chancy".workflows w
                                                                                                                              WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
                                                                                                                     WHERE v.shown IS NOT NULL OR NULL::jsonb IS NOT NULL OR o.owner IS NOT NULL) AS durable
        FROM "chancy".finished_jobs j
       WHERE (j.queue, j.id) <= (of_queue, bound) AND j.queue >= of_queue
         AND j.id <= bound AND j.id IS DISTINCT FROM after
             AND (of_queue IS NULL OR j.queue = of_queue)
             AND (of_state IS NULL OR j.state = of_state)
             AND (of_name IS NULL OR j.name = of_name)
       ORDER BY j.queue DESC, j.id DESC
       LIMIT size;
    END IF;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.list_waiting_1(of_signal text, of_queue text, of_name text, after uuid, size integer)
 RETURNS TABLE(id text, queue text, name text, args text, state text, priority integer, attempts integer, max_attempts integer, created_ms double precision, scheduled_ms double precision, started_ms double precision, unique_key text, concurrency_key text, limits text, errors text, progress text, meta text, worker_id text, finished_ms double precision, result text, wall_ms double precision, cpu_ms double precision, peak_bytes double precision, durable text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  bound uuid := coalesce(after, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  of_state text;
BEGIN
  RETURN QUERY
  SELECT j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
         CASE WHEN j.args IS NULL THEN NULL
              WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
              THEN j.args::text::varchar(65536)::text
              ELSE "chancy".text_1(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
         j.priority, j.attempts, j.max_attempts,
         date_part('epoch', j.created_at) * 1000 AS created_ms,
         date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
         date_part('epoch', j.started_at) * 1000 AS started_ms,
         left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
         CASE WHEN j.limits IS NULL THEN NULL
              WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL
              THEN j.limits::text::varchar(65536)::text
              ELSE "chancy".text_1(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                                                                                 WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL
                                                                                 THEN j.errors::text::varchar(65536)::text
                                                                                 ELSE "chancy".text_1(j.errors, 4194304, 8388608) END AS errors,
         CASE WHEN j.progress IS NULL THEN NULL
              WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL
              THEN j.progress::text::varchar(65536)::text
              ELSE "chancy".text_1(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                                                                                     WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL
                                                                                     THEN j.meta::text::varchar(65536)::text
                                                                                     ELSE "chancy".text_1(j.meta, 4194304, 8388608) END AS meta,
         j.worker_id::text AS worker_id,
         NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
         NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes, (SELECT jsonb_build_object('values', v.shown, 'open', j.extras -> 'open', 'owner', o.owner)::text
                                                                FROM (SELECT jsonb_object_agg(k.key, k.value) AS shown FROM "chancy".job_values k WHERE k.job_id = j.id) v
                                                                LEFT JOIN LATERAL (
                                                                       SELECT jsonb_build_object(
                                                                                'kind', CASE w.kind WHEN 'children' THEN 'job' ELSE w.kind END, 'id', coalesce(w.owner_id, w.id),
                                                                                'name', w.name, 'step', (
                                                                                  SELECT coalesce(s.name, (SELECT m.name FROM "chancy".steps m WHERE m.owner_id = s.owner_id AND m.n = s.of_map)
                                                                                                          || '[' || s.item || ']')
                                                                                    FROM "chancy".steps s WHERE s.owner_id = w.id AND s.n = j.owner_step)) AS owner
                                                                         FROM "chancy".workflows w
                                                                        WHERE j.owner_id IS NOT NULL AND w.id = j.owner_id) o ON true
                                                               WHERE v.shown IS NOT NULL OR j.extras -> 'open' IS NOT NULL OR o.owner IS NOT NULL) AS durable
    FROM "chancy".jobs j
   WHERE j.waits IS NOT NULL AND j.waits = 'wait' AND j.id <= bound AND j.id IS DISTINCT FROM after
                                                      AND (of_queue IS NULL OR j.queue = of_queue)
                                                      AND (of_state IS NULL OR j.state = of_state)
                                                      AND (of_name IS NULL OR j.name = of_name)
     AND (SELECT true FROM jsonb_array_elements(j.extras -> 'open') AS w(wait)
           WHERE w.wait -> 'signals' ? of_signal LIMIT 1)
   ORDER BY j.id DESC
   LIMIT size;
END $function$;

CREATE OR REPLACE FUNCTION chancy.load_1(job uuid, of_fence bigint)
 RETURNS TABLE(args text, extras text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT "chancy".text_1(j.args, 4194304, 8388608), CASE WHEN j.concurrency_key IS NULL AND j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                            AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                            AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                                                            AND j.owner_id IS NULL AND j.extras IS NULL
                                                       THEN NULL
                                                       -- The keys are what most jobs have that have anything of these, and most have one of them. One alone takes
                                                       -- a quarter of the cost of the whole object.
                                                       WHEN j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                            AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                            AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                                                            AND j.owner_id IS NULL AND j.extras IS NULL
                                                       THEN json_build_object('concurrency_key', j.concurrency_key)::text
                                                       WHEN j.concurrency_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                            AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                            AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                                                            AND j.owner_id IS NULL AND j.extras IS NULL
                                                       THEN json_build_object('unique_key', j.unique_key)::text
                                                       WHEN j.concurrency_key IS NULL AND j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                            AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                            AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0 AND j.extras IS NULL
                                                       THEN json_build_object('owner_id', j.owner_id, 'owner_step', j.owner_step)::text
                                                       WHEN coalesce(pg_column_size(j.limits), 0) + coalesce(pg_column_size(j.backoff), 0)
                                                            + coalesce(pg_column_size(j.progress), 0) + coalesce(pg_column_size(j.errors), 0)
                                                            + coalesce(pg_column_size(j.meta), 0) + coalesce(pg_column_size(j.extras), 0) > 8388608
                                                       THEN json_strip_nulls(json_build_object(
                                                              'concurrency_key', j.concurrency_key, 'unique_key', left(j.unique_key, 1000),
                                                              'owner_id', j.owner_id, 'owner_step', j.owner_step,
                                                              'crashes', nullif(j.crashes, 0), 'is_cut', true))::text
                                                       ELSE "chancy".text_1(
                                                              jsonb_strip_nulls(jsonb_build_object(
                                                                'concurrency_key', j.concurrency_key, 'unique_key', j.unique_key, 'limits', j.limits,
                                                                'backoff', j.backoff, 'cancel_requested_at', j.cancel_requested_at,
                                                                'retention_ms', extract(epoch FROM j.retention) * 1000, 'crashes', nullif(j.crashes, 0),
                                                                'owner_id', j.owner_id, 'owner_step', j.owner_step))
                                                              -- What users wrote may have nulls inside, which are theirs.
                                                              || CASE WHEN j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.extras IS NULL THEN '{}'
                                                                      ELSE CASE WHEN j.extras IS NULL THEN '{}'
                                                                                ELSE jsonb_build_object('extras', j.extras) END
                                                                           || CASE WHEN j.progress IS NULL THEN '{}'
                                                                                ELSE jsonb_build_object('progress', j.progress) END
                                                                           || CASE WHEN j.errors IS NULL THEN '{}'
                                                                                   ELSE jsonb_build_object('errors', j.errors) END
                                                                           || CASE WHEN j.meta IS NULL THEN '{}'
                                                                                   ELSE jsonb_build_object('meta', j.meta) END END,
                                                              4194304, 8388608) END
    FROM "chancy".jobs j
   WHERE j.id = job AND j.fence = of_fence AND j.state = 'running';
END $function$;

CREATE OR REPLACE FUNCTION chancy.lock_groups_1(keys text[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
BEGIN
  PERFORM g.key
     FROM "chancy".concurrency_groups g
    WHERE g.key = ANY (keys)
    ORDER BY g.key
      FOR NO KEY UPDATE;
END $function$;

CREATE OR REPLACE FUNCTION chancy.lock_job_1(job uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  PERFORM 1 FROM "chancy".jobs j WHERE j.id = job FOR NO KEY UPDATE;
END $function$;

CREATE OR REPLACE FUNCTION chancy.make_items_1(owner uuid, map integer, after integer, room integer, OUT made integer, OUT job_queue text, OUT error jsonb)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_variable
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  at timestamptz := "chancy".clock_1();
  s "chancy".steps;
  block_starts bigint[];
  job jsonb;
  base int;
  over jsonb;
  items jsonb;
  holes jsonb;
  template jsonb;
  delay_ms float8;
BEGIN
  SELECT * INTO s FROM "chancy".steps t WHERE t.owner_id = owner AND t.n = map;
  job := s.spec -> 'job_row';
  job_queue := job ->> 'queue';
  base := (s.spec ->> 'base')::int;
  over := s.spec #> '{map,over}';
  holes := coalesce(s.spec -> 'holes', '[]');
  delay_ms := coalesce((s.spec ->> 'delay_ms')::float8, 0);
  made := 0;
  BEGIN
    items := "chancy".output_1(owner, (over ->> 'step')::int, ARRAY(SELECT jsonb_array_elements_text(over -> 'path')));
    made := least(jsonb_array_length(items) - after, room);
    -- What is the same for all of them is filled once.
    template := "chancy".filled_1(owner, s.spec -> 'args', holes, 'steps');
    IF made <= 256 THEN
      block_starts := ARRAY[nextval('"chancy".positions')];
    ELSE
      block_starts := "chancy".draw_positions_1(made);
    END IF;
    WITH fresh AS MATERIALIZED (
      SELECT i.item, i.k, "chancy".new_id() AS id,
             "chancy".filled_1(owner, template, holes, 'item', i.item, (after + i.k - 1)::int) AS args
        FROM (SELECT e.item, row_number() OVER () AS k
                FROM jsonb_array_elements(items) WITH ORDINALITY AS e(item, n)
               WHERE e.n > after
               LIMIT made) i
    ), steps AS (
      INSERT INTO "chancy".steps (owner_id, n, of_map, item, may_fail, state, job_id, dependents)
      SELECT owner, base + after + f.k - 1, map, after + f.k - 1, s.may_fail, 'open', f.id, ARRAY[map]
        FROM fresh f
    )
    INSERT INTO "chancy".jobs (
           id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, position, limits, backoff,
           retention, meta, concurrency_key, concurrency_max, owner_id, owner_step)
    SELECT f.id, job_queue, job ->> 'name', f.args, (job ->> 'priority')::int, (job ->> 'max_attempts')::int,
           at + make_interval(secs => delay_ms / 1000),
           CASE WHEN delay_ms > 0 THEN at + make_interval(secs => delay_ms / 1000) END,
           CASE WHEN delay_ms > 0 THEN NULL ELSE block_starts[(f.k - 1::bigint) / 256::bigint + 1::bigint] + (f.k - 1::bigint) % 256::bigint END,
           CASE WHEN delay_ms > 0 THEN NULL ELSE block_starts[(f.k - 1::bigint) / 256::bigint + 1::bigint] + (f.k - 1::bigint) % 256::bigint END,
           job #> '{extras,limits}', job #> '{extras,backoff}',
           make_interval(secs => (job #>> '{extras,retention_ms}')::float8 / 1000), job #> '{extras,meta}',
           CASE WHEN s.spec #>> '{map,concurrency}' IS NOT NULL THEN 'map:' || owner || ':' || map
                WHEN s.spec ? 'group_by' THEN "chancy".group_key_1(job ->> 'name', s.spec ->> 'group_by', f.args)
                ELSE job #>> '{extras,concurrency_key}' END,
           coalesce((s.spec #>> '{map,concurrency}')::int, (job #>> '{extras,concurrency_max}')::int),
           owner, base + after + f.k - 1
      FROM fresh f
     -- In the order of the items, since their positions are.
     ORDER BY f.k;
  EXCEPTION
    WHEN SQLSTATE 'CH004' OR data_exception OR program_limit_exceeded THEN
      made := 0;
      error := jsonb_build_object('kind', 'input', 'message', SQLERRM);
  END;
END $function$;

CREATE OR REPLACE FUNCTION chancy.make_ready_1(keys text[])
 RETURNS TABLE(queue text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  PERFORM "chancy".lock_groups_1(keys);
  RETURN QUERY SELECT r.queue FROM "chancy".ready_1(keys) r;
END $function$;

CREATE OR REPLACE FUNCTION chancy.metrics_add_1(source uuid, seq bigint, age_ms double precision, data text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF octet_length(data) > 4194304 OR jsonb_typeof(data::jsonb) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION 'Metrics are a JSON array of at most 4 MiB' USING ERRCODE = '22023';
  END IF;
  INSERT INTO "chancy"."metrics_live" AS l (source, seq, at, data)
  VALUES (metrics_add_1.source, metrics_add_1.seq,
          to_timestamp(floor((extract(epoch FROM "chancy"."clock_1"())
                              - least(greatest(age_ms, 0), 300000) / 1000) / 10) * 10),
          data::jsonb)
  ON CONFLICT DO NOTHING;
END $function$;

CREATE OR REPLACE FUNCTION chancy.metrics_count_1(wanted text[], bound integer)
 RETURNS TABLE(queue text, ready bigint, parked bigint, scheduled bigint, backoff bigint, oldest_at timestamp with time zone)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  q text;
  highs bigint[];
  lows bigint[];
  afters bigint[];
  befores bigint[];
BEGIN
  FOREACH q IN ARRAY wanted LOOP
    SELECT l.highs, l.lows, l.afters, l.befores INTO highs, lows, afters, befores 
      FROM "chancy"."scan_watermarks" l
     WHERE l.queue = q
       AND (cardinality(l.ignored_xids) = 0 OR l.advanced_at > "chancy"."now_1"() - interval '1 minute');
    IF highs IS NULL THEN
      highs := ARRAY[2147483648::bigint];
      lows := ARRAY[(-2147483649)::bigint];
      afters := ARRAY[(-9007199254740992)::bigint];
      befores := ARRAY[9007199254740991::bigint];
    END IF;
    RETURN QUERY
    SELECT q,
           (SELECT count(*) FROM (SELECT 1 FROM 
      unnest(highs, lows, afters, befores) AS g(high, low, after, before)
     CROSS JOIN LATERAL (
       SELECT one.* FROM (
         SELECT 1 FROM "chancy"."jobs" j
          WHERE g.high = g.low AND j.queue = q AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND j.priority = g.high
            AND j.position > g.after AND j.position < g.before
          ORDER BY j.priority DESC, j.position
          LIMIT bound) one
       UNION ALL
       SELECT gap.* FROM (
         SELECT 1 FROM "chancy"."jobs" j
          WHERE g.high <> g.low AND j.queue = q AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND j.priority < g.high AND j.priority > g.low
          ORDER BY j.priority DESC, j.position
          LIMIT bound) gap) r LIMIT bound) c),
           (
    SELECT count(*) FROM (SELECT 1 FROM "chancy"."jobs" j WHERE j.queue = q AND j.parked ORDER BY j.name, j.priority DESC, j.seq LIMIT bound) c),
           (
    SELECT count(*) FROM (SELECT 1 FROM "chancy"."jobs" j WHERE j.queue = q AND j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.waits IS NULL AND j.seq IS NULL ORDER BY j.seq LIMIT bound) c),
           (
    SELECT count(*) FROM (SELECT 1 FROM "chancy"."jobs" j WHERE j.queue = q AND j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.waits IS NULL AND j.seq IS NOT NULL ORDER BY j.seq LIMIT bound) c),
           (SELECT min(r.since) FROM 
      unnest(highs, lows, afters, befores) AS g(high, low, after, before)
     CROSS JOIN LATERAL (
       SELECT one.since FROM (
         SELECT j.priority, greatest(j.created_at, j.scheduled_at, j.started_at) AS since, 1 AS n FROM "chancy"."jobs" j
          WHERE j.queue = q AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND g.high = g.low AND j.priority = g.high AND j.position > g.after AND j.position < g.before
          ORDER BY j.priority DESC, j.position
          LIMIT 1) one
       UNION ALL
       (WITH RECURSIVE heads AS (
          (
         SELECT j.priority, greatest(j.created_at, j.scheduled_at, j.started_at) AS since, 1 AS n FROM "chancy"."jobs" j
          WHERE j.queue = q AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND g.high <> g.low AND j.priority < g.high AND j.priority > g.low
          ORDER BY j.priority DESC, j.position
          LIMIT 1)
          UNION ALL
          SELECT f.* FROM heads h
           CROSS JOIN LATERAL (
         SELECT j.priority, greatest(j.created_at, j.scheduled_at, j.started_at) AS since, h.n + 1 AS n FROM "chancy"."jobs" j
          WHERE j.queue = q AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND j.priority < h.priority AND j.priority > g.low
          ORDER BY j.priority DESC, j.position
          LIMIT 1) f
           WHERE h.n < 16)
        SELECT heads.since FROM heads)) r);
  END LOOP;
END $function$;

CREATE OR REPLACE FUNCTION chancy.metrics_count_deep_1(q text, bound integer)
 RETURNS TABLE(parked bigint, scheduled bigint, backoff bigint)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT (
    SELECT count(*) FROM (SELECT 1 FROM "chancy"."jobs" j WHERE j.queue = q AND j.parked ORDER BY j.name, j.priority DESC, j.seq LIMIT bound) c),
         (
    SELECT count(*) FROM (SELECT 1 FROM "chancy"."jobs" j WHERE j.queue = q AND j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.waits IS NULL AND j.seq IS NULL ORDER BY j.seq LIMIT bound) c),
         (
    SELECT count(*) FROM (SELECT 1 FROM "chancy"."jobs" j WHERE j.queue = q AND j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.waits IS NULL AND j.seq IS NOT NULL ORDER BY j.seq LIMIT bound) c);
END $function$;

CREATE OR REPLACE FUNCTION chancy.metrics_roll_1(max_rows integer, max_series integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  taken tid[];
BEGIN
  taken := ARRAY(
    SELECT l.ctid FROM "chancy"."metrics_live" l
     WHERE NOT l.rolled
     ORDER BY l.at
     LIMIT max_rows
       FOR NO KEY UPDATE SKIP LOCKED);
  IF cardinality(taken) = 0 THEN
    RETURN 0;
  END IF;

  INSERT INTO "chancy"."metrics_series" (kind, queue, name)
  SELECT w.kind, w.queue, w.name
    FROM (
      SELECT v.kind, v.queue, v.name,
             row_number() OVER (PARTITION BY v.kind ORDER BY sum(coalesce(e.c[1], 0)) DESC, v.queue, v.name) AS rank
        FROM "chancy"."metrics_live" l
       CROSS JOIN LATERAL jsonb_to_recordset(l.data) AS e(k text, q text, n text, c bigint[], s float8[], m float8[], b smallint[], a bigint[])
       CROSS JOIN LATERAL 
  (VALUES ('all', '', ''), ('queue', e.q, ''), ('name', '', e.n), ('pair', e.q, e.n), ('custom', '', e.n))
       AS v(kind, queue, name)
       WHERE l.ctid = ANY (taken) AND e.k = CASE WHEN v.kind = 'custom' THEN 'custom' ELSE 'job' END AND octet_length(v.queue || v.name) <= 1000
         AND NOT EXISTS (SELECT 1 FROM "chancy"."metrics_series" s
                          WHERE s.kind = v.kind AND s.queue = v.queue AND s.name = v.name)
       GROUP BY v.kind, v.queue, v.name) w
    LEFT JOIN (
      SELECT s.kind, count(*) AS used
        FROM "chancy"."metrics_series" s
       WHERE s.used_at > "chancy"."now_1"() - interval '30 days' AND '(other)' NOT IN (s.queue, s.name)
       GROUP BY s.kind) u ON u.kind = w.kind
   WHERE w.rank <= max_series - coalesce(u.used, 0)
   ORDER BY w.kind, w.queue, w.name
  ON CONFLICT DO NOTHING;

  WITH entries AS MATERIALIZED (
    SELECT to_timestamp(floor(extract(epoch FROM l.at) / 60) * 60) AS at, e.*
      FROM "chancy"."metrics_live" l
     CROSS JOIN LATERAL jsonb_to_recordset(l.data) AS e(k text, q text, n text, c bigint[], s float8[], m float8[], b smallint[], a bigint[])
     WHERE l.ctid = ANY (taken) AND e.k IN ('job', 'custom')
  ), sums AS (
    SELECT e.at, e.k, e.q, e.n, sum(e.c[1])::bigint AS c1, sum(e.c[2])::bigint AS c2, sum(e.c[3])::bigint AS c3, sum(e.c[4])::bigint AS c4, sum(e.c[5])::bigint AS c5, sum(e.c[6])::bigint AS c6, sum(e.c[7])::bigint AS c7,
           sum(e.s[1]) AS s1, max(e.m[1]) AS m1, sum(e.s[2]) AS s2, max(e.m[2]) AS m2, sum(e.s[3]) AS s3, max(e.m[3]) AS m3
      FROM entries e
     GROUP BY e.at, e.k, e.q, e.n
  ), cells AS (
    SELECT e.at, e.k, e.q, e.n, u.bucket, sum(u.amount)::bigint AS amount
      FROM entries e
     CROSS JOIN LATERAL unnest(e.b, e.a) AS u(bucket, amount)
     WHERE u.amount IS NOT NULL AND u.bucket IS NOT NULL
     GROUP BY e.at, e.k, e.q, e.n, u.bucket
  ), series AS MATERIALIZED (
    SELECT e.k, e.q, e.n, coalesce(s.id, o.id) AS id
      FROM (SELECT DISTINCT entries.k, entries.q, entries.n FROM entries) e
     CROSS JOIN LATERAL 
  (VALUES ('all', '', ''), ('queue', e.q, ''), ('name', '', e.n), ('pair', e.q, e.n), ('custom', '', e.n))
       AS v(kind, queue, name)
      LEFT JOIN "chancy"."metrics_series" s ON s.kind = v.kind AND s.queue = v.queue AND s.name = v.name
      LEFT JOIN "chancy"."metrics_series" o
             ON o.kind = v.kind AND o.queue = CASE v.queue WHEN '' THEN '' ELSE '(other)' END
            AND o.name = CASE v.name WHEN '' THEN '' ELSE '(other)' END
     WHERE e.k = CASE WHEN v.kind = 'custom' THEN 'custom' ELSE 'job' END AND coalesce(s.id, o.id) IS NOT NULL
  ), steps AS (
    SELECT v.step FROM (VALUES (0), (60), (300), (3600), (86400)) AS v(step)
  ), points AS (
    SELECT x.step, r.id AS series,
           CASE x.step WHEN 0 THEN 'epoch'::timestamptz
                ELSE to_timestamp(floor(extract(epoch FROM u.at) / x.step) * x.step) END AS at,
           ARRAY[coalesce(sum(u.c1), 0)::bigint, coalesce(sum(u.c2), 0)::bigint, coalesce(sum(u.c3), 0)::bigint, coalesce(sum(u.c4), 0)::bigint, coalesce(sum(u.c5), 0)::bigint, coalesce(sum(u.c6), 0)::bigint, coalesce(sum(u.c7), 0)::bigint] AS counts,
           ARRAY[coalesce(sum(u.s1), 0), coalesce(sum(u.s2), 0), coalesce(sum(u.s3), 0)] AS sums,
           ARRAY[coalesce(max(u.m1), 0), coalesce(max(u.m2), 0), coalesce(max(u.m3), 0)] AS maxima
      FROM sums u
      JOIN series r ON r.k = u.k AND r.q = u.q AND r.n = u.n
     CROSS JOIN steps x
     GROUP BY 1, 2, 3
  ), spread AS (
    SELECT d.step, d.series, d.at, array_agg(d.bucket ORDER BY d.bucket) AS buckets,
           array_agg(d.amount ORDER BY d.bucket) AS amounts
      FROM (
        SELECT x.step, r.id AS series,
               CASE x.step WHEN 0 THEN 'epoch'::timestamptz
                    ELSE to_timestamp(floor(extract(epoch FROM u.at) / x.step) * x.step) END AS at,
               u.bucket, sum(u.amount)::bigint AS amount
          FROM cells u
          JOIN series r ON r.k = u.k AND r.q = u.q AND r.n = u.n
         CROSS JOIN steps x
         GROUP BY 1, 2, 3, 4) d
     GROUP BY d.step, d.series, d.at
  )
  INSERT INTO "chancy"."metrics_points" AS p (step, series, at, counts, sums, maxima, buckets, amounts)
  SELECT o.step, o.series, o.at, o.counts, o.sums, o.maxima, coalesce(d.buckets, '{}'), coalesce(d.amounts, '{}')
    FROM points o
    LEFT JOIN spread d ON d.step = o.step AND d.series = o.series AND d.at = o.at
   ORDER BY o.step, o.series, o.at
  ON CONFLICT (step, series, at) DO UPDATE
     SET counts = ARRAY[coalesce(p.counts[1], 0) + coalesce(excluded.counts[1], 0), coalesce(p.counts[2], 0) + coalesce(excluded.counts[2], 0), coalesce(p.counts[3], 0) + coalesce(excluded.counts[3], 0), coalesce(p.counts[4], 0) + coalesce(excluded.counts[4], 0), coalesce(p.counts[5], 0) + coalesce(excluded.counts[5], 0), coalesce(p.counts[6], 0) + coalesce(excluded.counts[6], 0), coalesce(p.counts[7], 0) + coalesce(excluded.counts[7], 0)], sums = ARRAY[coalesce(p.sums[1], 0) + coalesce(excluded.sums[1], 0), coalesce(p.sums[2], 0) + coalesce(excluded.sums[2], 0), coalesce(p.sums[3], 0) + coalesce(excluded.sums[3], 0)],
         maxima = ARRAY[greatest(p.maxima[1], excluded.maxima[1]), greatest(p.maxima[2], excluded.maxima[2]), greatest(p.maxima[3], excluded.maxima[3])],
         (buckets, amounts) = (
           SELECT coalesce(array_agg(f.bucket ORDER BY f.bucket), '{}'),
                  coalesce(array_agg(f.amount ORDER BY f.bucket), '{}')
             FROM (
               SELECT u.bucket, sum(u.amount)::bigint AS amount
                 FROM (SELECT * FROM unnest(p.buckets, p.amounts)
                       UNION ALL
                       SELECT * FROM unnest(excluded.buckets, excluded.amounts)) AS u(bucket, amount)
                GROUP BY u.bucket) f);

  UPDATE "chancy"."metrics_series" s
     SET used_at = "chancy"."now_1"()
   WHERE s.used_at < "chancy"."now_1"() - interval '1 hour'
     AND s.id IN (SELECT r.id
                    FROM "chancy"."metrics_live" l
                   CROSS JOIN LATERAL jsonb_to_recordset(l.data) AS e(k text, q text, n text, c bigint[], s float8[], m float8[], b smallint[], a bigint[])
                   CROSS JOIN LATERAL 
  (VALUES ('all', '', ''), ('queue', e.q, ''), ('name', '', e.n), ('pair', e.q, e.n), ('custom', '', e.n))
       AS v(kind, queue, name)
                    JOIN "chancy"."metrics_series" r
                      ON r.kind = v.kind AND r.queue = v.queue AND r.name = v.name
                   WHERE l.ctid = ANY (taken) AND e.k = CASE WHEN v.kind = 'custom' THEN 'custom' ELSE 'job' END);
  UPDATE "chancy"."metrics_live" l SET rolled = true WHERE l.ctid = ANY (taken);
  RETURN cardinality(taken);
END $function$;

CREATE OR REPLACE FUNCTION chancy.metrics_scan_1(q text, from_priority bigint, from_position bigint, max_rows integer)
 RETURNS TABLE(scanned integer, priority bigint, "position" bigint)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_variable
DECLARE
  p bigint := from_priority;
  low bigint := from_position;
  high bigint;
  found_rows int;
  reached bigint;
  total int := 0;
  marks record;
  i int;
BEGIN
  SELECT l.priorities, l.requeue_watermarks, l.watermarks INTO marks 
      FROM "chancy"."scan_watermarks" l
     WHERE l.queue = q
       AND (cardinality(l.ignored_xids) = 0 OR l.advanced_at > "chancy"."now_1"() - interval '1 minute');
  IF p IS NULL THEN
    p := (SELECT j.priority::bigint FROM "chancy"."jobs" j
           WHERE j.queue = q AND j.position IS NOT NULL AND j.claim_seq IS NULL
           ORDER BY j.priority DESC, j.position
           LIMIT 1);
    low := (-9007199254740992)::bigint;
  END IF;
  WHILE p IS NOT NULL LOOP
    i := array_position(marks.priorities, p::int);
    high := 9007199254740991::bigint;
    IF i IS NOT NULL AND low < 0 THEN
      low := greatest(low, marks.requeue_watermarks[i]);
      high := 0;
    ELSIF i IS NOT NULL THEN
      low := greatest(low, marks.watermarks[i]);
    END IF;
    SELECT count(*)::int, max(c.at) INTO found_rows, reached
      FROM (SELECT j.position AS at FROM "chancy"."jobs" j
             WHERE j.queue = q AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.priority = p AND j.position > low AND j.position < high
             ORDER BY j.priority DESC, j.position
             LIMIT max_rows - total) c;
    total := total + found_rows;
    IF total >= max_rows THEN
      RETURN QUERY SELECT total, p, reached;
      RETURN;
    END IF;
    IF high = 0 THEN
      low := 0;
      CONTINUE;
    END IF;
    p := (SELECT j.priority::bigint FROM "chancy"."jobs" j
           WHERE j.queue = q AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.priority < p
           ORDER BY j.priority DESC, j.position
           LIMIT 1);
    low := (-9007199254740992)::bigint;
  END LOOP;
  RETURN QUERY SELECT total, NULL::bigint, NULL::bigint;
END $function$;

CREATE OR REPLACE FUNCTION chancy.metrics_undeclared_1()
 RETURNS SETOF text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
BEGIN
  RETURN QUERY
  WITH RECURSIVE ready AS (
    (SELECT j.queue FROM "chancy"."jobs" j WHERE j.position IS NOT NULL AND j.claim_seq IS NULL ORDER BY j.queue LIMIT 1)
    UNION ALL
    SELECT (SELECT j.queue FROM "chancy"."jobs" j WHERE j.position IS NOT NULL AND j.claim_seq IS NULL AND j.queue > r.queue ORDER BY j.queue LIMIT 1)
      FROM ready r WHERE r.queue IS NOT NULL
  ), later AS (
    (SELECT j.queue FROM "chancy"."jobs" j WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.waits IS NULL ORDER BY j.queue LIMIT 1)
    UNION ALL
    SELECT (SELECT j.queue FROM "chancy"."jobs" j WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.waits IS NULL AND j.queue > r.queue ORDER BY j.queue LIMIT 1)
      FROM later r WHERE r.queue IS NOT NULL
  )
  SELECT f.queue FROM (SELECT ready.queue FROM ready UNION SELECT later.queue FROM later) f
   WHERE f.queue IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "chancy"."queues" k WHERE k.name = f.queue);
END $function$;

CREATE OR REPLACE FUNCTION chancy.more_waits_1(parent uuid, known jsonb, given jsonb, at timestamp with time zone)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT coalesce(known, '[]') || "chancy".open_waits_1(NULL, coalesce(
    (SELECT jsonb_agg(CASE WHEN g.wait ? 'push'
                           THEN g.wait - 'push' || jsonb_build_object('owner', "chancy".push_children_1(parent, g.wait))
                           WHEN g.wait ? 'workflow'
                           THEN g.wait - 'workflow'
                                || jsonb_build_object('owner', "chancy".push_invoked_1(parent, g.wait -> 'workflow'))
                           ELSE g.wait END ORDER BY g.n)
       FROM jsonb_array_elements(given) WITH ORDINALITY AS g(wait, n)
      WHERE NOT EXISTS (SELECT 1 FROM jsonb_array_elements(known) AS k(wait)
                         WHERE k.wait ->> 'name' = g.wait ->> 'name')), '[]'), at)
$function$;

CREATE OR REPLACE FUNCTION chancy.moved_1(ids uuid[])
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
BEGIN
  RETURN QUERY
  SELECT i.id
    FROM unnest(ids) AS i(id)
   WHERE (SELECT true FROM "chancy".finished_jobs f
           WHERE f.id = i.id AND f.finished_at >= "chancy".now_1() - interval '20 minutes'
           LIMIT 1);
END $function$;

CREATE OR REPLACE FUNCTION chancy.new_id()
 RETURNS uuid
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT encode(
    set_byte(
      set_byte(
        overlay(uuid_send(gen_random_uuid())
                PLACING substring(int8send((extract(epoch FROM "chancy".clock_1()) * 1000)::bigint)
                                  FROM 3) FROM 1 FOR 6),
        6, (get_byte(uuid_send(gen_random_uuid()), 6) & 15) | 112),
      8, (get_byte(uuid_send(gen_random_uuid()), 8) & 63) | 128),
    'hex')::uuid
$function$; -- A UUID of version 7 by the clock of the server.

CREATE OR REPLACE FUNCTION chancy.note_before_1(bulk uuid, jobs uuid[], action text, waiting boolean)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  IF action = 'retry' THEN
    IF waiting THEN
      PERFORM 1 FROM "chancy".finished_jobs f
        WHERE f.id = ANY (note_before_1.jobs) AND f.owner_id IS NULL ORDER BY f.id FOR UPDATE;
    END IF;
    WITH held AS MATERIALIZED (
      SELECT f.id,
             jsonb_strip_nulls(jsonb_build_object(
               'fence', f.fence, 'state', f.state, 'finished_at', f.finished_at, 'max_attempts', f.max_attempts,
               'crashes', f.crashes, 'fingerprint', f.fingerprint, 'wall_ms', f.wall_ms, 'cpu_ms', f.cpu_ms,
               'peak_bytes', f.peak_bytes)) AS was
        FROM "chancy".finished_jobs f
       WHERE f.id = ANY (note_before_1.jobs) AND f.state IN ('failed', 'cancelled') AND f.owner_id IS NULL
         FOR UPDATE SKIP LOCKED
    )
    UPDATE "chancy".bulk_items i
       SET before = h.was
      FROM held h
     WHERE i.bulk_id = note_before_1.bulk AND i.job_id = h.id;
    RETURN;
  END IF;

  IF waiting THEN
    PERFORM 1 FROM "chancy".jobs j
      WHERE j.id = ANY (note_before_1.jobs) AND (j.owner_id IS NULL OR action <> 'cancel') ORDER BY j.id FOR UPDATE;
  END IF;
  WITH held AS MATERIALIZED (
    SELECT j.id,
           jsonb_strip_nulls(jsonb_build_object('fence', j.fence) || CASE action
             WHEN 'cancel' THEN
               jsonb_build_object('state', j.state, 'fingerprint', j.fingerprint,
                                  'run_at', CASE WHEN NOT (j.position IS NOT NULL OR j.blocked OR j.parked) THEN j.run_at END)
             WHEN 'run-now' THEN jsonb_build_object('run_at', j.run_at, 'scheduled_at', j.scheduled_at)
             WHEN 'move' THEN jsonb_build_object('queue', j.queue)
             ELSE jsonb_build_object('priority', j.priority) END) AS was
      FROM "chancy".jobs j
     WHERE j.id = ANY (note_before_1.jobs) AND j.state <> 'running' AND j.waits IS NULL
       AND (action <> 'cancel'
            OR (j.owner_id IS NULL
                AND (SELECT true FROM "chancy".workflows w
                      WHERE w.owner_id = j.id AND w.finished_at IS NULL LIMIT 1) IS NULL))
       FOR UPDATE SKIP LOCKED
  )
  UPDATE "chancy".bulk_items i
     SET before = h.was
    FROM held h
   WHERE i.bulk_id = note_before_1.bulk AND i.job_id = h.id;
END $function$;

CREATE OR REPLACE FUNCTION chancy.note_done_1(bulk uuid, jobs uuid[], action text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  UPDATE "chancy".bulk_items i
     SET outcome = 'done',
         before = i.before || CASE action
           WHEN 'cancel' THEN
             (SELECT jsonb_build_object('left_at', f.finished_at) FROM "chancy".finished_jobs f
               WHERE f.id = i.job_id AND f.finished_at > "chancy".clock_1() - interval '1 hour' LIMIT 1)
           WHEN 'retry' THEN
             (SELECT jsonb_build_object('left_seq', j.seq) FROM "chancy".jobs j WHERE j.id = i.job_id)
           WHEN 'run-now' THEN
             (SELECT jsonb_build_object('left_at', j.scheduled_at) FROM "chancy".jobs j WHERE j.id = i.job_id)
           ELSE '{}' END
   WHERE i.bulk_id = note_done_1.bulk AND i.job_id = ANY (note_done_1.jobs)
     AND i.outcome IN ('left', 'late');
END $function$;

CREATE OR REPLACE FUNCTION chancy.now_1()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$ SELECT pg_catalog.now() $function$;

CREATE OR REPLACE FUNCTION chancy.open_waits_1(known jsonb, given jsonb, at timestamp with time zone)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION chancy.output_1(owner uuid, step integer, path text[])
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
DECLARE
  found_step record;
  bytes bigint;
BEGIN
  SELECT s.state, s.name, s.result, s.job_id IS NULL AND s.spec ? 'map' AS is_map, (s.spec ->> 'base')::int AS base
    INTO found_step
    FROM "chancy".steps s
   WHERE s.owner_id = output_1.owner AND s.n = output_1.step;
  IF found_step.state IS DISTINCT FROM 'succeeded' THEN
    RETURN NULL;
  END IF;
  IF NOT found_step.is_map THEN
    RETURN found_step.result #> path;
  END IF;
  IF path[1] ~ '^[0-9]{1,6}$' THEN
    RETURN (SELECT s.result #> path[2:]
              FROM "chancy".steps s
             WHERE s.owner_id = output_1.owner AND s.n = found_step.base + path[1]::int AND s.of_map = output_1.step);
  ELSIF cardinality(path) > 0 THEN
    RETURN NULL;
  END IF;
  -- As they are stored, first: gigabytes are not read into one value to find that they are too many.
  SELECT sum(pg_column_size(s.result)) INTO bytes
    FROM "chancy".steps s
   WHERE s.owner_id = output_1.owner AND s.of_map = output_1.step;
  IF bytes > 1048576 THEN
    RAISE EXCEPTION 'The list of outputs of "%" is larger than 1 MiB. Read it with context.outputs.', found_step.name
      USING ERRCODE = 'CH004';
  END IF;
  RETURN (SELECT coalesce(jsonb_agg(coalesce(s.result, 'null') ORDER BY s.n), '[]')
            FROM "chancy".steps s
           WHERE s.owner_id = output_1.owner AND s.of_map = output_1.step);
END $function$;

CREATE OR REPLACE FUNCTION chancy.outputs_1(job uuid, of_fence bigint, worker uuid, step text, after integer)
 RETURNS TABLE(verdict text, result text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  owner uuid;
  of_step record;
  one record;
  content text;
  bytes int := 0;
  items int := 0;
BEGIN
  SELECT j.owner_id INTO owner
    FROM "chancy".jobs j
   WHERE j.id = outputs_1.job AND j.fence = of_fence AND j.worker_id = worker AND j.state = 'running';
  IF owner IS NULL THEN
    RETURN QUERY SELECT 'lost', NULL::text;
    RETURN;
  END IF;
  SELECT s.n, s.state, s.job_id IS NULL AND s.spec ? 'map' AS is_map INTO of_step
    FROM "chancy".steps s
   WHERE s.owner_id = owner AND s.name = step
   ORDER BY s.n
   LIMIT 1;
  IF of_step.is_map IS NOT TRUE OR of_step.state IN ('waiting', 'open') THEN
    RETURN QUERY SELECT CASE WHEN of_step.is_map IS NULL THEN 'unknown'
                             WHEN of_step.is_map THEN 'open'
                             ELSE 'no-map' END, NULL::text;
    RETURN;
  END IF;
  FOR one IN
    SELECT s.state, s.result
      FROM "chancy".steps s
     WHERE s.owner_id = owner AND s.of_map = of_step.n
       AND s.n >= (SELECT min(f.n) FROM "chancy".steps f WHERE f.owner_id = owner AND f.of_map = of_step.n) + after
     ORDER BY s.n
  LOOP
    IF bytes >= 262144 OR items >= 1000 THEN
      RETURN QUERY SELECT 'more', NULL::text;
      RETURN;
    END IF;
    content := coalesce(CASE WHEN one.state = 'succeeded' THEN one.result::text END, 'null');
    bytes := bytes + octet_length(content);
    items := items + 1;
    RETURN QUERY SELECT 'item', content;
  END LOOP;
  RETURN QUERY SELECT 'end', NULL::text;
END $function$;

CREATE OR REPLACE FUNCTION chancy.owner_error_1(owner uuid, settle boolean)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT jsonb_build_object(
           'name', 'AttemptError', 'stack', NULL,
           'message', coalesce(o.failure ->> 'message', 'It was ' || o.state || '.'),
           'fields', jsonb_strip_nulls(jsonb_build_object('kind', o.failure -> 'kind', 'step', o.failure -> 'step')))::text
    FROM "chancy".workflows o
   WHERE o.id = owner AND NOT settle AND o.state <> 'succeeded'
$function$;

CREATE OR REPLACE FUNCTION chancy.owner_result_1(owner uuid, kind text, settle boolean)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT CASE
           WHEN o.kind <> 'children' THEN o.output::text
           WHEN owner_result_1.kind = 'invoke'
             THEN (SELECT s.result::text FROM "chancy".steps s WHERE s.owner_id = o.id AND s.job_id IS NOT NULL ORDER BY s.n LIMIT 1)
           ELSE (SELECT coalesce(jsonb_agg(
                          CASE WHEN NOT settle THEN coalesce(s.result, 'null')
                               WHEN s.state = 'succeeded'
                                 THEN jsonb_build_object('state', s.state, 'result', coalesce(s.result, 'null'))
                               ELSE jsonb_build_object('state', s.state, 'error', s.error) END ORDER BY s.n), '[]')::text
                   FROM "chancy".steps s
                  WHERE s.owner_id = o.id AND s.job_id IS NOT NULL) END
    FROM "chancy".workflows o
   WHERE o.id = owner
$function$;

CREATE OR REPLACE FUNCTION chancy.pause(queue text, resume_at timestamp with time zone DEFAULT NULL::timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF pause.resume_at NOT BETWEEN '1970-01-01 00:00Z' AND '9999-12-31 00:00Z' THEN
    RAISE EXCEPTION 'The end of a pause lies between 1970 and 9999, got %', pause.resume_at
      USING ERRCODE = '22023';
  END IF;
  UPDATE "chancy".queues q
     SET state = 'paused', resume_at = pause.resume_at
   WHERE q.name = pause.queue;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'No queue is called %', quote_nullable(pause.queue)
      USING ERRCODE = 'P0002', HINT = 'Declare it first, with declare of the library or chancy queue declare.';
  END IF;
  IF pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'queue.changed ' || pause.queue);
  END IF;
END $function$; -- Pauses a queue: nothing more of it starts, until resume_at or resume. What runs continues.

CREATE OR REPLACE FUNCTION chancy.prepare_step_1(s chancy.steps, OUT verdict text, OUT content jsonb, OUT delay_ms double precision, OUT group_key text, OUT error jsonb)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_variable
DECLARE
  spec jsonb := s.spec;
  part_of jsonb;
  other record;
  value jsonb;
BEGIN
  IF spec ? 'begin' THEN
    SELECT p.state, p.name INTO other
      FROM "chancy".steps p
     WHERE p.owner_id = s.owner_id AND p.n = (spec ->> 'begin')::int;
    IF other.state IN ('skipped', 'failed', 'cancelled') THEN
      verdict := 'skip';
      error := jsonb_build_object('kind', 'skipped', 'step', other.name,
                                  'message', format('"%s" was skipped.', other.name));
      RETURN;
    ELSIF other.state IN ('waiting', 'open') AND (spec ->> 'begin')::int = ANY (s.deps) THEN
      -- Its end counts here, and this is looked at then.
      RETURN;
    END IF;
  END IF;
  IF spec ? 'fails_with' THEN
    SELECT p.name, p.error INTO other
      FROM "chancy".steps p
     WHERE p.owner_id = s.owner_id AND p.state IN ('failed', 'cancelled')
       AND p.n = ANY (ARRAY(SELECT f::int FROM jsonb_array_elements_text(spec -> 'fails_with') f))
     ORDER BY p.ended_at, p.n
     LIMIT 1;
    IF FOUND THEN
      verdict := 'fail';
      error := coalesce(other.error, '{}') || jsonb_build_object('step', coalesce(other.error ->> 'step', other.name));
      RETURN;
    END IF;
  END IF;
  BEGIN
    IF spec ? 'run_if' THEN
      part_of := spec -> 'run_if';
      value := "chancy".output_1(s.owner_id, (part_of ->> 'step')::int,
                               ARRAY(SELECT jsonb_array_elements_text(part_of -> 'path')));
      IF value IS DISTINCT FROM 'true' THEN
        verdict := 'skip';
        error := jsonb_build_object('kind', 'skipped', 'message', 'Its runIf was not true.', 'step', (
          SELECT p.name FROM "chancy".steps p WHERE p.owner_id = s.owner_id AND p.n = (part_of ->> 'step')::int));
        RETURN;
      END IF;
    END IF;
    IF spec ? 'map' THEN
      part_of := spec #> '{map,over}';
      content := "chancy".output_1(s.owner_id, (part_of ->> 'step')::int,
                                 ARRAY(SELECT jsonb_array_elements_text(part_of -> 'path')));
      IF jsonb_typeof(content) IS DISTINCT FROM 'array' THEN
        RAISE EXCEPTION 'A map takes a list, got %', coalesce(jsonb_typeof(content), 'null') USING ERRCODE = 'CH004';
      END IF;
      verdict := 'map';
      RETURN;
    END IF;
    IF spec ? 'holes' THEN
      content := "chancy".filled_1(s.owner_id, spec -> 'args', spec -> 'holes');
    END IF;
    IF s.job_id IS NULL THEN
      verdict := 'end';
      content := coalesce(content, spec -> 'args');
      RETURN;
    END IF;
    IF jsonb_typeof(content) <> 'object' THEN
      RAISE EXCEPTION 'The arguments of a job are an object, got %', jsonb_typeof(content) USING ERRCODE = 'CH004';
    END IF;
    IF spec ? 'group_by' THEN
      group_key := "chancy".group_key_1(spec ->> 'job_name', spec ->> 'group_by', coalesce(content, spec -> 'args'));
    END IF;
    verdict := 'run';
    delay_ms := (spec ->> 'delay_ms')::float8;
  EXCEPTION
    -- What does not fit, of whatever kind, is the step's own failure: nothing else may wait for it.
    WHEN SQLSTATE 'CH004' OR data_exception OR program_limit_exceeded THEN
      verdict := 'fail';
      error := jsonb_build_object('kind', 'input', 'message', SQLERRM);
  END;
END $function$;

CREATE OR REPLACE FUNCTION chancy.prune_audit_1(kept_ms double precision, max_rows integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
DECLARE
  removed int;
BEGIN
  DELETE FROM "chancy".audit a
   WHERE a.id = ANY (ARRAY(
           SELECT o.id
             FROM "chancy".audit o
            WHERE o.at < "chancy".clock_1() - greatest(make_interval(secs => kept_ms / 1000), interval '30 days')
            ORDER BY o.at
            LIMIT max_rows
              FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END $function$;

CREATE OR REPLACE FUNCTION chancy.push(name text, args jsonb DEFAULT '{}'::jsonb, queue text DEFAULT 'default'::text, priority integer DEFAULT 0, max_attempts integer DEFAULT NULL::integer, scheduled_at timestamp with time zone DEFAULT NULL::timestamp with time zone, unique_key text DEFAULT NULL::text, meta jsonb DEFAULT NULL::jsonb)
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  job uuid := "chancy".new_id();
  standing uuid;
BEGIN
  IF coalesce(octet_length(push.name), 0) NOT BETWEEN 1 AND 200 OR strpos(push.name, ':') > 0 THEN
    RAISE EXCEPTION 'A job name has 1 to 200 bytes and no colon, got %', quote_nullable(push.name)
      USING ERRCODE = '22023';
  END IF;
  IF coalesce(octet_length(push.queue), 0) NOT BETWEEN 1 AND 200 THEN
    RAISE EXCEPTION 'A queue name has 1 to 200 bytes, got %', quote_nullable(push.queue)
      USING ERRCODE = '22023';
  END IF;
  IF jsonb_typeof(push.args) IS DISTINCT FROM 'object' OR octet_length(push.args::text) > 1048576 THEN
    RAISE EXCEPTION 'The arguments of a job are a JSON object of at most 1 MiB'
      USING ERRCODE = '22023';
  END IF;
  -- A text of so few bytes has no room for more levels.
  IF octet_length(push.args::text) > 200 AND jsonb_path_exists(push.args, 'strict $.**{100} ? (@.type() == "object" || @.type() == "array")') THEN
    RAISE EXCEPTION 'The arguments of a job are nested at most 100 deep' USING ERRCODE = '22023';
  END IF;
  IF octet_length(push.meta::text) > 200 AND jsonb_path_exists(push.meta, 'strict $.**{100} ? (@.type() == "object" || @.type() == "array")') THEN
    RAISE EXCEPTION 'The meta of a job is nested at most 100 deep' USING ERRCODE = '22023';
  END IF;
  IF push.priority IS NULL OR push.max_attempts NOT BETWEEN 1 AND 1000000 THEN
    RAISE EXCEPTION 'The priority of a job is a number and its attempts are 1 to 1000000'
      USING ERRCODE = '22023';
  END IF;
  IF octet_length(push.unique_key) NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'A unique key has 1 to 1000 bytes' USING ERRCODE = '22023';
  END IF;
  IF push.scheduled_at NOT BETWEEN '1970-01-01 00:00Z' AND '9999-12-31 00:00Z' THEN
    RAISE EXCEPTION 'The time of a job lies between 1970 and 9999, got %', push.scheduled_at
      USING ERRCODE = '22023';
  END IF;
  IF jsonb_typeof(push.meta) <> 'object' OR octet_length(push.meta::text) > 65536 THEN
    RAISE EXCEPTION 'The meta of a job is a JSON object of at most 64 KiB'
      USING ERRCODE = '22023';
  END IF;
  LOOP
    SELECT p.holder::uuid INTO standing
      FROM "chancy".push_1(
             ARRAY[job], ARRAY[push.queue], ARRAY[push.name], ARRAY[push.args::text],
             ARRAY[push.priority], ARRAY[push.max_attempts],
             ARRAY[(extract(epoch FROM push.scheduled_at) * 1000)::float8], NULL,
             CASE WHEN push.unique_key IS NOT NULL THEN ARRAY[push.unique_key] END,
             ARRAY[CASE WHEN push.meta IS NOT NULL
                        THEN jsonb_build_object('meta', push.meta)::text END],
             false, 0, ARRAY[CASE WHEN push.scheduled_at > "chancy".now_1()
                        THEN 'job.scheduled ' ELSE 'queue.pushed ' END || push.queue]) p;
    -- No row back: it was inserted. A row without a holder: the holder finished between the two
    -- statements, so the key is free now.
    EXIT WHEN NOT FOUND;
    IF standing IS NOT NULL THEN
      RETURN standing;
    END IF;
  END LOOP;
  RETURN job;
END $function$; -- Pushes one job and returns its id, or that of the job that has its unique key. args and meta are objects; the job starts at scheduled_at at the earliest.

CREATE OR REPLACE FUNCTION chancy.push_1(ids uuid[], queues text[], names text[], args text[], priorities integer[], max_attempts integer[], scheduled_ms double precision[], delays_ms double precision[], unique_keys text[], extras_texts text[], again boolean, lock_ms integer, payloads text[], block_starts bigint[] DEFAULT NULL::bigint[])
 RETURNS TABLE(pushed text, holder text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  made uuid[];
  past uuid[];
  surplus boolean[];
BEGIN
  IF block_starts IS NULL THEN
    IF cardinality(ids) <= 256 THEN
      block_starts := ARRAY[nextval('"chancy".positions')];
    ELSE
      block_starts := "chancy".draw_positions_1(cardinality(ids));
    END IF;
  END IF;
  IF again THEN
    -- What is deleted below must be looked up in a snapshot of its own.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
    END IF;
  END IF;
  IF lock_ms > 0 THEN
    PERFORM set_config('lock_timeout', lock_ms::text, true);
  END IF;

  IF extras_texts IS NOT NULL AND strpos(array_to_string(extras_texts, ''), '"concurrency_key"') > 0 THEN
    surplus := "chancy".surplus_1(queues, priorities, extras_texts, scheduled_ms, delays_ms, block_starts[1]);
  END IF;

  IF unique_keys IS NULL AND NOT again THEN
    -- Only the id can conflict, and it is new: no row is checked. A producer that came upon the id of
    -- another gets an error.
    IF scheduled_ms IS NULL AND delays_ms IS NULL AND extras_texts IS NULL THEN
      INSERT INTO "chancy".jobs (id, queue, name, args, priority, max_attempts, seq, position)
      SELECT g.id,
             CASE WHEN cardinality(queues) = 1 THEN queues[1] ELSE g.queue END,
             CASE WHEN cardinality(names) = 1 THEN names[1] ELSE g.name END,
             g.args::jsonb,
             CASE WHEN cardinality(priorities) = 1 THEN priorities[1] ELSE g.priority END,
             CASE WHEN cardinality(push_1.max_attempts) = 1 THEN push_1.max_attempts[1] ELSE g.max_attempts END,
             g.position, g.position
        FROM (
          SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, block_starts[(r.n - 1::bigint) / 256::bigint + 1::bigint] + (r.n - 1::bigint) % 256::bigint AS position
            FROM unnest(ids, queues, names, args, priorities, max_attempts) WITH ORDINALITY
              AS r(id, queue, name, args, priority, max_attempts, n)) g;
    ELSE
      INSERT INTO "chancy".jobs (
             id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, position, blocked,
             unique_key, limits, backoff, retention, meta, concurrency_key, concurrency_max, owner_id, extras)
      SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.due,
             CASE WHEN g.position IS NULL THEN g.due END, g.position,
             CASE WHEN surplus[g.n] THEN NULL ELSE g.position END, coalesce(surplus[g.n], false),
             g.unique_key, g.extras -> 'limits', g.extras -> 'backoff',
             make_interval(secs => (g.extras ->> 'retention_ms')::float8 / 1000), g.extras -> 'meta',
             g.extras ->> 'concurrency_key', (g.extras ->> 'concurrency_max')::int, (g.extras ->> 'owner_id')::uuid,
             CASE WHEN g.extras ?| ARRAY['deadline_ms', 'dead_letter']
                  THEN g.extras - ARRAY['limits', 'backoff', 'retention_ms', 'meta', 'concurrency_key', 'concurrency_max',
                                        'when_taken', 'owner_id'] END
        FROM (
               SELECT u.n, u.id, u.queue, u.name, u.args, u.priority, u.max_attempts, u.unique_key,
                      u.extras::jsonb AS extras, u.due,
                      CASE WHEN u.due IS NULL OR u.due <= "chancy".now_1() THEN block_starts[(u.n - 1::bigint) / 256::bigint + 1::bigint] + (u.n - 1::bigint) % 256::bigint END AS position
                 FROM (
                   SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, r.unique_key, r.extras, r.n,
                          coalesce(to_timestamp(r.scheduled_ms / 1000),
                                   "chancy".now_1() + make_interval(secs => r.delay_ms / 1000)) AS due
                     FROM unnest(ids, queues, names, args, priorities, max_attempts, scheduled_ms,
                                 delays_ms, unique_keys, extras_texts) WITH ORDINALITY
                       AS r(id, queue, name, args, priority, max_attempts, scheduled_ms, delay_ms,
                            unique_key, extras, n)
                 ) u) g;
    END IF;
  ELSIF unique_keys IS NULL THEN
    -- What conflicts was written by the first try.
    INSERT INTO "chancy".jobs (
           id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, position, blocked,
           unique_key, limits, backoff, retention, meta, concurrency_key, concurrency_max, owner_id, extras)
    SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.due,
           CASE WHEN g.position IS NULL THEN g.due END, g.position,
           CASE WHEN surplus[g.n] THEN NULL ELSE g.position END, coalesce(surplus[g.n], false),
           g.unique_key, g.extras -> 'limits', g.extras -> 'backoff',
           make_interval(secs => (g.extras ->> 'retention_ms')::float8 / 1000), g.extras -> 'meta',
           g.extras ->> 'concurrency_key', (g.extras ->> 'concurrency_max')::int, (g.extras ->> 'owner_id')::uuid,
           CASE WHEN g.extras ?| ARRAY['deadline_ms', 'dead_letter']
                THEN g.extras - ARRAY['limits', 'backoff', 'retention_ms', 'meta', 'concurrency_key', 'concurrency_max',
                                      'when_taken', 'owner_id'] END
      FROM (
             SELECT u.n, u.id, u.queue, u.name, u.args, u.priority, u.max_attempts, u.unique_key,
                    u.extras::jsonb AS extras, u.due,
                    CASE WHEN u.due IS NULL OR u.due <= "chancy".now_1() THEN block_starts[(u.n - 1::bigint) / 256::bigint + 1::bigint] + (u.n - 1::bigint) % 256::bigint END AS position
               FROM (
                 SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, r.unique_key, r.extras, r.n,
                        coalesce(to_timestamp(r.scheduled_ms / 1000),
                                 "chancy".now_1() + make_interval(secs => r.delay_ms / 1000)) AS due
                   FROM unnest(ids, queues, names, args, priorities, max_attempts, scheduled_ms,
                               delays_ms, unique_keys, extras_texts) WITH ORDINALITY
                     AS r(id, queue, name, args, priority, max_attempts, scheduled_ms, delay_ms,
                          unique_key, extras, n)
               ) u) g
        ON CONFLICT DO NOTHING;
  ELSE
    -- Sorted, so that two batches meet at their common keys in one order: unsorted they deadlock.
    -- Of two rows with one key the first of the call is kept: a producer's ids rise.
    WITH put AS (
      INSERT INTO "chancy".jobs (
             id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, position, blocked,
             unique_key, limits, backoff, retention, meta, concurrency_key, concurrency_max, owner_id, extras)
      SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.due,
             CASE WHEN g.position IS NULL THEN g.due END, g.position,
             CASE WHEN surplus[g.n] THEN NULL ELSE g.position END, coalesce(surplus[g.n], false),
             g.unique_key, g.extras -> 'limits', g.extras -> 'backoff',
             make_interval(secs => (g.extras ->> 'retention_ms')::float8 / 1000), g.extras -> 'meta',
             g.extras ->> 'concurrency_key', (g.extras ->> 'concurrency_max')::int, (g.extras ->> 'owner_id')::uuid,
             CASE WHEN g.extras ?| ARRAY['deadline_ms', 'dead_letter']
                  THEN g.extras - ARRAY['limits', 'backoff', 'retention_ms', 'meta', 'concurrency_key', 'concurrency_max',
                                        'when_taken', 'owner_id'] END
        FROM (
               SELECT u.n, u.id, u.queue, u.name, u.args, u.priority, u.max_attempts, u.unique_key,
                      u.extras::jsonb AS extras, u.due,
                      CASE WHEN u.due IS NULL OR u.due <= "chancy".now_1() THEN block_starts[(u.n - 1::bigint) / 256::bigint + 1::bigint] + (u.n - 1::bigint) % 256::bigint END AS position
                 FROM (
                   SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, r.unique_key, r.extras, r.n,
                          coalesce(to_timestamp(r.scheduled_ms / 1000),
                                   "chancy".now_1() + make_interval(secs => r.delay_ms / 1000)) AS due
                     FROM unnest(ids, queues, names, args, priorities, max_attempts, scheduled_ms,
                                 delays_ms, unique_keys, extras_texts) WITH ORDINALITY
                       AS r(id, queue, name, args, priority, max_attempts, scheduled_ms, delay_ms,
                            unique_key, extras, n)
                 ) u) g
       ORDER BY g.unique_key, g.id ON CONFLICT DO NOTHING
      RETURNING id
    )
    SELECT array_agg(put.id) INTO made FROM put;
  END IF;

  IF again THEN
    -- The first try may have committed, run and moved meanwhile; then the id no longer conflicts.
    -- In a later statement than the insert: inside it, one row still slipped through while the
    -- move was committing.
    past := ARRAY(SELECT "chancy".moved_1(ids));
    -- An empty array implies the predicate of every partial index: one would be read whole.
    IF cardinality(past) > 0 THEN
      DELETE FROM "chancy".jobs j WHERE j.id = ANY (past);
    END IF;
  END IF;

  IF payloads IS NOT NULL AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', p) FROM unnest(payloads) AS p;
  END IF;

  IF unique_keys IS NOT NULL AND coalesce(cardinality(made), 0) < cardinality(ids) THEN
    RETURN QUERY
    SELECT m.id::text,
           coalesce(same.id, CASE WHEN m.id = ANY (past) THEN m.id END, other.id)::text
      FROM unnest(ids, unique_keys) AS m(id, unique_key)
      LEFT JOIN LATERAL (SELECT j.id FROM "chancy".jobs j WHERE j.id = m.id) same ON true
      LEFT JOIN LATERAL (
        SELECT j.id FROM "chancy".jobs j WHERE j.unique_key = m.unique_key) other ON true
     WHERE again OR m.id <> ALL (coalesce(made, '{}'));
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.push_and_claim_1(ids uuid[], queues text[], names text[], all_args text[], priorities integer[], most_attempts integer[], extras_texts text[], payloads text[], wanted_queue text, worker uuid, max_jobs integer, known text[], durable boolean, highs bigint[], lows bigint[], afters bigint[], befores bigint[])
 RETURNS TABLE(id uuid, name text, args text, priority integer, attempts integer, max_attempts integer, fence bigint, "position" bigint, created_ms double precision, scheduled_ms double precision, extras text, ctid tid, summary text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  block_starts bigint[];
  queue_state text;
  has_parked boolean;
  rate_max int;
  scanned int := cardinality(ids);
  claim_number bigint;
  start_at timestamptz := "chancy".clock_1();
  scan_us int;
  is_taken boolean;
  watermark_highs bigint[];
  watermark_lows bigint[];
  watermark_afters bigint[];
  watermark_befores bigint[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  IF highs IS NULL AND extras_texts IS NULL AND scanned < max_jobs THEN
    SELECT CASE WHEN (SELECT true FROM "chancy".workers w WHERE w.id = worker AND w.revoked_at IS NULL)
                THEN coalesce(q.state, 'undeclared') ELSE 'revoked' END,
           q.rate_max,
           (SELECT true FROM "chancy".jobs j WHERE j.parked AND j.queue = wanted_queue LIMIT 1),
           f.highs, f.lows, f.afters, f.befores,
           CASE WHEN f.highs IS NULL THEN (SELECT true FROM (
                                                              SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority, j.position
                                                                FROM "chancy".jobs j
                                                               WHERE j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                                                               ORDER BY j.priority DESC, j.position
                                                               LIMIT 1
                                                                 FOR NO KEY UPDATE SKIP LOCKED) l) END
      INTO queue_state, rate_max, has_parked,
           watermark_highs, watermark_lows, watermark_afters, watermark_befores, is_taken
      FROM (VALUES (1)) AS one(row)
      LEFT JOIN LATERAL (
                          SELECT CASE WHEN k.state = 'paused' AND k.resume_at <= "chancy".now_1() THEN 'active' ELSE k.state END AS state,
                                 CASE WHEN k.rate_per_ms > 0 THEN k.rate_max END AS rate_max,
                                 make_interval(secs => k.rate_per_ms / 1000) AS rate_per
                            FROM "chancy".queues k
                           WHERE k.name = wanted_queue) q ON true
      LEFT JOIN LATERAL (
                          SELECT l.highs, l.lows, l.afters, l.befores
                            FROM "chancy".scan_watermarks l
                           WHERE l.queue = wanted_queue
                             AND (cardinality(l.ignored_xids) = 0 OR l.advanced_at > "chancy".now_1() - interval '1 minute')) f ON true;
    IF queue_state = 'active' AND rate_max IS NULL AND has_parked IS NULL THEN
      IF watermark_highs IS NOT NULL THEN
        highs := watermark_highs;
        lows := watermark_lows;
        afters := watermark_afters;
        befores := watermark_befores;
        is_taken := (SELECT true FROM (
                                        SELECT r.*
                                          FROM unnest(highs, lows, afters, befores) AS g(high, low, after, before)
                                         CROSS JOIN LATERAL (
                                           SELECT one.*
                                             FROM (
                                               SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                                                      j.position
                                                 FROM "chancy".jobs j
                                                WHERE g.high = g.low AND j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND j.priority = g.high
                                                  AND j.position > g.after AND j.position < g.before
                                                ORDER BY j.priority DESC, j.position
                                                LIMIT 1
                                                  FOR NO KEY UPDATE SKIP LOCKED) one
                                           UNION ALL
                                           SELECT gap.*
                                             FROM (
                                               SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                                                      j.position
                                                 FROM "chancy".jobs j
                                                WHERE g.high <> g.low AND j.queue = wanted_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                                                  AND j.priority < g.high AND j.priority > g.low
                                                ORDER BY j.priority DESC, j.position
                                                LIMIT 1
                                                  FOR NO KEY UPDATE SKIP LOCKED) gap) r
                                         LIMIT 1) l);
      END IF;
      scan_us := least(date_part('epoch', "chancy".clock_1() - start_at) * 1000000, 2000000000)::int;
      IF is_taken IS NULL THEN
        claim_number := nextval('"chancy".claim_numbers');
        INSERT INTO "chancy".claims (worker_id, claim_seq, ids) VALUES (worker, claim_number, ids);
        IF scanned <= 256 THEN
          block_starts := ARRAY[nextval('"chancy".positions')];
        ELSE
          block_starts := "chancy".draw_positions_1(scanned);
        END IF;
        start_at := "chancy".clock_1();
        summary := json_build_object(
          'queue_state', queue_state, 'claim_seq', claim_number, 'scanned', scanned,
          'requested', CASE queue_state WHEN 'active' THEN max_jobs ELSE 0 END,
          'started_ms', date_part('epoch', start_at) * 1000, 'wait_ms', 0, 'scan_us', scan_us)::text;
        RETURN NEXT;
        RETURN QUERY
        INSERT INTO "chancy".jobs AS j (
               id, queue, name, args, priority, max_attempts, seq, position, state, worker_id, started_at,
               attempts, fence)
        SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.position, g.position,
               'running', worker, start_at, 1, 1
          FROM (
            SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, block_starts[(r.n - 1::bigint) / 256::bigint + 1::bigint] + (r.n - 1::bigint) % 256::bigint AS position
              FROM unnest(ids, queues, names, all_args, priorities, most_attempts) WITH ORDINALITY
                AS r(id, queue, name, args, priority, max_attempts, n)) g
        RETURNING j.id, j.name::text,
                  CASE WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL
                       -- A cast to a length is nearly free, where a function that counts characters is not.
                       THEN j.args::text::varchar(65536)::text
                       ELSE "chancy".text_1(j.args, 262144, 65536) END,
                  j.priority, j.attempts, j.max_attempts, j.fence, j.position, date_part('epoch', j.created_at) * 1000,
                  date_part('epoch', j.scheduled_at) * 1000, CASE WHEN j.concurrency_key IS NULL AND j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                                       AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                                       AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                                                                       AND j.owner_id IS NULL AND j.extras IS NULL
                                                                  THEN NULL
                                                                  -- The keys are what most jobs have that have anything of these, and most have one of them. One alone takes
                                                                  -- a quarter of the cost of the whole object.
                                                                  WHEN j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                                       AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                                       AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                                                                       AND j.owner_id IS NULL AND j.extras IS NULL
                                                                  THEN json_build_object('concurrency_key', j.concurrency_key)::text
                                                                  WHEN j.concurrency_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                                       AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                                       AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                                                                       AND j.owner_id IS NULL AND j.extras IS NULL
                                                                  THEN json_build_object('unique_key', j.unique_key)::text
                                                                  WHEN j.concurrency_key IS NULL AND j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
                                                                       AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
                                                                       AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0 AND j.extras IS NULL
                                                                  THEN json_build_object('owner_id', j.owner_id, 'owner_step', j.owner_step)::text
                                                                  WHEN coalesce(pg_column_size(j.limits), 0) + coalesce(pg_column_size(j.backoff), 0)
                                                                       + coalesce(pg_column_size(j.progress), 0) + coalesce(pg_column_size(j.errors), 0)
                                                                       + coalesce(pg_column_size(j.meta), 0) + coalesce(pg_column_size(j.extras), 0) > 65536
                                                                  THEN json_strip_nulls(json_build_object(
                                                                         'concurrency_key', j.concurrency_key, 'unique_key', left(j.unique_key, 1000),
                                                                         'owner_id', j.owner_id, 'owner_step', j.owner_step,
                                                                         'crashes', nullif(j.crashes, 0), 'is_cut', true))::text
                                                                  ELSE "chancy".text_1(
                                                                         jsonb_strip_nulls(jsonb_build_object(
                                                                           'concurrency_key', j.concurrency_key, 'unique_key', j.unique_key, 'limits', j.limits,
                                                                           'backoff', j.backoff, 'cancel_requested_at', j.cancel_requested_at,
                                                                           'retention_ms', extract(epoch FROM j.retention) * 1000, 'crashes', nullif(j.crashes, 0),
                                                                           'owner_id', j.owner_id, 'owner_step', j.owner_step))
                                                                         -- What users wrote may have nulls inside, which are theirs.
                                                                         || CASE WHEN j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.extras IS NULL THEN '{}'
                                                                                 ELSE CASE WHEN j.extras IS NULL THEN '{}'
                                                                                           ELSE jsonb_build_object('extras', j.extras) END
                                                                                      || CASE WHEN j.progress IS NULL THEN '{}'
                                                                                           ELSE jsonb_build_object('progress', j.progress) END
                                                                                      || CASE WHEN j.errors IS NULL THEN '{}'
                                                                                              ELSE jsonb_build_object('errors', j.errors) END
                                                                                      || CASE WHEN j.meta IS NULL THEN '{}'
                                                                                              ELSE jsonb_build_object('meta', j.meta) END END,
                                                                         262144, 65536) END, j.ctid, NULL::text;
        RETURN;
      END IF;
      -- The claim scans the whole queue, and begins at the watermarks by itself.
      highs := NULL;
    END IF;
  END IF;
  PERFORM "chancy".push_1(
    ids, queues, names, all_args, priorities, most_attempts, NULL, NULL, NULL, extras_texts, false, 0, NULL);
  RETURN QUERY
  SELECT c.* FROM "chancy".claim_1(
    wanted_queue, worker, max_jobs, known, durable, highs, lows, afters, befores) c;
  IF payloads IS NOT NULL AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 AND EXISTS (
       SELECT 1 FROM "chancy".jobs j
        WHERE j.id = ANY (ids) AND j.state <> 'running') THEN
    PERFORM pg_notify('chancy_chancy', p) FROM unnest(payloads) AS p;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.push_batch_1(batch uuid, ids uuid[], queues text[], names text[], args text[], priorities integer[], max_attempts integer[], scheduled_ms double precision[], delays_ms double precision[], unique_keys text[], extras_texts text[], again boolean, lock_ms integer, payloads text[])
 RETURNS TABLE(pushed text, holder text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  found_batch record;
  made int := cardinality(ids);
  one record;
BEGIN
  IF again THEN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
    END IF;
  END IF;
  SELECT w.state, w.stopping, w.finished_at INTO found_batch
    FROM "chancy".workflows w
   WHERE w.id = batch AND w.kind = 'batch'
     FOR NO KEY UPDATE;
  IF again AND (SELECT true
                  FROM unnest(ids) AS i(id)
                 WHERE (SELECT true FROM "chancy".jobs j WHERE j.id = i.id)
                    OR (SELECT true FROM "chancy".finished_jobs f WHERE f.id = i.id LIMIT 1)
                 LIMIT 1) THEN
    -- A try is committed as a whole, so this one was.
    IF unique_keys IS NOT NULL THEN
      RETURN QUERY
      SELECT m.id::text,
             coalesce((SELECT j.id FROM "chancy".jobs j WHERE j.id = m.id),
                      (SELECT f.id FROM "chancy".finished_jobs f WHERE f.id = m.id LIMIT 1),
                      (SELECT j.id FROM "chancy".jobs j WHERE j.unique_key = m.unique_key),
                      m.id)::text
        FROM unnest(ids, unique_keys) AS m(id, unique_key);
    END IF;
    RETURN;
  END IF;
  IF found_batch.state IS NULL OR found_batch.stopping IS NOT NULL OR found_batch.finished_at IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'CH005',
      MESSAGE = CASE WHEN found_batch.state IS NULL THEN 'unknown'
                     WHEN found_batch.finished_at IS NULL THEN 'cancelled' ELSE found_batch.state END;
  END IF;
  FOR one IN
    SELECT p.pushed, p.holder
      FROM "chancy".push_1(ids, queues, names, args, priorities, push_batch_1.max_attempts, scheduled_ms, delays_ms,
                         unique_keys, extras_texts, false, lock_ms, payloads) p
  LOOP
    made := made - 1;
    pushed := one.pushed;
    holder := one.holder;
    RETURN NEXT;
  END LOOP;
  UPDATE "chancy".workflows w SET open = w.open + made, size = w.size + made WHERE w.id = batch;
END $function$;

CREATE OR REPLACE FUNCTION chancy.push_children_1(parent uuid, wait jsonb)
 RETURNS uuid
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
DECLARE
  owner uuid := "chancy".new_id();
  settle boolean := coalesce((wait ->> 'settle')::boolean, false);
  plan jsonb;
BEGIN
  SELECT jsonb_build_object(
           'id', owner, 'name', left(wait ->> 'name', 200), 'once', false,
           'priority', (SELECT j.priority FROM "chancy".jobs j WHERE j.id = parent),
           -- Its end wakes the job, which takes the results then.
           'retentionMs', 604800000, 'onFailure', CASE WHEN settle THEN 'finish' ELSE 'cancel' END, 'meta', '{}',
           'output', '{"value": "null", "holes": []}'::jsonb,
           'steps', jsonb_agg(jsonb_build_object(
             'name', (p.n - 1)::text, 'deps', '[]'::jsonb, 'runWhen', 'all-succeeded', 'mayFail', settle,
             'delayMs', coalesce((p.push #>> '{job,delay_ms}')::float8, greatest(
               0, (p.push #>> '{job,scheduled_ms}')::float8 - extract(epoch FROM "chancy".now_1()) * 1000), 0),
             'args', jsonb_build_object('value', (p.push #> '{job,args}')::text, 'holes', '[]'::jsonb),
             'job', jsonb_build_object(
               'id', p.push -> 'id', 'queue', p.push #> '{job,queue}', 'name', p.push #> '{job,name}',
               'priority', p.push #> '{job,priority}', 'maxAttempts', p.push #> '{job,max_attempts}',
               'extras', (coalesce(p.push #> '{job,extras}', '{}')
                          || CASE WHEN wait ? 'concurrency'
                                  THEN jsonb_build_object('concurrency_key', 'invoke:' || owner,
                                                          'concurrency_max', wait -> 'concurrency')
                                  ELSE '{}' END)::text)) ORDER BY p.n))
    INTO plan
    FROM jsonb_array_elements(wait -> 'push') WITH ORDINALITY AS p(push, n);
  PERFORM "chancy".push_flow_1(jsonb_build_array(plan), true);
  UPDATE "chancy".workflows w SET kind = 'children', owner_id = parent WHERE w.id = owner;
  RETURN owner;
END $function$;

CREATE OR REPLACE FUNCTION chancy.push_dead_letter_1()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  letter jsonb := NEW.extras -> 'dead_letter';
  failed jsonb := jsonb_build_object('id', NEW.id, 'name', NEW.name, 'errors', coalesce(NEW.errors, '[]'));
BEGIN
  -- A row that was written by hand may have arguments that no job can have, and a dead letter has them two levels
  -- deeper.
  failed := failed || jsonb_build_object('args',
    CASE WHEN octet_length(NEW.args::text) <= 1048576
              AND NOT jsonb_path_exists(jsonb_build_object('job', jsonb_build_object('args', NEW.args)), 'strict $.**{100} ? (@.type() == "object" || @.type() == "array")')
         THEN NEW.args END);
  PERFORM "chancy".push_stored_1(
    jsonb_build_array(letter || jsonb_build_object('args', jsonb_build_object('job', failed))));
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION chancy.push_flow_1(plans jsonb, notifying boolean, lock_ms integer DEFAULT 0)
 RETURNS TABLE(n integer, id uuid, created boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  given record;
  flow uuid;
  holder uuid;
  fresh uuid[];
  made jsonb := plans;
  events text[];
  begins "chancy".step_ends[];
BEGIN
  IF lock_ms > 0 THEN
    PERFORM set_config('lock_timeout', lock_ms::text, true);
  END IF;
  -- Without a key nothing stands in the way but an earlier try.
  WITH put AS (
    INSERT INTO "chancy".workflows (
           id, open, size, priority, deadline_at, retention, once, cancels, name, unique_key, meta, extras)
    SELECT (p.plan ->> 'id')::uuid, jsonb_array_length(p.plan -> 'steps'), jsonb_array_length(p.plan -> 'steps'),
           (p.plan ->> 'priority')::int,
           "chancy".now_1() + make_interval(secs => (p.plan ->> 'deadlineMs')::float8 / 1000),
           make_interval(secs => (p.plan ->> 'retentionMs')::float8 / 1000), (p.plan ->> 'once')::boolean,
           p.plan ->> 'onFailure' = 'cancel', p.plan ->> 'name', p.plan ->> 'uniqueKey',
           nullif((p.plan ->> 'meta')::jsonb, '{}'),
           jsonb_build_object('output', jsonb_build_object('value', (p.plan #>> '{output,value}')::jsonb,
                                                           'holes', p.plan #> '{output,holes}'))
      FROM jsonb_array_elements(plans) WITH ORDINALITY AS p(plan, n)
     WHERE p.plan ->> 'uniqueKey' IS NULL
     ORDER BY p.n
        ON CONFLICT DO NOTHING
    RETURNING workflows.id
  )
  SELECT array_agg(p.id) INTO fresh FROM put p;
  -- By key: two pushes meet at their common keys in one order.
  FOR given IN
    SELECT p.plan, p.n, p.plan ->> 'uniqueKey' AS key
      FROM jsonb_array_elements(plans) WITH ORDINALITY AS p(plan, n)
     WHERE p.plan ->> 'uniqueKey' IS NOT NULL
     ORDER BY p.plan ->> 'uniqueKey', p.n
  LOOP
    flow := NULL;
    LOOP
      holder := NULL;
      IF (given.plan ->> 'once')::boolean THEN
        holder := "chancy".flow_holder_1(NULL, given.key, true);
        EXIT WHEN holder IS NOT NULL;
      END IF;
      INSERT INTO "chancy".workflows (
             id, open, size, priority, deadline_at, retention, once, cancels, name, unique_key, meta, extras)
      SELECT (p.plan ->> 'id')::uuid, jsonb_array_length(p.plan -> 'steps'), jsonb_array_length(p.plan -> 'steps'),
             (p.plan ->> 'priority')::int,
             "chancy".now_1() + make_interval(secs => (p.plan ->> 'deadlineMs')::float8 / 1000),
             make_interval(secs => (p.plan ->> 'retentionMs')::float8 / 1000), (p.plan ->> 'once')::boolean,
             p.plan ->> 'onFailure' = 'cancel', p.plan ->> 'name', p.plan ->> 'uniqueKey',
             nullif((p.plan ->> 'meta')::jsonb, '{}'),
             jsonb_build_object('output', jsonb_build_object('value', (p.plan #>> '{output,value}')::jsonb,
                                                             'holes', p.plan #> '{output,holes}'))
        FROM (SELECT given.plan AS plan) p
          ON CONFLICT DO NOTHING
      RETURNING workflows.id INTO flow;
      EXIT WHEN flow IS NOT NULL;
      holder := "chancy".flow_holder_1((given.plan ->> 'id')::uuid, given.key, false);
      -- None: it ended between the two statements, and the key is free.
      EXIT WHEN holder IS NOT NULL;
    END LOOP;
    n := given.n::int;
    id := coalesce(flow, holder);
    created := id = (given.plan ->> 'id')::uuid;
    RETURN NEXT;
    fresh := fresh || flow;
  END LOOP;
  fresh := array_remove(fresh, NULL);
  RETURN QUERY
  SELECT p.n::int, (p.plan ->> 'id')::uuid, true
    FROM jsonb_array_elements(plans) WITH ORDINALITY AS p(plan, n)
   WHERE p.plan ->> 'uniqueKey' IS NULL;

  IF coalesce(cardinality(fresh), 0) < jsonb_array_length(plans) THEN
    made := (SELECT jsonb_agg(p.plan ORDER BY p.n)
               FROM jsonb_array_elements(plans) WITH ORDINALITY AS p(plan, n)
              WHERE (p.plan ->> 'id')::uuid = ANY (fresh));
    IF made IS NULL THEN
      RETURN;
    END IF;
  END IF;
  events := "chancy".put_steps_1(made);
  -- What has no dependencies and no job, such as the begin of an included workflow, has ended already.
  begins := ARRAY(
    SELECT ROW((p.plan ->> 'id')::uuid, s.n - 1, NULL, 'succeeded', (s.step #>> '{args,value}')::jsonb, NULL)::"chancy".step_ends
      FROM jsonb_array_elements(made) AS p(plan)
     CROSS JOIN LATERAL jsonb_array_elements(p.plan -> 'steps') WITH ORDINALITY AS s(step, n)
     WHERE s.step -> 'job' = 'null' AND s.step -> 'deps' = '[]');
  IF cardinality(begins) > 0 THEN
    events := events || ARRAY(
      SELECT DISTINCT CASE f.verdict WHEN 'ready' THEN 'queue.pushed ' ELSE 'job.scheduled ' END || f.name
        FROM "chancy".flow_held_1(ARRAY(SELECT DISTINCT b.owner_id FROM unnest(begins) b), NULL, begins) f
       WHERE f.verdict IN ('ready', 'scheduled'));
  END IF;
  FOR given IN SELECT p.plan FROM jsonb_array_elements(made) AS p(plan) WHERE p.plan -> 'steps' = '[]' LOOP
    PERFORM "chancy".end_flow_1((given.plan ->> 'id')::uuid, "chancy".clock_1());
  END LOOP;
  IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', e) FROM (SELECT DISTINCT unnest(events) AS e) e WHERE e.e IS NOT NULL;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.push_invoked_1(parent uuid, plan jsonb)
 RETURNS uuid
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  owner uuid := (plan ->> 'id')::uuid;
BEGIN
  PERFORM "chancy".push_flow_1(jsonb_build_array(plan), true);
  UPDATE "chancy".workflows w SET owner_id = parent WHERE w.id = owner;
  RETURN owner;
END $function$;

CREATE OR REPLACE FUNCTION chancy.push_recorded_1(job uuid, pushes jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  made uuid[];
  are_new boolean[];
BEGIN
  SELECT array_agg(m.id ORDER BY m.n), array_agg(m.created ORDER BY m.n)
    INTO made, are_new
    FROM "chancy".push_stored_1(
           (SELECT jsonb_agg(p.push -> 'job' ORDER BY p.n)
              FROM jsonb_array_elements(pushes) WITH ORDINALITY AS p(push, n)),
           ARRAY(SELECT (p.push ->> 'id')::uuid
                   FROM jsonb_array_elements(pushes) WITH ORDINALITY AS p(push, n) ORDER BY p.n)) m;
  UPDATE "chancy".job_steps s
     SET result = json_build_object('id', made[p.n], 'created', false)
    FROM jsonb_array_elements(pushes) WITH ORDINALITY AS p(push, n)
   WHERE s.job_id = push_recorded_1.job AND s.kind = 'push' AND s.name = p.push ->> 'step' AND NOT are_new[p.n];
END $function$;

CREATE OR REPLACE FUNCTION chancy.push_stored_1(jobs jsonb, ids uuid[] DEFAULT NULL::uuid[])
 RETURNS TABLE(n integer, id uuid, created boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  -- In rising order: of two jobs with one unique key the one with the lower id is kept, which is to be the first.
  fresh uuid[] := ARRAY(SELECT f.id
                          FROM (SELECT "chancy".new_id() AS id
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
           CASE WHEN s.delay_ms > 0 OR to_timestamp(s.scheduled_ms / 1000) > "chancy".now_1()
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
        FROM "chancy".push_taken_1(
               made, queues, names, args, priorities, max_attempts, scheduled_ms, delays_ms,
               unique_keys, extras_texts, again, 0, payloads) p;
    ELSE
      SELECT array_agg(p.pushed::uuid), array_agg(p.holder::uuid) INTO refused, holders
        FROM "chancy".push_1(
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
END $function$;

CREATE OR REPLACE FUNCTION chancy.push_taken_1(ids uuid[], queues text[], names text[], args text[], priorities integer[], max_attempts integer[], scheduled_ms double precision[], delays_ms double precision[], unique_keys text[], extras_texts text[], again boolean, lock_ms integer, payloads text[])
 RETURNS TABLE(pushed text, holder text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'on'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".now_1();
  held uuid[];
  holders uuid[];
  refused uuid[];
  holders_found uuid[];
  late uuid[];
  wanted uuid[];
  changed uuid[];
  running bigint;
BEGIN
  -- Keys that are taken for a time, and what an earlier try has done: for these nothing is written.
  SELECT array_agg(h.id), array_agg(h.job_id) INTO held, holders
    FROM (
      SELECT r.id,
             coalesce(
               CASE WHEN r.extras LIKE '%"throttle_ms"%' AND r.extras::jsonb -> 'when_taken' ? 'throttle_ms'
                    THEN (SELECT t.job_id FROM "chancy".key_throttles t WHERE t.key = r.key AND t.until > at) END,
               CASE WHEN again
                    THEN (SELECT p.job_id FROM "chancy".key_replacements p WHERE p.push_id = r.id) END) AS job_id
        FROM unnest(ids, unique_keys, extras_texts) AS r(id, key, extras)) h
   WHERE h.job_id IS NOT NULL;
  IF held IS NOT NULL THEN
    SELECT array_agg(r.id ORDER BY r.n), array_agg(r.queue ORDER BY r.n), array_agg(r.name ORDER BY r.n),
           array_agg(r.args ORDER BY r.n), array_agg(r.priority ORDER BY r.n),
           array_agg(r.max_attempts ORDER BY r.n), array_agg(r.scheduled_ms ORDER BY r.n),
           array_agg(r.delay_ms ORDER BY r.n), array_agg(r.unique_key ORDER BY r.n),
           array_agg(r.extras ORDER BY r.n)
      INTO ids, queues, names, args, priorities, max_attempts, scheduled_ms, delays_ms, unique_keys, extras_texts
      FROM unnest(ids, queues, names, args, priorities, push_taken_1.max_attempts, scheduled_ms, delays_ms,
                  unique_keys, extras_texts) WITH ORDINALITY
        AS r(id, queue, name, args, priority, max_attempts, scheduled_ms, delay_ms, unique_key, extras, n)
     WHERE NOT EXISTS (SELECT 1 FROM unnest(held) AS h(id) WHERE h.id = r.id);
  END IF;

  IF ids IS NOT NULL THEN
    SELECT array_agg(p.pushed::uuid), array_agg(p.holder::uuid) INTO refused, holders_found
      FROM "chancy".push_1(
             ids, queues, names, args, priorities, push_taken_1.max_attempts, scheduled_ms, delays_ms,
             unique_keys, extras_texts, again, lock_ms, payloads) p;

    -- The insert waited for the transaction that had the key: what it has written is seen by this statement.
    WITH fresh AS (
      SELECT r.id, r.key, (r.extras::jsonb -> 'when_taken' ->> 'throttle_ms')::float8 AS throttle_ms
        FROM unnest(ids, unique_keys, extras_texts) AS r(id, key, extras)
       WHERE r.extras LIKE '%"throttle_ms"%'
         AND NOT EXISTS (SELECT 1 FROM unnest(refused, holders_found) AS f(id, holder)
                          WHERE f.id = r.id AND f.holder IS DISTINCT FROM r.id)
    ), taken AS (
      INSERT INTO "chancy".key_throttles AS t (key, job_id, until)
      SELECT f.key, f.id, at + make_interval(secs => f.throttle_ms / 1000)
        FROM fresh f
       WHERE f.throttle_ms IS NOT NULL
       ORDER BY f.key
          ON CONFLICT (key) DO UPDATE SET job_id = excluded.job_id, until = excluded.until
       WHERE t.until <= at
      RETURNING job_id
    )
    SELECT array_agg(f.id) INTO late
      FROM fresh f
     WHERE f.throttle_ms IS NOT NULL AND f.id NOT IN (SELECT t.job_id FROM taken t);
    IF late IS NOT NULL THEN
      -- A job with the key has come and gone since the throttles were read.
      DELETE FROM "chancy".jobs j WHERE j.id = ANY (late) AND j.state <> 'running';
      SELECT held || array_agg(r.id), holders || array_agg(t.job_id)
        INTO held, holders
        FROM unnest(ids, unique_keys) AS r(id, key)
       CROSS JOIN LATERAL (SELECT k.job_id FROM "chancy".key_throttles k WHERE k.key = r.key OFFSET 0) t
       WHERE r.id IN (SELECT l.id FROM unnest(late) AS l(id));
      -- A later row of the batch may have come upon one of these.
      holders_found := ARRAY(
        SELECT coalesce(h.holder, f.holder)
          FROM unnest(holders_found) WITH ORDINALITY AS f(holder, n)
          LEFT JOIN unnest(held, holders) AS h(id, holder) ON h.id = f.holder
         ORDER BY f.n);
    END IF;

    LOOP
      wanted := ARRAY(
        SELECT j.id
          FROM (
            SELECT DISTINCT f.holder
              FROM unnest(refused, holders_found) AS f(id, holder)
              JOIN unnest(ids, extras_texts) AS r(id, extras) ON r.id = f.id
             WHERE f.holder <> f.id
               AND r.extras::jsonb -> 'when_taken' ?| ARRAY['replace', 'debounce_ms']) h
         CROSS JOIN LATERAL (
                SELECT k.id FROM "chancy".jobs k WHERE k.id = h.holder AND k.state <> 'running' OFFSET 0) j
         ORDER BY j.id);
      EXIT WHEN cardinality(wanted) = 0;
      BEGIN
        -- In the order of ids, so that two batches do not wait for each other.
        SELECT count(*) FILTER (WHERE l.state = 'running') INTO running
          FROM (
            SELECT j.state
              FROM "chancy".jobs j
             WHERE j.id = ANY (wanted)
             ORDER BY j.id
               FOR NO KEY UPDATE) l;
        IF running > 0 THEN
          RAISE EXCEPTION 'a job was claimed while its lock was waited for' USING ERRCODE = 'CH002';
        END IF;
        WITH given AS (
          -- Of several rows of the batch the last one counts.
          SELECT DISTINCT ON (f.holder)
                 f.holder, r.name, r.args, r.priority,
                 r.extras::jsonb AS extras,
                 coalesce(to_timestamp(r.scheduled_ms / 1000),
                          at + make_interval(secs => r.delay_ms / 1000)) AS due,
                 make_interval(secs => (r.extras::jsonb -> 'when_taken' ->> 'most_ms')::float8 / 1000) AS most
            FROM unnest(refused, holders_found) AS f(id, holder)
            JOIN unnest(ids, names, args, priorities, scheduled_ms, delays_ms, extras_texts) WITH ORDINALITY
              AS r(id, name, args, priority, scheduled_ms, delay_ms, extras, n) ON r.id = f.id
           WHERE f.holder IN (SELECT w.id FROM unnest(wanted) AS w(id))
             AND r.extras::jsonb -> 'when_taken' ?| ARRAY['replace', 'debounce_ms']
           ORDER BY f.holder, r.n DESC
        ), timed AS (
          SELECT g.*, j.tid, j.parked, j.blocked AND j.key IS NOT DISTINCT FROM g.extras ->> 'concurrency_key' AS blocked,
                 j.position AS former_position, j.priority AS former_priority,
                 -- From the first push, or from the last attempt of a job that is tried again.
                 least(g.due, coalesce(j.started_at, j.created_at) + g.most) AS run_at
            FROM given g
           CROSS JOIN LATERAL (
                  SELECT k.ctid AS tid, k.name, k.started_at, k.created_at, k.concurrency_key AS key, k.waits,
                         k.parked, k.blocked, k.position, k.priority
                    FROM "chancy".jobs k WHERE k.id = g.holder OFFSET 0) j
           WHERE j.name = g.name
             -- A durable job that has begun continues with the arguments that it began with.
             AND j.waits IS NULL
             AND NOT EXISTS (SELECT 1 FROM "chancy".job_steps s WHERE s.job_id = g.holder)
        ), placed AS MATERIALIZED (
          SELECT t.*,
                 -- What stays ready with its priority keeps its position; with another one it draws one, since each
                 -- priority has watermarks of its own.
                 CASE WHEN t.run_at > at OR t.parked OR t.blocked THEN NULL
                      WHEN t.priority = t.former_priority AND t.former_position IS NOT NULL THEN t.former_position
                      ELSE nextval('"chancy".positions') END AS position
            FROM timed t
        ), put AS (
          UPDATE "chancy".jobs j
             SET args = p.args::jsonb, priority = p.priority, scheduled_at = p.run_at,
                 run_at = CASE WHEN p.run_at > at THEN p.run_at END,
                 concurrency_key = p.extras ->> 'concurrency_key',
                 concurrency_max = (p.extras ->> 'concurrency_max')::int,
                 parked = p.parked AND (p.run_at > at) IS NOT TRUE,
                 blocked = p.blocked AND (p.run_at > at) IS NOT TRUE,
                 position = p.position, seq = coalesce(j.seq, p.position)
            FROM placed p
           WHERE j.ctid = p.tid
          RETURNING j.id, j.queue, j.position
        ), announced AS (
          -- The queue of the job may be another one than that of the push.
          SELECT pg_notify('chancy_chancy', o.payload)
            FROM (SELECT DISTINCT CASE WHEN p.position IS NULL THEN 'job.scheduled ' ELSE 'queue.pushed ' END
                                  || p.queue AS payload
                    FROM put p WHERE p.queue <> ALL (queues)) o
           WHERE payloads IS NOT NULL AND pg_catalog.pg_notification_queue_usage() < 0.9::float8
        )
        SELECT array_agg(p.id) INTO changed FROM put p WHERE (SELECT count(*) FROM announced) >= 0;
        EXIT;
      EXCEPTION WHEN SQLSTATE 'CH002' THEN
        NULL;
      END;
    END LOOP;
    IF lock_ms > 0 AND changed IS NOT NULL THEN
      -- Once the job has finished, the key is free: a batch that is sent again would push a second one.
      INSERT INTO "chancy".key_replacements (push_id, job_id, until)
      SELECT f.id, f.holder, at + interval '20 minutes'
        FROM unnest(refused, holders_found) AS f(id, holder)
        JOIN unnest(ids, extras_texts) AS r(id, extras) ON r.id = f.id
       WHERE f.holder IN (SELECT c.id FROM unnest(changed) AS c(id))
         AND r.extras::jsonb -> 'when_taken' ?| ARRAY['replace', 'debounce_ms'];
    END IF;
  END IF;

  RETURN QUERY
  SELECT h.id::text, h.holder::text FROM unnest(held || refused, holders || holders_found) AS h(id, holder);
END $function$;

CREATE OR REPLACE FUNCTION chancy.put_steps_1(plans jsonb, OUT events text[])
 RETURNS text[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_nestloop TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  roots int;
  block_starts bigint[];
BEGIN
  roots := (SELECT count(*)::int
              FROM jsonb_array_elements(plans) p
             CROSS JOIN LATERAL jsonb_array_elements(p -> 'steps') s
             WHERE s -> 'deps' = '[]');
  IF roots <= 256 THEN
    block_starts := ARRAY[nextval('"chancy".positions')];
  ELSE
    block_starts := "chancy".draw_positions_1(roots);
  END IF;
  WITH steps AS MATERIALIZED (
    SELECT (p.plan ->> 'id')::uuid AS flow, p.n AS p, (p.plan ->> 'priority')::int AS flow_priority,
           s.n::int - 1 AS n, s.name, s.job, s.deps, s."runWhen" AS run_when, s."mayFail" AS may_fail,
           nullif(s."delayMs", 0) AS delay_ms, (s.args ->> 'value')::jsonb AS args,
           nullif(s.args -> 'holes', '[]') AS holes, nullif(s."runIf", 'null') AS run_if,
           nullif(s.map, 'null') AS map, s."groupBy" AS group_by, s.begin,
           nullif(s."failsWith", '[]') AS fails_with
      FROM jsonb_array_elements(plans) WITH ORDINALITY AS p(plan, n)
     CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(p.plan -> 'steps') AS (
             name text, job jsonb, deps int[], "runWhen" text, "runIf" jsonb, "mayFail" boolean, "delayMs" float8,
             args jsonb, "groupBy" text, map jsonb, begin int, "failsWith" jsonb))
           WITH ORDINALITY AS s(name, job, deps, "runWhen", "runIf", "mayFail", "delayMs", args, "groupBy", map,
                                begin, "failsWith", n)
  ), rows AS MATERIALIZED (
    SELECT s.flow, s.p, s.n, s.name, s.deps, s.run_when, s.may_fail, s.delay_ms, s.args, s.group_by,
           s.holes, s.run_if, s.map, s.begin, s.fails_with,
           CASE WHEN s.map IS NULL THEN (s.job ->> 'id')::uuid END AS job_id, s.job ->> 'queue' AS queue,
           s.job ->> 'name' AS job_name,
           CASE WHEN (s.job ->> 'priority')::int = 0 THEN s.flow_priority ELSE (s.job ->> 'priority')::int END AS priority,
           (s.job ->> 'maxAttempts')::int AS max_attempts, (s.job ->> 'extras')::jsonb AS extras,
           cardinality(s.deps) = 0 AS is_root,
           count(*) FILTER (WHERE cardinality(s.deps) = 0) OVER (ORDER BY s.p, s.n) AS k
      FROM steps s
  ), dependents AS MATERIALIZED (
    SELECT r.flow, d.dep, array_agg(r.n ORDER BY r.n) AS ns
      FROM rows r CROSS JOIN LATERAL unnest(r.deps) AS d(dep)
     GROUP BY r.flow, d.dep
  ), written AS (
    INSERT INTO "chancy".steps (
           owner_id, n, pending, job_id, may_fail, state, run_when, name, deps, dependents, spec)
    SELECT r.flow, r.n, cardinality(r.deps), r.job_id, r.may_fail,
           CASE WHEN r.is_root AND r.job_id IS NOT NULL THEN 'open' ELSE 'waiting' END, r.run_when, r.name,
           nullif(r.deps, '{}'), d.ns,
           CASE WHEN r.job_id IS NULL OR r.holes IS NOT NULL OR r.group_by IS NOT NULL OR r.run_if IS NOT NULL
                     OR r.delay_ms IS NOT NULL OR r.begin IS NOT NULL OR r.fails_with IS NOT NULL
                THEN nullif(
             CASE WHEN r.job_id IS NULL OR r.holes IS NOT NULL OR r.group_by IS NOT NULL
                  THEN jsonb_build_object('args', r.args) ELSE '{}' END
             || CASE WHEN r.holes IS NULL THEN '{}' ELSE jsonb_build_object('holes', r.holes) END
             || CASE WHEN r.run_if IS NULL THEN '{}' ELSE jsonb_build_object('run_if', r.run_if) END
             || CASE WHEN r.delay_ms IS NULL OR r.is_root THEN '{}' ELSE jsonb_build_object('delay_ms', r.delay_ms) END
             || CASE WHEN r.group_by IS NULL THEN '{}'
                     ELSE jsonb_build_object('group_by', r.group_by, 'job_name', r.job_name) END
             || CASE WHEN r.begin IS NULL THEN '{}' ELSE jsonb_build_object('begin', r.begin) END
             || CASE WHEN r.fails_with IS NULL THEN '{}' ELSE jsonb_build_object('fails_with', r.fails_with) END
             || CASE WHEN r.map IS NULL THEN '{}'
                     ELSE jsonb_build_object('map', r.map, 'job_row', jsonb_build_object(
                            'queue', r.queue, 'name', r.job_name, 'priority', r.priority,
                            'max_attempts', r.max_attempts, 'extras', r.extras)) END, '{}') END
      FROM rows r
      LEFT JOIN dependents d ON d.flow = r.flow AND d.dep = r.n
     ORDER BY r.p, r.n
  ), placed AS MATERIALIZED (
    SELECT r.*, CASE WHEN r.delay_ms > 0 AND r.is_root THEN "chancy".now_1() + make_interval(secs => r.delay_ms / 1000) END AS due,
           CASE WHEN r.is_root AND coalesce(r.delay_ms, 0) <= 0 THEN block_starts[(r.k - 1::bigint) / 256::bigint + 1::bigint] + (r.k - 1::bigint) % 256::bigint END AS position
      FROM rows r
     WHERE r.job_id IS NOT NULL
  ), put AS (
    INSERT INTO "chancy".jobs (
           id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, position, limits, backoff,
           retention, meta, concurrency_key, concurrency_max, waits, owner_id, owner_step)
    SELECT p.job_id, p.queue, p.job_name, p.args, p.priority, p.max_attempts, p.due, p.due, p.position, p.position,
           p.extras -> 'limits', p.extras -> 'backoff',
           make_interval(secs => (p.extras ->> 'retention_ms')::float8 / 1000), p.extras -> 'meta',
           p.extras ->> 'concurrency_key', (p.extras ->> 'concurrency_max')::int,
           CASE WHEN p.is_root THEN NULL ELSE 'steps' END, p.flow, p.n
      FROM placed p
     ORDER BY p.p, p.n
  )
  SELECT array_agg(DISTINCT CASE WHEN p.position IS NULL THEN 'job.scheduled ' ELSE 'queue.pushed ' END || p.queue)
    INTO events
    FROM placed p
   WHERE p.is_root;
END $function$;

CREATE OR REPLACE FUNCTION chancy.ready_1(keys text[])
 RETURNS TABLE(queue text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  held text[];
  group_queues text[];
  used int[];
BEGIN
  -- One probe for the keys with no blocked job: they are most.
  held := ARRAY(
    SELECT k.key
      FROM unnest(ready_1.keys) AS k(key)
     WHERE (SELECT true FROM "chancy".jobs b
             WHERE b.blocked AND b.concurrency_key = k.key LIMIT 1));
  IF cardinality(held) = 0 THEN
    RETURN;
  END IF;

  -- The queues of each key, one probe each, however many jobs are blocked in them.
  SELECT array_agg(q.key), array_agg(q.queue), array_agg(q.used)
    INTO held, group_queues, used
    FROM (
      SELECT k.key, l.queue, c.used
        FROM unnest(held) AS k(key)
       CROSS JOIN LATERAL (
               SELECT count(*)::int AS used
                 FROM "chancy".jobs r
                 JOIN "chancy".concurrency_groups g ON g.key = k.key
                WHERE r.concurrency_key = k.key AND r.claim_seq >= g.scan_from) c
       CROSS JOIN LATERAL (
               WITH RECURSIVE blocked_in AS (
                 (SELECT b.queue FROM "chancy".jobs b
                   WHERE b.blocked AND b.concurrency_key = k.key
                   ORDER BY b.queue LIMIT 1)
                 UNION ALL
                 SELECT (SELECT b.queue FROM "chancy".jobs b
                          WHERE b.blocked AND b.concurrency_key = k.key AND b.queue > blocked_in.queue
                          ORDER BY b.queue LIMIT 1)
                   FROM blocked_in
                  WHERE blocked_in.queue IS NOT NULL
               )
               SELECT blocked_in.queue FROM blocked_in WHERE blocked_in.queue IS NOT NULL) l) q;

  RETURN QUERY
  WITH fitting AS MATERIALIZED (
    SELECT x.tid, x.rank, l.n
      FROM unnest(held, group_queues, used) WITH ORDINALITY AS l(key, queue, used, n)
     CROSS JOIN LATERAL (
             SELECT greatest(coalesce(j.concurrency_max, 1), 1) AS max, j.priority
               FROM "chancy".jobs j
              WHERE j.blocked AND j.concurrency_key = l.key AND j.queue = l.queue
              ORDER BY j.priority DESC, j.seq
              LIMIT 1) head
     CROSS JOIN LATERAL (
             SELECT count(*) FILTER (WHERE bounded.position < 0)::int AS ready,
                    min(bounded.position) FILTER (WHERE bounded.position >= 0) AS next
               FROM (
                 SELECT r.position AS position
                   FROM "chancy".jobs r
                  -- Those at the front: they come next. One that is still ready further back may
                  -- be far back, and if it counted, an older blocked one would wait for it. It
                  -- matters to younger ones alone, which were blocked at their push.
                  WHERE r.position IS NOT NULL AND r.claim_seq IS NULL
                    AND r.concurrency_key = l.key AND r.queue = l.queue
                    AND (r.position < 0 OR r.priority >= head.priority)
                  ORDER BY r.position
                  LIMIT head.max + 1) bounded) waiting
     CROSS JOIN LATERAL (
             SELECT b.tid, b.rank,
                    bool_and(l.used + waiting.ready + b.rank <= b.max AND b.is_next)
                      OVER (ORDER BY b.rank) AS fits
               FROM (
                 SELECT p.tid, p.max, p.is_next, row_number() OVER () AS rank
                   FROM (
                     SELECT j.ctid AS tid, greatest(coalesce(j.concurrency_max, 1), 1) AS max,
                            (waiting.next IS NULL OR waiting.next > j.seq)
                            AND CASE WHEN j.priority < head.priority
                                     THEN (SELECT true
                                             FROM "chancy".jobs r
                                            WHERE r.position >= 0 AND r.position < j.seq
                                              AND r.claim_seq IS NULL
                                              AND r.concurrency_key = l.key AND r.queue = l.queue
                                              AND r.priority >= j.priority
                                            LIMIT 1) IS NULL
                                     ELSE true END AS is_next
                       FROM "chancy".jobs j
                      WHERE j.blocked AND j.concurrency_key = l.key AND j.queue = l.queue
                      ORDER BY j.priority DESC, j.seq
                      LIMIT greatest(head.max - l.used - waiting.ready, 0)
                        FOR NO KEY UPDATE SKIP LOCKED) p) b) x
     WHERE x.fits
     ORDER BY l.n, x.rank
  ), placed AS MATERIALIZED (
    SELECT f.tid, nextval('"chancy".requeue_positions') AS position FROM fitting f
  ), ready AS (
    UPDATE "chancy".jobs j
       SET blocked = false, position = p.position
      FROM placed p
     WHERE j.ctid = p.tid
    RETURNING j.queue
  )
  SELECT DISTINCT r.queue FROM ready r;
END $function$;

CREATE OR REPLACE FUNCTION chancy.ready_queues_1(queues text[], names text[])
 RETURNS SETOF text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
BEGIN
  RETURN QUERY
  SELECT u.name
    FROM unnest(queues) AS u(name)
   WHERE (SELECT true FROM "chancy".scan_watermarks l WHERE l.queue = u.name)
      OR (SELECT true FROM "chancy".jobs j
           WHERE j.queue = u.name AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
           LIMIT 1)
      OR (SELECT true FROM "chancy".jobs j
           WHERE j.parked AND j.queue = u.name AND j.name = ANY (names)
           LIMIT 1);
END $function$;

CREATE OR REPLACE FUNCTION chancy.record_action_1(entry_id uuid, verb text, target text, filter text, before jsonb, after jsonb, actor jsonb, reason text, outcome text, code text, jobs integer, address inet, request_id uuid, bulk_id uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  INSERT INTO "chancy".audit (
         id, at, jobs, bulk_id, request_id, address, verb, outcome, code, target, filter, reason, actor, before, after)
  VALUES (entry_id, "chancy".clock_1(), record_action_1.jobs, record_action_1.bulk_id, record_action_1.request_id,
          record_action_1.address, record_action_1.verb, record_action_1.outcome, record_action_1.code,
          record_action_1.target, record_action_1.filter, record_action_1.reason, record_action_1.actor,
          record_action_1.before, record_action_1.after)
      ON CONFLICT ON CONSTRAINT audit_pkey DO NOTHING;
  RETURN FOUND;
END $function$;

CREATE OR REPLACE FUNCTION chancy.recorded_step_1(job uuid, of_fence bigint, worker uuid, name text)
 RETURNS TABLE(state text, n integer, result text, ended_ms double precision)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  base int;
  is_held boolean;
BEGIN
  SELECT coalesce((j.extras ->> 'base')::int, 0), j.fence = of_fence AND j.worker_id = worker AND j.state = 'running'
    INTO base, is_held
    FROM "chancy".jobs j
   WHERE j.id = recorded_step_1.job;
  IF is_held IS NOT TRUE THEN
    RETURN QUERY
    SELECT CASE WHEN is_held IS NOT NULL
                     OR (SELECT true FROM "chancy".finished_jobs f WHERE f.id = recorded_step_1.job LIMIT 1)
                THEN 'lost' ELSE 'absent' END, NULL::int, NULL::text, NULL::float8;
    RETURN;
  END IF;
  RETURN QUERY
  SELECT 'recorded', s.n - base, s.result::text, extract(epoch FROM s.ended_at)::float8 * 1000
    FROM "chancy".job_steps s
   WHERE s.job_id = recorded_step_1.job AND s.n > base AND s.kind = 'transaction'
     AND s.name = recorded_step_1.name
   ORDER BY s.n DESC
   LIMIT 1;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'new', NULL::int, NULL::text, NULL::float8;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.recover_1(max_jobs integer, max_crashes integer, spread_ms double precision)
 RETURNS TABLE(id text, queue text, name text, worker text, verdict text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  gone uuid[];
  spared uuid[];
  stuck uuid[];
  held tid[];
  keys text[];
  end_owners uuid[];
  end_steps int[];
  end_states text[];
  end_results jsonb[];
  end_errors jsonb[];
  at timestamptz := "chancy".clock_1();
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  -- The holders of claims, one index probe each, whatever the number of jobs.
  WITH RECURSIVE holders AS (
    (SELECT c.worker_id FROM "chancy".claims c ORDER BY c.worker_id LIMIT 1)
    UNION ALL
    SELECT (SELECT c.worker_id FROM "chancy".claims c
             WHERE c.worker_id > h.worker_id
             ORDER BY c.worker_id LIMIT 1)
      FROM holders h
     WHERE h.worker_id IS NOT NULL
  )
  SELECT array_agg(h.worker_id), array_agg(h.worker_id) FILTER (WHERE w.crash_exempt)
    INTO gone, spared
    FROM holders h
    LEFT JOIN "chancy".workers w ON w.id = h.worker_id
   WHERE h.worker_id IS NOT NULL AND (w.id IS NULL OR w.revoked_at IS NOT NULL);
  IF gone IS NULL THEN
    RETURN;
  END IF;

  -- Locked in the order of ids; a finish that holds one of them is still in the right.
  stuck := ARRAY(
    SELECT s.id
      FROM (
        SELECT i.id
          FROM "chancy".claims c
         CROSS JOIN LATERAL unnest(c.ids) AS i(id)
         WHERE c.worker_id = ANY (gone) AND EXISTS (
                                              SELECT 1
                                                FROM (SELECT k.state, k.worker_id FROM "chancy".jobs k WHERE k.id = i.id OFFSET 0) j
                                               WHERE j.state = 'running' AND j.worker_id = c.worker_id)
         LIMIT max_jobs) s
     ORDER BY s.id);
  SELECT array_agg(DISTINCT j.concurrency_key)
    INTO keys
    FROM unnest(stuck) AS s(id)
   CROSS JOIN LATERAL (
           SELECT k.concurrency_key FROM "chancy".jobs k WHERE k.id = s.id OFFSET 0) j
   WHERE j.concurrency_key IS NOT NULL;
  held := ARRAY(
    SELECT h.tid
      FROM unnest(stuck) AS s(id)
     CROSS JOIN LATERAL (
             SELECT j.ctid AS tid, j.state, j.worker_id
               FROM "chancy".jobs j
              WHERE j.id = s.id
                FOR NO KEY UPDATE SKIP LOCKED) h
     WHERE h.state = 'running' AND h.worker_id = ANY (gone));

  RETURN QUERY
  WITH ended AS (
    DELETE FROM "chancy".jobs j
     WHERE j.ctid = ANY (held)
       AND (j.cancel_requested_at IS NOT NULL
            OR (j.crashes + 1 >= max_crashes AND j.worker_id <> ALL (coalesce(spared, '{}'))))
    RETURNING j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts,
              j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key,
              j.concurrency_key, j.limits, j.backoff, j.retention, j.progress, j.errors, j.meta,
              j.owner_id, j.owner_step, j.extras, j.cancel_requested_at
  ), put AS (
    INSERT INTO "chancy".finished_jobs (
           id, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, format, queue, name, args, unique_key, concurrency_key, limits, backoff,
           fence, crashes, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state)
    SELECT e.id, e.created_at, e.scheduled_at, e.started_at, e.worker_id, e.priority, e.attempts,
           e.max_attempts, e.concurrency_max, e.format, e.queue, e.name, e.args, e.unique_key,
           e.concurrency_key, e.limits, e.backoff,
           least(e.fence, 9007199254740990) + 1, least(e.crashes, max_crashes) + 1, at,
           CASE WHEN e.retention IS NOT NULL
                THEN least(greatest(e.retention, interval '10 minutes'), interval '3650 days') END, e.progress,
           "chancy".with_error_1(e.errors,
             CASE WHEN e.cancel_requested_at IS NOT NULL
                  THEN "chancy".cancelled_entry_1(e.attempts)
                  ELSE jsonb_build_object('attempt', e.attempts, 'kind', 'crash',
                         'name', 'AttemptError', 'stack', NULL,
                         'message', format('The worker of this job was lost %s times.',
                                           least(e.crashes, max_crashes) + 1)) END, at),
           e.meta, e.owner_id, e.owner_step, e.extras,
           CASE WHEN e.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'failed' END
      FROM ended e
    RETURNING id, queue, name, worker_id, state
  ), notified AS (
    SELECT pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
      FROM "chancy".waiters w
     WHERE w.job_id IN (SELECT p.id FROM put p) AND pg_catalog.pg_notification_queue_usage() < 0.9::float8
  )
  SELECT p.id::text, p.queue, p.name, p.worker_id::text, p.state
    FROM put p
   WHERE (SELECT count(*) FROM notified) >= 0;

  RETURN QUERY
  UPDATE "chancy".jobs j
     SET state = 'pending', fence = least(j.fence, 9007199254740990) + 1,
         attempts = greatest(j.attempts - 1, 0),
         crashes = least(j.crashes, max_crashes)
                   + CASE WHEN j.worker_id = ANY (coalesce(spared, '{}')) THEN 0 ELSE 1 END,
         claim_seq = NULL, position = NULL, run_at = at + make_interval(secs => random() * spread_ms / 1000)
   WHERE j.ctid = ANY (held)
  RETURNING j.id::text, j.queue, j.name::text, j.worker_id::text, 'recovered';
  -- What is still locked for a moment keeps its claim, for the next pass. A finish of that worker
  -- removes claims too, in an order of its own: if this waited for it, they would deadlock.
  DELETE FROM "chancy".claims o
   WHERE o.ctid = ANY (ARRAY(
           SELECT c.ctid
             FROM "chancy".claims c
            WHERE c.worker_id = ANY (gone)
              AND NOT EXISTS (SELECT 1 FROM unnest(c.ids) AS i(id) WHERE EXISTS (
                                                                           SELECT 1
                                                                             FROM (SELECT k.state, k.worker_id FROM "chancy".jobs k WHERE k.id = i.id OFFSET 0) j
                                                                            WHERE j.state = 'running' AND j.worker_id = c.worker_id))
              FOR UPDATE SKIP LOCKED));
  -- An owner that another transaction holds is found by the sweep.
  WITH parts AS MATERIALIZED (
    SELECT f.owner_id, f.owner_step, f.state, CASE WHEN f.owner_step IS NOT NULL THEN f.result END AS result,
           CASE WHEN f.owner_step IS NOT NULL AND f.state <> 'succeeded' THEN
             jsonb_build_object('kind', f.errors -> -1 ->> 'kind', 'message', left(f.errors -> -1 ->> 'message', 2000)) END AS error
      FROM "chancy".finished_jobs f
     WHERE f.id = ANY (stuck) AND f.finished_at = at AND f.owner_id IS NOT NULL
  )
  SELECT array_agg(e.owner_id), array_agg(e.owner_step), array_agg(e.state), array_agg(e.result), array_agg(e.error)
    INTO end_owners, end_steps, end_states, end_results, end_errors
    FROM (SELECT p.* FROM parts p WHERE p.owner_step IS NOT NULL
          UNION ALL
          SELECT p.owner_id, NULL, 'counted', jsonb_build_object(
                   'succeeded', count(*) FILTER (WHERE p.state = 'succeeded'),
                   'failed', count(*) FILTER (WHERE p.state = 'failed'),
                   'cancelled', count(*) FILTER (WHERE p.state = 'cancelled')), NULL
            FROM parts p
           WHERE p.owner_step IS NULL
           GROUP BY p.owner_id) e;
  IF end_owners IS NOT NULL THEN
    RETURN QUERY
    SELECT NULL::text, f.name, NULL::text, NULL::text, 'ready'
      FROM "chancy".flow_1(end_owners, false, end_owners, end_steps, end_states, end_results, end_errors) f
     WHERE f.verdict = 'ready';
  END IF;
  IF keys IS NOT NULL THEN
    -- After the jobs: see ENGINE.md, Lock order.
    PERFORM "chancy".lock_groups_1(keys);
    RETURN QUERY SELECT NULL::text, r.queue, NULL::text, NULL::text, 'ready'
                   FROM "chancy".ready_1(keys) r;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.recover_2(max_jobs integer, max_crashes integer, spread_ms double precision)
 RETURNS TABLE(id text, queue text, name text, worker text, verdict text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  gone uuid[];
  spared uuid[];
  stuck uuid[];
  held tid[];
  keys text[];
  end_owners uuid[];
  end_steps int[];
  end_states text[];
  end_results jsonb[];
  end_errors jsonb[];
  at timestamptz := "chancy".clock_1();
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  -- The holders of claims, one index probe each, whatever the number of jobs.
  WITH RECURSIVE holders AS (
    (SELECT c.worker_id FROM "chancy".claims c ORDER BY c.worker_id LIMIT 1)
    UNION ALL
    SELECT (SELECT c.worker_id FROM "chancy".claims c
             WHERE c.worker_id > h.worker_id
             ORDER BY c.worker_id LIMIT 1)
      FROM holders h
     WHERE h.worker_id IS NOT NULL
  )
  SELECT array_agg(h.worker_id), array_agg(h.worker_id) FILTER (WHERE w.crash_exempt)
    INTO gone, spared
    FROM holders h
    LEFT JOIN "chancy".workers w ON w.id = h.worker_id
   WHERE h.worker_id IS NOT NULL AND (w.id IS NULL OR w.revoked_at IS NOT NULL);
  IF gone IS NULL THEN
    RETURN;
  END IF;

  -- Locked in the order of ids; a finish that holds one of them is still in the right.
  stuck := ARRAY(
    SELECT s.id
      FROM (
        SELECT i.id
          FROM "chancy".claims c
         CROSS JOIN LATERAL unnest(c.ids) AS i(id)
         WHERE c.worker_id = ANY (gone) AND EXISTS (
                                              SELECT 1
                                                FROM (SELECT k.state, k.worker_id FROM "chancy".jobs k WHERE k.id = i.id OFFSET 0) j
                                               WHERE j.state = 'running' AND j.worker_id = c.worker_id)
         LIMIT max_jobs) s
     ORDER BY s.id);
  SELECT array_agg(DISTINCT j.concurrency_key)
    INTO keys
    FROM unnest(stuck) AS s(id)
   CROSS JOIN LATERAL (
           SELECT k.concurrency_key FROM "chancy".jobs k WHERE k.id = s.id OFFSET 0) j
   WHERE j.concurrency_key IS NOT NULL;
  held := ARRAY(
    SELECT h.tid
      FROM unnest(stuck) AS s(id)
     CROSS JOIN LATERAL (
             SELECT j.ctid AS tid, j.state, j.worker_id
               FROM "chancy".jobs j
              WHERE j.id = s.id
                FOR NO KEY UPDATE SKIP LOCKED) h
     WHERE h.state = 'running' AND h.worker_id = ANY (gone));

  RETURN QUERY
  WITH ended AS (
    DELETE FROM "chancy".jobs j
     WHERE j.ctid = ANY (held)
       AND (j.cancel_requested_at IS NOT NULL
            OR (j.crashes + 1 >= max_crashes AND j.worker_id <> ALL (coalesce(spared, '{}'))))
    RETURNING j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts,
              j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key,
              j.concurrency_key, j.limits, j.backoff, j.retention, j.progress, j.errors, j.meta,
              j.owner_id, j.owner_step, j.extras, j.cancel_requested_at
  ), put AS (
    INSERT INTO "chancy".finished_jobs (
           id, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, format, queue, name, args, unique_key, concurrency_key, limits, backoff,
           fence, crashes, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state,
           fingerprint)
    SELECT e.id, e.created_at, e.scheduled_at, e.started_at, e.worker_id, e.priority, e.attempts,
           e.max_attempts, e.concurrency_max, e.format, e.queue, e.name, e.args, e.unique_key,
           e.concurrency_key, e.limits, e.backoff,
           least(e.fence, 9007199254740990) + 1, least(e.crashes, max_crashes) + 1, at,
           CASE WHEN e.retention IS NOT NULL
                THEN least(greatest(e.retention, interval '10 minutes'), interval '3650 days') END, e.progress,
           "chancy".with_error_1(e.errors,
             CASE WHEN e.cancel_requested_at IS NOT NULL
                  THEN "chancy".cancelled_entry_1(e.attempts)
                  ELSE jsonb_build_object('attempt', e.attempts, 'kind', 'crash',
                         'name', 'AttemptError', 'stack', NULL,
                         'fingerprint', left(encode(sha256(convert_to(
                                          '[' || to_json(e.name::text)::text || ',"crash","AttemptError","","The worker of this job was lost <n> times.",[]]',
                                          'UTF8')), 'hex'), 16),
                         'message', format('The worker of this job was lost %s times.',
                                           least(e.crashes, max_crashes) + 1)) END, at),
           e.meta, e.owner_id, e.owner_step, e.extras,
           CASE WHEN e.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'failed' END,
           CASE WHEN e.cancel_requested_at IS NULL
                THEN ('x' || left(encode(sha256(convert_to(
                               '[' || to_json(e.name::text)::text || ',"crash","AttemptError","","The worker of this job was lost <n> times.",[]]',
                               'UTF8')), 'hex'), 16))::bit(64)::bigint END
      FROM ended e
    RETURNING id, queue, name, worker_id, state
  ), notified AS (
    SELECT pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
      FROM "chancy".waiters w
     WHERE w.job_id IN (SELECT p.id FROM put p) AND pg_catalog.pg_notification_queue_usage() < 0.9::float8
  )
  SELECT p.id::text, p.queue, p.name, p.worker_id::text, p.state
    FROM put p
   WHERE (SELECT count(*) FROM notified) >= 0;

  RETURN QUERY
  UPDATE "chancy".jobs j
     SET state = 'pending', fence = least(j.fence, 9007199254740990) + 1,
         attempts = greatest(j.attempts - 1, 0),
         crashes = least(j.crashes, max_crashes)
                   + CASE WHEN j.worker_id = ANY (coalesce(spared, '{}')) THEN 0 ELSE 1 END,
         claim_seq = NULL, position = NULL, run_at = at + make_interval(secs => random() * spread_ms / 1000)
   WHERE j.ctid = ANY (held)
  RETURNING j.id::text, j.queue, j.name::text, j.worker_id::text, 'recovered';
  -- What is still locked for a moment keeps its claim, for the next pass. A finish of that worker
  -- removes claims too, in an order of its own: if this waited for it, they would deadlock.
  DELETE FROM "chancy".claims o
   WHERE o.ctid = ANY (ARRAY(
           SELECT c.ctid
             FROM "chancy".claims c
            WHERE c.worker_id = ANY (gone)
              AND NOT EXISTS (SELECT 1 FROM unnest(c.ids) AS i(id) WHERE EXISTS (
                                                                           SELECT 1
                                                                             FROM (SELECT k.state, k.worker_id FROM "chancy".jobs k WHERE k.id = i.id OFFSET 0) j
                                                                            WHERE j.state = 'running' AND j.worker_id = c.worker_id))
              FOR UPDATE SKIP LOCKED));
  -- An owner that another transaction holds is found by the sweep.
  WITH parts AS MATERIALIZED (
    SELECT f.owner_id, f.owner_step, f.state, CASE WHEN f.owner_step IS NOT NULL THEN f.result END AS result,
           CASE WHEN f.owner_step IS NOT NULL AND f.state <> 'succeeded' THEN
             jsonb_build_object('kind', f.errors -> -1 ->> 'kind', 'message', left(f.errors -> -1 ->> 'message', 2000)) END AS error
      FROM "chancy".finished_jobs f
     WHERE f.id = ANY (stuck) AND f.finished_at = at AND f.owner_id IS NOT NULL
  )
  SELECT array_agg(e.owner_id), array_agg(e.owner_step), array_agg(e.state), array_agg(e.result), array_agg(e.error)
    INTO end_owners, end_steps, end_states, end_results, end_errors
    FROM (SELECT p.* FROM parts p WHERE p.owner_step IS NOT NULL
          UNION ALL
          SELECT p.owner_id, NULL, 'counted', jsonb_build_object(
                   'succeeded', count(*) FILTER (WHERE p.state = 'succeeded'),
                   'failed', count(*) FILTER (WHERE p.state = 'failed'),
                   'cancelled', count(*) FILTER (WHERE p.state = 'cancelled')), NULL
            FROM parts p
           WHERE p.owner_step IS NULL
           GROUP BY p.owner_id) e;
  IF end_owners IS NOT NULL THEN
    RETURN QUERY
    SELECT NULL::text, f.name, NULL::text, NULL::text, 'ready'
      FROM "chancy".flow_1(end_owners, false, end_owners, end_steps, end_states, end_results, end_errors) f
     WHERE f.verdict = 'ready';
  END IF;
  IF keys IS NOT NULL THEN
    -- After the jobs: see ENGINE.md, Lock order.
    PERFORM "chancy".lock_groups_1(keys);
    RETURN QUERY SELECT NULL::text, r.queue, NULL::text, NULL::text, 'ready'
                   FROM "chancy".ready_1(keys) r;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.remove_waiters_1(ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
BEGIN
  DELETE FROM "chancy".waiters
   WHERE ctid = ANY (ARRAY(
           SELECT own.tid
             FROM unnest(ids) AS g(id),
                  LATERAL (
                    SELECT w.ctid AS tid
                      FROM "chancy".waiters w
                     WHERE w.job_id = g.id
                     LIMIT 1
                       FOR UPDATE SKIP LOCKED) own));
END $function$;

CREATE OR REPLACE FUNCTION chancy.renew_batch_1(batch uuid)
 RETURNS boolean
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  WITH renewed AS (
    UPDATE "chancy".workflows w
       SET pushed_until = "chancy".clock_1() + interval '5 minutes'
     WHERE w.id = batch AND w.pushed_until IS NOT NULL AND w.stopping IS NULL
    RETURNING 1
  )
  SELECT EXISTS (SELECT 1 FROM renewed)
$function$;

CREATE OR REPLACE FUNCTION chancy.resume(queue text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  UPDATE "chancy".queues q
     SET state = 'active', resume_at = NULL
   WHERE q.name = resume.queue;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'No queue is called %', quote_nullable(resume.queue)
      USING ERRCODE = 'P0002', HINT = 'Declare it first, with declare of the library or chancy queue declare.';
  END IF;
  IF pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'queue.changed ' || resume.queue);
  END IF;
END $function$; -- Ends the pause of a queue.

CREATE OR REPLACE FUNCTION chancy.resume_jobs_1(worker uuid, ids uuid[], fences bigint[], waits text[] DEFAULT NULL::text[])
 RETURNS TABLE(id text, n integer, kind text, name text, result text, error text, started_ms double precision, ended_ms double precision, head text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz;
  at_ms float8;
  held uuid[];
  opens jsonb[];
  bases int[];
  heads text[];
  event record;
  wait jsonb;
  present int := 0;
  open jsonb;
  done boolean[];
  last int;
  w int;
  taken bigint[] := ARRAY[]::bigint[];
  r_jobs uuid[] := ARRAY[]::uuid[];
  r_ns int[] := ARRAY[]::int[];
  r_kinds text[] := ARRAY[]::text[];
  r_names text[] := ARRAY[]::text[];
  r_results text[] := ARRAY[]::text[];
  r_errors text[] := ARRAY[]::text[];
  r_starts float8[] := ARRAY[]::float8[];
  r_ends float8[] := ARRAY[]::float8[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  SELECT array_agg(h.id), array_agg(h.open), array_agg(h.base), array_agg(h.head)
    INTO held, opens, bases, heads
    FROM (
      SELECT j.id,
             CASE WHEN resume_jobs_1.waits IS NULL THEN coalesce(j.extras -> 'open', '[]')
                  ELSE (SELECT coalesce(jsonb_agg(o.wait ORDER BY o.n), '[]')
                          FROM jsonb_array_elements(j.extras -> 'open') WITH ORDINALITY AS o(wait, n)
                         WHERE resume_jobs_1.waits[d.i]::jsonb ? (o.wait ->> 'name')) END AS open,
             coalesce((j.extras ->> 'base')::int, 0) AS base,
             CASE WHEN resume_jobs_1.waits IS NULL THEN j.extras::text ELSE '' END AS head
        FROM unnest(resume_jobs_1.ids, resume_jobs_1.fences) WITH ORDINALITY AS d(id, fence, i)
        JOIN "chancy".jobs j ON j.id = d.id
       WHERE j.fence = d.fence AND j.worker_id = worker AND j.state = 'running'
       ORDER BY j.id
         FOR NO KEY UPDATE OF j) h;
  IF held IS NULL THEN
    RETURN;
  END IF;
  -- Later statements than the lock: they see what others did who held it.
  at := "chancy".clock_1();
  at_ms := extract(epoch FROM at)::float8 * 1000;
  FOR event IN
    SELECT h.i::int AS i, e.source, e.wait_no, e.signal_id, e.name, e.content, e.fault, e.at_ms
      FROM unnest(held, opens) WITH ORDINALITY AS h(id, open, i)
     CROSS JOIN LATERAL (
             -- No more signals of a name are looked at than there are waits.
             SELECT 'signal' AS source, NULL::int AS wait_no, s.id AS signal_id, s.name, s.value::text AS content,
                    NULL::text AS fault, extract(epoch FROM s.sent_at)::float8 * 1000 AS at_ms
               FROM (SELECT DISTINCT n.name
                       FROM jsonb_array_elements(h.open) AS o(wait)
                      CROSS JOIN LATERAL jsonb_array_elements_text(o.wait -> 'signals') AS n(name)) named
              CROSS JOIN LATERAL (
                      SELECT m.id, m.name, m.value, m.sent_at
                        FROM "chancy".signals m
                       WHERE m.job_id = h.id AND m.name = named.name AND m.taken_at IS NULL
                       ORDER BY m.id
                       LIMIT jsonb_array_length(h.open)) s
             UNION ALL
             SELECT 'time', o.n::int, NULL, NULL, NULL, NULL, (o.wait ->> 'until_ms')::float8
               FROM jsonb_array_elements(h.open) WITH ORDINALITY AS o(wait, n)
              WHERE (o.wait ->> 'until_ms')::float8 <= at_ms
             UNION ALL
             SELECT 'owner', o.n::int, NULL, NULL,
                    "chancy".owner_result_1(f.id, o.wait ->> 'kind', coalesce((o.wait ->> 'settle')::boolean, false)),
                    "chancy".owner_error_1(f.id, coalesce((o.wait ->> 'settle')::boolean, false)),
                    extract(epoch FROM f.finished_at)::float8 * 1000
               FROM jsonb_array_elements(h.open) WITH ORDINALITY AS o(wait, n)
               JOIN "chancy".workflows f ON f.id = (o.wait ->> 'owner')::uuid
              WHERE f.finished_at IS NOT NULL) e
     ORDER BY h.i, e.at_ms, e.signal_id
  LOOP
    IF event.i <> present THEN
      present := event.i;
      open := opens[present];
      last := coalesce((SELECT max(s.n) FROM "chancy".job_steps s WHERE s.job_id = held[present]), bases[present]);
      -- The row of a job keeps the waits of its last park, and an answer may have been lost: some were given before.
      SELECT array_agg(EXISTS (SELECT 1 FROM "chancy".job_steps s
                                WHERE s.job_id = held[present] AND s.n > bases[present]
                                  AND s.name = o.wait ->> 'name' AND s.kind = o.wait ->> 'kind') ORDER BY o.n)
        INTO done
        FROM jsonb_array_elements(open) WITH ORDINALITY AS o(wait, n);
    END IF;
    w := event.wait_no;
    IF w IS NULL THEN
      FOR i IN 1 .. coalesce(cardinality(done), 0) LOOP
        IF NOT done[i] AND open -> (i - 1) -> 'signals' ? event.name
           AND coalesce((open -> (i - 1) ->> 'until_ms')::float8 >= event.at_ms, true) THEN
          w := i;
          EXIT;
        END IF;
      END LOOP;
    END IF;
    CONTINUE WHEN w IS NULL OR done[w];
    done[w] := true;
    wait := open -> (w - 1);
    last := last + 1;
    IF event.source = 'signal' THEN
      taken := taken || event.signal_id;
    END IF;
    r_jobs := r_jobs || held[present];
    r_ns := r_ns || last;
    r_kinds := r_kinds || (wait ->> 'kind');
    r_names := r_names || (wait ->> 'name');
    r_results := r_results || CASE
      WHEN event.fault IS NOT NULL THEN NULL
      WHEN event.source = 'time' THEN 'null'
      WHEN event.source = 'owner' THEN coalesce(event.content, 'null')
      WHEN wait ->> 'kind' = 'any'
        THEN json_build_object('signal', event.name, 'value', event.content::json)::text
      ELSE event.content END;
    r_errors := r_errors || event.fault;
    r_starts := r_starts || coalesce((wait ->> 'since_ms')::float8, at_ms);
    r_ends := r_ends || least(greatest(event.at_ms, coalesce((wait ->> 'since_ms')::float8, 0)), at_ms);
  END LOOP;
  IF cardinality(r_jobs) > 0 THEN
    INSERT INTO "chancy".job_steps (job_id, n, kind, name, result, error, started_at, ended_at)
    SELECT d.job, d.n, d.kind, d.name, d.result::json, d.error::jsonb,
           to_timestamp(d.started / 1000), to_timestamp(d.ended / 1000)
      FROM unnest(r_jobs, r_ns, r_kinds, r_names, r_results, r_errors, r_starts, r_ends)
        AS d(job, n, kind, name, result, error, started, ended);
  END IF;
  IF cardinality(r_jobs) > 0 THEN
    UPDATE "chancy".jobs j SET attempts = 1, crashes = 0
     WHERE j.id = ANY (r_jobs) AND (j.attempts > 1 OR j.crashes > 0);
  END IF;
  IF cardinality(taken) > 0 THEN
    DELETE FROM "chancy".signals s WHERE s.id = ANY (taken) AND s.key IS NULL;
    UPDATE "chancy".signals s SET taken_at = at, value = 'null', untold = false WHERE s.id = ANY (taken);
  END IF;

  RETURN QUERY
  SELECT h.id::text, NULL::int, NULL::text, NULL::text, NULL::text, NULL::text, NULL::float8, NULL::float8,
         CASE WHEN resume_jobs_1.waits IS NOT NULL THEN ''
              ELSE jsonb_build_object(
                     'extras', h.head::jsonb,
                     'unread', coalesce((SELECT true FROM "chancy".signals s
                                          WHERE s.job_id = h.id AND s.taken_at IS NULL LIMIT 1), false),
                     'values', (SELECT jsonb_object_agg(v.key, v.value) FROM "chancy".job_values v WHERE v.job_id = h.id),
                     'given', h.id = ANY (r_jobs))::text END
    FROM unnest(held, heads) AS h(id, head);
  IF resume_jobs_1.waits IS NULL THEN
    RETURN QUERY
    SELECT s.job_id::text, s.n - h.base, s.kind, s.name, s.result::text, s.error::text,
           extract(epoch FROM s.started_at)::float8 * 1000, extract(epoch FROM s.ended_at)::float8 * 1000, NULL::text
      FROM unnest(held, bases) AS h(id, base)
     CROSS JOIN LATERAL (
             SELECT * FROM "chancy".job_steps k
              WHERE k.job_id = h.id AND k.n > h.base
              ORDER BY k.n) s;
  ELSE
    RETURN QUERY
    SELECT s.job_id::text, s.n - h.base, s.kind, s.name, s.result::text, s.error::text,
           extract(epoch FROM s.started_at)::float8 * 1000, extract(epoch FROM s.ended_at)::float8 * 1000, NULL::text
      FROM unnest(held, bases, opens) AS h(id, base, open)
     CROSS JOIN LATERAL (
             SELECT * FROM "chancy".job_steps k
              WHERE k.job_id = h.id AND k.n > h.base
                AND (SELECT true FROM jsonb_array_elements(h.open) AS o(wait)
                      WHERE o.wait ->> 'name' = k.name AND o.wait ->> 'kind' = k.kind LIMIT 1)
              ORDER BY k.n) s;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.retry(id uuid)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  RETURN (SELECT r.verdict FROM "chancy".retry_1(retry.id, true) r);
EXCEPTION
  WHEN unique_violation THEN
    RAISE EXCEPTION 'The job % cannot go back to waiting: another job that waits or runs has its unique key', retry.id
      USING ERRCODE = '23505', HINT = 'Wait for that job, or cancel it.';
END $function$; -- Puts a failed or cancelled job back to waiting, with one more attempt allowed. Returns retried, scheduled (its time has not come), unknown, or the state of a job that is neither.

CREATE OR REPLACE FUNCTION chancy.retry_1(job uuid, notifying boolean)
 RETURNS TABLE(verdict text, queue text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  job_queue text;
  flow uuid;
  step int;
  is_early boolean;
  found_state text;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  SELECT f.owner_id, f.owner_step INTO flow, step
    FROM "chancy".finished_jobs f
   WHERE f.id = job AND f.owner_step IS NOT NULL AND f.state IN ('failed', 'cancelled');
  IF flow IS NOT NULL AND (SELECT true FROM "chancy".workflows w WHERE w.id = flow AND w.kind = 'workflow') THEN
    -- A step: what was skipped for it is open again too, under the lock of its workflow.
    RETURN QUERY
    SELECT r.verdict, r.queues[1] FROM "chancy".retry_flow_1(flow, NULL, step, notifying) r;
    RETURN;
  END IF;
  WITH back AS (
    DELETE FROM "chancy".finished_jobs f
     WHERE f.id = job AND f.state IN ('failed', 'cancelled')
    RETURNING f.id, f.fence, f.created_at, f.scheduled_at, f.started_at, f.worker_id, f.priority, f.attempts,
              f.max_attempts, f.concurrency_max, f.crashes, f.format, f.queue, f.name, f.args, f.unique_key,
              f.concurrency_key, f.limits, f.backoff, f.retention, f.progress, f.errors, f.meta, f.extras
  ), placed AS (
    SELECT b.id, b.fence, b.created_at, b.scheduled_at, b.started_at, b.worker_id, b.priority, b.attempts,
           b.max_attempts, b.concurrency_max, b.crashes, b.format, b.queue, b.name, b.args, b.unique_key,
           b.concurrency_key, b.limits, b.backoff, b.retention, b.progress, b.errors, b.meta, b.extras,
           CASE WHEN b.scheduled_at IS NULL OR b.scheduled_at <= "chancy".clock_1()
                THEN nextval('"chancy".positions') END AS position
      FROM back b
  )
  INSERT INTO "chancy".jobs (
         id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts,
         concurrency_max, format, queue, name, args, unique_key, concurrency_key, limits, backoff,
         max_attempts, retention, progress, errors, meta, extras, state, run_at, seq, position)
  SELECT p.id, p.fence, p.created_at, p.scheduled_at, p.started_at, p.worker_id, p.priority, p.attempts,
         p.concurrency_max, p.format, p.queue, p.name, p.args, p.unique_key, p.concurrency_key,
         p.limits, p.backoff,
         CASE WHEN p.max_attempts IS NOT NULL THEN greatest(p.max_attempts, p.attempts + 1) END,
         p.retention, p.progress, p.errors, p.meta, p.extras,
         'pending', CASE WHEN p.position IS NULL THEN p.scheduled_at ELSE "chancy".clock_1() END,
         p.position, p.position
    FROM placed p
  RETURNING queue, position IS NULL INTO job_queue, is_early;
  IF FOUND THEN
    IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
      PERFORM pg_notify('chancy_chancy',
                        CASE WHEN is_early THEN 'job.scheduled ' ELSE 'queue.pushed ' END || job_queue);
    END IF;
    RETURN QUERY SELECT CASE WHEN is_early THEN 'scheduled' ELSE 'retried' END, job_queue;
    RETURN;
  END IF;
  SELECT j.state INTO found_state FROM "chancy".jobs j WHERE j.id = job;
  IF found_state IS NULL THEN
    SELECT f.state INTO found_state FROM "chancy".finished_jobs f WHERE f.id = job;
  END IF;
  RETURN QUERY SELECT coalesce(found_state, 'unknown'), NULL::text;
END $function$;

CREATE OR REPLACE FUNCTION chancy.retry_flow_1(flow uuid, names text[], lone integer, notifying boolean, OUT verdict text, OUT steps integer, OUT detail text, OUT queues text[])
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_variable
DECLARE
  w "chancy".workflows;
  chosen int[];
  reset int[];
  partial int[];
  items int[];
  touched int[];
  again int[];
  one record;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  steps := 0;
  SELECT f.* INTO w FROM "chancy".workflows f WHERE f.id = flow AND f.kind = 'workflow' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    verdict := CASE WHEN (SELECT true FROM "chancy".workflows b WHERE b.id = flow AND b.kind = 'batch')
                    THEN 'batch' ELSE 'unknown' END;
    RETURN;
  ELSIF w.stopping IS NOT NULL AND w.finished_at IS NULL THEN
    verdict := 'stopping';
    RETURN;
  END IF;
  -- Ends that are not counted yet would be taken for those of the next attempts.
  IF (SELECT true FROM "chancy".step_ends e WHERE e.owner_id = flow LIMIT 1) THEN
    PERFORM 1 FROM "chancy".flow_held_1(ARRAY[flow], NULL, NULL);
    IF (SELECT true FROM "chancy".step_ends e WHERE e.owner_id = flow LIMIT 1) THEN
      verdict := 'again';
      RETURN;
    END IF;
    SELECT f.* INTO w FROM "chancy".workflows f WHERE f.id = flow;
  END IF;

  IF names IS NOT NULL THEN
    SELECT k.name INTO detail
      FROM unnest(names) AS k(name)
     WHERE NOT EXISTS (SELECT 1 FROM "chancy".steps s WHERE s.owner_id = flow AND s.name = k.name)
     LIMIT 1;
    IF FOUND THEN
      verdict := 'unknown-step';
      RETURN;
    END IF;
  END IF;
  chosen := ARRAY(
    SELECT CASE WHEN s.n = lone THEN coalesce(s.of_map, s.n) ELSE s.n END
      FROM "chancy".steps s
     WHERE s.owner_id = flow
       AND CASE WHEN lone IS NOT NULL THEN s.n = lone AND s.state IN ('failed', 'cancelled', 'skipped')
                WHEN names IS NOT NULL THEN s.name = ANY (names) AND s.state NOT IN ('waiting', 'open')
                ELSE s.of_map IS NULL AND s.state IN ('failed', 'cancelled') END);
  IF cardinality(chosen) = 0 THEN
    verdict := w.state;
    RETURN;
  END IF;
  reset := ARRAY(
    WITH RECURSIVE behind AS (
      SELECT c.n FROM unnest(chosen) AS c(n)
      UNION
      SELECT t.n
        FROM behind b
        JOIN "chancy".steps s ON s.owner_id = flow AND s.n = b.n
       CROSS JOIN LATERAL unnest(s.dependents) AS d(n)
        JOIN "chancy".steps t ON t.owner_id = flow AND t.n = d.n
       WHERE CASE WHEN names IS NULL THEN t.state = 'skipped' ELSE t.state NOT IN ('waiting', 'open') END
    )
    SELECT b.n FROM behind b);
  -- A map keeps the items that succeeded, unless its list may be another one, or all of it is asked for.
  partial := ARRAY(
    SELECT s.n FROM "chancy".steps s
     WHERE s.owner_id = flow AND s.n = ANY (reset) AND names IS NULL AND s.spec ? 'items'
       AND NOT EXISTS (SELECT 1 FROM unnest(s.deps) AS d(n) WHERE d.n = ANY (reset)));
  items := ARRAY(
    SELECT s.n FROM "chancy".steps s
     WHERE s.owner_id = flow AND s.of_map = ANY (partial)
       AND s.state IN ('failed', 'cancelled', 'skipped') AND (lone IS NULL OR s.n = lone OR lone = ANY (partial)));

  -- One array, which the index of steps is searched for.
  again := reset || items;
  SELECT s.name INTO detail
    FROM "chancy".steps s
   WHERE s.owner_id = flow AND s.n = ANY (again) AND s.job_id IS NOT NULL
     AND coalesce(s.spec -> 'job', 'null') = 'null'
     AND (SELECT true FROM "chancy".finished_jobs f WHERE f.id = s.job_id LIMIT 1) IS NULL
   LIMIT 1;
  IF FOUND THEN
    verdict := 'job-gone';
    RETURN;
  END IF;

  touched := ARRAY(
    SELECT r.n FROM unnest(reset) AS r(n)
     UNION
    SELECT d.n
      FROM "chancy".steps s
     CROSS JOIN LATERAL unnest(s.dependents) AS d(n)
     WHERE s.owner_id = flow AND s.n = ANY (reset));

  -- The jobs come back as suspended ones, from the history, or from the step where its day was dropped.
  WITH wanted AS MATERIALIZED (
    SELECT s.job_id, s.n, s.spec -> 'job' AS job
      FROM "chancy".steps s
     WHERE s.owner_id = flow AND s.n = ANY (again) AND s.job_id IS NOT NULL
  ), gone AS (
    DELETE FROM "chancy".finished_jobs f
     USING wanted t
     WHERE f.id = t.job_id
    RETURNING f.*
  ), rows AS (
    SELECT g.* FROM gone g
    UNION ALL
    SELECT r.*
      FROM wanted t
     CROSS JOIN LATERAL jsonb_populate_record(NULL::"chancy".finished_jobs, t.job) r
     WHERE NOT EXISTS (SELECT 1 FROM "chancy".finished_jobs f WHERE f.id = t.job_id)
  )
  INSERT INTO "chancy".jobs (
         id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, concurrency_max, format,
         queue, name, args, unique_key, concurrency_key, limits, backoff, max_attempts, retention, progress, errors,
         meta, owner_id, owner_step, extras, state, waits)
  SELECT r.id, r.fence, r.created_at, NULL, r.started_at, r.worker_id, r.priority, r.attempts, r.concurrency_max,
         r.format, r.queue, r.name, r.args, r.unique_key, r.concurrency_key, r.limits, r.backoff,
         CASE WHEN r.max_attempts IS NOT NULL THEN greatest(r.max_attempts, r.attempts + 1) END,
         r.retention, r.progress, r.errors, r.meta, r.owner_id, r.owner_step, r.extras, 'pending', 'steps'
    FROM rows r;

  DELETE FROM "chancy".steps s
   WHERE s.owner_id = flow AND s.of_map = ANY (reset) AND s.of_map <> ALL (partial);
  UPDATE "chancy".steps s
     SET state = 'waiting', result = NULL, error = NULL, ended_at = NULL,
         pending = 0, bad = 0, skipped = 0, fine = 0,
         run_when = CASE WHEN s.of_map IS NULL THEN s.run_when ELSE 'all-ended' END,
         spec = nullif(s.spec - '{job,base,items,made}'::text[], '{}')
   WHERE s.owner_id = flow AND s.n = ANY (again) AND s.n <> ALL (partial);
  -- Items that were not made before the map ended are made now.
  INSERT INTO "chancy".step_ends (owner_id, n, "from", state)
  SELECT flow, s.n, (s.spec ->> 'made')::int, 'map'
    FROM "chancy".steps s
   WHERE s.owner_id = flow AND s.n = ANY (partial) AND s.spec ? 'made' AND lone IS NULL;
  UPDATE "chancy".steps s
     SET state = 'open', error = NULL, ended_at = NULL, skipped = 0,
         pending = c.waiting + CASE WHEN lone IS NULL THEN coalesce((s.spec ->> 'items')::int - (s.spec ->> 'made')::int, 0)
                                    ELSE 0 END,
         bad = c.bad + CASE WHEN lone IS NOT NULL AND s.spec ? 'made' THEN 1 ELSE 0 END, fine = c.fine,
         spec = CASE WHEN lone IS NULL THEN s.spec - 'made' ELSE s.spec END
    FROM (SELECT i.of_map, count(*) FILTER (WHERE i.state = 'waiting')::int AS waiting,
                 count(*) FILTER (WHERE i.state IN ('failed', 'cancelled'))::int AS bad,
                 count(*) FILTER (WHERE i.state = 'succeeded')::int AS fine
            FROM "chancy".steps i
           WHERE i.owner_id = flow AND i.of_map = ANY (partial)
           GROUP BY i.of_map) c
   WHERE s.owner_id = flow AND s.n = c.of_map;
  -- In a later statement: it reads the states that they have now.
  UPDATE "chancy".steps s
     SET pending = c.pending, bad = c.bad, skipped = c.skipped, fine = c.fine
    FROM (SELECT t.n, count(*) FILTER (WHERE p.state IN ('waiting', 'open'))::int AS pending,
                 count(*) FILTER (WHERE p.state IN ('failed', 'cancelled'))::int AS bad,
                 count(*) FILTER (WHERE p.state = 'skipped')::int AS skipped,
                 count(*) FILTER (WHERE p.state = 'succeeded')::int AS fine
            FROM "chancy".steps t
           CROSS JOIN LATERAL unnest(t.deps) AS d(n)
            JOIN "chancy".steps p ON p.owner_id = flow AND p.n = d.n
           WHERE t.owner_id = flow AND t.n = ANY (touched)
             AND NOT (t.state = 'open' AND t.job_id IS NULL)
           GROUP BY t.n) c
   WHERE s.owner_id = flow AND s.n = c.n;

  UPDATE "chancy".workflows f
     SET open = c.open, bad = c.bad, state = 'running', finished_at = NULL, expires_at = NULL, stopping = NULL,
         output = NULL, failure = CASE WHEN c.bad > 0 THEN f.failure END,
         -- One that has passed would end it again immediately.
         deadline_at = CASE WHEN f.deadline_at > "chancy".clock_1() THEN f.deadline_at END
    FROM (SELECT count(*) FILTER (WHERE s.state IN ('waiting', 'open'))::int AS open,
                 count(*) FILTER (WHERE s.state IN ('failed', 'cancelled') AND NOT s.may_fail)::int AS bad
            FROM "chancy".steps s
           WHERE s.owner_id = flow AND s.of_map IS NULL) c
   WHERE f.id = flow;
  steps := cardinality(reset) + cardinality(items);
  verdict := 'retried';
  FOR one IN
    SELECT DISTINCT f.verdict, f.name
      FROM "chancy".flow_held_1(ARRAY[flow], NULL, ARRAY(
             SELECT ROW(flow, s.n, NULL, 'decide', NULL, NULL)::"chancy".step_ends
               FROM "chancy".steps s
              WHERE s.owner_id = flow AND s.state = 'waiting' AND s.n = ANY (again)
              ORDER BY s.n)) f
     WHERE f.verdict IN ('ready', 'scheduled')
  LOOP
    queues := queues || one.name;
    IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
      PERFORM pg_notify('chancy_chancy',
                        CASE one.verdict WHEN 'ready' THEN 'queue.pushed ' ELSE 'job.scheduled ' END || one.name);
    END IF;
  END LOOP;
END $function$;

CREATE OR REPLACE FUNCTION chancy.retry_many_1(jobs uuid[], notifying boolean)
 RETURNS TABLE(id text, queue text, is_scheduled boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".clock_1();
  held uuid[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  SELECT array_agg(h.id)
    INTO held
    FROM (SELECT f.id
            FROM "chancy".finished_jobs f
           WHERE f.id = ANY (retry_many_1.jobs) AND f.state IN ('failed', 'cancelled')
             AND f.unique_key IS NULL AND f.owner_step IS NULL
             FOR UPDATE SKIP LOCKED) h;
  IF held IS NULL THEN
    RETURN;
  END IF;
  -- A transaction that draws a position has an id by then.
  PERFORM pg_current_xact_id();

  RETURN QUERY
  WITH back AS (
    DELETE FROM "chancy".finished_jobs f
     WHERE f.id = ANY (held) AND f.state IN ('failed', 'cancelled')
    RETURNING f.id, f.fence, f.created_at, f.scheduled_at, f.started_at, f.worker_id, f.priority, f.attempts,
              f.max_attempts, f.concurrency_max, f.crashes, f.format, f.queue, f.name, f.args, f.unique_key,
              f.concurrency_key, f.limits, f.backoff, f.retention, f.progress, f.errors, f.meta, f.extras
  ), sorted AS MATERIALIZED (
    SELECT b.* FROM back b ORDER BY b.id
  ), placed AS (
    SELECT b.id, b.fence, b.created_at, b.scheduled_at, b.started_at, b.worker_id, b.priority, b.attempts,
           b.max_attempts, b.concurrency_max, b.crashes, b.format, b.queue, b.name, b.args, b.unique_key,
           b.concurrency_key, b.limits, b.backoff, b.retention, b.progress, b.errors, b.meta, b.extras,
           CASE WHEN b.scheduled_at IS NULL OR b.scheduled_at <= at
                THEN nextval('"chancy".positions') END AS position
      FROM sorted b
  ), waiting AS (
    INSERT INTO "chancy".jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts,
           concurrency_max, format, queue, name, args, unique_key, concurrency_key, limits, backoff,
           max_attempts, retention, progress, errors, meta, extras, state, run_at, seq, position)
    SELECT p.id, p.fence, p.created_at, p.scheduled_at, p.started_at, p.worker_id, p.priority, p.attempts,
           p.concurrency_max, p.format, p.queue, p.name, p.args, p.unique_key, p.concurrency_key,
           p.limits, p.backoff,
           CASE WHEN p.max_attempts IS NOT NULL THEN greatest(p.max_attempts, p.attempts + 1) END,
           p.retention, p.progress, p.errors, p.meta, p.extras,
           'pending', CASE WHEN p.position IS NULL THEN p.scheduled_at ELSE at END,
           p.position, p.position
      FROM placed p
    RETURNING jobs.id, jobs.queue, jobs.position IS NULL AS is_early
  )
  SELECT w.id::text, w.queue, w.is_early FROM waiting w;

  IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', n.event || ' ' || n.queue)
       FROM (SELECT DISTINCT CASE WHEN j.position IS NULL THEN 'job.scheduled' ELSE 'queue.pushed' END AS event,
                    j.queue
               FROM "chancy".jobs j WHERE j.id = ANY (held)) n;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.save_progress_1(worker uuid, ids uuid[], fences bigint[], contents text[])
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH held AS MATERIALIZED (
    SELECT j.id, d.content
      FROM unnest(ids, fences, contents) AS d(id, fence, content)
      JOIN "chancy".jobs j ON j.id = d.id
     WHERE j.fence = d.fence AND j.worker_id = worker AND j.state = 'running'
     ORDER BY j.id
       FOR NO KEY UPDATE OF j SKIP LOCKED
  )
  UPDATE "chancy".jobs j
     SET progress = held.content::jsonb
    FROM held
   WHERE j.id = held.id
  RETURNING j.id;
END $function$;

CREATE OR REPLACE FUNCTION chancy.save_step_1(job uuid, of_fence bigint, worker uuid, name text, result text, started_ms double precision, ended_ms double precision)
 RETURNS TABLE(state text, n integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  base int;
  is_first boolean;
  made int;
BEGIN
  SELECT coalesce((j.extras ->> 'base')::int, 0), j.attempts > 1 OR j.crashes > 0
    INTO base, is_first
    FROM "chancy".jobs j
   WHERE j.id = save_step_1.job AND j.fence = of_fence AND j.worker_id = worker AND j.state = 'running'
     FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'lost', NULL::int;
    RETURN;
  END IF;
  INSERT INTO "chancy".job_steps (job_id, n, kind, name, result, started_at, ended_at)
  SELECT save_step_1.job,
         coalesce((SELECT s.n FROM "chancy".job_steps s WHERE s.job_id = save_step_1.job ORDER BY s.n DESC LIMIT 1), base) + 1,
         'transaction', save_step_1.name, save_step_1.result::json,
         to_timestamp(save_step_1.started_ms / 1000), to_timestamp(save_step_1.ended_ms / 1000)
  RETURNING n INTO made;
  IF is_first THEN
    UPDATE "chancy".jobs j SET attempts = 1, crashes = 0 WHERE j.id = save_step_1.job;
  END IF;
  RETURN QUERY SELECT 'saved', made - base;
END $function$;

CREATE OR REPLACE FUNCTION chancy.save_steps_1(worker uuid, ids uuid[], fences bigint[], jobs integer[], kinds text[], names text[], results text[], errors text[], starts_ms double precision[], ends_ms double precision[], extras_texts text[], again boolean)
 RETURNS TABLE(job integer, last integer, changed text, signaled text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz;
  one record;
  held int[] := ARRAY[]::int[];
  -- By the ordinal of the job: the last number of former runs, and of all.
  bases int[];
  lasts int[];
  fresh int[];
  extra jsonb;
  open jsonb;
  sent text[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  FOR one IN
    SELECT d.i::int AS i, coalesce((j.extras ->> 'base')::int, 0) AS base
      FROM unnest(save_steps_1.ids, save_steps_1.fences) WITH ORDINALITY AS d(id, fence, i)
      JOIN "chancy".jobs j ON j.id = d.id
     WHERE j.fence = d.fence AND j.worker_id = worker AND j.state = 'running'
     ORDER BY j.id
       FOR NO KEY UPDATE OF j
  LOOP
    held := held || one.i;
    bases[one.i] := one.base;
  END LOOP;
  -- A later statement than the lock: the records of others who held it are seen.
  SELECT array_agg(coalesce(
           (SELECT s.n FROM "chancy".job_steps s WHERE s.job_id = i.id ORDER BY s.n DESC LIMIT 1), bases[i.n]) ORDER BY i.n)
    INTO lasts
    FROM unnest(save_steps_1.ids) WITH ORDINALITY AS i(id, n);
  fresh := held;
  IF again THEN
    fresh := ARRAY(
      SELECT h.i FROM unnest(held) AS h(i)
       WHERE NOT EXISTS (
               SELECT 1
                 FROM unnest(save_steps_1.jobs, save_steps_1.kinds, save_steps_1.names) AS d(job, kind, name)
                 JOIN "chancy".job_steps s
                   ON s.job_id = save_steps_1.ids[h.i] AND s.n > bases[h.i] AND s.name = d.name AND s.kind = d.kind
                WHERE d.job = h.i)
       ORDER BY h.i);
  END IF;
  INSERT INTO "chancy".job_steps (job_id, n, kind, name, result, error, started_at, ended_at)
  SELECT save_steps_1.ids[d.job], lasts[d.job] + row_number() OVER (PARTITION BY d.job ORDER BY d.n),
         d.kind, d.name, d.result::json, d.error::jsonb,
         to_timestamp(d.start_ms / 1000), to_timestamp(d.end_ms / 1000)
    FROM unnest(save_steps_1.jobs, save_steps_1.kinds, save_steps_1.names, results, errors, starts_ms, ends_ms)
      WITH ORDINALITY AS d(job, kind, name, result, error, start_ms, end_ms, n)
   WHERE d.job = ANY (fresh);

  IF extras_texts IS NOT NULL THEN
    at := "chancy".clock_1();
    FOR i IN 1 .. cardinality(save_steps_1.ids) LOOP
      CONTINUE WHEN extras_texts[i] IS NULL OR i <> ALL (held);
      extra := extras_texts[i]::jsonb;
      CONTINUE WHEN i <> ALL (fresh);
      IF extra ? 'push' THEN
        PERFORM "chancy".push_recorded_1(save_steps_1.ids[i], extra -> 'push');
      END IF;
      IF extra ? 'signals' THEN
        sent[i] := "chancy".send_recorded_1(save_steps_1.ids[i], extra -> 'signals');
      END IF;
      IF extra ? 'values' THEN
        DELETE FROM "chancy".job_values v
         WHERE v.job_id = save_steps_1.ids[i]
           AND v.key IN (SELECT k.key FROM jsonb_each(extra -> 'values') AS k(key, value)
                          WHERE jsonb_typeof(k.value) = 'null');
        INSERT INTO "chancy".job_values (job_id, key, value)
        SELECT save_steps_1.ids[i], k.key, k.value -> 0
          FROM jsonb_each(extra -> 'values') AS k(key, value)
         WHERE jsonb_typeof(k.value) = 'array'
            ON CONFLICT (job_id, key) DO UPDATE SET value = EXCLUDED.value;
      END IF;
      IF extra ? 'waits' THEN
        SELECT "chancy".more_waits_1(j.id, j.extras -> 'open', extra -> 'waits', at)
          INTO open
          FROM "chancy".jobs j
         WHERE j.id = save_steps_1.ids[i];
        UPDATE "chancy".jobs j
           SET extras = coalesce(j.extras, '{}') || jsonb_build_object('open', open)
         WHERE j.id = save_steps_1.ids[i];
      END IF;
      IF extra ? 'resets' THEN
        UPDATE "chancy".jobs j SET attempts = 1, crashes = 0 WHERE j.id = save_steps_1.ids[i];
      END IF;
    END LOOP;
  END IF;

  RETURN QUERY
  SELECT h.i,
         lasts[h.i] - bases[h.i]
         + CASE WHEN h.i = ANY (fresh)
                THEN (SELECT count(*)::int FROM unnest(save_steps_1.jobs) AS d(job) WHERE d.job = h.i)
                ELSE 0 END,
         CASE WHEN extras_texts[h.i] IS NULL THEN NULL
              ELSE (SELECT jsonb_agg(jsonb_build_object('n', s.n - bases[h.i], 'kind', s.kind, 'name', s.name,
                                                        'result', s.result::text, 'error', s.error))::text
                      FROM unnest(save_steps_1.jobs, save_steps_1.kinds, save_steps_1.names) AS d(job, kind, name)
                      JOIN "chancy".job_steps s
                        ON s.job_id = save_steps_1.ids[h.i] AND s.kind = d.kind AND s.name = d.name AND s.n > bases[h.i]
                     WHERE d.job = h.i AND d.kind IN ('push', 'send-signal')) END,
         sent[h.i]
    FROM unnest(held) AS h(i);
END $function$;

CREATE OR REPLACE FUNCTION chancy.seal_batch_1(batch uuid, why jsonb, is_own boolean)
 RETURNS TABLE(verdict text, owner uuid, name text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  IF NOT is_own THEN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
    END IF;
  END IF;
  PERFORM 1
     FROM "chancy".workflows w
    WHERE w.id = batch AND w.finished_at IS NULL
      AND (w.pushed_until IS NOT NULL OR why IS NOT NULL AND w.stopping IS NOT NULL)
      FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE "chancy".workflows w
     SET open = w.open - (w.pushed_until IS NOT NULL)::int, pushed_until = NULL,
         stopping = CASE WHEN why IS NULL THEN w.stopping ELSE coalesce(w.stopping, 'failure') END,
         failure = coalesce(w.failure, why || '{"step": null}')
   WHERE w.id = batch;
  RETURN QUERY SELECT f.* FROM "chancy".count_batch_1(ARRAY[batch], NULL) f;
END $function$;

CREATE OR REPLACE FUNCTION chancy.send_recorded_1(job uuid, signals jsonb)
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  one record;
  target uuid;
  verdict text;
  sent text;
BEGIN
  FOR one IN SELECT s.signal FROM jsonb_array_elements(signals) WITH ORDINALITY AS s(signal, n) ORDER BY s.n LOOP
    target := (one.signal ->> 'job')::uuid;
    IF one.signal ? 'push' THEN
      SELECT p.id INTO target
        FROM "chancy".push_stored_1(jsonb_build_array(one.signal -> 'push' -> 'job'),
                                  ARRAY[(one.signal -> 'push' ->> 'id')::uuid]) p;
    ELSIF one.signal ? 'of' THEN
      target := (SELECT j.id FROM "chancy".jobs j WHERE j.unique_key = one.signal ->> 'of');
    END IF;
    verdict := "chancy".leave_signal_1(
      target, one.signal ->> 'name', one.signal -> 'value', 'k:' || (one.signal ->> 'key'), true);
    IF verdict = 'sent' THEN
      sent := concat_ws(',', sent, target);
    ELSE
      UPDATE "chancy".job_steps s
         SET result = CASE verdict WHEN 'finished' THEN '"finished"'::json END,
             error = CASE verdict
                       WHEN 'finished' THEN NULL
                       WHEN 'full' THEN jsonb_build_object(
                         'name', 'ChancyError', 'code', 'SIGNALS_FULL', 'stack', NULL,
                         'message', format('The job %s has 10000 unread signals.', target))
                       ELSE jsonb_build_object(
                         'name', 'NotFoundError', 'code', 'JOB_NOT_FOUND', 'stack', NULL,
                         'message', format('There is no job %s.', coalesce(
                            target::text, 'with the unique key ' || (one.signal ->> 'of')))) END
       WHERE s.job_id = send_recorded_1.job AND s.kind = 'send-signal' AND s.name = one.signal ->> 'step'
         AND s.n > coalesce((SELECT (j.extras ->> 'base')::int FROM "chancy".jobs j WHERE j.id = send_recorded_1.job), 0);
    END IF;
  END LOOP;
  RETURN sent;
END $function$;

CREATE OR REPLACE FUNCTION chancy.send_signals_1(ids uuid[], names text[], contents text[], keys text[], patient boolean, notifying boolean)
 RETURNS TABLE(n integer, verdict text, "left" boolean, runs boolean, woken text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".clock_1();
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  jobs uuid[] := ARRAY(SELECT DISTINCT i.id FROM unnest(send_signals_1.ids) AS i(id));
  living uuid[];
  held uuid[];
  full_jobs uuid[];
  ready_ids uuid[];
  made bigint[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  living := ARRAY(
    SELECT i.id FROM unnest(jobs) AS i(id)
     WHERE (SELECT true FROM "chancy".jobs j WHERE j.id = i.id));
  WITH put AS (
    INSERT INTO "chancy".signals (job_id, name, value, key, sent_at)
    SELECT d.id, d.name, d.content::jsonb, d.key, at
      FROM unnest(send_signals_1.ids, send_signals_1.names, contents, send_signals_1.keys) WITH ORDINALITY
        AS d(id, name, content, key, n)
     WHERE d.id = ANY (living)
     ORDER BY d.n
        ON CONFLICT DO NOTHING
    RETURNING id
  )
  SELECT array_agg(p.id) INTO made FROM put p;
  IF patient THEN
    held := ARRAY(SELECT j.id FROM "chancy".jobs j WHERE j.id = ANY (living) ORDER BY j.id FOR NO KEY UPDATE);
  ELSE
    held := ARRAY(
      SELECT j.id FROM "chancy".jobs j WHERE j.id = ANY (living) ORDER BY j.id FOR NO KEY UPDATE SKIP LOCKED);
  END IF;
  -- Those that ended since, and those that others hold.
  living := ARRAY(
    SELECT i.id FROM unnest(living) AS i(id)
     WHERE i.id = ANY (held) OR (SELECT true FROM "chancy".jobs j WHERE j.id = i.id));
  full_jobs := ARRAY(
    SELECT h.id
      FROM unnest(held) AS h(id)
     WHERE (SELECT count(*)
              FROM (SELECT 1 FROM "chancy".signals s WHERE s.job_id = h.id AND s.taken_at IS NULL LIMIT 10001) c) > 10000);
  IF cardinality(full_jobs) > 0 OR cardinality(living) < cardinality(jobs) THEN
    DELETE FROM "chancy".signals s
     WHERE s.id = ANY (made) AND (s.job_id = ANY (full_jobs) OR s.job_id <> ALL (living));
  END IF;
  IF cardinality(held) < cardinality(living) THEN
    UPDATE "chancy".signals s SET untold = true WHERE s.id = ANY (made) AND s.job_id <> ALL (held);
  END IF;
  WITH ready AS (
    UPDATE "chancy".jobs j
       SET waits = NULL, position = nextval('"chancy".positions'), run_at = at
     WHERE j.id = ANY (held) AND j.waits = 'wait' AND EXISTS (
                                                        SELECT 1
                                                          FROM jsonb_array_elements(j.extras -> 'open') AS w(wait)
                                                         WHERE EXISTS (SELECT 1
                                                                         FROM jsonb_array_elements_text(w.wait -> 'signals') AS n(name)
                                                                        WHERE (SELECT true FROM "chancy".signals s
                                                                                WHERE s.job_id = j.id AND s.name = n.name AND s.taken_at IS NULL LIMIT 1))
                                                            OR (SELECT o.finished_at IS NOT NULL FROM "chancy".workflows o
                                                                 WHERE o.id = (w.wait ->> 'owner')::uuid))
    RETURNING j.id
  )
  SELECT array_agg(r.id) INTO ready_ids FROM ready r;
  -- A claim passes over a job that is locked here, and finds it when it is notified after the commit.
  ready_ids := ready_ids || ARRAY(
    SELECT j.id FROM "chancy".jobs j WHERE j.id = ANY (held) AND j.state <> 'running' AND j.position IS NOT NULL);
  IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'job.signaled ' || j.id::text)
       FROM "chancy".jobs j
      WHERE j.id = ANY (living) AND j.state = 'running';
    PERFORM pg_notify('chancy_chancy', 'queue.pushed ' || q.queue)
       FROM (SELECT DISTINCT j.queue FROM "chancy".jobs j WHERE j.id = ANY (ready_ids)) q;
  END IF;
  RETURN QUERY
  SELECT d.n::int,
         CASE WHEN d.id = ANY (full_jobs) THEN 'full'
              WHEN d.id = ANY (living) THEN 'sent'
              WHEN (SELECT true FROM "chancy".finished_jobs f WHERE f.id = d.id LIMIT 1) THEN 'finished'
              ELSE 'unknown' END,
         d.id = ANY (living) AND d.id <> ALL (held),
         coalesce(j.state = 'running', false),
         CASE WHEN d.id = ANY (ready_ids) THEN j.queue END
    FROM unnest(send_signals_1.ids) WITH ORDINALITY AS d(id, n)
    LEFT JOIN LATERAL (
           SELECT k.id, k.state, k.queue FROM "chancy".jobs k WHERE k.id = d.id OFFSET 0) j ON true
   ORDER BY d.n;
END $function$;

CREATE OR REPLACE FUNCTION chancy.signal(job uuid, name text, value jsonb DEFAULT 'null'::jsonb, key text DEFAULT NULL::text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF coalesce(octet_length(signal.name), 0) NOT BETWEEN 1 AND 200 THEN
    RAISE EXCEPTION 'The name of a signal has 1 to 200 bytes, got %', quote_nullable(signal.name)
      USING ERRCODE = '22023';
  END IF;
  IF signal.value IS NULL OR octet_length(signal.value::text) > 1048576 THEN
    RAISE EXCEPTION 'The value of a signal is JSON of at most 1 MiB' USING ERRCODE = '22023';
  END IF;
  -- A text of so few bytes has no room for more levels.
  IF octet_length(signal.value::text) > 200 AND jsonb_path_exists(signal.value, 'strict $.**{100} ? (@.type() == "object" || @.type() == "array")') THEN
    RAISE EXCEPTION 'The value of a signal is nested at most 100 deep' USING ERRCODE = '22023';
  END IF;
  IF octet_length(signal.key) NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'The key of a signal has 1 to 1000 bytes' USING ERRCODE = '22023';
  END IF;
  RETURN "chancy".leave_signal_1(signal.job, signal.name, signal.value, 'k:' || signal.key, true);
END $function$; -- Sends a signal to a durable job, by the commit of the transaction, and returns sent, finished, unknown or full. The same key for the same job counts once.

CREATE OR REPLACE FUNCTION chancy.stage_1(max_jobs integer, given_now timestamp with time zone)
 RETURNS TABLE(queue text, staged integer, next_ms double precision)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := coalesce(given_now, "chancy".clock_1());
  drawn bigint := (SELECT s.last_value FROM "chancy".positions s);
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  RETURN QUERY
  WITH due AS MATERIALIZED (
    SELECT j.ctid AS tid, j.run_at, j.concurrency_key AS key, j.queue, j.priority, greatest(coalesce(j.concurrency_max, 1), 1) AS max
      FROM "chancy".jobs j
     WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked
       AND j.run_at <= at
     ORDER BY j.run_at
     LIMIT max_jobs
       FOR NO KEY UPDATE SKIP LOCKED
  ), placed AS MATERIALIZED (
    -- One position a row, drawn in the order of the times. What is surplus in its group is blocked.
    SELECT d.tid, d.is_surplus, nextval('"chancy".positions') AS position
      FROM (
        SELECT due.tid, due.run_at, false AS is_surplus FROM due WHERE due.key IS NULL
        UNION ALL
        SELECT k.tid, k.run_at, k.rank + k.waiting > k.max::bigint + 32
          FROM (
            SELECT g.tid, g.run_at, g.rank, g.max,
                   max(CASE WHEN g.rank = 1 THEN (
                                                   SELECT CASE WHEN (g.max <= 20 OR g.max <= (
                                                                      SELECT count(*)
                                                                        FROM (SELECT 1
                                                                                FROM "chancy".jobs j
                                                                               WHERE j.concurrency_key = g.key
                                                                                 AND j.claim_seq >= (SELECT h.scan_from FROM "chancy".concurrency_groups h WHERE h.key = g.key)
                                                                               ORDER BY j.claim_seq
                                                                               LIMIT g.max) c))
                                                               THEN (
                                                                      SELECT count(*)
                                                                        FROM (SELECT 1
                                                                                FROM "chancy".jobs j
                                                                               WHERE j.concurrency_key = g.key AND j.blocked
                                                                                 AND j.queue = g.queue AND j.priority = g.priority
                                                                                 AND j.seq > drawn - 512 * (g.max + 32)::bigint
                                                                               ORDER BY j.seq DESC
                                                                               LIMIT g.max::bigint + 32) c)
                                                                    + (
                                                                        SELECT count(*)
                                                                          FROM (SELECT 1
                                                                                  FROM "chancy".jobs j
                                                                                 WHERE j.concurrency_key = g.key AND j.position IS NOT NULL AND j.claim_seq IS NULL
                                                                                   AND j.queue = g.queue AND j.priority = g.priority
                                                                                   AND j.position > drawn - 512 * (g.max + 32)::bigint
                                                                                 ORDER BY j.position DESC
                                                                                 LIMIT g.max::bigint + 32) c)
                                                               ELSE 0 END AS waiting) END)
                     OVER (PARTITION BY g.key, g.queue, g.priority) AS waiting
              FROM (
                SELECT due.*, row_number() OVER (PARTITION BY due.key, due.queue, due.priority
                                                     ORDER BY due.run_at) AS rank
                  FROM due
                 WHERE due.key IS NOT NULL) g) k
         ORDER BY run_at) d
  ), ready AS (
    UPDATE "chancy".jobs j
       SET position = CASE WHEN p.is_surplus THEN NULL ELSE p.position END, blocked = p.is_surplus,
           seq = coalesce(j.seq, p.position),
           -- A durable job whose time has come waits no longer.
           waits = NULL
      FROM placed p
     WHERE j.ctid = p.tid
    RETURNING j.queue
  )
  SELECT r.queue, count(*)::int, NULL::float8 FROM ready r GROUP BY r.queue;

  RETURN QUERY
  SELECT NULL::text, 0,
         (SELECT extract(epoch FROM j.run_at - at)::float8 * 1000
            FROM "chancy".jobs j
           WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked
             -- Before PostgreSQL 17 nothing can be subtracted from infinity.
             AND j.run_at < 'infinity'
           ORDER BY j.run_at
           LIMIT 1);
END $function$;

CREATE OR REPLACE FUNCTION chancy.stop_batch_1(batch uuid, at timestamp with time zone)
 RETURNS TABLE(verdict text, owner uuid, name text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  why jsonb;
  held uuid[];
  running uuid[];
  gone uuid[];
BEGIN
  UPDATE "chancy".workflows w SET open = w.open - 1, pushed_until = NULL WHERE w.id = batch AND w.pushed_until IS NOT NULL;
  SELECT jsonb_build_object('kind', CASE w.stopping WHEN 'deadline' THEN 'deadline' ELSE 'cancelled' END, 'message',
           CASE w.stopping WHEN 'deadline' THEN 'The deadline of its batch has passed.'
                           WHEN 'failure' THEN 'The push of its batch failed.'
                           ELSE 'Its batch was cancelled.' END)
    INTO why
    FROM "chancy".workflows w
   WHERE w.id = batch;
  -- FOR UPDATE is what a delete takes: a claim that has found one of them passes over it.
  WITH found AS MATERIALIZED (
    SELECT j.id, j.state
      FROM "chancy".jobs j
     WHERE j.owner_id = batch AND j.owner_step IS NULL AND (j.state <> 'running' OR j.cancel_requested_at IS NULL)
     ORDER BY j.id
     LIMIT 1000
       FOR UPDATE SKIP LOCKED
  )
  SELECT array_agg(f.id) FILTER (WHERE f.state <> 'running'), array_agg(f.id) FILTER (WHERE f.state = 'running')
    INTO held, running
    FROM found f;
  IF held IS NOT NULL THEN
    WITH taken AS (
      DELETE FROM "chancy".jobs j
       WHERE j.id = ANY (held) AND j.state <> 'running'
      RETURNING j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts,
                j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key,
                j.concurrency_key, j.limits, j.backoff, j.retention, j.progress, j.errors, j.meta, j.owner_id, j.owner_step, j.extras
    ), ended AS (
      INSERT INTO "chancy".finished_jobs (
             id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
             concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
             backoff, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state)
      SELECT t.id, t.fence, t.created_at, t.scheduled_at, t.started_at, t.worker_id, t.priority, t.attempts,
             t.max_attempts, t.concurrency_max, t.crashes, t.format, t.queue, t.name, t.args, t.unique_key,
             t.concurrency_key, t.limits, t.backoff, at, CASE WHEN t.retention IS NOT NULL
                                                              THEN least(greatest(t.retention, interval '10 minutes'), interval '3650 days') END, t.progress,
             "chancy".with_error_1(t.errors, "chancy".cancelled_entry_1(t.attempts) || why, at),
             t.meta, t.owner_id, t.owner_step, t.extras, 'cancelled'
        FROM taken t
      RETURNING finished_jobs.id
    )
    SELECT array_agg(e.id) INTO gone FROM ended e;
    UPDATE "chancy".workflows w
       SET open = w.open - cardinality(gone), cancelled = w.cancelled + cardinality(gone)
     WHERE w.id = batch;
    PERFORM "chancy".stop_children_1(gone);
    RETURN QUERY SELECT 'ended', g.id, 'cancelled'::text FROM unnest(gone) AS g(id);
    RETURN QUERY
    SELECT DISTINCT 'freed', NULL::uuid, f.concurrency_key
      FROM "chancy".finished_jobs f
     WHERE f.id = ANY (gone) AND f.finished_at = at AND f.concurrency_key IS NOT NULL;
    IF (SELECT true FROM "chancy".waiters LIMIT 1) AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
      PERFORM pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
         FROM "chancy".waiters w
        WHERE w.job_id = ANY (gone);
    END IF;
  END IF;
  IF running IS NOT NULL THEN
    IF pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
      PERFORM pg_notify('chancy_chancy', 'job.cancelled ' || r.id::text) FROM unnest(running) r(id);
    END IF;
    RETURN QUERY
    UPDATE "chancy".jobs j
       SET cancel_requested_at = at
     WHERE j.id = ANY (running) AND j.state = 'running'
    RETURNING 'asked', j.id, NULL::text;
  END IF;
  -- A later statement: what was locked a moment ago may have run, ended, or gone back to its queue.
  RETURN QUERY
  SELECT 'left', batch, NULL::text
   WHERE (SELECT true
            FROM "chancy".jobs j
           WHERE j.owner_id = batch AND j.owner_step IS NULL AND (j.state <> 'running' OR j.cancel_requested_at IS NULL)
           LIMIT 1);
END $function$;

CREATE OR REPLACE FUNCTION chancy.stop_children_1(parents uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
BEGIN
  UPDATE "chancy".workflows w
     SET stopping = 'cancelled'
   WHERE w.ctid = ANY (ARRAY(
           SELECT o.ctid FROM "chancy".workflows o
            WHERE o.owner_id = ANY (parents) AND o.finished_at IS NULL AND o.stopping IS NULL
              FOR NO KEY UPDATE SKIP LOCKED));
END $function$;

CREATE OR REPLACE FUNCTION chancy.stop_flow_1(flow uuid, room integer)
 RETURNS TABLE(verdict text, n integer, job_id uuid, name text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".clock_1();
  why jsonb;
  waiting int[];
  held uuid[];
  running uuid[];
BEGIN
  SELECT jsonb_build_object('kind', CASE w.stopping WHEN 'deadline' THEN 'deadline' ELSE 'cancelled' END, 'message',
           CASE w.stopping WHEN 'deadline' THEN 'The deadline of its workflow has passed.'
                           WHEN 'failure' THEN 'Another step of its workflow failed.'
                           ELSE 'Its workflow was cancelled.' END)
    INTO why
    FROM "chancy".workflows w
   WHERE w.id = flow;
  waiting := ARRAY(
    SELECT s.n FROM "chancy".steps s WHERE s.owner_id = flow AND s.state = 'waiting' ORDER BY s.n LIMIT room);
  IF cardinality(waiting) > 0 THEN
    RETURN QUERY
    SELECT e.state, e.n, e.job_id, NULL::text
      FROM "chancy".end_unrun_1(array_fill(flow, ARRAY[cardinality(waiting)]), waiting,
                              array_fill('cancelled'::text, ARRAY[cardinality(waiting)]),
                              array_fill(why, ARRAY[cardinality(waiting)]), at) e;
    room := room - cardinality(waiting);
  END IF;
  IF room <= 0 THEN
    RETURN QUERY SELECT 'left', NULL::int, NULL::uuid, NULL::text;
    RETURN;
  END IF;

  -- Items that are not there yet are not made any more.
  WITH never AS (
    DELETE FROM "chancy".step_ends e
     WHERE e.owner_id = flow AND e.state = 'map'
    RETURNING e.n, e."from"
  )
  UPDATE "chancy".steps s
     SET pending = s.pending - ((s.spec ->> 'items')::int - never."from"), bad = s.bad + 1,
         spec = s.spec || jsonb_build_object('made', never."from")
    FROM never
   WHERE s.owner_id = flow AND s.n = never.n;

  -- FOR UPDATE is what a delete takes: a claim that has found one of them passes over it.
  WITH mine AS MATERIALIZED (
    SELECT s.job_id
      FROM "chancy".steps s
     WHERE s.owner_id = flow AND s.state = 'open' AND s.job_id IS NOT NULL
     ORDER BY s.n
  ), found AS MATERIALIZED (
    SELECT j.id, j.state
      FROM mine m
     CROSS JOIN LATERAL (
             SELECT k.id, k.state FROM "chancy".jobs k
              WHERE k.id = m.job_id AND (k.state <> 'running' OR k.cancel_requested_at IS NULL)
                FOR UPDATE SKIP LOCKED) j
     LIMIT room
  )
  SELECT array_agg(f.id) FILTER (WHERE f.state <> 'running'), array_agg(f.id) FILTER (WHERE f.state = 'running')
    INTO held, running
    FROM found f;
  IF held IS NOT NULL THEN
    RETURN QUERY
    WITH gone AS (
      DELETE FROM "chancy".jobs j
       WHERE j.id = ANY (held) AND j.state <> 'running'
      RETURNING j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts,
                j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key,
                j.concurrency_key, j.limits, j.backoff, j.retention, j.progress, j.errors, j.meta, j.owner_id, j.owner_step, j.extras
    ), ended AS (
      INSERT INTO "chancy".finished_jobs (
             id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
             concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
             backoff, finished_at, retention, progress, errors, meta, owner_id, owner_step, extras, state)
      SELECT g.id, g.fence, g.created_at, g.scheduled_at, g.started_at, g.worker_id, g.priority, g.attempts,
             g.max_attempts, g.concurrency_max, g.crashes, g.format, g.queue, g.name, g.args, g.unique_key,
             g.concurrency_key, g.limits, g.backoff, at, CASE WHEN g.retention IS NOT NULL
                                                              THEN least(greatest(g.retention, interval '10 minutes'), interval '3650 days') END, g.progress,
             "chancy".with_error_1(g.errors, "chancy".cancelled_entry_1(g.attempts) || why, at),
             g.meta, g.owner_id, g.owner_step, g.extras, 'cancelled'
        FROM gone g
      RETURNING finished_jobs.id, finished_jobs.concurrency_key
    )
    SELECT DISTINCT 'freed', NULL::int, NULL::uuid, e.concurrency_key FROM ended e WHERE e.concurrency_key IS NOT NULL;
    RETURN QUERY
    UPDATE "chancy".steps s
       SET state = 'cancelled', error = why, ended_at = at, spec = CASE WHEN s.job_id IS NULL THEN s.spec
                                                                        ELSE coalesce(s.spec, '{}') || jsonb_build_object('job', (
                                                                               SELECT to_jsonb(f) - 'result' FROM "chancy".finished_jobs f WHERE f.id = s.job_id LIMIT 1)) END
     WHERE s.owner_id = flow AND s.state = 'open' AND s.job_id = ANY (held)
    RETURNING 'cancelled', s.n, s.job_id, NULL::text;
  END IF;
  IF running IS NOT NULL THEN
    IF pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
      PERFORM pg_notify('chancy_chancy', 'job.cancelled ' || r.id::text) FROM unnest(running) r(id);
    END IF;
    RETURN QUERY
    UPDATE "chancy".jobs j
       SET cancel_requested_at = at
     WHERE j.id = ANY (running) AND j.state = 'running'
    RETURNING 'asked', NULL::int, j.id, NULL::text;
  END IF;
  -- A later statement: what was locked a moment ago may have run, ended, or gone back to its queue.
  IF (SELECT true
        FROM "chancy".steps s
       CROSS JOIN LATERAL (
               SELECT k.state, k.cancel_requested_at FROM "chancy".jobs k WHERE k.id = s.job_id OFFSET 0) j
       WHERE s.owner_id = flow AND s.state = 'open' AND (j.state <> 'running' OR j.cancel_requested_at IS NULL)
       LIMIT 1) THEN
    RETURN QUERY SELECT 'left', NULL::int, NULL::uuid, NULL::text;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.surplus_1(queues text[], priorities integer[], extras_texts text[], scheduled_ms double precision[], delays_ms double precision[], first_position bigint)
 RETURNS boolean[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  group_extras jsonb;
  group_key text;
  group_queue text;
  group_priority int;
  group_max int;
  group_rows int;
  waiting bigint;
  full_groups text[];
  full_queues text[];
  full_priorities int[];
  ranks bigint[];
  is_surplus boolean[];
BEGIN
  -- One group, as the push of a lone job: two short statements at most.
  IF scheduled_ms IS NULL AND delays_ms IS NULL AND extras_texts[1] = ALL (extras_texts)
     AND queues[1] = ALL (queues) AND priorities[1] = ALL (priorities) THEN
    group_extras := extras_texts[1];
    group_key := group_extras ->> 'concurrency_key';
    IF group_key IS NULL THEN
      -- A meta may have a key of that name. A job without a group would stay blocked: no group makes it ready.
      RETURN NULL;
    END IF;
    group_queue := queues[1];
    group_priority := priorities[1];
    group_max := greatest((group_extras ->> 'concurrency_max')::int, 1);
    group_rows := cardinality(extras_texts);
    waiting := (
                 SELECT count(*)
                   FROM (SELECT 1
                           FROM "chancy".jobs j
                          WHERE j.concurrency_key = group_key AND j.position IS NOT NULL AND j.claim_seq IS NULL
                            AND j.queue = group_queue AND j.priority = group_priority
                            AND j.position > surplus_1.first_position - 512 * (group_max + 32)::bigint
                          ORDER BY j.position DESC
                          LIMIT group_max::bigint + 32) c);
    IF waiting + group_rows <= group_max::bigint + 32 THEN
      waiting := waiting + (
                             SELECT count(*)
                               FROM (SELECT 1
                                       FROM "chancy".jobs j
                                      WHERE j.concurrency_key = group_key AND j.blocked
                                        AND j.queue = group_queue AND j.priority = group_priority
                                        AND j.seq > surplus_1.first_position - 512 * (group_max + 32)::bigint
                                      ORDER BY j.seq DESC
                                      LIMIT group_max::bigint + 32) c);
    END IF;
    IF waiting + group_rows <= group_max::bigint + 32 OR NOT (group_max <= 20 OR group_max <= (
                                                               SELECT count(*)
                                                                 FROM (SELECT 1
                                                                         FROM "chancy".jobs j
                                                                        WHERE j.concurrency_key = group_key
                                                                          AND j.claim_seq >= (SELECT h.scan_from FROM "chancy".concurrency_groups h WHERE h.key = group_key)
                                                                        ORDER BY j.claim_seq
                                                                        LIMIT group_max) c)) THEN
      RETURN NULL;
    END IF;
    RETURN ARRAY(
      SELECT waiting + n > group_max::bigint + 32 FROM generate_series(1, group_rows) AS n);
  END IF;
  -- In a large batch a group of that part is met several times in a sample.
  IF cardinality(extras_texts) > 256
     AND (SELECT max(c.rows)
            FROM (SELECT count(*) AS rows
                    FROM unnest(extras_texts) WITH ORDINALITY AS r(extras, n)
                   WHERE r.n * 7919 % 1021 * cardinality(extras_texts) < 65344
                   GROUP BY r.extras) c) < 4 THEN
    RETURN NULL;
  END IF;
  SELECT array_agg(x.extras), array_agg(x.queue), array_agg(x.priority), array_agg(x.rank)
    INTO full_groups, full_queues, full_priorities, ranks
    FROM (
      SELECT g.extras, g.queue, g.priority, g.max::bigint + 32 - w.waiting AS rank
        FROM (
          SELECT r.extras, r.queue, r.priority, r.extras::jsonb ->> 'concurrency_key' AS key,
                 greatest((r.extras::jsonb ->> 'concurrency_max')::int, 1) AS max, count(*) AS rows
            FROM unnest(extras_texts, queues, priorities, scheduled_ms, delays_ms)
              AS r(extras, queue, priority, scheduled_ms, delay_ms)
           WHERE r.extras LIKE '%"concurrency_key"%'
             AND r.scheduled_ms IS NULL AND r.delay_ms IS NULL
           GROUP BY r.extras, r.queue, r.priority
          HAVING count(*) * 8 >= cardinality(extras_texts)
          OFFSET 0) g
       CROSS JOIN LATERAL (
                            SELECT CASE WHEN (g.max <= 20 OR g.max <= (
                                               SELECT count(*)
                                                 FROM (SELECT 1
                                                         FROM "chancy".jobs j
                                                        WHERE j.concurrency_key = g.key
                                                          AND j.claim_seq >= (SELECT h.scan_from FROM "chancy".concurrency_groups h WHERE h.key = g.key)
                                                        ORDER BY j.claim_seq
                                                        LIMIT g.max) c))
                                        THEN (
                                               SELECT count(*)
                                                 FROM (SELECT 1
                                                         FROM "chancy".jobs j
                                                        WHERE j.concurrency_key = g.key AND j.blocked
                                                          AND j.queue = g.queue AND j.priority = g.priority
                                                          AND j.seq > first_position - 512 * (g.max + 32)::bigint
                                                        ORDER BY j.seq DESC
                                                        LIMIT g.max::bigint + 32) c)
                                             + (
                                                 SELECT count(*)
                                                   FROM (SELECT 1
                                                           FROM "chancy".jobs j
                                                          WHERE j.concurrency_key = g.key AND j.position IS NOT NULL AND j.claim_seq IS NULL
                                                            AND j.queue = g.queue AND j.priority = g.priority
                                                            AND j.position > first_position - 512 * (g.max + 32)::bigint
                                                          ORDER BY j.position DESC
                                                          LIMIT g.max::bigint + 32) c)
                                        ELSE 0 END AS waiting) w
       WHERE w.waiting + g.rows > g.max::bigint + 32
         AND g.key IS NOT NULL) x;
  IF full_groups IS NULL THEN
    RETURN NULL;
  END IF;
  SELECT array_agg(coalesce(s.rank > ranks[s.g], false) ORDER BY s.n)
    INTO is_surplus
    FROM (
      SELECT u.n, u.g, row_number() OVER (PARTITION BY u.g ORDER BY u.n) AS rank
        FROM (
          SELECT r.n,
                 (SELECT a.g
                    FROM unnest(full_groups, full_queues, full_priorities) WITH ORDINALITY
                      AS a(extras, queue, priority, g)
                   WHERE a.extras = r.extras AND a.queue = r.queue AND a.priority = r.priority
                     AND r.scheduled_ms IS NULL AND r.delay_ms IS NULL) AS g
            FROM unnest(extras_texts, queues, priorities, scheduled_ms, delays_ms) WITH ORDINALITY
              AS r(extras, queue, priority, scheduled_ms, delay_ms, n)) u) s;
  RETURN is_surplus;
END $function$;

CREATE OR REPLACE FUNCTION chancy.sweep_blocked_1(after_key text, max_keys integer)
 RETURNS TABLE(queue text, last_key text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  keys text[];
  free text[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  WITH RECURSIVE blocked AS (
    (SELECT b.concurrency_key AS key, 1 AS n FROM "chancy".jobs b
      WHERE b.blocked AND b.concurrency_key > coalesce(after_key, '')
      ORDER BY b.concurrency_key LIMIT 1)
    UNION ALL
    SELECT (SELECT b.concurrency_key FROM "chancy".jobs b
             WHERE b.blocked AND b.concurrency_key > blocked.key
             ORDER BY b.concurrency_key LIMIT 1), blocked.n + 1
      FROM blocked
     WHERE blocked.key IS NOT NULL AND blocked.n < max_keys
  )
  SELECT array_agg(b.key ORDER BY b.n) INTO keys FROM blocked b WHERE b.key IS NOT NULL;
  IF keys IS NULL THEN
    RETURN QUERY SELECT NULL::text, NULL::text;
    RETURN;
  END IF;
  -- A group that is locked is being handled. One without a row is made: its jobs are blocked, so no
  -- claim would make it.
  INSERT INTO "chancy".concurrency_groups (key)
  SELECT k.key
    FROM unnest(keys) AS k(key)
   WHERE (SELECT true FROM "chancy".concurrency_groups g WHERE g.key = k.key) IS NULL
   ORDER BY k.key
      ON CONFLICT DO NOTHING;
  free := ARRAY(
    SELECT g.key
      FROM "chancy".concurrency_groups g
     WHERE g.key = ANY (keys)
     ORDER BY g.key
       FOR NO KEY UPDATE SKIP LOCKED);
  RETURN QUERY SELECT r.queue, NULL::text FROM "chancy".ready_1(free) r;
  RETURN QUERY SELECT NULL::text,
                      CASE WHEN cardinality(keys) = max_keys THEN keys[cardinality(keys)] END;
END $function$;

CREATE OR REPLACE FUNCTION chancy.sweep_durable_1(after_id uuid, max_jobs integer)
 RETURNS TABLE(last_id text, removed integer, job text, name text, dropped integer)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  seen uuid[];
  gone uuid[];
  ended uuid[];
  count_removed int := 0;
  part_removed int;
BEGIN
  WITH RECURSIVE walk AS (
    SELECT after_id AS id, 0 AS i
    UNION ALL
    SELECT least(
             (SELECT s.job_id FROM "chancy".job_steps s
               WHERE s.job_id > coalesce(w.id, '00000000-0000-0000-0000-000000000000') ORDER BY s.job_id LIMIT 1),
             (SELECT v.job_id FROM "chancy".job_values v
               WHERE v.job_id > coalesce(w.id, '00000000-0000-0000-0000-000000000000') ORDER BY v.job_id LIMIT 1),
             (SELECT g.job_id FROM "chancy".signals g
               WHERE g.job_id > coalesce(w.id, '00000000-0000-0000-0000-000000000000') ORDER BY g.job_id LIMIT 1)),
           w.i + 1
      FROM walk w
     WHERE w.i < max_jobs AND (w.id IS NOT NULL OR w.i = 0)
  )
  SELECT array_agg(w.id ORDER BY w.i) INTO seen FROM walk w WHERE w.i > 0 AND w.id IS NOT NULL;
  -- Both in one statement: a job that moves between the tables is in one of them.
  SELECT array_agg(i.id) FILTER (WHERE f.living IS NULL AND f.kept IS NULL),
         array_agg(i.id) FILTER (WHERE f.living IS NULL)
    INTO gone, ended
    FROM unnest(seen) AS i(id)
   CROSS JOIN LATERAL (
           SELECT (SELECT true FROM "chancy".jobs j WHERE j.id = i.id) AS living,
                  (SELECT true FROM "chancy".finished_jobs h WHERE h.id = i.id LIMIT 1) AS kept) f;
  DELETE FROM "chancy".job_steps s WHERE s.job_id = ANY (gone);
  GET DIAGNOSTICS count_removed = ROW_COUNT;
  DELETE FROM "chancy".job_values v WHERE v.job_id = ANY (gone);
  GET DIAGNOSTICS part_removed = ROW_COUNT;
  count_removed := count_removed + part_removed;
  -- Of earlier runs.
  DELETE FROM "chancy".job_steps s
   USING (SELECT j.id, (j.extras ->> 'base')::int AS base FROM "chancy".jobs j
           WHERE j.id = ANY (seen) AND j.extras ? 'base') b
   WHERE s.job_id = b.id AND s.n <= b.base;
  GET DIAGNOSTICS part_removed = ROW_COUNT;
  count_removed := count_removed + part_removed;
  -- What jobs have invoked that were cancelled, or whose worker was lost.
  PERFORM "chancy".stop_children_1(ARRAY(
    SELECT o.owner_id
      FROM (SELECT w.owner_id FROM "chancy".workflows w
             WHERE w.owner_id IS NOT NULL AND w.finished_at IS NULL ORDER BY w.owner_id LIMIT 10000) o
     WHERE (SELECT true FROM "chancy".jobs j WHERE j.id = o.owner_id) IS NULL));
  -- What was taken and is kept so that it is not sent twice: a sender tries for less than ten minutes.
  DELETE FROM "chancy".signals s
   WHERE s.job_id = ANY (seen) AND s.taken_at < "chancy".now_1() - interval '10 minutes' AND s.key LIKE 't:%';
  RETURN QUERY
  SELECT CASE WHEN cardinality(seen) = max_jobs THEN seen[max_jobs]::text END, count_removed,
         NULL::text, NULL::text, 0;
  RETURN QUERY
  SELECT NULL::text, 0, d.job, d.name, d.dropped FROM "chancy".drop_signals_1(ended) d;
END $function$;

CREATE OR REPLACE FUNCTION chancy.sweep_flows_1(max_owners integer)
 RETURNS TABLE(verdict text, owner uuid, name text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  owners uuid[];
  orphans uuid[];
  expired uuid[];
  removed int;
  left_room int;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  UPDATE "chancy".workflows w
     SET stopping = 'deadline'
   WHERE w.ctid = ANY (ARRAY(
           SELECT d.ctid FROM "chancy".workflows d
            WHERE d.deadline_at <= "chancy".clock_1() AND d.stopping IS NULL AND d.finished_at IS NULL
            ORDER BY d.deadline_at
            LIMIT max_owners
              FOR NO KEY UPDATE SKIP LOCKED));
  -- The process that pushed its jobs did not end, and renews the lease no longer.
  UPDATE "chancy".workflows w
     SET stopping = 'failure',
         failure = '{"step": null, "kind": "error", "message": "The process that pushed the batch was lost before it had pushed all of its jobs."}'
   WHERE w.ctid = ANY (ARRAY(
           SELECT d.ctid FROM "chancy".workflows d
            WHERE d.pushed_until <= "chancy".clock_1() AND d.stopping IS NULL
            ORDER BY d.pushed_until
            LIMIT max_owners
              FOR NO KEY UPDATE SKIP LOCKED));
  -- One probe of the index for each owner, however many ends it has.
  WITH RECURSIVE waiting AS (
    (SELECT s.owner_id, 1 AS n FROM "chancy".step_ends s ORDER BY s.owner_id LIMIT 1)
    UNION ALL
    SELECT (SELECT s.owner_id FROM "chancy".step_ends s WHERE s.owner_id > w.owner_id ORDER BY s.owner_id LIMIT 1), w.n + 1
      FROM waiting w
     WHERE w.owner_id IS NOT NULL AND w.n < max_owners
  )
  SELECT array_agg(w.owner_id) INTO owners FROM waiting w WHERE w.owner_id IS NOT NULL;
  orphans := ARRAY(
    SELECT o.id FROM unnest(owners) AS o(id)
     WHERE (SELECT true FROM "chancy".workflows w WHERE w.id = o.id) IS NULL);
  IF cardinality(orphans) > 0 THEN
    DELETE FROM "chancy".step_ends s WHERE s.owner_id = ANY (orphans);
  END IF;
  owners := owners || ARRAY(
    SELECT w.id FROM "chancy".workflows w
     WHERE w.stopping IS NOT NULL AND w.finished_at IS NULL
     ORDER BY w.id
     LIMIT max_owners);
  IF cardinality(owners) > 0 THEN
    RETURN QUERY SELECT f.* FROM "chancy".flow_1(owners, false) f;
  END IF;

  expired := ARRAY(
    SELECT w.id FROM "chancy".workflows w
     WHERE w.expires_at <= "chancy".clock_1()
     ORDER BY w.expires_at
     LIMIT max_owners
       FOR UPDATE SKIP LOCKED);
  IF cardinality(expired) > 0 THEN
    DELETE FROM "chancy".steps s
     WHERE s.ctid = ANY (ARRAY(SELECT o.ctid FROM "chancy".steps o WHERE o.owner_id = ANY (expired) LIMIT 1000));
    GET DIAGNOSTICS removed = ROW_COUNT;
    DELETE FROM "chancy".workflows w
     WHERE w.id = ANY (expired) AND (SELECT true FROM "chancy".steps s WHERE s.owner_id = w.id LIMIT 1) IS NULL;
    GET DIAGNOSTICS left_room = ROW_COUNT;
    RETURN QUERY SELECT 'removed', NULL::uuid, (removed + left_room)::text;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION chancy.sweep_groups_1(after_key text, max_keys integer)
 RETURNS TABLE(removed integer, last_key text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
DECLARE
  keys text[];
  count_removed int;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  keys := ARRAY(
    SELECT g.key
      FROM "chancy".concurrency_groups g
     WHERE g.key > coalesce(after_key, '')
     ORDER BY g.key
     LIMIT max_keys
       FOR UPDATE SKIP LOCKED);
  DELETE FROM "chancy".concurrency_groups g
   WHERE g.key = ANY (keys)
     AND (SELECT true FROM "chancy".jobs j
           WHERE j.claim_seq IS NOT NULL AND j.concurrency_key = g.key LIMIT 1) IS NULL
     AND (SELECT true FROM "chancy".jobs j
           WHERE j.blocked AND j.concurrency_key = g.key LIMIT 1) IS NULL
     AND (SELECT true FROM "chancy".jobs j
           WHERE j.position IS NOT NULL AND j.claim_seq IS NULL
             AND j.concurrency_key = g.key LIMIT 1) IS NULL;
  GET DIAGNOSTICS count_removed = ROW_COUNT;
  RETURN QUERY SELECT count_removed,
                      CASE WHEN cardinality(keys) = max_keys THEN keys[cardinality(keys)] END;
END $function$;

CREATE OR REPLACE FUNCTION chancy.text_1(value jsonb, text_bytes integer, value_bytes integer)
 RETURNS text
 LANGUAGE plpgsql
 STABLE STRICT
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  content text;
  whole jsonb;
BEGIN
  IF pg_column_size(value) > least(value_bytes, 4194304) THEN
    RETURN '';
  END IF;
  -- With nothing added to it a value comes back as it is, decompressed.
  whole := value || CASE jsonb_typeof(value) WHEN 'object' THEN '{}' ELSE '[]' END::jsonb;
  IF pg_column_size(whole) > value_bytes THEN
    RETURN '';
  END IF;
  content := value::text;
  IF octet_length(content) > text_bytes THEN
    RETURN '';
  END IF;
  RETURN content;
EXCEPTION WHEN OTHERS THEN
  RETURN '';
END $function$;

CREATE OR REPLACE FUNCTION chancy.undo_jobs_1(bulk uuid, jobs uuid[], waiting boolean, notifying boolean)
 RETURNS TABLE(id text, became text, queue text, concurrency_key text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz := "chancy".clock_1();
  of_action text;
  change jsonb;
  held uuid[];
  letters jsonb;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  SELECT b.action, b.change INTO of_action, change FROM "chancy".bulk_actions b WHERE b.id = undo_jobs_1.bulk;

  IF of_action = 'cancel' THEN
    IF waiting THEN
      PERFORM 1 FROM "chancy".finished_jobs f WHERE f.id = ANY (undo_jobs_1.jobs) ORDER BY f.id FOR UPDATE;
    END IF;
    SELECT array_agg(h.id)
      INTO held
      FROM (SELECT f.id
              FROM "chancy".finished_jobs f
              JOIN "chancy".bulk_items i ON i.job_id = f.id AND i.bulk_id = undo_jobs_1.bulk
             WHERE f.id = ANY (undo_jobs_1.jobs) AND f.state = 'cancelled' AND (waiting OR f.unique_key IS NULL)
               AND f.fence = (i.before ->> 'fence')::bigint
               AND f.finished_at = (i.before ->> 'left_at')::timestamptz
               FOR UPDATE OF f SKIP LOCKED) h;
    IF held IS NULL THEN
      RETURN;
    END IF;
    -- A transaction that draws a position has an id by then.
    PERFORM pg_current_xact_id();
    WITH back AS (
      DELETE FROM "chancy".finished_jobs f WHERE f.id = ANY (held)
      RETURNING f.id, f.fence, f.created_at, f.scheduled_at, f.started_at, f.worker_id, f.priority, f.attempts,
                f.max_attempts, f.concurrency_max, f.crashes, f.format, f.queue, f.name, f.args, f.unique_key,
                f.concurrency_key, f.limits, f.backoff, f.retention, f.progress, f.errors, f.meta, f.extras
    ), sorted AS MATERIALIZED (
      SELECT b.*, i.before AS was, coalesce((i.before ->> 'run_at')::timestamptz > at, false) AS is_early
        FROM back b
        JOIN "chancy".bulk_items i ON i.job_id = b.id AND i.bulk_id = undo_jobs_1.bulk
       ORDER BY b.id
    ), placed AS (
      SELECT s.id, s.fence, s.created_at, s.scheduled_at, s.started_at, s.worker_id, s.priority, s.attempts,
             s.max_attempts, s.concurrency_max, s.crashes, s.format, s.queue, s.name, s.args, s.unique_key,
             s.concurrency_key, s.limits, s.backoff, s.retention, s.progress, s.errors, s.meta, s.extras, s.was,
             CASE WHEN NOT s.is_early THEN nextval('"chancy".positions') END AS position
        FROM sorted s
    )
    INSERT INTO "chancy".jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits,
           backoff, retention, progress, errors, meta, extras, state, run_at, seq, position, fingerprint)
    SELECT p.id, p.fence, p.created_at, p.scheduled_at, p.started_at, p.worker_id, p.priority, p.attempts,
           p.max_attempts, p.concurrency_max, p.crashes, p.format, p.queue, p.name, p.args, p.unique_key,
           p.concurrency_key, p.limits, p.backoff, p.retention, p.progress,
           -- Without the entry of the cancel.
           nullif(p.errors - -1, '[]'), p.meta, p.extras, p.was ->> 'state',
           CASE WHEN p.position IS NULL THEN (p.was ->> 'run_at')::timestamptz ELSE at END,
           p.position, p.position, (p.was ->> 'fingerprint')::bigint
      FROM placed p;

  ELSIF of_action = 'retry' THEN
    IF waiting THEN
      PERFORM 1 FROM "chancy".jobs j
        WHERE j.id = ANY (undo_jobs_1.jobs) AND j.owner_id IS NULL ORDER BY j.id FOR UPDATE;
    END IF;
    SELECT array_agg(h.id), jsonb_object_agg(h.id, h.extras) FILTER (WHERE h.extras ? 'dead_letter')
      INTO held, letters
      FROM (SELECT j.id, j.extras
              FROM "chancy".jobs j
              JOIN "chancy".bulk_items i ON i.job_id = j.id AND i.bulk_id = undo_jobs_1.bulk
             WHERE j.id = ANY (undo_jobs_1.jobs) AND j.state = 'pending' AND j.waits IS NULL AND j.owner_id IS NULL
               AND j.fence = (i.before ->> 'fence')::bigint
               -- Retried again, it has another one.
               AND j.seq IS NOT DISTINCT FROM coalesce((i.before ->> 'left_seq')::bigint, j.seq)
               FOR UPDATE OF j SKIP LOCKED) h;
    IF held IS NULL THEN
      RETURN;
    END IF;
    WITH gone AS (
      DELETE FROM "chancy".jobs j WHERE j.id = ANY (held)
      RETURNING j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts,
                j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key,
                j.concurrency_key, j.limits, j.backoff, j.retention, j.progress, j.errors, j.meta, j.extras
    )
    INSERT INTO "chancy".finished_jobs (
           id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts,
           concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits, backoff,
           retention, progress, errors, meta, extras, state, finished_at, fingerprint, wall_ms, cpu_ms, peak_bytes)
    SELECT g.id, g.fence, g.created_at, g.scheduled_at, g.started_at, g.worker_id, g.priority, g.attempts,
           (w.was ->> 'max_attempts')::int, g.concurrency_max, coalesce((w.was ->> 'crashes')::smallint, 0::smallint),
           g.format, g.queue, g.name, g.args, g.unique_key, g.concurrency_key, g.limits, g.backoff,
           CASE WHEN g.retention IS NOT NULL
                THEN least(greatest(g.retention, interval '10 minutes'), interval '3650 days') END, g.progress, g.errors, g.meta,
           -- A failure that comes back is no new one: its dead letter was pushed, and the trigger sees none here.
           g.extras - 'dead_letter', w.was ->> 'state',
           -- Its day may have been dropped meanwhile.
           CASE WHEN to_regclass(format('%I.%I', 'chancy', 'finished_jobs_'
                                        || to_char(w.ended_at AT TIME ZONE 'UTC', 'YYYYMMDD'))) IS NULL
                THEN at ELSE w.ended_at END,
           (w.was ->> 'fingerprint')::bigint, (w.was ->> 'wall_ms')::float8, (w.was ->> 'cpu_ms')::float8,
           (w.was ->> 'peak_bytes')::float8
      FROM gone g
      JOIN (SELECT i.job_id, i.before AS was, (i.before ->> 'finished_at')::timestamptz AS ended_at
              FROM "chancy".bulk_items i WHERE i.bulk_id = undo_jobs_1.bulk) w ON w.job_id = g.id;
    IF letters IS NOT NULL THEN
      UPDATE "chancy".finished_jobs f
         SET extras = letters -> f.id::text
       WHERE f.id = ANY (held) AND letters ? f.id::text;
    END IF;
    IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
      PERFORM pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
         FROM "chancy".waiters w WHERE w.job_id = ANY (held);
    END IF;
    RETURN QUERY
    SELECT f.id::text, f.state, f.queue, f.concurrency_key::text FROM "chancy".finished_jobs f WHERE f.id = ANY (held);
    RETURN;

  ELSE
    IF waiting THEN
      PERFORM 1 FROM "chancy".jobs j WHERE j.id = ANY (undo_jobs_1.jobs) ORDER BY j.id FOR NO KEY UPDATE;
    END IF;
    WITH fit AS MATERIALIZED (
      SELECT j.ctid AS tid, i.before AS was
        FROM "chancy".jobs j
        JOIN "chancy".bulk_items i ON i.job_id = j.id AND i.bulk_id = undo_jobs_1.bulk
       WHERE j.id = ANY (undo_jobs_1.jobs) AND j.state <> 'running' AND j.waits IS NULL
         AND j.fence = (i.before ->> 'fence')::bigint
         AND CASE of_action WHEN 'move' THEN j.queue = change ->> 'queue'
                            WHEN 'reprioritise' THEN j.priority = (change ->> 'priority')::int
                            ELSE j.scheduled_at IS NOT DISTINCT FROM (i.before ->> 'left_at')::timestamptz END
         FOR NO KEY UPDATE OF j SKIP LOCKED
    ), moved AS (
      UPDATE "chancy".jobs j
         SET queue = coalesce(h.was ->> 'queue', j.queue),
             priority = coalesce((h.was ->> 'priority')::int, j.priority),
             scheduled_at = CASE of_action WHEN 'run-now' THEN (h.was ->> 'scheduled_at')::timestamptz
                                           ELSE j.scheduled_at END,
             run_at = CASE WHEN of_action = 'run-now' THEN (h.was ->> 'run_at')::timestamptz
                           WHEN (j.position IS NOT NULL OR j.blocked OR j.parked) THEN at
                           ELSE j.run_at END,
             position = NULL,
             blocked = false,
             parked = false
        FROM fit h
       WHERE j.ctid = h.tid
      RETURNING j.id
    )
    SELECT array_agg(m.id) INTO held FROM moved m;
  END IF;

  IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'job.scheduled ' || n.queue)
       FROM (SELECT DISTINCT j.queue FROM "chancy".jobs j WHERE j.id = ANY (held)) n;
  END IF;
  RETURN QUERY
  SELECT j.id::text, 'waiting', j.queue, j.concurrency_key::text FROM "chancy".jobs j WHERE j.id = ANY (held);
END $function$;

CREATE OR REPLACE FUNCTION chancy.unserved_1(worker uuid, bound integer)
 RETURNS TABLE(kind text, queue text, name text, jobs integer)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  IF worker IS DISTINCT FROM (
       SELECT w.id FROM "chancy".workers w WHERE w.revoked_at IS NULL AND w.expires_at > "chancy".now_1() ORDER BY w.started_at, w.id LIMIT 1) THEN
    RETURN;
  END IF;
  RETURN QUERY
  WITH RECURSIVE ready_in(queue) AS (
    (SELECT j.queue
       FROM "chancy".jobs j
      WHERE j.position IS NOT NULL AND j.claim_seq IS NULL
      ORDER BY j.queue
      LIMIT 1)
    UNION ALL
    SELECT (SELECT j.queue
              FROM "chancy".jobs j
             WHERE j.position IS NOT NULL AND j.claim_seq IS NULL AND j.queue > l.queue
             ORDER BY j.queue
             LIMIT 1)
      FROM ready_in l
     WHERE l.queue IS NOT NULL
  )
  SELECT 'queue-undeclared', l.queue, NULL::text, c.jobs
    FROM ready_in l
   CROSS JOIN LATERAL (
           SELECT count(*)::int AS jobs
             FROM (SELECT 1 FROM "chancy".jobs j
                    WHERE j.queue = l.queue AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                    LIMIT bound) b) c
   WHERE l.queue IS NOT NULL AND c.jobs > 0
     AND NOT EXISTS (SELECT 1 FROM "chancy".queues q WHERE q.name = l.queue);

  RETURN QUERY
  WITH RECURSIVE parked_names AS (
    (SELECT j.queue, j.name FROM "chancy".jobs j WHERE j.parked ORDER BY j.queue, j.name LIMIT 1)
    UNION ALL
    SELECT n.queue, n.name
      FROM parked_names l
     CROSS JOIN LATERAL (
             SELECT j.queue, j.name
               FROM "chancy".jobs j
              WHERE j.parked AND (j.queue, j.name) > (l.queue, l.name)
              ORDER BY j.queue, j.name
              LIMIT 1) n
  )
  SELECT 'function-unknown', l.queue, l.name::text, c.jobs
    FROM parked_names l
   CROSS JOIN LATERAL (
           SELECT count(*)::int AS jobs
             FROM (SELECT 1 FROM "chancy".jobs j
                    WHERE j.parked AND j.queue = l.queue AND j.name = l.name
                    LIMIT bound) b) c
   WHERE NOT EXISTS (
           SELECT 1 FROM "chancy".workers w
            WHERE w.revoked_at IS NULL AND w.expires_at > "chancy".now_1() AND w.queues ? l.queue AND w.names ? l.name);
END $function$;

CREATE OR REPLACE FUNCTION chancy.wake_1(ids uuid[], patient boolean)
 RETURNS TABLE(id text, verdict text, queue text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at timestamptz;
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
  held uuid[];
  woken uuid[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
  END IF;
  IF patient THEN
    held := ARRAY(
      SELECT j.id FROM "chancy".jobs j WHERE j.id = ANY (wake_1.ids) ORDER BY j.id FOR NO KEY UPDATE);
  ELSE
    held := ARRAY(
      SELECT j.id FROM "chancy".jobs j WHERE j.id = ANY (wake_1.ids) ORDER BY j.id
         FOR NO KEY UPDATE SKIP LOCKED);
  END IF;
  at := "chancy".clock_1();
  WITH ready AS (
    UPDATE "chancy".jobs j
       SET waits = NULL, position = nextval('"chancy".positions'), run_at = at
     WHERE j.id = ANY (held) AND j.waits = 'wait' AND EXISTS (
                                                        SELECT 1
                                                          FROM jsonb_array_elements(j.extras -> 'open') AS w(wait)
                                                         WHERE EXISTS (SELECT 1
                                                                         FROM jsonb_array_elements_text(w.wait -> 'signals') AS n(name)
                                                                        WHERE (SELECT true FROM "chancy".signals s
                                                                                WHERE s.job_id = j.id AND s.name = n.name AND s.taken_at IS NULL LIMIT 1))
                                                            OR (SELECT o.finished_at IS NOT NULL FROM "chancy".workflows o
                                                                 WHERE o.id = (w.wait ->> 'owner')::uuid))
    RETURNING j.id
  )
  SELECT array_agg(r.id) INTO woken FROM ready r;
  -- A claim passes over a job that is locked here, and finds it when it is notified after the commit.
  woken := woken || ARRAY(
    SELECT j.id FROM "chancy".jobs j WHERE j.id = ANY (held) AND j.state <> 'running' AND j.position IS NOT NULL);
  IF woken <> '{}' AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'queue.pushed ' || q.queue)
       FROM (SELECT DISTINCT j.queue FROM "chancy".jobs j WHERE j.id = ANY (woken)) q;
  END IF;
  UPDATE "chancy".signals s
     SET untold = false
   WHERE s.job_id = ANY (held) AND s.untold;
  -- What wake_parent has left.
  DELETE FROM "chancy".signals s WHERE s.job_id = ANY (held) AND s.name = '';
  RETURN QUERY
  SELECT i.id::text,
         CASE WHEN i.id = ANY (woken) THEN 'woken'
              WHEN j.id IS NULL THEN 'gone'
              WHEN i.id <> ALL (held) THEN 'locked'
              WHEN j.state = 'running' THEN 'runs'
              ELSE 'waits' END,
         j.queue
    FROM unnest(wake_1.ids) AS i(id)
    LEFT JOIN LATERAL (
           SELECT k.id, k.state, k.queue FROM "chancy".jobs k WHERE k.id = i.id OFFSET 0) j ON true;
END $function$;

CREATE OR REPLACE FUNCTION chancy.wake_parent_1(parent uuid)
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  woken record;
BEGIN
  SELECT w.verdict, w.queue INTO woken FROM "chancy".wake_1(ARRAY[parent], false) w;
  IF woken.verdict = 'locked' THEN
    INSERT INTO "chancy".signals (job_id, name, value, untold) VALUES (parent, '', 'null', true);
    IF pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
      PERFORM pg_notify('chancy_chancy', 'signal.left ' || parent::text);
    END IF;
  ELSIF woken.verdict = 'runs' AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
    PERFORM pg_notify('chancy_chancy', 'job.signaled ' || parent::text);
  END IF;
  RETURN CASE WHEN woken.verdict = 'woken' THEN woken.queue END;
END $function$;

CREATE OR REPLACE FUNCTION chancy.wake_signaled_1(max_jobs integer)
 RETURNS TABLE(job text, queue text, name text, dropped integer, found integer)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  wanted uuid[];
BEGIN
  SELECT array_agg(DISTINCT u.job_id)
    INTO wanted
    FROM (SELECT s.job_id FROM "chancy".signals s WHERE s.untold ORDER BY s.id LIMIT max_jobs) u;
  IF wanted IS NULL THEN
    RETURN;
  END IF;
  RETURN QUERY
  SELECT w.id, w.queue, NULL::text, 0, 0 FROM "chancy".wake_1(wanted, false) w WHERE w.verdict = 'woken';
  RETURN QUERY
  SELECT d.job, NULL::text, d.name, d.dropped, 0 FROM "chancy".drop_signals_1(wanted) d;
  RETURN QUERY SELECT NULL::text, NULL::text, NULL::text, 0, cardinality(wanted);
END $function$;

CREATE OR REPLACE FUNCTION chancy.was_recorded_1(entry_id uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  RETURN EXISTS (SELECT 1 FROM "chancy".audit a WHERE a.id = entry_id);
END $function$;

CREATE OR REPLACE FUNCTION chancy.watermark_1(wanted_queue text, wanted integer, reached bigint, target bigint, stop_at timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
DECLARE
  step bigint := 100000;
  up_to bigint;
  next_ready bigint;
BEGIN
  WHILE reached < target AND "chancy".clock_1() < stop_at LOOP
    up_to := least(target, reached + step);
    SELECT j.position INTO next_ready
      FROM "chancy".jobs j
     WHERE j.queue = wanted_queue AND j.priority = wanted
       AND j.position > reached AND j.position <= up_to AND j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
     ORDER BY j.position
     LIMIT 1;
    IF FOUND THEN
      RETURN next_ready - 1;
    END IF;
    reached := up_to;
    step := step * 2;
  END LOOP;
  RETURN reached;
END $function$;

CREATE OR REPLACE FUNCTION chancy.with_error_1(errors jsonb, entry jsonb, at timestamp with time zone)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT CASE
           WHEN entry IS NULL THEN errors
           -- What finish did not write is not added to.
           WHEN errors IS NULL OR pg_column_size(errors) > 4194304
                OR jsonb_typeof(errors) <> 'array'
             THEN jsonb_build_array(entry || jsonb_build_object('at', at))
           WHEN jsonb_array_length(errors) < 20
             THEN errors || jsonb_build_array(entry || jsonb_build_object('at', at))
           ELSE jsonb_build_array(errors -> 0)
                || jsonb_path_query_array(errors, '$[2 to last]')
                || jsonb_build_array(entry || jsonb_build_object('at', at))
         END
$function$;
