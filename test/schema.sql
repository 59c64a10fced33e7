-- The schema "chancy" after all migrations, made by scripts/dump-schema.mjs.

DOMAIN group_key AS text CHECK ((octet_length(VALUE) <= 1000));

DOMAIN job_name AS text CHECK ((octet_length(VALUE) <= 200));

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
   FROM chancy.finished_jobs;

SEQUENCE claim_numbers AS bigint START 1 INCREMENT 1 CACHE 1;

TABLE claims (
  worker_id uuid NOT NULL STATISTICS 0
  claim_seq bigint NOT NULL STATISTICS 0
  ids uuid[] NOT NULL STORAGE e STATISTICS 0
  CONSTRAINT claims_pkey PRIMARY KEY (worker_id, claim_seq)
) WITH (autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=5000);
CREATE UNIQUE INDEX claims_pkey ON chancy.claims USING btree (worker_id, claim_seq);

TABLE concurrency_groups (
  key text NOT NULL STATISTICS 0
  low_seq bigint NOT NULL DEFAULT 0 STATISTICS 0
  CONSTRAINT concurrency_groups_pkey PRIMARY KEY (key)
);
CREATE UNIQUE INDEX concurrency_groups_pkey ON chancy.concurrency_groups USING btree (key);

TABLE finished_jobs (
  id uuid NOT NULL
  fence bigint NOT NULL
  created_at timestamp with time zone NOT NULL
  scheduled_at timestamp with time zone
  started_at timestamp with time zone
  finished_at timestamp with time zone NOT NULL DEFAULT now()
  worker_id uuid
  wall_ms double precision
  cpu_ms double precision
  peak_bytes double precision
  priority integer NOT NULL
  attempts integer NOT NULL
  max_attempts integer
  concurrency_max integer
  crashes smallint NOT NULL
  format smallint NOT NULL
  state text NOT NULL
  queue text NOT NULL
  name text NOT NULL
  args jsonb NOT NULL
  unique_key text
  concurrency_key text
  retention interval
  limits jsonb
  backoff jsonb
  progress jsonb
  errors jsonb
  meta jsonb
  result jsonb
) PARTITION BY RANGE (finished_at);
CREATE INDEX finished_jobs_id ON ONLY chancy.finished_jobs USING btree (id);
CREATE INDEX finished_jobs_queue ON ONLY chancy.finished_jobs USING btree (queue, id);
CREATE INDEX finished_jobs_unusual ON ONLY chancy.finished_jobs USING btree (state, id) WHERE (state <> 'succeeded'::text);

SEQUENCE front AS bigint START -9007199254740991 INCREMENT 1 CACHE 1;

TABLE jobs (
  id uuid NOT NULL STATISTICS 0
  seq bigint STATISTICS 0
  ready_seq bigint STATISTICS 0
  fence bigint NOT NULL DEFAULT 0 STATISTICS 0
  claim_seq bigint STATISTICS 0
  created_at timestamp with time zone NOT NULL DEFAULT now() STATISTICS 0
  scheduled_at timestamp with time zone STATISTICS 0
  run_at timestamp with time zone STATISTICS 0
  started_at timestamp with time zone STATISTICS 0
  cancel_requested_at timestamp with time zone STATISTICS 0
  worker_id uuid STATISTICS 0
  priority integer NOT NULL DEFAULT 0 STATISTICS 0
  attempts integer NOT NULL DEFAULT 0 STATISTICS 0
  max_attempts integer STATISTICS 0
  concurrency_max integer STATISTICS 0
  crashes smallint NOT NULL DEFAULT 0 STATISTICS 0
  format smallint NOT NULL DEFAULT 1 STATISTICS 0
  blocked boolean NOT NULL DEFAULT false STATISTICS 0
  aside boolean NOT NULL DEFAULT false STATISTICS 0
  state text NOT NULL DEFAULT 'pending'::text STATISTICS 0
  queue text NOT NULL STATISTICS 0
  name chancy.job_name NOT NULL STATISTICS 0
  args jsonb NOT NULL DEFAULT '{}'::jsonb STATISTICS 0
  unique_key text STATISTICS 0
  concurrency_key chancy.group_key STATISTICS 0
  retention interval STATISTICS 0
  limits jsonb STATISTICS 0
  backoff jsonb STATISTICS 0
  progress jsonb STATISTICS 0
  errors jsonb STATISTICS 0
  meta jsonb STATISTICS 0
  CONSTRAINT jobs_pkey PRIMARY KEY (id)
) WITH (autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_insert_scale_factor=0.05, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=20000, fillfactor=45);
CREATE INDEX jobs_aside ON chancy.jobs USING btree (queue, name, priority DESC, seq) WHERE aside;
CREATE INDEX jobs_blocked ON chancy.jobs USING btree (concurrency_key, queue, priority DESC, seq) WHERE blocked;
CREATE INDEX jobs_cancelling ON chancy.jobs USING btree (cancel_requested_at) WHERE (cancel_requested_at IS NOT NULL);
CREATE INDEX jobs_claim ON chancy.jobs USING btree (queue, priority DESC, ready_seq) WHERE ((ready_seq IS NOT NULL) AND (claim_seq IS NULL));
CREATE INDEX jobs_due ON chancy.jobs USING btree (run_at) WHERE ((ready_seq IS NULL) AND (NOT blocked) AND (NOT aside));
CREATE INDEX jobs_group ON chancy.jobs USING btree (concurrency_key, claim_seq) WHERE (claim_seq IS NOT NULL);
CREATE INDEX jobs_group_ready ON chancy.jobs USING btree (concurrency_key, queue, ready_seq) WHERE ((ready_seq IS NOT NULL) AND (concurrency_key IS NOT NULL) AND (claim_seq IS NULL));
CREATE INDEX jobs_later ON chancy.jobs USING btree (queue, seq) WHERE ((ready_seq IS NULL) AND (NOT blocked) AND (NOT aside));
CREATE UNIQUE INDEX jobs_pkey ON chancy.jobs USING btree (id);
CREATE UNIQUE INDEX jobs_unique_key ON chancy.jobs USING btree (unique_key) WHERE (unique_key IS NOT NULL);

TABLE leader (
  name text NOT NULL
  worker_id uuid NOT NULL
  elected_at timestamp with time zone NOT NULL
  expires_at timestamp with time zone NOT NULL
  CONSTRAINT leader_pkey PRIMARY KEY (name)
);
CREATE UNIQUE INDEX leader_pkey ON chancy.leader USING btree (name);

SEQUENCE line AS bigint START 1 INCREMENT 256 CACHE 1;

TABLE line_floors (
  queue text NOT NULL
  raised_at timestamp with time zone NOT NULL
  highs bigint[]
  lows bigint[]
  afters bigint[]
  befores bigint[]
  priorities integer[] NOT NULL DEFAULT '{}'::integer[]
  fronts bigint[] NOT NULL DEFAULT '{}'::bigint[]
  lines bigint[] NOT NULL DEFAULT '{}'::bigint[]
  mark_front bigint NOT NULL
  mark_line bigint NOT NULL
  mark_id bigint NOT NULL
  former_front bigint NOT NULL DEFAULT '-9007199254740992'::bigint
  former_line bigint NOT NULL DEFAULT '-1'::integer
  left_out bigint[] NOT NULL DEFAULT '{}'::bigint[]
  left_fronts bigint[] NOT NULL DEFAULT '{}'::bigint[]
  left_lines bigint[] NOT NULL DEFAULT '{}'::bigint[]
  CONSTRAINT line_floors_pkey PRIMARY KEY (queue)
);
CREATE UNIQUE INDEX line_floors_pkey ON chancy.line_floors USING btree (queue);

TABLE migrations (
  line text NOT NULL
  version integer NOT NULL
  applied_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT migrations_pkey PRIMARY KEY (line, version)
);
CREATE UNIQUE INDEX migrations_pkey ON chancy.migrations USING btree (line, version);

TABLE queues (
  name text NOT NULL
  state text NOT NULL DEFAULT 'active'::text
  resume_at timestamp with time zone
  concurrency integer
  executor text NOT NULL DEFAULT 'process'::text
  executor_options jsonb NOT NULL DEFAULT '{}'::jsonb
  tags jsonb NOT NULL DEFAULT '[".*"]'::jsonb
  polling_interval_ms double precision NOT NULL DEFAULT 5000
  rate_max integer
  rate_per_ms double precision
  implied boolean NOT NULL DEFAULT false
  created_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT queues_check CHECK (((octet_length(name) <= 200) AND (octet_length(executor) <= 200) AND (pg_column_size(executor_options) <= 65536) AND (pg_column_size(tags) <= 65536)))
  CONSTRAINT queues_pkey PRIMARY KEY (name)
  CONSTRAINT queues_state_check CHECK ((state = ANY (ARRAY['active'::text, 'paused'::text])))
);
CREATE UNIQUE INDEX queues_pkey ON chancy.queues USING btree (name);

TABLE rate_starts (
  queue text NOT NULL STATISTICS 0
  at timestamp with time zone NOT NULL STATISTICS 0
);
CREATE INDEX rate_starts_at ON chancy.rate_starts USING btree (queue, at);

TABLE waiters (
  job_id uuid NOT NULL STATISTICS 0
  until timestamp with time zone NOT NULL STATISTICS 0
);
CREATE INDEX waiters_job ON chancy.waiters USING btree (job_id);

TABLE workers (
  id uuid NOT NULL
  label text
  tags jsonb NOT NULL DEFAULT '[]'::jsonb
  queues jsonb NOT NULL DEFAULT '[]'::jsonb
  refusals jsonb NOT NULL DEFAULT '{}'::jsonb
  names jsonb NOT NULL DEFAULT '[]'::jsonb
  started_at timestamp with time zone NOT NULL DEFAULT now()
  renewed_at timestamp with time zone NOT NULL DEFAULT now()
  expires_at timestamp with time zone NOT NULL
  revoked_at timestamp with time zone
  amnesty boolean NOT NULL DEFAULT false
  CONSTRAINT workers_check CHECK (((octet_length(label) <= 1000) AND (pg_column_size(tags) <= 65536) AND (pg_column_size(queues) <= 4194304) AND (pg_column_size(names) <= 4194304) AND (pg_column_size(refusals) <= 4194304)))
  CONSTRAINT workers_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX workers_pkey ON chancy.workers USING btree (id);

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
     INSERT INTO "chancy"."waiters" (job_id, until)
     SELECT w.id, now() + make_interval(secs => least(for_ms, 86400000) / 1000)
       FROM unnest(ids) AS w(id);
   END $function$;

CREATE OR REPLACE FUNCTION chancy.analyze_history_1()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
   BEGIN
     ANALYZE "chancy"."finished_jobs";
   END $function$;

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
     at timestamptz := clock_timestamp();
     holder uuid;
     line text;
     freed text;
   BEGIN
     
     IF current_setting('transaction_isolation') <> 'read committed' THEN
       RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
     END IF;
     -- A job may move between two statements; three rounds see it somewhere.
     FOR i IN 1 .. 3 LOOP
       WITH gone AS (
         DELETE FROM "chancy"."jobs" j
          WHERE j.id = job AND j.state <> 'running'
         RETURNING j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts, j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key, j.concurrency_key, j.limits, j.backoff, j.retention, j.progress, j.errors, j.meta
       )
       INSERT INTO "chancy"."finished_jobs" (
              id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts, concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits, backoff, finished_at, retention, progress, errors, meta, state)
       SELECT g.id, g.fence, g.created_at, g.scheduled_at, g.started_at, g.worker_id, g.priority, g.attempts, g.max_attempts, g.concurrency_max, g.crashes, g.format, g.queue, g.name, g.args, g.unique_key, g.concurrency_key, g.limits, g.backoff, at, CASE WHEN g.retention IS NOT NULL
                   THEN least(greatest(g.retention, interval '10 minutes'), interval '3650 days') END, g.progress,
              "chancy"."with_error_1"(g.errors, "chancy"."cancelled_entry_1"(g.attempts), at),
              g.meta, 'cancelled'
         FROM gone g
       RETURNING queue, concurrency_key INTO line, freed;
       IF FOUND THEN
         IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
           PERFORM pg_notify('chancy_chancy', 'job.finished ' || job::text)
             FROM "chancy"."waiters" w WHERE w.job_id = job;
         END IF;
         -- Its group is looked at in a transaction of its own: who holds a job must not wait for it.
         RETURN QUERY SELECT 'cancelled', line, NULL::text, freed;
         RETURN;
       END IF;

       UPDATE "chancy"."jobs" j
          SET cancel_requested_at = coalesce(j.cancel_requested_at, at)
        WHERE j.id = job AND j.state = 'running'
       RETURNING j.worker_id, j.queue INTO holder, line;
       IF FOUND THEN
         IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
           PERFORM pg_notify('chancy_chancy', 'job.cancelled ' || job::text);
         END IF;
         RETURN QUERY SELECT 'requested', line, holder::text, NULL::text;
         RETURN;
       END IF;

       IF EXISTS (SELECT 1 FROM "chancy"."finished_jobs" f WHERE f.id = job) THEN
         RETURN QUERY SELECT 'finished', NULL::text, NULL::text, NULL::text;
         RETURN;
       END IF;
     END LOOP;
     RETURN QUERY SELECT 'unknown', NULL::text, NULL::text, NULL::text;
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
         FROM "chancy"."jobs" j
        WHERE j.cancel_requested_at IS NOT NULL AND j.worker_id = worker);
   END $function$;

CREATE OR REPLACE FUNCTION chancy.claim_1(wanted_queue text, worker uuid, room integer, names text[], durable boolean, highs bigint[] DEFAULT NULL::bigint[], lows bigint[] DEFAULT NULL::bigint[], afters bigint[] DEFAULT NULL::bigint[], befores bigint[] DEFAULT NULL::bigint[])
 RETURNS TABLE(id uuid, name text, args text, priority integer, attempts integer, max_attempts integer, fence bigint, ready_seq bigint, created_ms double precision, scheduled_ms double precision, rest text, place tid)
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
     has_aside boolean;
     is_whole boolean := highs IS NULL;
     rate_max int;
     rate_per interval;
     starts int;
     next_start timestamptz;
     picked tid[];
     ids uuid[];
     strange tid[];
     over tid[];
     of_full tid[];
     looked int := 0;
     is_limited boolean;
     all_fit boolean;
     keys text[];
     places bigint[];
     locked text[];
     lows_held bigint[];
     used int[];
     oldest bigint[];
     head_priorities int[];
     head_seqs bigint[];
     claim_number bigint;
     start_at timestamptz;
     look_us int := 0;
     floor_highs bigint[];
     floor_lows bigint[];
     floor_afters bigint[];
     floor_befores bigint[];
   BEGIN
     
     IF current_setting('transaction_isolation') <> 'read committed' THEN
       RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
     END IF;
     SELECT CASE WHEN (SELECT true FROM "chancy"."workers" w WHERE w.id = worker AND w.revoked_at IS NULL)
                 THEN coalesce(q.state, 'undeclared') ELSE 'revoked' END,
            q.rate_max, q.rate_per,
            (SELECT true FROM "chancy"."jobs" j WHERE j.aside AND j.queue = wanted_queue LIMIT 1),
            f.highs, f.lows, f.afters, f.befores
       INTO queue_state, rate_max, rate_per, has_aside,
            floor_highs, floor_lows, floor_afters, floor_befores
       FROM (VALUES (1)) AS one(row)
       LEFT JOIN LATERAL (SELECT CASE WHEN k.state = 'paused' AND k.resume_at <= now() THEN 'active' ELSE k.state END AS state,
                    CASE WHEN k.rate_per_ms > 0 THEN k.rate_max END AS rate_max,
                    make_interval(secs => k.rate_per_ms / 1000) AS rate_per
               FROM "chancy"."queues" k
              WHERE k.name = wanted_queue) q ON true
       LEFT JOIN LATERAL (
              SELECT l.highs, l.lows, l.afters, l.befores
                FROM "chancy"."line_floors" l
               WHERE l.queue = wanted_queue
                 AND (cardinality(l.left_out) = 0 OR l.raised_at > now() - interval '1 minute')
            ) f ON true;
     IF queue_state <> 'active' THEN
       name := queue_state; priority := looked; attempts := CASE queue_state WHEN 'active' THEN room ELSE 0 END; max_attempts := look_us; fence := claim_number; created_ms := 0; scheduled_ms := date_part('epoch', start_at) * 1000; RETURN NEXT;
       RETURN;
     END IF;
     IF NOT durable THEN
       PERFORM set_config('synchronous_commit', 'off', true);
     END IF;

     start_at := clock_timestamp();
     IF rate_max IS NOT NULL THEN
       -- The lock first; the limit, the clock and the count in later statements: each may have changed
       -- during the wait, and now() is as old as that.
       PERFORM 1 FROM "chancy"."queues" q WHERE q.name = wanted_queue FOR NO KEY UPDATE;
       SELECT q.state, q.rate_max, q.rate_per
         INTO queue_state, rate_max, rate_per
         FROM (SELECT CASE WHEN k.state = 'paused' AND k.resume_at <= now() THEN 'active' ELSE k.state END AS state,
                    CASE WHEN k.rate_per_ms > 0 THEN k.rate_max END AS rate_max,
                    make_interval(secs => k.rate_per_ms / 1000) AS rate_per
               FROM "chancy"."queues" k
              WHERE k.name = wanted_queue) q;
       IF queue_state IS DISTINCT FROM 'active' THEN
         queue_state := coalesce(queue_state, 'undeclared');
         name := queue_state; priority := looked; attempts := CASE queue_state WHEN 'active' THEN room ELSE 0 END; max_attempts := look_us; fence := claim_number; created_ms := 0; scheduled_ms := date_part('epoch', start_at) * 1000; RETURN NEXT;
         RETURN;
       END IF;
     END IF;
     IF rate_max IS NOT NULL THEN
       start_at := clock_timestamp();
       DELETE FROM "chancy"."rate_starts" s WHERE s.queue = wanted_queue AND s.at <= start_at - rate_per;
       SELECT count(*) INTO starts FROM "chancy"."rate_starts" s WHERE s.queue = wanted_queue;
       room := least(room, rate_max - starts);
       IF room <= 0 THEN
         -- The window is free again when so many of its starts have left it that one more fits.
         SELECT s.at + rate_per INTO next_start
           FROM "chancy"."rate_starts" s
          WHERE s.queue = wanted_queue
          ORDER BY s.at
         OFFSET greatest(starts - rate_max, 0)
          LIMIT 1;
         room := 0;
         name := queue_state; priority := looked; attempts := CASE queue_state WHEN 'active' THEN room ELSE 0 END; max_attempts := look_us; fence := claim_number; created_ms := CASE WHEN next_start IS NULL THEN 1000
                      ELSE greatest(date_part('epoch', next_start - start_at) * 1000, 1) END; scheduled_ms := date_part('epoch', start_at) * 1000; RETURN NEXT;
         RETURN;
       END IF;
     END IF;

     IF is_whole THEN
       highs := floor_highs;
         lows := floor_lows;
         afters := floor_afters;
         befores := floor_befores;
     END IF;
     IF has_aside THEN
       -- Both arms are bounded by the room; what is locked here and not taken is free again at the
       -- end of this transaction.
       IF highs IS NULL THEN
         
       SELECT array_agg(r.tid) FILTER (WHERE r.is_known), array_agg(r.id) FILTER (WHERE r.is_known),
              array_agg(r.tid) FILTER (WHERE NOT r.is_known), count(*),
              bool_or(r.is_limited AND r.is_known)
         INTO picked, ids, strange, looked, is_limited
         FROM (
           SELECT l.tid, l.id, l.is_limited, l.name = ANY (names) AS is_known
             FROM (
                SELECT both_lanes.tid, both_lanes.id, both_lanes.is_limited, both_lanes.name,
                       both_lanes.priority, both_lanes.ready_seq
                  FROM (
                    SELECT a.*, 0 AS lane
                      FROM unnest(names) AS n(name),
                           LATERAL (
                             SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited,
                                    j.name, j.priority, j.seq AS ready_seq
                               FROM "chancy"."jobs" j
                              WHERE j.aside AND j.queue = wanted_queue AND j.name = n.name
                              ORDER BY j.priority DESC, j.seq
                              LIMIT room
                                FOR NO KEY UPDATE SKIP LOCKED) a
                    UNION ALL
                    SELECT l.*, 1
                      FROM (
                SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                      j.ready_seq
                  FROM "chancy"."jobs" j
                 WHERE j.queue = wanted_queue AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                 ORDER BY j.priority DESC, j.ready_seq
                 LIMIT room
                   FOR NO KEY UPDATE SKIP LOCKED) l
                  ) both_lanes
                 ORDER BY both_lanes.priority DESC, both_lanes.lane, both_lanes.ready_seq
                 LIMIT room) l
           OFFSET 0) r;
       ELSE
         
       SELECT array_agg(r.tid) FILTER (WHERE r.is_known), array_agg(r.id) FILTER (WHERE r.is_known),
              array_agg(r.tid) FILTER (WHERE NOT r.is_known), count(*),
              bool_or(r.is_limited AND r.is_known)
         INTO picked, ids, strange, looked, is_limited
         FROM (
           SELECT l.tid, l.id, l.is_limited, l.name = ANY (names) AS is_known
             FROM (
                SELECT both_lanes.tid, both_lanes.id, both_lanes.is_limited, both_lanes.name,
                       both_lanes.priority, both_lanes.ready_seq
                  FROM (
                    SELECT a.*, 0 AS lane
                      FROM unnest(names) AS n(name),
                           LATERAL (
                             SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited,
                                    j.name, j.priority, j.seq AS ready_seq
                               FROM "chancy"."jobs" j
                              WHERE j.aside AND j.queue = wanted_queue AND j.name = n.name
                              ORDER BY j.priority DESC, j.seq
                              LIMIT room
                                FOR NO KEY UPDATE SKIP LOCKED) a
                    UNION ALL
                    SELECT l.*, 1
                      FROM (
                SELECT r.*
                  FROM unnest(highs, lows, afters, befores) AS g(high, low, after, before)
                 CROSS JOIN LATERAL (
                   SELECT lane.*
                     FROM (
                       SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                      j.ready_seq
                         FROM "chancy"."jobs" j
                        WHERE g.high = g.low AND j.queue = wanted_queue AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND j.priority = g.high
                          AND j.ready_seq > g.after AND j.ready_seq < g.before
                        ORDER BY j.priority DESC, j.ready_seq
                 LIMIT room
                   FOR NO KEY UPDATE SKIP LOCKED) lane
                   UNION ALL
                   SELECT gap.*
                     FROM (
                       SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                      j.ready_seq
                         FROM "chancy"."jobs" j
                        WHERE g.high <> g.low AND j.queue = wanted_queue AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                          AND j.priority < g.high AND j.priority > g.low
                        ORDER BY j.priority DESC, j.ready_seq
                 LIMIT room
                   FOR NO KEY UPDATE SKIP LOCKED) gap) r
                 LIMIT room) l
                  ) both_lanes
                 ORDER BY both_lanes.priority DESC, both_lanes.lane, both_lanes.ready_seq
                 LIMIT room) l
           OFFSET 0) r;
       END IF;
     ELSIF highs IS NULL THEN
       
       SELECT array_agg(r.tid) FILTER (WHERE r.is_known), array_agg(r.id) FILTER (WHERE r.is_known),
              array_agg(r.tid) FILTER (WHERE NOT r.is_known), count(*),
              bool_or(r.is_limited AND r.is_known)
         INTO picked, ids, strange, looked, is_limited
         FROM (
           SELECT l.tid, l.id, l.is_limited, l.name = ANY (names) AS is_known
             FROM (
                SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                      j.ready_seq
                  FROM "chancy"."jobs" j
                 WHERE j.queue = wanted_queue AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                 ORDER BY j.priority DESC, j.ready_seq
                 LIMIT room
                   FOR NO KEY UPDATE SKIP LOCKED) l
           OFFSET 0) r;
     ELSE
       
       SELECT array_agg(r.tid) FILTER (WHERE r.is_known), array_agg(r.id) FILTER (WHERE r.is_known),
              array_agg(r.tid) FILTER (WHERE NOT r.is_known), count(*),
              bool_or(r.is_limited AND r.is_known)
         INTO picked, ids, strange, looked, is_limited
         FROM (
           SELECT l.tid, l.id, l.is_limited, l.name = ANY (names) AS is_known
             FROM (
                SELECT r.*
                  FROM unnest(highs, lows, afters, befores) AS g(high, low, after, before)
                 CROSS JOIN LATERAL (
                   SELECT lane.*
                     FROM (
                       SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                      j.ready_seq
                         FROM "chancy"."jobs" j
                        WHERE g.high = g.low AND j.queue = wanted_queue AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND j.priority = g.high
                          AND j.ready_seq > g.after AND j.ready_seq < g.before
                        ORDER BY j.priority DESC, j.ready_seq
                 LIMIT room
                   FOR NO KEY UPDATE SKIP LOCKED) lane
                   UNION ALL
                   SELECT gap.*
                     FROM (
                       SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                      j.ready_seq
                         FROM "chancy"."jobs" j
                        WHERE g.high <> g.low AND j.queue = wanted_queue AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                          AND j.priority < g.high AND j.priority > g.low
                        ORDER BY j.priority DESC, j.ready_seq
                 LIMIT room
                   FOR NO KEY UPDATE SKIP LOCKED) gap) r
                 LIMIT room) l
           OFFSET 0) r;
     END IF;
     IF is_whole THEN
       look_us := least(date_part('epoch', clock_timestamp() - start_at) * 1000000, 2000000000)::int;
     END IF;
     IF strange IS NOT NULL THEN
       
       UPDATE "chancy"."jobs" j SET aside = true, ready_seq = NULL WHERE j.ctid = ANY (strange);
       UPDATE "chancy"."jobs" j
          SET aside = true, ready_seq = NULL
        WHERE j.ctid = ANY (ARRAY(
                SELECT k.ctid
                  FROM "chancy"."jobs" k
                 WHERE k.ctid = ANY (ARRAY(
                         SELECT h.tid
                           FROM (
                             SELECT j.ctid AS tid, j.name
                               FROM "chancy"."jobs" j
                              WHERE j.queue = wanted_queue AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                              ORDER BY j.priority DESC, j.ready_seq
                              LIMIT 5000) h
                          WHERE h.name <> ALL (names)))
                   AND k.ready_seq IS NOT NULL AND k.claim_seq IS NULL AND k.state <> 'running'
                   FOR NO KEY UPDATE SKIP LOCKED));
     END IF;
     IF picked IS NULL THEN
       name := queue_state; priority := looked; attempts := CASE queue_state WHEN 'active' THEN room ELSE 0 END; max_attempts := look_us; fence := claim_number; created_ms := 0; scheduled_ms := date_part('epoch', start_at) * 1000; RETURN NEXT;
       RETURN;
     END IF;

     IF is_limited THEN
       -- With each key the place before which an older job may stand that was made ready: the whole
       -- front of the line, since an older one may have been blocked later. A job that was made ready
       -- itself can pass one only where several of its group may run.
       SELECT array_agg(k.key ORDER BY k.key), array_agg(k.place ORDER BY k.key)
         INTO keys, places
         FROM (
           SELECT j.concurrency_key AS key,
                  max(CASE WHEN j.concurrency_max > 1 OR coalesce(j.ready_seq, 0) >= 0
                           THEN 0::bigint END) AS place
             FROM "chancy"."jobs" j
            WHERE j.ctid = ANY (picked) AND j.concurrency_key IS NOT NULL
            GROUP BY j.concurrency_key) k;
       -- Missing groups are made before any is locked, in one order; then all are locked, in one
       -- order. One that the sweep took in between is missed here: everything is let go, and the
       -- claim begins again.
       IF (SELECT count(*) FROM "chancy"."concurrency_groups" g WHERE g.key = ANY (keys))
          < cardinality(keys) THEN
         INSERT INTO "chancy"."concurrency_groups" (key)
         SELECT k.key
           FROM unnest(keys) AS k(key)
          WHERE (SELECT true FROM "chancy"."concurrency_groups" g WHERE g.key = k.key) IS NULL
          ORDER BY k.key
             ON CONFLICT DO NOTHING;
       END IF;
       SELECT array_agg(l.key), array_agg(l.low_seq)
         INTO locked, lows_held
         FROM (
           SELECT g.key, g.low_seq
             FROM "chancy"."concurrency_groups" g
            WHERE g.key = ANY (keys)
            ORDER BY g.key
              FOR NO KEY UPDATE) l;
       IF cardinality(locked) IS DISTINCT FROM cardinality(keys) THEN
         RAISE EXCEPTION 'a group was swept away while it was claimed from' USING ERRCODE = 'CH002';
       END IF;
       claim_number := nextval('"chancy"."claim_numbers"');

       -- Later statements than the lock: they see what its last holder did.
       SELECT array_agg(c.used), array_agg(c.oldest), array_agg(c.priority), array_agg(c.seq),
              cardinality(keys) = cardinality(picked) AND bool_and(c.used = 0 AND c.seq IS NULL)
         INTO used, oldest, head_priorities, head_seqs, all_fit
         FROM (
           SELECT r.used, r.oldest,
                  CASE WHEN b.priority > m.priority OR (b.priority = m.priority AND b.seq < m.seq)
                       THEN b.priority ELSE coalesce(m.priority, b.priority) END AS priority,
                  CASE WHEN b.priority > m.priority OR (b.priority = m.priority AND b.seq < m.seq)
                       THEN b.seq ELSE coalesce(m.seq, b.seq) END AS seq
             FROM unnest(keys, lows_held, places) WITH ORDINALITY AS k(key, low, place, n)
            CROSS JOIN LATERAL (
                    SELECT count(*)::int AS used, min(j.claim_seq) AS oldest
                      FROM "chancy"."jobs" j
                     WHERE j.concurrency_key = k.key AND j.claim_seq >= k.low) r
             LEFT JOIN LATERAL (
                    SELECT j.priority, j.seq
                      FROM "chancy"."jobs" j
                     WHERE j.blocked AND j.concurrency_key = k.key AND j.queue = wanted_queue
                     ORDER BY j.priority DESC, j.seq
                     LIMIT 1) b ON true
             -- Those that were blocked until a moment ago, after the snapshot of the scan, or that
             -- another claim is about to take. Few: no more are made ready than fit.
             LEFT JOIN LATERAL (
                    SELECT j.priority, j.seq
                      FROM "chancy"."jobs" j
                     WHERE j.ready_seq < k.place AND j.claim_seq IS NULL
                       AND j.concurrency_key = k.key AND j.queue = wanted_queue
                       AND j.ctid <> ALL (picked)
                     ORDER BY j.priority DESC, j.seq
                     LIMIT 1) m ON true
            ORDER BY k.n) c;

       -- One job of each group, and nobody runs or waits in any: most claims are like that.
       IF NOT all_fit THEN
         -- In each group by priority and age, up to the first that does not fit; and none before an
         -- older one that is blocked, or was.
         SELECT array_agg(f.tid) FILTER (WHERE f.fits), array_agg(f.id) FILTER (WHERE f.fits),
                array_agg(f.tid) FILTER (WHERE NOT f.fits),
                array_agg(f.tid) FILTER (WHERE f.is_full)
           INTO picked, ids, over, of_full
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
                   FROM "chancy"."jobs" j
                  WHERE j.ctid = ANY (picked)) c) f;
         IF picked IS NULL AND of_full IS NOT NULL THEN
           over := over || ARRAY(
             SELECT s.tid
               FROM (
                 SELECT DISTINCT ON (j.concurrency_key) j.concurrency_key AS key, j.priority, j.seq
                   FROM "chancy"."jobs" j
                  WHERE j.ctid = ANY (of_full)
                  ORDER BY j.concurrency_key, j.priority DESC, j.seq) f
              CROSS JOIN LATERAL (
                      SELECT j.ctid AS tid
                        FROM "chancy"."jobs" j
                       WHERE j.ready_seq >= 0 AND j.claim_seq IS NULL AND j.concurrency_key = f.key
                         AND j.queue = wanted_queue
                         AND (j.priority < f.priority OR j.priority = f.priority AND j.seq > f.seq)
                         AND j.ctid <> ALL (over)
                       ORDER BY j.ready_seq
                       LIMIT 2000
                         FOR NO KEY UPDATE SKIP LOCKED) s
              LIMIT 2000);
         END IF;
         IF over IS NOT NULL THEN
           UPDATE "chancy"."jobs" j
              SET blocked = true, ready_seq = NULL, aside = false
            WHERE j.ctid = ANY (over);
         END IF;
       END IF;
       -- A bound for the count, moved seldom: under an old transaction the index keeps every job that
       -- ran in the group since.
       UPDATE "chancy"."concurrency_groups" g
          SET low_seq = k.low
         FROM (SELECT u.key, coalesce(u.oldest, claim_number) AS low, u.was
                 FROM unnest(keys, oldest, lows_held) AS u(key, oldest, was)) k
        WHERE g.key = k.key AND k.low - k.was > 1000;
       IF picked IS NULL THEN
         name := queue_state; priority := looked; attempts := CASE queue_state WHEN 'active' THEN room ELSE 0 END; max_attempts := look_us; fence := claim_number; created_ms := 0; scheduled_ms := date_part('epoch', start_at) * 1000; RETURN NEXT;
         RETURN;
       END IF;
     ELSE
       claim_number := nextval('"chancy"."claim_numbers"');
     END IF;

     INSERT INTO "chancy"."claims" (worker_id, claim_seq, ids) VALUES (worker, claim_number, ids);
     IF rate_max IS NULL THEN
       start_at := clock_timestamp();
     ELSE
       INSERT INTO "chancy"."rate_starts" (queue, at)
       SELECT wanted_queue, start_at FROM generate_series(1, cardinality(picked));
     END IF;
     name := queue_state; priority := looked; attempts := CASE queue_state WHEN 'active' THEN room ELSE 0 END; max_attempts := look_us; fence := claim_number; created_ms := 0; scheduled_ms := date_part('epoch', start_at) * 1000; RETURN NEXT;
     RETURN QUERY
     UPDATE "chancy"."jobs" j
        SET state = 'running', worker_id = worker, started_at = start_at,
            -- Bounded, since one row that overflows would fail the claim of all, again and again.
            attempts = least(j.attempts, 2147483646) + 1,
            fence = least(j.fence, 9007199254740990) + 1,
            -- No change in an ordinary job: what an index knows of it stays as it is. One that has a
            -- limit leaves the index of the line, and one that was aside gets the first place of
            -- all, which moves nobody's bound.
            claim_seq = CASE WHEN j.concurrency_key IS NOT NULL THEN claim_number END,
            aside = false, ready_seq = coalesce(j.ready_seq, -9007199254740991)
      WHERE j.ctid = ANY (picked)
     RETURNING j.id, j.name::text, CASE WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL THEN j.args::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.args, 262144, 65536) END,
               j.priority, j.attempts, j.max_attempts,
               j.fence, j.ready_seq, date_part('epoch', j.created_at) * 1000,
               date_part('epoch', j.scheduled_at) * 1000, CASE WHEN j.concurrency_key IS NULL AND j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0 THEN NULL
                 WHEN j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                 THEN json_build_object('concurrency_key', j.concurrency_key)::text
                 WHEN j.concurrency_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                 THEN json_build_object('unique_key', j.unique_key)::text
                 WHEN coalesce(pg_column_size(j.limits), 0) + coalesce(pg_column_size(j.backoff), 0) + coalesce(pg_column_size(j.progress), 0) + coalesce(pg_column_size(j.errors), 0) + coalesce(pg_column_size(j.meta), 0) > 65536
                 THEN json_strip_nulls(json_build_object('concurrency_key', j.concurrency_key, 'unique_key', left(j.unique_key, 1000), 'crashes', nullif(j.crashes, 0), 'is_cut', true))::text
                 ELSE "chancy"."text_1"(jsonb_strip_nulls(jsonb_build_object('concurrency_key', j.concurrency_key, 'unique_key', j.unique_key, 'limits', j.limits, 'backoff', j.backoff, 'cancel_requested_at', j.cancel_requested_at, 'retention_ms', extract(epoch FROM j.retention) * 1000, 'crashes', nullif(j.crashes, 0)))
                       || CASE WHEN j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL THEN '{}'
                               ELSE CASE WHEN j.progress IS NULL THEN '{}'
                                   ELSE jsonb_build_object('progress', j.progress) END || CASE WHEN j.errors IS NULL THEN '{}'
                                   ELSE jsonb_build_object('errors', j.errors) END || CASE WHEN j.meta IS NULL THEN '{}'
                                   ELSE jsonb_build_object('meta', j.meta) END END, 262144, 65536) END, j.ctid;
   END $function$;

CREATE OR REPLACE FUNCTION chancy.drop_day_1(day text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET lock_timeout TO '200ms'
AS $function$
   DECLARE
     part record;
     is_needed boolean;
   BEGIN
     SELECT c.oid::regclass AS name, i.inhrelid IS NOT NULL AS is_attached,
            coalesce(i.inhdetachpending, false) AS is_pending
       INTO part
       FROM pg_class c
       LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
      WHERE c.relnamespace = '"chancy"'::regnamespace AND c.relkind = 'r'
        AND c.relname = drop_day_1.day AND c.relname ~ '^finished_jobs_[0-9]{8}$'
        AND (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC'
            < now() - interval '10 minutes';
     IF NOT FOUND THEN
       RETURN false;
     END IF;
     EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s f WHERE f.finished_at
                      + least(greatest(coalesce(f.retention, interval ''7 days''),
                                       interval ''10 minutes''), interval ''3650 days'') > now())', part.name)
        INTO is_needed;
     IF is_needed THEN
       RETURN false;
     END IF;
     IF part.is_attached THEN
       EXECUTE format('ALTER TABLE %s DETACH PARTITION %s %s', '"chancy"."finished_jobs"', part.name,
                      CASE WHEN part.is_pending THEN 'FINALIZE' ELSE '' END);
     END IF;
     EXECUTE format('DROP TABLE %s', part.name);
     RETURN true;
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
     at timestamptz := clock_timestamp();
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
            greatest(j.concurrency_max, 1) AS max, j.priority, j.seq, j.ready_seq
       INTO found_job
       FROM "chancy"."jobs" j
      WHERE j.id = explain_1.job;
     IF NOT FOUND THEN
       RETURN;
     END IF;
     SELECT q.state, q.resume_at, q.tags, q.rate_max, q.rate_per_ms
       INTO found_queue
       FROM "chancy"."queues" q
      WHERE q.name = found_job.queue;

     -- Backwards from the job: of a long line the nearest are read, and never the head, where
     -- rows that are gone may lie in heaps.
     SELECT count(*)::int
       INTO before
       FROM (
         (SELECT 1
            FROM "chancy"."jobs" a
           WHERE a.queue = found_job.queue AND a.priority = found_job.priority
             AND a.ready_seq < found_job.ready_seq AND a.ready_seq IS NOT NULL AND a.claim_seq IS NULL AND a.state <> 'running'
           ORDER BY a.ready_seq DESC
           LIMIT bound)
         UNION ALL
         (SELECT 1
            FROM "chancy"."jobs" a
           WHERE a.queue = found_job.queue AND a.priority > found_job.priority
             AND a.ready_seq IS NOT NULL AND a.claim_seq IS NULL AND a.state <> 'running'
           ORDER BY a.priority, a.ready_seq DESC
           LIMIT bound)
         LIMIT bound) counted;

     IF found_queue.rate_max IS NOT NULL AND found_queue.rate_per_ms > 0 THEN
       -- With this many starts in the window there is none left, until the oldest of them leaves it.
       rate_per := make_interval(secs => found_queue.rate_per_ms / 1000);
       SELECT s.at + rate_per
         INTO next_start
         FROM "chancy"."rate_starts" s
        WHERE s.queue = found_job.queue AND s.at > at - rate_per
        ORDER BY s.at DESC
       OFFSET greatest(found_queue.rate_max, 1) - 1
        LIMIT 1;
     END IF;

     IF found_job.concurrency_key IS NOT NULL THEN
       SELECT max(g.low_seq)
         INTO low
         FROM "chancy"."concurrency_groups" g
        WHERE g.key = found_job.concurrency_key;
       SELECT count(*)::int, coalesce(jsonb_agg(h.id) FILTER (WHERE h.n <= 1000), '[]')
         INTO used, users
         FROM (
           SELECT k.id, row_number() OVER () AS n
             FROM (
               SELECT r.id
                 FROM "chancy"."jobs" r
                WHERE r.concurrency_key = found_job.concurrency_key
                  AND r.claim_seq >= coalesce(low, 0)
                ORDER BY r.claim_seq
                LIMIT greatest(found_job.max, 1000)) k) h;
       -- No job overtakes an older one of its group that is blocked.
       SELECT b.priority, b.seq
         INTO head
         FROM "chancy"."jobs" b
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
                        FROM "chancy"."workers" w
                       WHERE w.revoked_at IS NULL AND w.expires_at > at), '[]')::text, date_part('epoch', at) * 1000;
   END $function$;

CREATE OR REPLACE FUNCTION chancy.explain_queue_1(wanted_queue text, bound integer, look integer)
 RETURNS TABLE(queue_state text, ready integer, scheduled integer, backoff integer, aside integer, blocked integer, blocked_more boolean, running integer, running_more boolean, tags text, workers text, next_start_ms double precision)
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
     at timestamptz := clock_timestamp();
     found_queue record;
     rate_per interval;
     next_start timestamptz;
     walked record;
     seen record;
   BEGIN
     SELECT CASE WHEN q.state = 'paused' AND q.resume_at <= now() THEN 'active' ELSE q.state END AS state,
            q.tags, q.rate_max, q.rate_per_ms
       INTO found_queue
       FROM "chancy"."queues" q
      WHERE q.name = wanted_queue;
     IF found_queue.rate_max IS NOT NULL AND found_queue.rate_per_ms > 0 THEN
       -- With this many starts in the window there is none left, until the oldest of them leaves it.
       rate_per := make_interval(secs => found_queue.rate_per_ms / 1000);
       SELECT s.at + rate_per
         INTO next_start
         FROM "chancy"."rate_starts" s
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
                  FROM "chancy"."jobs" b
                 WHERE b.blocked AND b.concurrency_key > walk.key
                 ORDER BY b.concurrency_key
                 LIMIT 1) n
        CROSS JOIN LATERAL (
                SELECT count(*)::int AS jobs
                  FROM (
                    SELECT 1
                      FROM "chancy"."jobs" j
                     WHERE j.blocked AND j.concurrency_key = n.key AND j.queue = wanted_queue
                     ORDER BY j.priority DESC, j.seq
                     LIMIT bound - walk.jobs) counted) c
        WHERE walk.groups <= look AND walk.jobs < bound
     )
     SELECT max(walk.jobs) AS jobs, max(walk.groups) > look AS more INTO walked FROM walk;

     -- A job that was claimed again by the same worker stands in two of its claims.
     SELECT count(DISTINCT r.id) FILTER (WHERE r.queue = wanted_queue)::int AS jobs,
            count(*) > look AS more
       INTO seen
       FROM (
         SELECT j.queue, i.id
           FROM (
             SELECT i.id, c.worker_id
               FROM "chancy"."claims" c
              CROSS JOIN LATERAL unnest(c.ids) AS i(id)
              ORDER BY c.worker_id, c.claim_seq
              LIMIT look + 1) i
           LEFT JOIN LATERAL (
                  SELECT k.queue FROM "chancy"."jobs" k
                   WHERE k.id = i.id AND k.state = 'running' AND k.worker_id = i.worker_id
                  OFFSET 0) j ON true) r;

     RETURN QUERY
     SELECT found_queue.state,
            (SELECT count(*)::int
               FROM (
                 SELECT 1
                   FROM "chancy"."jobs" j
                  WHERE j.queue = wanted_queue AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                  ORDER BY j.priority DESC, j.ready_seq
                  LIMIT bound) counted),
            (SELECT count(*)::int
               FROM (
                 SELECT 1
                   FROM "chancy"."jobs" j
                  WHERE j.queue = wanted_queue AND j.ready_seq IS NULL AND NOT j.blocked AND NOT j.aside AND j.seq IS NULL
                  ORDER BY j.seq
                  LIMIT bound) counted),
            (SELECT count(*)::int
               FROM (
                 SELECT 1
                   FROM "chancy"."jobs" j
                  WHERE j.queue = wanted_queue AND j.ready_seq IS NULL AND NOT j.blocked AND NOT j.aside AND j.seq IS NOT NULL
                  ORDER BY j.seq
                  LIMIT bound) counted),
            (SELECT count(*)::int
               FROM (
                 SELECT 1
                   FROM "chancy"."jobs" j
                  WHERE j.queue = wanted_queue AND j.aside
                  ORDER BY j.name, j.priority DESC, j.seq
                  LIMIT bound) counted),
            walked.jobs, walked.more, seen.jobs, seen.more, found_queue.tags::text,
            coalesce((SELECT jsonb_agg(jsonb_build_object('tags', w.tags, 'names', w.names,
                                                         'queues', w.queues,
                                                         'refusals', w.refusals))
                        FROM "chancy"."workers" w
                       WHERE w.revoked_at IS NULL AND w.expires_at > at), '[]')::text, date_part('epoch', next_start) * 1000;
   END $function$;

CREATE OR REPLACE FUNCTION chancy.finish_1(worker uuid, places tid[], ids uuid[], fences bigint[], states text[], results text[], errors text[], delays_ms double precision[], given_back integer[], crashed integer[], fronts boolean[], walls_ms double precision[], cpus_ms double precision[], peaks double precision[], rests text[], since_ms double precision, keys text[], ended bigint[])
 RETURNS TABLE(id text, verdict text, at_ms double precision)
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
     at timestamptz := clock_timestamp();
     tids tid[];
     ends text[];
     copied int;
     deleted int;
     moved int := 0;
     kept int := 0;
     asked uuid[];
     cancelled uuid[];
     own_id xid8;
   BEGIN
     
     IF current_setting('transaction_isolation') <> 'read committed' THEN
       RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
     END IF;
     -- Rows are first looked for where the claim left them, and those that have moved since (a progress
     -- was saved, a cancel asked for) by their ids. They are copied first and deleted then, without a
     -- lock in between: rows with so many columns are dear to carry through RETURNING. When a row
     -- changes between the two, the counts differ, and the whole batch is done again.
     IF finish_1.states IS NULL AND finish_1.errors IS NULL AND finish_1.rests IS NULL THEN
       -- The common case, without a question that costs every row. What it leaves is found below.
       INSERT INTO "chancy"."finished_jobs" (
              id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts, concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits, backoff, finished_at, retention, progress, errors, meta, state,
              result, wall_ms, cpu_ms, peak_bytes)
       SELECT j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts, j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key, j.concurrency_key, j.limits, j.backoff, at, CASE WHEN j.retention IS NOT NULL
                   THEN least(greatest(j.retention, interval '10 minutes'), interval '3650 days') END, j.progress, j.errors, j.meta, 'succeeded',
              d.result::jsonb, d.wall_ms, d.cpu_ms, d.peak_bytes
         FROM unnest(finish_1.places, finish_1.ids, finish_1.fences, finish_1.results,
                     finish_1.walls_ms, finish_1.cpus_ms, finish_1.peaks)
           AS d(tid, id, fence, result, wall_ms, cpu_ms, peak_bytes)
         JOIN "chancy"."jobs" j ON j.ctid = d.tid
        WHERE (j.id = d.id) IS TRUE AND j.fence = d.fence AND j.worker_id = worker
          AND j.state = 'running' AND j.cancel_requested_at IS NULL;
       GET DIAGNOSTICS moved = ROW_COUNT;
       IF finish_1.fences = array_fill(finish_1.fences[1], ARRAY[moved]) THEN
         -- Each place has been seen to hold its job, and goes to no other row during this call: the
         -- snapshot of the call keeps what was there. So the fence, one for all, is what is left to ask.
         DELETE FROM "chancy"."jobs" j
          WHERE j.ctid = ANY (finish_1.places) AND j.fence = finish_1.fences[1]
            AND j.worker_id = worker AND j.state = 'running' AND j.cancel_requested_at IS NULL;
       ELSE
         DELETE FROM "chancy"."jobs" j
          USING unnest(finish_1.places, finish_1.ids, finish_1.fences) AS d(tid, id, fence)
          WHERE j.ctid = d.tid AND (j.id = d.id) IS TRUE AND j.fence = d.fence AND j.worker_id = worker
          AND j.state = 'running' AND j.cancel_requested_at IS NULL;
       END IF;
       GET DIAGNOSTICS deleted = ROW_COUNT;
       IF deleted <> moved THEN
         RAISE EXCEPTION 'a job changed while it was being finished' USING ERRCODE = 'CH002';
       END IF;
     END IF;

     tids := finish_1.places;
     FOR round IN 1 .. 2 LOOP
       EXIT WHEN moved = cardinality(finish_1.ids);
       ends := coalesce(finish_1.states, array_fill('succeeded'::text, ARRAY[cardinality(finish_1.ids)]));
       INSERT INTO "chancy"."finished_jobs" (
              id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts, concurrency_max, crashes, format, queue, name, args, unique_key, concurrency_key, limits, backoff, finished_at, retention, progress, errors, meta, state,
              result, wall_ms, cpu_ms, peak_bytes)
       SELECT j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts, j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key, j.concurrency_key, j.limits, j.backoff, at,
              CASE WHEN d.rest IS NULL OR j.retention IS NOT NULL THEN CASE WHEN j.retention IS NOT NULL
                   THEN least(greatest(j.retention, interval '10 minutes'), interval '3650 days') END
                   ELSE make_interval(secs => (d.rest::jsonb ->> 'retention_ms')::float8 / 1000) END,
              CASE WHEN d.rest IS NULL OR NOT d.rest::jsonb ? 'progress' THEN j.progress
                   ELSE d.rest::jsonb -> 'progress' END,
              CASE WHEN j.cancel_requested_at IS NOT NULL
                   THEN "chancy"."with_error_1"(j.errors, CASE
                          WHEN d.error::jsonb ->> 'kind' = 'cancelled' THEN d.error::jsonb
                          ELSE "chancy"."cancelled_entry_1"(j.attempts) END, at)
                   WHEN d.error IS NULL THEN j.errors
                   ELSE "chancy"."with_error_1"(j.errors, d.error::jsonb, at) END,
              CASE WHEN d.rest IS NULL OR NOT d.rest::jsonb ? 'meta' THEN j.meta
                   ELSE d.rest::jsonb -> 'meta' END,
              CASE WHEN j.cancel_requested_at IS NULL THEN d.state ELSE 'cancelled' END,
              CASE WHEN j.cancel_requested_at IS NULL THEN d.result::jsonb END,
              d.wall_ms, d.cpu_ms, d.peak_bytes
         FROM unnest(tids, finish_1.ids, finish_1.fences, ends, finish_1.results,
                     finish_1.errors, finish_1.walls_ms, finish_1.cpus_ms, finish_1.peaks,
                     finish_1.rests)
           AS d(tid, id, fence, state, result, error, wall_ms, cpu_ms, peak_bytes, rest)
         JOIN "chancy"."jobs" j ON j.ctid = d.tid
        WHERE (j.id = d.id) IS TRUE AND j.fence = d.fence AND j.worker_id = worker
          AND j.state = 'running'
          AND (d.state IN ('succeeded', 'failed', 'cancelled') OR j.cancel_requested_at IS NOT NULL);
       GET DIAGNOSTICS copied = ROW_COUNT;

       WITH gone AS (
         DELETE FROM "chancy"."jobs" j
          USING (
                 -- By place, as the common case has it: a batch that is sent again may meet its first
                 -- try, which still waits for a row.
                 SELECT u.*
                   FROM unnest(tids, finish_1.ids, finish_1.fences, ends)
                     AS u(tid, id, fence, state)
                  ORDER BY u.tid) d
          WHERE j.ctid = d.tid AND (j.id = d.id) IS TRUE AND j.fence = d.fence AND j.worker_id = worker
          AND j.state = 'running'
            AND (d.state IN ('succeeded', 'failed', 'cancelled')
                 OR j.cancel_requested_at IS NOT NULL)
         RETURNING CASE WHEN j.cancel_requested_at IS NOT NULL THEN j.id END AS asked
       )
       SELECT count(*), array_agg(gone.asked) FILTER (WHERE gone.asked IS NOT NULL)
         INTO deleted, asked
         FROM gone;
       IF deleted <> copied OR asked IS NOT NULL AND cardinality(asked) <> (
            SELECT count(*) FROM "chancy"."finished_jobs" f
             WHERE f.id = ANY (asked) AND f.finished_at = at AND f.state = 'cancelled') THEN
         RAISE EXCEPTION 'a job changed while it was being finished' USING ERRCODE = 'CH002';
       END IF;
       moved := moved + copied;
       cancelled := cancelled || asked;
       EXIT WHEN moved = cardinality(finish_1.ids) OR round = 2;
       tids := ARRAY(
         SELECT h.tid
           FROM unnest(finish_1.ids) AS d(id)
           LEFT JOIN LATERAL (
                  SELECT j.ctid AS tid FROM "chancy"."jobs" j WHERE j.id = d.id OFFSET 0) h ON true);
     END LOOP;

     IF moved < cardinality(finish_1.ids) THEN
       -- Before a place is drawn: see the floors of a line.
       own_id := pg_current_xact_id();
       UPDATE "chancy"."jobs" j
          SET state = d.state, claim_seq = NULL,
              ready_seq = CASE WHEN d.front THEN nextval('"chancy"."front"')
                               WHEN coalesce(d.delay_ms, 0) <= 0 THEN nextval('"chancy"."line"') END,
              run_at = CASE WHEN d.delay_ms > 0 THEN at + make_interval(secs => d.delay_ms / 1000) END,
              attempts = j.attempts - coalesce(d.given_back, 0),
              crashes = j.crashes + coalesce(d.crashed, 0),
              errors = "chancy"."with_error_1"(j.errors, d.error::jsonb, at),
              progress = CASE WHEN d.rest::jsonb ? 'progress' THEN d.rest::jsonb -> 'progress'
                              ELSE j.progress END,
              meta = CASE WHEN d.rest::jsonb ? 'meta' THEN d.rest::jsonb -> 'meta' ELSE j.meta END
         FROM (
                SELECT u.*
                  FROM unnest(tids, finish_1.ids, finish_1.fences, ends, finish_1.errors,
                              finish_1.delays_ms, finish_1.given_back, finish_1.crashed,
                              finish_1.fronts, finish_1.rests)
                    AS u(tid, id, fence, state, error, delay_ms, given_back, crashed, front, rest)
                 ORDER BY u.tid) d
        WHERE j.ctid = d.tid AND (j.id = d.id) IS TRUE AND j.fence = d.fence AND j.worker_id = worker
          AND j.state = 'running'
          AND d.state IN ('pending', 'retrying')
          -- A cancel that came since the first statement: the next try moves the row.
          AND j.cancel_requested_at IS NULL;
       GET DIAGNOSTICS kept = ROW_COUNT;
     END IF;

     IF moved + kept < cardinality(finish_1.ids) THEN
       RETURN QUERY
       SELECT d.id::text, v.verdict, NULL::float8
         FROM unnest(finish_1.ids, finish_1.fences) AS d(id, fence),
              LATERAL (
                SELECT CASE
                         WHEN EXISTS (
                           SELECT 1 FROM "chancy"."jobs" j
                            WHERE j.id = d.id AND j.fence = d.fence AND j.worker_id = worker)
                         THEN (SELECT CASE WHEN j.state = 'running' THEN 'again' ELSE 'saved' END
                                 FROM "chancy"."jobs" j WHERE j.id = d.id)
                         -- A bound on the time prunes the days that cannot hold it.
                         WHEN EXISTS (
                           SELECT 1 FROM "chancy"."finished_jobs" f
                            WHERE f.id = d.id AND f.fence = d.fence AND f.worker_id = worker
                              AND f.finished_at >= to_timestamp(since_ms / 1000))
                         THEN 'saved'
                         ELSE 'lost'
                       END AS verdict) v
        WHERE v.verdict <> 'saved';
     END IF;

     IF ended IS NOT NULL THEN
       DELETE FROM "chancy"."claims" c WHERE c.worker_id = worker AND c.claim_seq = ANY (ended);
     END IF;
     -- Only asked where somebody waits.
     IF EXISTS (SELECT 1 FROM "chancy"."waiters" w) AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
       PERFORM pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
          FROM "chancy"."waiters" w
         WHERE w.job_id = ANY (finish_1.ids);
     END IF;
     IF keys IS NOT NULL THEN
       -- After the jobs and the claims: see the order of locks.
       PERFORM "chancy"."lock_groups_1"(keys);
       RETURN QUERY SELECT r.queue, 'ready', NULL::float8 FROM "chancy"."ready_1"(keys) r;
     END IF;
     RETURN QUERY SELECT c::text, 'cancelled', NULL::float8 FROM unnest(cancelled) AS c;
     RETURN QUERY SELECT NULL::text, 'at', extract(epoch FROM at)::float8 * 1000;
   END $function$;

CREATE OR REPLACE FUNCTION chancy.floor_1(wanted_queue text, wanted integer, place bigint, target bigint, stop_at timestamp with time zone)
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
     ready bigint;
   BEGIN
     WHILE place < target AND clock_timestamp() < stop_at LOOP
       up_to := least(target, place + step);
       SELECT j.ready_seq INTO ready
         FROM "chancy"."jobs" j
        WHERE j.queue = wanted_queue AND j.priority = wanted
          AND j.ready_seq > place AND j.ready_seq <= up_to AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
        ORDER BY j.ready_seq
        LIMIT 1;
       IF FOUND THEN
         RETURN ready - 1;
       END IF;
       place := up_to;
       step := step * 2;
     END LOOP;
     RETURN place;
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
    SELECT 
           j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                    WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL THEN j.args::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                    WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL THEN j.limits::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                    WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL THEN j.errors::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                    WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL THEN j.progress::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                    WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL THEN j.meta::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
           NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes
      FROM "chancy"."jobs" j
     WHERE j.id = ANY (ids)
     UNION ALL 
    SELECT 
           j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                    WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL THEN j.args::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                    WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL THEN j.limits::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                    WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL THEN j.errors::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                    WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL THEN j.progress::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                    WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL THEN j.meta::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           date_part('epoch', j.finished_at) * 1000 AS finished_ms,
           CASE WHEN j.result IS NULL THEN NULL
                    WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL THEN j.result::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes
      FROM "chancy"."finished_jobs" j
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
     SELECT j.id, j.state FROM "chancy"."jobs" j WHERE j.id = ANY (ids)
     UNION ALL
     SELECT j.id, j.state FROM "chancy"."finished_jobs" j WHERE j.id = ANY (ids);
   END $function$;

CREATE OR REPLACE FUNCTION chancy.held_1(worker uuid, claim_seqs bigint[])
 RETURNS TABLE(id uuid, name text, args text, priority integer, attempts integer, max_attempts integer, fence bigint, ready_seq bigint, created_ms double precision, scheduled_ms double precision, rest text, place tid, claim_seq bigint, queue text, started_ms double precision)
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
     SELECT j.id, j.name::text, CASE WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL THEN j.args::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.args, 262144, 65536) END,
               j.priority, j.attempts, j.max_attempts,
               j.fence, j.ready_seq, date_part('epoch', j.created_at) * 1000,
               date_part('epoch', j.scheduled_at) * 1000, CASE WHEN j.concurrency_key IS NULL AND j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0 THEN NULL
                 WHEN j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                 THEN json_build_object('concurrency_key', j.concurrency_key)::text
                 WHEN j.concurrency_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                 THEN json_build_object('unique_key', j.unique_key)::text
                 WHEN coalesce(pg_column_size(j.limits), 0) + coalesce(pg_column_size(j.backoff), 0) + coalesce(pg_column_size(j.progress), 0) + coalesce(pg_column_size(j.errors), 0) + coalesce(pg_column_size(j.meta), 0) > 65536
                 THEN json_strip_nulls(json_build_object('concurrency_key', j.concurrency_key, 'unique_key', left(j.unique_key, 1000), 'crashes', nullif(j.crashes, 0), 'is_cut', true))::text
                 ELSE "chancy"."text_1"(jsonb_strip_nulls(jsonb_build_object('concurrency_key', j.concurrency_key, 'unique_key', j.unique_key, 'limits', j.limits, 'backoff', j.backoff, 'cancel_requested_at', j.cancel_requested_at, 'retention_ms', extract(epoch FROM j.retention) * 1000, 'crashes', nullif(j.crashes, 0)))
                       || CASE WHEN j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL THEN '{}'
                               ELSE CASE WHEN j.progress IS NULL THEN '{}'
                                   ELSE jsonb_build_object('progress', j.progress) END || CASE WHEN j.errors IS NULL THEN '{}'
                                   ELSE jsonb_build_object('errors', j.errors) END || CASE WHEN j.meta IS NULL THEN '{}'
                                   ELSE jsonb_build_object('meta', j.meta) END END, 262144, 65536) END, j.ctid, c.claim_seq, j.queue, date_part('epoch', j.started_at) * 1000
       FROM "chancy"."claims" c
      CROSS JOIN LATERAL unnest(c.ids) AS i(id)
      CROSS JOIN LATERAL (
              SELECT k.ctid, k.* FROM "chancy"."jobs" k WHERE k.id = i.id OFFSET 0) j
      WHERE c.worker_id = worker AND c.claim_seq = ANY (claim_seqs)
        AND j.state = 'running' AND j.worker_id = worker;
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
         (
    SELECT 
           j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                    WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL THEN j.args::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                    WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL THEN j.limits::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                    WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL THEN j.errors::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                    WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL THEN j.progress::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                    WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL THEN j.meta::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
           NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes
      FROM "chancy"."jobs" j
     WHERE j.id = ANY (ARRAY(SELECT unnest(c.ids) FROM "chancy"."claims" c))
            AND j.id <= bound AND j.id IS DISTINCT FROM after
            AND (of_queue IS NULL OR j.queue = of_queue)
            AND (of_state IS NULL OR j.state = of_state)
            AND (of_name IS NULL OR j.name = of_name)
          ORDER BY j.id DESC
          LIMIT size);
     ELSIF of_state IS NULL OR of_state IN ('pending', 'retrying') THEN
       RETURN QUERY 
         (
    SELECT 
           j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                    WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL THEN j.args::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                    WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL THEN j.limits::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                    WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL THEN j.errors::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                    WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL THEN j.progress::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                    WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL THEN j.meta::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           NULL::float8 AS finished_ms, NULL::text AS result, NULL::float8 AS wall_ms,
           NULL::float8 AS cpu_ms, NULL::float8 AS peak_bytes
      FROM "chancy"."jobs" j
     WHERE true
            AND j.id <= bound AND j.id IS DISTINCT FROM after
            AND (of_queue IS NULL OR j.queue = of_queue)
            AND (of_state IS NULL OR j.state = of_state)
            AND (of_name IS NULL OR j.name = of_name)
          ORDER BY j.id DESC
          LIMIT size);
     END IF;
     IF of_state IN ('failed', 'cancelled') THEN
       RETURN QUERY 
         (
    SELECT 
           j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                    WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL THEN j.args::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                    WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL THEN j.limits::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                    WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL THEN j.errors::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                    WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL THEN j.progress::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                    WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL THEN j.meta::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           date_part('epoch', j.finished_at) * 1000 AS finished_ms,
           CASE WHEN j.result IS NULL THEN NULL
                    WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL THEN j.result::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes
      FROM "chancy"."finished_jobs" j
     WHERE (j.state, j.id) <= (of_state, bound) AND j.state >= of_state AND j.state <> 'succeeded'
            AND j.id <= bound AND j.id IS DISTINCT FROM after
            AND (of_queue IS NULL OR j.queue = of_queue)
            AND (of_state IS NULL OR j.state = of_state)
            AND (of_name IS NULL OR j.name = of_name)
          ORDER BY j.state DESC, j.id DESC
          LIMIT size);
     ELSIF of_state IS NULL OR of_state = 'succeeded' THEN
       IF of_queue IS NULL THEN
         RETURN QUERY 
         (
    SELECT 
           j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                    WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL THEN j.args::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                    WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL THEN j.limits::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                    WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL THEN j.errors::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                    WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL THEN j.progress::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                    WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL THEN j.meta::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           date_part('epoch', j.finished_at) * 1000 AS finished_ms,
           CASE WHEN j.result IS NULL THEN NULL
                    WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL THEN j.result::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes
      FROM "chancy"."finished_jobs" j
     WHERE true
            AND j.id <= bound AND j.id IS DISTINCT FROM after
            AND (of_queue IS NULL OR j.queue = of_queue)
            AND (of_state IS NULL OR j.state = of_state)
            AND (of_name IS NULL OR j.name = of_name)
          ORDER BY j.id DESC
          LIMIT size);
       ELSE
         RETURN QUERY 
         (
    SELECT 
           j.id::text AS id, left(j.queue, 200) AS queue, left(j.name, 200) AS name,
           CASE WHEN j.args IS NULL THEN NULL
                    WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL THEN j.args::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.args, 4194304, 8388608) END AS args, left(j.state, 200) AS state,
           j.priority, j.attempts, j.max_attempts,
           date_part('epoch', j.created_at) * 1000 AS created_ms,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.started_at) * 1000 AS started_ms,
           left(j.unique_key, 1000) AS unique_key, left(j.concurrency_key, 1000) AS concurrency_key,
           CASE WHEN j.limits IS NULL THEN NULL
                    WHEN pg_column_size(j.limits) <= 2000 AND pg_column_compression(j.limits) IS NULL THEN j.limits::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.limits, 4194304, 8388608) END AS limits, CASE WHEN j.errors IS NULL THEN NULL
                    WHEN pg_column_size(j.errors) <= 2000 AND pg_column_compression(j.errors) IS NULL THEN j.errors::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.errors, 4194304, 8388608) END AS errors,
           CASE WHEN j.progress IS NULL THEN NULL
                    WHEN pg_column_size(j.progress) <= 2000 AND pg_column_compression(j.progress) IS NULL THEN j.progress::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.progress, 4194304, 8388608) END AS progress, CASE WHEN j.meta IS NULL THEN NULL
                    WHEN pg_column_size(j.meta) <= 2000 AND pg_column_compression(j.meta) IS NULL THEN j.meta::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.meta, 4194304, 8388608) END AS meta,
           j.worker_id::text AS worker_id,
           date_part('epoch', j.finished_at) * 1000 AS finished_ms,
           CASE WHEN j.result IS NULL THEN NULL
                    WHEN pg_column_size(j.result) <= 2000 AND pg_column_compression(j.result) IS NULL THEN j.result::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.result, 4194304, 8388608) END AS result, j.wall_ms, j.cpu_ms, j.peak_bytes
      FROM "chancy"."finished_jobs" j
     WHERE (j.queue, j.id) <= (of_queue, bound) AND j.queue >= of_queue
            AND j.id <= bound AND j.id IS DISTINCT FROM after
            AND (of_queue IS NULL OR j.queue = of_queue)
            AND (of_state IS NULL OR j.state = of_state)
            AND (of_name IS NULL OR j.name = of_name)
          ORDER BY j.queue DESC, j.id DESC
          LIMIT size);
       END IF;
     END IF;
   END $function$;

CREATE OR REPLACE FUNCTION chancy.load_1(job uuid, of_fence bigint)
 RETURNS TABLE(args text, rest text)
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
     SELECT "chancy"."text_1"(j.args, 4194304, 8388608), CASE WHEN j.concurrency_key IS NULL AND j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0 THEN NULL
                 WHEN j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                 THEN json_build_object('concurrency_key', j.concurrency_key)::text
                 WHEN j.concurrency_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                 THEN json_build_object('unique_key', j.unique_key)::text
                 WHEN coalesce(pg_column_size(j.limits), 0) + coalesce(pg_column_size(j.backoff), 0) + coalesce(pg_column_size(j.progress), 0) + coalesce(pg_column_size(j.errors), 0) + coalesce(pg_column_size(j.meta), 0) > 8388608
                 THEN json_strip_nulls(json_build_object('concurrency_key', j.concurrency_key, 'unique_key', left(j.unique_key, 1000), 'crashes', nullif(j.crashes, 0), 'is_cut', true))::text
                 ELSE "chancy"."text_1"(jsonb_strip_nulls(jsonb_build_object('concurrency_key', j.concurrency_key, 'unique_key', j.unique_key, 'limits', j.limits, 'backoff', j.backoff, 'cancel_requested_at', j.cancel_requested_at, 'retention_ms', extract(epoch FROM j.retention) * 1000, 'crashes', nullif(j.crashes, 0)))
                       || CASE WHEN j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL THEN '{}'
                               ELSE CASE WHEN j.progress IS NULL THEN '{}'
                                   ELSE jsonb_build_object('progress', j.progress) END || CASE WHEN j.errors IS NULL THEN '{}'
                                   ELSE jsonb_build_object('errors', j.errors) END || CASE WHEN j.meta IS NULL THEN '{}'
                                   ELSE jsonb_build_object('meta', j.meta) END END, 4194304, 8388608) END
       FROM "chancy"."jobs" j
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
        FROM "chancy"."concurrency_groups" g
       WHERE g.key = ANY (keys)
       ORDER BY g.key
         FOR NO KEY UPDATE;
   END $function$;

CREATE OR REPLACE FUNCTION chancy.make_days_1(ahead integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
   DECLARE
     today date := (now() AT TIME ZONE 'UTC')::date;
     day date;
     child text;
     made int := 0;
   BEGIN
     -- Two makers of one day would otherwise meet at CREATE TABLE, and one would fail.
     PERFORM pg_advisory_xact_lock(hashtextextended('chancy days chancy', 0::bigint));
     FOR i IN 0 .. ahead LOOP
       day := today + i;
       child := 'finished_jobs_' || to_char(day::timestamp, 'YYYYMMDD');
       CONTINUE WHEN to_regclass('"chancy"' || '.' || quote_ident(child)) IS NOT NULL;
       EXECUTE format('CREATE TABLE %s.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)',
                      '"chancy"', child, '"chancy"."finished_jobs"');
       -- A table without a primary key refuses DELETE under a publication of all tables otherwise.
       EXECUTE format('ALTER TABLE %s.%I REPLICA IDENTITY FULL', '"chancy"', child);
       EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s.%I FOR VALUES FROM (%L) TO (%L)',
                      '"chancy"."finished_jobs"', '"chancy"', child,
                      day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
       made := made + 1;
     END LOOP;
     RETURN made;
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
     PERFORM "chancy"."lock_groups_1"(keys);
     RETURN QUERY SELECT r.queue FROM "chancy"."ready_1"(keys) r;
   END $function$;

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
      WHERE (SELECT true FROM "chancy"."finished_jobs" f
              WHERE f.id = i.id AND f.finished_at >= now() - interval '20 minutes'
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
                   PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint)
                                     FROM 3) FROM 1 FOR 6),
           6, (get_byte(uuid_send(gen_random_uuid()), 6) & 15) | 112),
         8, (get_byte(uuid_send(gen_random_uuid()), 8) & 63) | 128),
       'hex')::uuid
   $function$;

CREATE OR REPLACE FUNCTION chancy.places_1(rows integer)
 RETURNS bigint[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
   DECLARE
     -- Before a place is drawn: see the floors of a line.
     own_id xid8 := pg_current_xact_id();
   BEGIN
     RETURN ARRAY(SELECT nextval('"chancy"."line"')
                    FROM generate_series(1, (rows + 255) / 256));
   END $function$;

CREATE OR REPLACE FUNCTION chancy.push(name text, args jsonb DEFAULT '{}'::jsonb, queue text DEFAULT 'default'::text, priority integer DEFAULT 0, max_attempts integer DEFAULT NULL::integer, scheduled_at timestamp with time zone DEFAULT NULL::timestamp with time zone, unique_key text DEFAULT NULL::text, meta jsonb DEFAULT NULL::jsonb)
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
   DECLARE
     job uuid := "chancy"."new_id"();
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
         FROM "chancy"."push_1"(
                ARRAY[job], ARRAY[push.queue], ARRAY[push.name], ARRAY[push.args::text],
                ARRAY[push.priority], ARRAY[push.max_attempts],
                ARRAY[(extract(epoch FROM push.scheduled_at) * 1000)::float8], NULL,
                CASE WHEN push.unique_key IS NOT NULL THEN ARRAY[push.unique_key] END,
                ARRAY[CASE WHEN push.meta IS NOT NULL
                           THEN jsonb_build_object('meta', push.meta)::text END],
                false, 0, ARRAY[CASE WHEN push.scheduled_at > now()
                           THEN 'job.scheduled ' ELSE 'queue.pushed ' END || push.queue]) p;
       -- No row back: it was inserted. A row without a holder: the holder finished between the two
       -- statements, so the key is free now.
       EXIT WHEN NOT FOUND;
       IF standing IS NOT NULL THEN
         RETURN standing;
       END IF;
     END LOOP;
     RETURN job;
   END $function$;

CREATE OR REPLACE FUNCTION chancy.push_1(ids uuid[], queues text[], names text[], args text[], priorities integer[], max_attempts integer[], scheduled_ms double precision[], delays_ms double precision[], unique_keys text[], rests text[], again boolean, lock_ms integer, payloads text[], bases bigint[] DEFAULT NULL::bigint[])
 RETURNS TABLE(pushed text, holder text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
   #variable_conflict use_column
   DECLARE
     -- Before a place is drawn: see the floors of a line.
     own_id xid8 := pg_current_xact_id();
     made uuid[];
     past uuid[];
     surplus boolean[];
   BEGIN
     IF bases IS NULL THEN
       IF cardinality(ids) <= 256 THEN
         bases := ARRAY[nextval('"chancy"."line"')];
       ELSE
         bases := "chancy"."places_1"(cardinality(ids));
       END IF;
     END IF;
     IF again THEN
       -- What is deleted below must be looked for in a snapshot of its own.
       IF current_setting('transaction_isolation') <> 'read committed' THEN
       RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
     END IF;
     END IF;
     IF lock_ms > 0 THEN
       PERFORM set_config('lock_timeout', lock_ms::text, true);
     END IF;

     IF rests IS NOT NULL AND strpos(array_to_string(rests, ''), '"concurrency_key"') > 0 THEN
       surplus := "chancy"."surplus_1"(queues, priorities, rests, scheduled_ms, delays_ms, bases[1]);
     END IF;

     IF unique_keys IS NULL AND NOT again THEN
       -- Only the id can conflict, and it is new: nothing is asked of each row. A producer that came
       -- upon the id of another would hear of it.
       IF scheduled_ms IS NULL AND delays_ms IS NULL AND rests IS NULL THEN
         
       INSERT INTO "chancy"."jobs" (id, queue, name, args, priority, max_attempts, seq, ready_seq)
       SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.place, g.place
         FROM (
           SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, bases[(r.n - 1::bigint) / 256::bigint + 1::bigint] + (r.n - 1::bigint) % 256::bigint AS place
             FROM unnest(ids, queues, names, args, priorities, max_attempts) WITH ORDINALITY
               AS r(id, queue, name, args, priority, max_attempts, n)) g;
       ELSE
         
     INSERT INTO "chancy"."jobs" (
            id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, ready_seq, blocked,
            unique_key, limits, backoff, retention, meta, concurrency_key, concurrency_max)
     SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.due,
            CASE WHEN g.place IS NULL THEN g.due END, g.place,
            CASE WHEN surplus[g.n] THEN NULL ELSE g.place END, coalesce(surplus[g.n], false),
            g.unique_key, g.rest -> 'limits', g.rest -> 'backoff',
            make_interval(secs => (g.rest ->> 'retention_ms')::float8 / 1000), g.rest -> 'meta',
            g.rest ->> 'concurrency_key', (g.rest ->> 'concurrency_max')::int
       FROM (
         SELECT u.n, u.id, u.queue, u.name, u.args, u.priority, u.max_attempts, u.unique_key,
                u.rest::jsonb AS rest, u.due,
                CASE WHEN u.due IS NULL OR u.due <= now() THEN bases[(u.n - 1::bigint) / 256::bigint + 1::bigint] + (u.n - 1::bigint) % 256::bigint END AS place
           FROM (
             SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, r.unique_key, r.rest, r.n,
                    coalesce(to_timestamp(r.scheduled_ms / 1000),
                             now() + make_interval(secs => r.delay_ms / 1000)) AS due
               FROM unnest(ids, queues, names, args, priorities, max_attempts, scheduled_ms,
                           delays_ms, unique_keys, rests) WITH ORDINALITY
                 AS r(id, queue, name, args, priority, max_attempts, scheduled_ms, delay_ms,
                      unique_key, rest, n)
           ) u
       ) g
      ;
       END IF;
     ELSIF unique_keys IS NULL THEN
       -- What conflicts was written by the first try.
       
     INSERT INTO "chancy"."jobs" (
            id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, ready_seq, blocked,
            unique_key, limits, backoff, retention, meta, concurrency_key, concurrency_max)
     SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.due,
            CASE WHEN g.place IS NULL THEN g.due END, g.place,
            CASE WHEN surplus[g.n] THEN NULL ELSE g.place END, coalesce(surplus[g.n], false),
            g.unique_key, g.rest -> 'limits', g.rest -> 'backoff',
            make_interval(secs => (g.rest ->> 'retention_ms')::float8 / 1000), g.rest -> 'meta',
            g.rest ->> 'concurrency_key', (g.rest ->> 'concurrency_max')::int
       FROM (
         SELECT u.n, u.id, u.queue, u.name, u.args, u.priority, u.max_attempts, u.unique_key,
                u.rest::jsonb AS rest, u.due,
                CASE WHEN u.due IS NULL OR u.due <= now() THEN bases[(u.n - 1::bigint) / 256::bigint + 1::bigint] + (u.n - 1::bigint) % 256::bigint END AS place
           FROM (
             SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, r.unique_key, r.rest, r.n,
                    coalesce(to_timestamp(r.scheduled_ms / 1000),
                             now() + make_interval(secs => r.delay_ms / 1000)) AS due
               FROM unnest(ids, queues, names, args, priorities, max_attempts, scheduled_ms,
                           delays_ms, unique_keys, rests) WITH ORDINALITY
                 AS r(id, queue, name, args, priority, max_attempts, scheduled_ms, delay_ms,
                      unique_key, rest, n)
           ) u
       ) g
      ON CONFLICT DO NOTHING;
     ELSE
       -- Sorted, so that two batches meet at their common keys in one order: unsorted they deadlock.
       -- Of two rows with one key the first of the call is kept: a producer's ids rise.
       WITH put AS (
         
     INSERT INTO "chancy"."jobs" (
            id, queue, name, args, priority, max_attempts, scheduled_at, run_at, seq, ready_seq, blocked,
            unique_key, limits, backoff, retention, meta, concurrency_key, concurrency_max)
     SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.due,
            CASE WHEN g.place IS NULL THEN g.due END, g.place,
            CASE WHEN surplus[g.n] THEN NULL ELSE g.place END, coalesce(surplus[g.n], false),
            g.unique_key, g.rest -> 'limits', g.rest -> 'backoff',
            make_interval(secs => (g.rest ->> 'retention_ms')::float8 / 1000), g.rest -> 'meta',
            g.rest ->> 'concurrency_key', (g.rest ->> 'concurrency_max')::int
       FROM (
         SELECT u.n, u.id, u.queue, u.name, u.args, u.priority, u.max_attempts, u.unique_key,
                u.rest::jsonb AS rest, u.due,
                CASE WHEN u.due IS NULL OR u.due <= now() THEN bases[(u.n - 1::bigint) / 256::bigint + 1::bigint] + (u.n - 1::bigint) % 256::bigint END AS place
           FROM (
             SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, r.unique_key, r.rest, r.n,
                    coalesce(to_timestamp(r.scheduled_ms / 1000),
                             now() + make_interval(secs => r.delay_ms / 1000)) AS due
               FROM unnest(ids, queues, names, args, priorities, max_attempts, scheduled_ms,
                           delays_ms, unique_keys, rests) WITH ORDINALITY
                 AS r(id, queue, name, args, priority, max_attempts, scheduled_ms, delay_ms,
                      unique_key, rest, n)
           ) u
       ) g
      ORDER BY g.unique_key, g.id ON CONFLICT DO NOTHING
         RETURNING id
       )
       SELECT array_agg(put.id) INTO made FROM put;
     END IF;

     IF again THEN
       -- The first try may have committed, run and moved meanwhile; then the id no longer conflicts.
       -- In a later statement than the insert: inside it, one row still slipped through while the
       -- move was committing.
       past := ARRAY(SELECT "chancy"."moved_1"(ids));
       -- An empty array implies the predicate of every partial index: one would be read whole.
       IF cardinality(past) > 0 THEN
         DELETE FROM "chancy"."jobs" j WHERE j.id = ANY (past);
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
         LEFT JOIN LATERAL (SELECT j.id FROM "chancy"."jobs" j WHERE j.id = m.id) same ON true
         LEFT JOIN LATERAL (
           SELECT j.id FROM "chancy"."jobs" j WHERE j.unique_key = m.unique_key) other ON true
        WHERE again OR m.id <> ALL (coalesce(made, '{}'));
     END IF;
   END $function$;

CREATE OR REPLACE FUNCTION chancy.push_and_claim_1(ids uuid[], queues text[], names text[], all_args text[], priorities integer[], most_attempts integer[], rests text[], payloads text[], wanted_queue text, worker uuid, room integer, known text[], durable boolean, highs bigint[], lows bigint[], afters bigint[], befores bigint[])
 RETURNS TABLE(id uuid, name text, args text, priority integer, attempts integer, max_attempts integer, fence bigint, ready_seq bigint, created_ms double precision, scheduled_ms double precision, rest text, place tid)
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
     -- Before a place is drawn: see the floors of a line.
     own_id xid8 := pg_current_xact_id();
     bases bigint[];
     queue_state text;
     has_aside boolean;
     rate_max int;
     rate_per interval;
     looked int := cardinality(ids);
     claim_number bigint;
     start_at timestamptz := clock_timestamp();
     look_us int;
     is_taken boolean;
     floor_highs bigint[];
     floor_lows bigint[];
     floor_afters bigint[];
     floor_befores bigint[];
   BEGIN
     
     IF current_setting('transaction_isolation') <> 'read committed' THEN
       RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
     END IF;
     IF highs IS NULL AND rests IS NULL AND looked < room THEN
       SELECT CASE WHEN (SELECT true FROM "chancy"."workers" w WHERE w.id = worker AND w.revoked_at IS NULL)
                 THEN coalesce(q.state, 'undeclared') ELSE 'revoked' END,
            q.rate_max, q.rate_per,
            (SELECT true FROM "chancy"."jobs" j WHERE j.aside AND j.queue = wanted_queue LIMIT 1),
            f.highs, f.lows, f.afters, f.befores, CASE WHEN f.highs IS NULL THEN (SELECT true FROM (
                SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                      j.ready_seq
                  FROM "chancy"."jobs" j
                 WHERE j.queue = wanted_queue AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                 ORDER BY j.priority DESC, j.ready_seq
                 LIMIT 1
                   FOR NO KEY UPDATE SKIP LOCKED) l) END
       INTO queue_state, rate_max, rate_per, has_aside,
            floor_highs, floor_lows, floor_afters, floor_befores, is_taken
       FROM (VALUES (1)) AS one(row)
       LEFT JOIN LATERAL (SELECT CASE WHEN k.state = 'paused' AND k.resume_at <= now() THEN 'active' ELSE k.state END AS state,
                    CASE WHEN k.rate_per_ms > 0 THEN k.rate_max END AS rate_max,
                    make_interval(secs => k.rate_per_ms / 1000) AS rate_per
               FROM "chancy"."queues" k
              WHERE k.name = wanted_queue) q ON true
       LEFT JOIN LATERAL (
              SELECT l.highs, l.lows, l.afters, l.befores
                FROM "chancy"."line_floors" l
               WHERE l.queue = wanted_queue
                 AND (cardinality(l.left_out) = 0 OR l.raised_at > now() - interval '1 minute')
            ) f ON true;
       IF queue_state = 'active' AND rate_max IS NULL AND has_aside IS NULL THEN
         IF floor_highs IS NOT NULL THEN
           highs := floor_highs;
         lows := floor_lows;
         afters := floor_afters;
         befores := floor_befores;
           is_taken := (SELECT true FROM (
                SELECT r.*
                  FROM unnest(highs, lows, afters, befores) AS g(high, low, after, before)
                 CROSS JOIN LATERAL (
                   SELECT lane.*
                     FROM (
                       SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                      j.ready_seq
                         FROM "chancy"."jobs" j
                        WHERE g.high = g.low AND j.queue = wanted_queue AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running' AND j.priority = g.high
                          AND j.ready_seq > g.after AND j.ready_seq < g.before
                        ORDER BY j.priority DESC, j.ready_seq
                 LIMIT 1
                   FOR NO KEY UPDATE SKIP LOCKED) lane
                   UNION ALL
                   SELECT gap.*
                     FROM (
                       SELECT j.ctid AS tid, j.id, j.concurrency_key IS NOT NULL AS is_limited, j.name, j.priority,
                      j.ready_seq
                         FROM "chancy"."jobs" j
                        WHERE g.high <> g.low AND j.queue = wanted_queue AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                          AND j.priority < g.high AND j.priority > g.low
                        ORDER BY j.priority DESC, j.ready_seq
                 LIMIT 1
                   FOR NO KEY UPDATE SKIP LOCKED) gap) r
                 LIMIT 1) l);
         END IF;
         look_us := least(date_part('epoch', clock_timestamp() - start_at) * 1000000, 2000000000)::int;
         IF is_taken IS NULL THEN
           claim_number := nextval('"chancy"."claim_numbers"');
           INSERT INTO "chancy"."claims" (worker_id, claim_seq, ids) VALUES (worker, claim_number, ids);
           IF looked <= 256 THEN
         bases := ARRAY[nextval('"chancy"."line"')];
       ELSE
         bases := "chancy"."places_1"(looked);
       END IF;
           start_at := clock_timestamp();
           name := queue_state; priority := looked; attempts := CASE queue_state WHEN 'active' THEN room ELSE 0 END; max_attempts := look_us; fence := claim_number; created_ms := 0; scheduled_ms := date_part('epoch', start_at) * 1000; RETURN NEXT;
           RETURN QUERY
           INSERT INTO "chancy"."jobs" AS j (
                  id, queue, name, args, priority, max_attempts, seq, ready_seq, state, worker_id, started_at,
                  attempts, fence)
           SELECT g.id, g.queue, g.name, g.args::jsonb, g.priority, g.max_attempts, g.place, g.place,
                  'running', worker, start_at, 1, 1
             FROM (
               SELECT r.id, r.queue, r.name, r.args, r.priority, r.max_attempts, bases[(r.n - 1::bigint) / 256::bigint + 1::bigint] + (r.n - 1::bigint) % 256::bigint AS place
                 FROM unnest(ids, queues, names, all_args, priorities, most_attempts) WITH ORDINALITY
                   AS r(id, queue, name, args, priority, max_attempts, n)) g
           RETURNING j.id, j.name::text, CASE WHEN pg_column_size(j.args) <= 2000 AND pg_column_compression(j.args) IS NULL THEN j.args::text::varchar(65536)::text
                    ELSE "chancy"."text_1"(j.args, 262144, 65536) END,
               j.priority, j.attempts, j.max_attempts,
               j.fence, j.ready_seq, date_part('epoch', j.created_at) * 1000,
               date_part('epoch', j.scheduled_at) * 1000, CASE WHEN j.concurrency_key IS NULL AND j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0 THEN NULL
                 WHEN j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                 THEN json_build_object('concurrency_key', j.concurrency_key)::text
                 WHEN j.concurrency_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
                 THEN json_build_object('unique_key', j.unique_key)::text
                 WHEN coalesce(pg_column_size(j.limits), 0) + coalesce(pg_column_size(j.backoff), 0) + coalesce(pg_column_size(j.progress), 0) + coalesce(pg_column_size(j.errors), 0) + coalesce(pg_column_size(j.meta), 0) > 65536
                 THEN json_strip_nulls(json_build_object('concurrency_key', j.concurrency_key, 'unique_key', left(j.unique_key, 1000), 'crashes', nullif(j.crashes, 0), 'is_cut', true))::text
                 ELSE "chancy"."text_1"(jsonb_strip_nulls(jsonb_build_object('concurrency_key', j.concurrency_key, 'unique_key', j.unique_key, 'limits', j.limits, 'backoff', j.backoff, 'cancel_requested_at', j.cancel_requested_at, 'retention_ms', extract(epoch FROM j.retention) * 1000, 'crashes', nullif(j.crashes, 0)))
                       || CASE WHEN j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL THEN '{}'
                               ELSE CASE WHEN j.progress IS NULL THEN '{}'
                                   ELSE jsonb_build_object('progress', j.progress) END || CASE WHEN j.errors IS NULL THEN '{}'
                                   ELSE jsonb_build_object('errors', j.errors) END || CASE WHEN j.meta IS NULL THEN '{}'
                                   ELSE jsonb_build_object('meta', j.meta) END END, 262144, 65536) END, j.ctid;
           RETURN;
         END IF;
         -- The claim looks at the whole line, and begins at the floors by itself.
         highs := NULL;
       END IF;
     END IF;
     PERFORM "chancy"."push_1"(
       ids, queues, names, all_args, priorities, most_attempts, NULL, NULL, NULL, rests, false, 0, NULL);
     RETURN QUERY
     SELECT c.* FROM "chancy"."claim_1"(
       wanted_queue, worker, room, known, durable, highs, lows, afters, befores) c;
     IF payloads IS NOT NULL AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 AND EXISTS (
          SELECT 1 FROM "chancy"."jobs" j
           WHERE j.id = ANY (ids) AND j.state <> 'running') THEN
       PERFORM pg_notify('chancy_chancy', p) FROM unnest(payloads) AS p;
     END IF;
   END $function$;

CREATE OR REPLACE FUNCTION chancy.raise_floors_1(wanted_queue text, wanted integer[])
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
     old "chancy"."line_floors"%ROWTYPE;
     new "chancy"."line_floors"%ROWTYPE;
     drawn_front bigint;
     drawn_line bigint;
     own_id bigint;
     open bigint[];
     low_front bigint;
     low_line bigint;
     stop_at timestamptz := clock_timestamp() + interval '2 seconds';
     i int;
     p int;
   BEGIN
     
     IF current_setting('transaction_isolation') <> 'read committed' THEN
       RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
     END IF;
     IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
       RAISE EXCEPTION 'floors are raised in a transaction that has written nothing'
         USING ERRCODE = '25001';
     END IF;
     SELECT s.last_value - CASE WHEN s.is_called THEN 0 ELSE 1 END
       INTO drawn_front FROM "chancy"."front" s;
     -- A whole block was drawn.
     SELECT s.last_value + CASE WHEN s.is_called THEN 255 ELSE -1 END
       INTO drawn_line FROM "chancy"."line" s;
     -- Taken after the places were read: whoever drew one of them has an id below this. The end of a
     -- snapshot would not do, since it may lie below ids that are in use.
     own_id := pg_current_xact_id()::text::bigint;
     SELECT * INTO old FROM "chancy"."line_floors" l WHERE l.queue = wanted_queue FOR UPDATE SKIP LOCKED;
     IF old.raised_at > clock_timestamp() - interval '0.5 seconds' OR old.mark_id > own_id THEN
       RETURN false;
     END IF;
     new := old;
     new.mark_front := drawn_front;
     new.mark_line := drawn_line;
     new.mark_id := own_id;
     -- It has all open ids below the mark of before: that transaction has ended, so each snapshot
     -- reaches beyond it.
     open := ARRAY(
       SELECT x.id::text::bigint FROM pg_snapshot_xip(pg_current_snapshot()) AS x(id));
     IF old.queue IS NULL THEN
       INSERT INTO "chancy"."line_floors" (queue, raised_at, mark_front, mark_line, mark_id)
       VALUES (wanted_queue, clock_timestamp(), new.mark_front, new.mark_line, new.mark_id)
           ON CONFLICT DO NOTHING;
       RETURN false;
     END IF;

     SELECT min(x.front), min(x.line)
       INTO low_front, low_line
       FROM unnest(old.left_out, old.left_fronts, old.left_lines) AS x(id, front, line)
      WHERE x.id <> ALL (open);
     IF low_line IS NOT NULL THEN
       -- Until this is done the floors of before are in use.
       stop_at := clock_timestamp() + interval '20 seconds';
       new.fronts := ARRAY(SELECT least(u.place, low_front) FROM unnest(old.fronts) AS u(place));
       new.lines := ARRAY(SELECT least(u.place, low_line) FROM unnest(old.lines) AS u(place));
     END IF;
     FOREACH p IN ARRAY wanted LOOP
       i := array_position(new.priorities, p);
       IF i IS NULL THEN
         i := cardinality(new.priorities) + 1;
         new.priorities[i] := p;
         new.fronts[i] := (-9007199254740992)::bigint;
         new.lines[i] := -1;
       END IF;
       new.fronts[i] := "chancy"."floor_1"(wanted_queue, p, new.fronts[i], old.mark_front, stop_at);
       new.lines[i] := "chancy"."floor_1"(wanted_queue, p, new.lines[i], old.mark_line, stop_at);
     END LOOP;

     SELECT coalesce(array_agg(x.id), '{}'), coalesce(array_agg(x.front), '{}'),
            coalesce(array_agg(x.line), '{}')
       INTO new.left_out, new.left_fronts, new.left_lines
       FROM (
         SELECT o.id, coalesce(b.front, old.former_front) AS front, coalesce(b.line, old.former_line) AS line
           FROM unnest(open) AS o(id)
           LEFT JOIN LATERAL (
                  SELECT u.front, u.line
                    FROM unnest(old.left_out, old.left_fronts, old.left_lines) AS u(id, front, line)
                   WHERE u.id = o.id) b ON true
          WHERE o.id < old.mark_id) x;

     -- In the order of the line: what lies above a priority, its places in front, its places in line;
     -- and at last what lies below all.
     SELECT array_agg(r.high ORDER BY r.n), array_agg(r.low ORDER BY r.n),
            array_agg(r.after ORDER BY r.n), array_agg(r.before ORDER BY r.n)
       INTO new.highs, new.lows, new.afters, new.befores
       FROM (
         SELECT 3 * s.n + v.k AS n, v.high, v.low, v.after, v.before
           FROM (
             SELECT u.priority::bigint AS priority, u.front, u.line,
                    lag(u.priority::bigint, 1, 2147483648::bigint) OVER (ORDER BY u.priority DESC) AS above,
                    row_number() OVER (ORDER BY u.priority DESC) AS n
               FROM unnest(new.priorities, new.fronts, new.lines) AS u(priority, front, line)) s
          CROSS JOIN LATERAL (
                  VALUES (0, s.above, s.priority, (-9007199254740992)::bigint, (9007199254740991)::bigint),
                         (1, s.priority, s.priority, s.front, 0::bigint),
                         (2, s.priority, s.priority, s.line, (9007199254740991)::bigint))
               AS v(k, high, low, after, before)
         UNION ALL
         SELECT 3 * (cardinality(new.priorities) + 1), min(u.priority)::bigint, (-2147483649)::bigint,
                (-9007199254740992)::bigint, (9007199254740991)::bigint
           FROM unnest(new.priorities) AS u(priority)) r
      WHERE r.high IS NOT NULL;

     UPDATE "chancy"."line_floors" l
        SET raised_at = clock_timestamp(), priorities = new.priorities,
            highs = new.highs, lows = new.lows, afters = new.afters, befores = new.befores,
            fronts = new.fronts, lines = new.lines,
            mark_front = new.mark_front, mark_line = new.mark_line, mark_id = new.mark_id,
            former_front = old.mark_front, former_line = old.mark_line,
            left_out = new.left_out, left_fronts = new.left_fronts, left_lines = new.left_lines
      WHERE l.queue = wanted_queue;
     RETURN low_line IS NOT NULL;
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
     lines text[];
     used int[];
   BEGIN
     -- One probe for the keys that nobody waits for: they are most.
     held := ARRAY(
       SELECT k.key
         FROM unnest(ready_1.keys) AS k(key)
        WHERE (SELECT true FROM "chancy"."jobs" b
                WHERE b.blocked AND b.concurrency_key = k.key LIMIT 1));
     IF cardinality(held) = 0 THEN
       RETURN;
     END IF;

     -- The queues of each key, one probe each, however many jobs are blocked in them.
     SELECT array_agg(q.key), array_agg(q.queue), array_agg(q.used)
       INTO held, lines, used
       FROM (
         SELECT k.key, l.queue, c.used
           FROM unnest(held) AS k(key)
          CROSS JOIN LATERAL (
                  SELECT count(*)::int AS used
                    FROM "chancy"."jobs" r
                    JOIN "chancy"."concurrency_groups" g ON g.key = k.key
                   WHERE r.concurrency_key = k.key AND r.claim_seq >= g.low_seq) c
          CROSS JOIN LATERAL (
                  WITH RECURSIVE line AS (
                    (SELECT b.queue FROM "chancy"."jobs" b
                      WHERE b.blocked AND b.concurrency_key = k.key
                      ORDER BY b.queue LIMIT 1)
                    UNION ALL
                    SELECT (SELECT b.queue FROM "chancy"."jobs" b
                             WHERE b.blocked AND b.concurrency_key = k.key AND b.queue > line.queue
                             ORDER BY b.queue LIMIT 1)
                      FROM line
                     WHERE line.queue IS NOT NULL
                  )
                  SELECT line.queue FROM line WHERE line.queue IS NOT NULL) l) q;

     RETURN QUERY
     WITH fitting AS MATERIALIZED (
       SELECT x.tid, x.rank, l.n
         FROM unnest(held, lines, used) WITH ORDINALITY AS l(key, queue, used, n)
        CROSS JOIN LATERAL (
                SELECT greatest(coalesce(j.concurrency_max, 1), 1) AS max, j.priority
                  FROM "chancy"."jobs" j
                 WHERE j.blocked AND j.concurrency_key = l.key AND j.queue = l.queue
                 ORDER BY j.priority DESC, j.seq
                 LIMIT 1) head
        CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE bounded.place < 0)::int AS ready,
                       min(bounded.place) FILTER (WHERE bounded.place >= 0) AS next
                  FROM (
                    SELECT r.ready_seq AS place
                      FROM "chancy"."jobs" r
                     -- Those in front of the line: they come next. One that is still in the line may
                     -- be far back, and if it counted, an older blocked one would wait for it. It
                     -- matters to younger ones alone, which were set aside at their push.
                     WHERE r.ready_seq IS NOT NULL AND r.claim_seq IS NULL
                       AND r.concurrency_key = l.key AND r.queue = l.queue
                       AND (r.ready_seq < 0 OR r.priority >= head.priority)
                     ORDER BY r.ready_seq
                     LIMIT head.max + 1) bounded) line
        CROSS JOIN LATERAL (
                SELECT b.tid, b.rank,
                       bool_and(l.used + line.ready + b.rank <= b.max AND b.is_next)
                         OVER (ORDER BY b.rank) AS fits
                  FROM (
                    SELECT p.tid, p.max, p.is_next, row_number() OVER () AS rank
                      FROM (
                        SELECT j.ctid AS tid, greatest(coalesce(j.concurrency_max, 1), 1) AS max,
                               (line.next IS NULL OR line.next > j.seq)
                               AND CASE WHEN j.priority < head.priority
                                        THEN (SELECT true
                                                FROM "chancy"."jobs" r
                                               WHERE r.ready_seq >= 0 AND r.ready_seq < j.seq
                                                 AND r.claim_seq IS NULL
                                                 AND r.concurrency_key = l.key AND r.queue = l.queue
                                                 AND r.priority >= j.priority
                                               LIMIT 1) IS NULL
                                        ELSE true END AS is_next
                          FROM "chancy"."jobs" j
                         WHERE j.blocked AND j.concurrency_key = l.key AND j.queue = l.queue
                         ORDER BY j.priority DESC, j.seq
                         LIMIT greatest(head.max - l.used - line.ready, 0)
                           FOR NO KEY UPDATE SKIP LOCKED) p) b) x
        WHERE x.fits
        ORDER BY l.n, x.rank
     ), placed AS MATERIALIZED (
       SELECT f.tid, nextval('"chancy"."front"') AS place FROM fitting f
     ), ready AS (
       UPDATE "chancy"."jobs" j
          SET blocked = false, ready_seq = p.place
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
      WHERE (SELECT true FROM "chancy"."line_floors" l WHERE l.queue = u.name)
         OR (SELECT true FROM "chancy"."jobs" j
              WHERE j.queue = u.name AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
              LIMIT 1)
         OR (SELECT true FROM "chancy"."jobs" j
              WHERE j.aside AND j.queue = u.name AND j.name = ANY (names)
              LIMIT 1);
   END $function$;

CREATE OR REPLACE FUNCTION chancy.recover_1(room integer, max_crashes integer, spread_ms double precision)
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
     at timestamptz := clock_timestamp();
   BEGIN
     
     IF current_setting('transaction_isolation') <> 'read committed' THEN
       RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
     END IF;
     -- The holders of claims, one index probe each, whatever the number of jobs.
     WITH RECURSIVE holders AS (
       (SELECT c.worker_id FROM "chancy"."claims" c ORDER BY c.worker_id LIMIT 1)
       UNION ALL
       SELECT (SELECT c.worker_id FROM "chancy"."claims" c
                WHERE c.worker_id > h.worker_id
                ORDER BY c.worker_id LIMIT 1)
         FROM holders h
        WHERE h.worker_id IS NOT NULL
     )
     SELECT array_agg(h.worker_id), array_agg(h.worker_id) FILTER (WHERE w.amnesty)
       INTO gone, spared
       FROM holders h
       LEFT JOIN "chancy"."workers" w ON w.id = h.worker_id
      WHERE h.worker_id IS NOT NULL AND (w.id IS NULL OR w.revoked_at IS NOT NULL);
     IF gone IS NULL THEN
       RETURN;
     END IF;

     -- Locked in the order of ids; a finish that holds one of them is still in the right.
     stuck := ARRAY(
       SELECT s.id
         FROM (
           SELECT i.id
             FROM "chancy"."claims" c
            CROSS JOIN LATERAL unnest(c.ids) AS i(id)
            WHERE c.worker_id = ANY (gone) AND EXISTS (
                  SELECT 1
                    FROM (SELECT k.state, k.worker_id FROM "chancy"."jobs" k WHERE k.id = i.id OFFSET 0) j
                   WHERE j.state = 'running' AND j.worker_id = c.worker_id)
            LIMIT room) s
        ORDER BY s.id);
     SELECT array_agg(DISTINCT j.concurrency_key)
       INTO keys
       FROM unnest(stuck) AS s(id)
      CROSS JOIN LATERAL (
              SELECT k.concurrency_key FROM "chancy"."jobs" k WHERE k.id = s.id OFFSET 0) j
      WHERE j.concurrency_key IS NOT NULL;
     held := ARRAY(
       SELECT h.tid
         FROM unnest(stuck) AS s(id)
        CROSS JOIN LATERAL (
                SELECT j.ctid AS tid, j.state, j.worker_id
                  FROM "chancy"."jobs" j
                 WHERE j.id = s.id
                   FOR NO KEY UPDATE SKIP LOCKED) h
        WHERE h.state = 'running' AND h.worker_id = ANY (gone));

     RETURN QUERY
     WITH ended AS (
       DELETE FROM "chancy"."jobs" j
        WHERE j.ctid = ANY (held)
          AND (j.cancel_requested_at IS NOT NULL
               OR (j.crashes + 1 >= max_crashes AND j.worker_id <> ALL (coalesce(spared, '{}'))))
       RETURNING j.id, j.fence, j.created_at, j.scheduled_at, j.started_at, j.worker_id, j.priority, j.attempts, j.max_attempts, j.concurrency_max, j.crashes, j.format, j.queue, j.name, j.args, j.unique_key, j.concurrency_key, j.limits, j.backoff, j.retention, j.progress, j.errors, j.meta,
                 j.cancel_requested_at
     ), put AS (
       INSERT INTO "chancy"."finished_jobs" (
              id, created_at, scheduled_at, started_at, worker_id, priority, attempts, max_attempts, concurrency_max, format, queue, name, args, unique_key, concurrency_key, limits, backoff,
              fence, crashes, finished_at, retention, progress, errors, meta, state)
       SELECT e.id, e.created_at, e.scheduled_at, e.started_at, e.worker_id, e.priority, e.attempts, e.max_attempts, e.concurrency_max, e.format, e.queue, e.name, e.args, e.unique_key, e.concurrency_key, e.limits, e.backoff,
              least(e.fence, 9007199254740990) + 1, least(e.crashes, max_crashes) + 1, at,
              CASE WHEN e.retention IS NOT NULL
                   THEN least(greatest(e.retention, interval '10 minutes'), interval '3650 days') END, e.progress,
              "chancy"."with_error_1"(e.errors,
                CASE WHEN e.cancel_requested_at IS NOT NULL
                     THEN "chancy"."cancelled_entry_1"(e.attempts)
                     ELSE jsonb_build_object('attempt', e.attempts, 'kind', 'crash',
                            'name', 'AttemptError', 'stack', NULL,
                            'message', format('The worker of this job was lost %s times.',
                                              least(e.crashes, max_crashes) + 1)) END, at),
              e.meta,
              CASE WHEN e.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'failed' END
         FROM ended e
       RETURNING id, queue, name, worker_id, state
     ), told AS (
       SELECT pg_notify('chancy_chancy', 'job.finished ' || w.job_id::text)
         FROM "chancy"."waiters" w
        WHERE w.job_id IN (SELECT p.id FROM put p) AND pg_catalog.pg_notification_queue_usage() < 0.9::float8
     )
     SELECT p.id::text, p.queue, p.name, p.worker_id::text, p.state
       FROM put p
      WHERE (SELECT count(*) FROM told) >= 0;

     RETURN QUERY
     UPDATE "chancy"."jobs" j
        SET state = 'pending', fence = least(j.fence, 9007199254740990) + 1,
            attempts = greatest(j.attempts - 1, 0),
            crashes = least(j.crashes, max_crashes) + CASE WHEN j.worker_id = ANY (coalesce(spared, '{}')) THEN 0 ELSE 1 END,
            claim_seq = NULL, ready_seq = NULL, run_at = at + make_interval(secs => random() * spread_ms / 1000)
      WHERE j.ctid = ANY (held)
     RETURNING j.id::text, j.queue, j.name::text, j.worker_id::text, 'recovered';
     -- What somebody still holds for a moment keeps its claim, for the next pass. A finish of that
     -- worker removes claims too, in an order of its own: if this waited for it, they would deadlock.
     DELETE FROM "chancy"."claims" o
      WHERE o.ctid = ANY (ARRAY(
              SELECT c.ctid
                FROM "chancy"."claims" c
               WHERE c.worker_id = ANY (gone)
                 AND NOT EXISTS (SELECT 1 FROM unnest(c.ids) AS i(id) WHERE EXISTS (
                  SELECT 1
                    FROM (SELECT k.state, k.worker_id FROM "chancy"."jobs" k WHERE k.id = i.id OFFSET 0) j
                   WHERE j.state = 'running' AND j.worker_id = c.worker_id))
                 FOR UPDATE SKIP LOCKED));
     IF keys IS NOT NULL THEN
       -- After the jobs: see the order of locks.
       PERFORM "chancy"."lock_groups_1"(keys);
       RETURN QUERY SELECT NULL::text, r.queue, NULL::text, NULL::text, 'ready'
                      FROM "chancy"."ready_1"(keys) r;
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
     DELETE FROM "chancy"."waiters"
      WHERE ctid = ANY (ARRAY(
              SELECT own.tid
                FROM unnest(ids) AS g(id),
                     LATERAL (
                       SELECT w.ctid AS tid
                         FROM "chancy"."waiters" w
                        WHERE w.job_id = g.id
                        LIMIT 1
                          FOR UPDATE SKIP LOCKED) own));
   END $function$;

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
     line text;
     is_early boolean;
     found_state text;
   BEGIN
     
     IF current_setting('transaction_isolation') <> 'read committed' THEN
       RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
     END IF;
     WITH back AS (
       DELETE FROM "chancy"."finished_jobs" f
        WHERE f.id = job AND f.state IN ('failed', 'cancelled')
       RETURNING f.id, f.fence, f.created_at, f.scheduled_at, f.started_at, f.worker_id, f.priority, f.attempts, f.max_attempts, f.concurrency_max, f.crashes, f.format, f.queue, f.name, f.args, f.unique_key, f.concurrency_key, f.limits, f.backoff, f.retention, f.progress, f.errors, f.meta
     ), placed AS (
       SELECT b.id, b.fence, b.created_at, b.scheduled_at, b.started_at, b.worker_id, b.priority, b.attempts, b.max_attempts, b.concurrency_max, b.crashes, b.format, b.queue, b.name, b.args, b.unique_key, b.concurrency_key, b.limits, b.backoff, b.retention, b.progress, b.errors, b.meta,
              CASE WHEN b.scheduled_at IS NULL OR b.scheduled_at <= clock_timestamp()
                   THEN nextval('"chancy"."line"') END AS place
         FROM back b
     )
     INSERT INTO "chancy"."jobs" (
            id, fence, created_at, scheduled_at, started_at, worker_id, priority, attempts, concurrency_max, format, queue, name, args, unique_key, concurrency_key, limits, backoff,
            max_attempts, retention, progress, errors, meta, state, run_at, seq, ready_seq)
     SELECT p.id, p.fence, p.created_at, p.scheduled_at, p.started_at, p.worker_id, p.priority, p.attempts, p.concurrency_max, p.format, p.queue, p.name, p.args, p.unique_key, p.concurrency_key, p.limits, p.backoff,
            CASE WHEN p.max_attempts IS NOT NULL THEN greatest(p.max_attempts, p.attempts + 1) END, p.retention, p.progress, p.errors, p.meta,
            'pending', CASE WHEN p.place IS NULL THEN p.scheduled_at END, p.place, p.place
       FROM placed p
     RETURNING queue, ready_seq IS NULL INTO line, is_early;
     IF FOUND THEN
       IF notifying AND pg_catalog.pg_notification_queue_usage() < 0.9::float8 THEN
         PERFORM pg_notify('chancy_chancy',
                           CASE WHEN is_early THEN 'job.scheduled ' ELSE 'queue.pushed ' END || line);
       END IF;
       RETURN QUERY SELECT CASE WHEN is_early THEN 'scheduled' ELSE 'retried' END, line;
       RETURN;
     END IF;
     SELECT j.state INTO found_state FROM "chancy"."jobs" j WHERE j.id = job;
     IF found_state IS NULL THEN
       SELECT f.state INTO found_state FROM "chancy"."finished_jobs" f WHERE f.id = job;
     END IF;
     RETURN QUERY SELECT coalesce(found_state, 'unknown'), NULL::text;
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
         JOIN "chancy"."jobs" j ON j.id = d.id
        WHERE j.fence = d.fence AND j.worker_id = worker AND j.state = 'running'
        ORDER BY j.id
          FOR NO KEY UPDATE OF j SKIP LOCKED
     )
     UPDATE "chancy"."jobs" j
        SET progress = held.content::jsonb
       FROM held
      WHERE j.id = held.id
     RETURNING j.id;
   END $function$;

CREATE OR REPLACE FUNCTION chancy.stage_1(room integer, given_now timestamp with time zone)
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
     at timestamptz := coalesce(given_now, clock_timestamp());
     drawn bigint := (SELECT s.last_value FROM "chancy"."line" s);
   BEGIN
     
     IF current_setting('transaction_isolation') <> 'read committed' THEN
       RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
     END IF;
     RETURN QUERY
     WITH due AS MATERIALIZED (
       SELECT j.ctid AS tid, j.run_at, j.concurrency_key AS key, j.queue, j.priority, greatest(coalesce(j.concurrency_max, 1), 1) AS max
         FROM "chancy"."jobs" j
        WHERE j.ready_seq IS NULL AND NOT j.blocked AND NOT j.aside
          AND j.run_at <= at
        ORDER BY j.run_at
        LIMIT room
          FOR NO KEY UPDATE SKIP LOCKED
     ), placed AS MATERIALIZED (
       -- One place a row, drawn in the order of the times. What is surplus in its group is set aside.
       SELECT d.tid, d.is_surplus, nextval('"chancy"."line"') AS place
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
                          FROM "chancy"."jobs" j
                         WHERE j.concurrency_key = g.key AND j.claim_seq >= (SELECT h.low_seq FROM "chancy"."concurrency_groups" h WHERE h.key = g.key)
                         ORDER BY j.claim_seq
                         LIMIT g.max) c))
                            THEN (
                SELECT count(*)
                  FROM (SELECT 1
                          FROM "chancy"."jobs" j
                         WHERE j.concurrency_key = g.key AND j.blocked AND j.queue = g.queue AND j.priority = g.priority AND j.seq > drawn - 512 * (g.max + 32)::bigint
                         ORDER BY j.seq DESC
                         LIMIT g.max::bigint + 32) c) + (
                SELECT count(*)
                  FROM (SELECT 1
                          FROM "chancy"."jobs" j
                         WHERE j.concurrency_key = g.key AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.queue = g.queue AND j.priority = g.priority
                           AND j.ready_seq > drawn - 512 * (g.max + 32)::bigint
                         ORDER BY j.ready_seq DESC
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
       UPDATE "chancy"."jobs" j
          SET ready_seq = CASE WHEN p.is_surplus THEN NULL ELSE p.place END, blocked = p.is_surplus,
              seq = coalesce(j.seq, p.place), run_at = NULL
         FROM placed p
        WHERE j.ctid = p.tid
       RETURNING j.queue
     )
     SELECT r.queue, count(*)::int, NULL::float8 FROM ready r GROUP BY r.queue;

     RETURN QUERY
     SELECT NULL::text, 0,
            (SELECT extract(epoch FROM j.run_at - at)::float8 * 1000
               FROM "chancy"."jobs" j
              WHERE j.ready_seq IS NULL AND NOT j.blocked AND NOT j.aside
                -- Before PostgreSQL 17 nothing can be subtracted from infinity.
                AND j.run_at < 'infinity'
              ORDER BY j.run_at
              LIMIT 1);
   END $function$;

CREATE OR REPLACE FUNCTION chancy.surplus_1(queues text[], priorities integer[], rests text[], scheduled_ms double precision[], delays_ms double precision[], place bigint)
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
     group_rest jsonb;
     group_key text;
     group_queue text;
     group_priority int;
     group_max int;
     group_rows int;
     waiting bigint;
     alike text[];
     lines text[];
     levels int[];
     ranks bigint[];
     aside boolean[];
   BEGIN
     -- One group, as the push of a lone job: two short statements at most.
     IF scheduled_ms IS NULL AND delays_ms IS NULL AND rests[1] = ALL (rests)
        AND queues[1] = ALL (queues) AND priorities[1] = ALL (priorities) THEN
       group_rest := rests[1];
       group_key := group_rest ->> 'concurrency_key';
       group_queue := queues[1];
       group_priority := priorities[1];
       group_max := greatest((group_rest ->> 'concurrency_max')::int, 1);
       group_rows := cardinality(rests);
       waiting := (
                SELECT count(*)
                  FROM (SELECT 1
                          FROM "chancy"."jobs" j
                         WHERE j.concurrency_key = group_key AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.queue = group_queue AND j.priority = group_priority
                           AND j.ready_seq > surplus_1.place - 512 * (group_max + 32)::bigint
                         ORDER BY j.ready_seq DESC
                         LIMIT group_max::bigint + 32) c);
       IF waiting + group_rows <= group_max::bigint + 32 THEN
         waiting := waiting + (
                SELECT count(*)
                  FROM (SELECT 1
                          FROM "chancy"."jobs" j
                         WHERE j.concurrency_key = group_key AND j.blocked AND j.queue = group_queue AND j.priority = group_priority AND j.seq > surplus_1.place - 512 * (group_max + 32)::bigint
                         ORDER BY j.seq DESC
                         LIMIT group_max::bigint + 32) c);
       END IF;
       IF waiting + group_rows <= group_max::bigint + 32 OR NOT (group_max <= 20 OR group_max <= (
                SELECT count(*)
                  FROM (SELECT 1
                          FROM "chancy"."jobs" j
                         WHERE j.concurrency_key = group_key AND j.claim_seq >= (SELECT h.low_seq FROM "chancy"."concurrency_groups" h WHERE h.key = group_key)
                         ORDER BY j.claim_seq
                         LIMIT group_max) c)) THEN
         RETURN NULL;
       END IF;
       RETURN ARRAY(
         SELECT waiting + n > group_max::bigint + 32 FROM generate_series(1, group_rows) AS n);
     END IF;
     SELECT array_agg(x.rest), array_agg(x.queue), array_agg(x.priority), array_agg(x.rank)
       INTO alike, lines, levels, ranks
       FROM (
         SELECT g.rest, g.queue, g.priority, g.max::bigint + 32 - w.waiting AS rank
           FROM (
             SELECT r.rest, r.queue, r.priority, r.rest::jsonb ->> 'concurrency_key' AS key,
                    greatest((r.rest::jsonb ->> 'concurrency_max')::int, 1) AS max, count(*) AS rows
               FROM unnest(rests, queues, priorities, scheduled_ms, delays_ms)
                 AS r(rest, queue, priority, scheduled_ms, delay_ms)
              WHERE r.rest LIKE '%"concurrency_key"%'
                AND r.scheduled_ms IS NULL AND r.delay_ms IS NULL
              GROUP BY r.rest, r.queue, r.priority
             HAVING count(*) * 8 >= cardinality(rests)
             OFFSET 0) g
          CROSS JOIN LATERAL (
                SELECT CASE WHEN (g.max <= 20 OR g.max <= (
                SELECT count(*)
                  FROM (SELECT 1
                          FROM "chancy"."jobs" j
                         WHERE j.concurrency_key = g.key AND j.claim_seq >= (SELECT h.low_seq FROM "chancy"."concurrency_groups" h WHERE h.key = g.key)
                         ORDER BY j.claim_seq
                         LIMIT g.max) c))
                            THEN (
                SELECT count(*)
                  FROM (SELECT 1
                          FROM "chancy"."jobs" j
                         WHERE j.concurrency_key = g.key AND j.blocked AND j.queue = g.queue AND j.priority = g.priority AND j.seq > place - 512 * (g.max + 32)::bigint
                         ORDER BY j.seq DESC
                         LIMIT g.max::bigint + 32) c) + (
                SELECT count(*)
                  FROM (SELECT 1
                          FROM "chancy"."jobs" j
                         WHERE j.concurrency_key = g.key AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.queue = g.queue AND j.priority = g.priority
                           AND j.ready_seq > place - 512 * (g.max + 32)::bigint
                         ORDER BY j.ready_seq DESC
                         LIMIT g.max::bigint + 32) c)
                            ELSE 0 END AS waiting) w
          WHERE w.waiting + g.rows > g.max::bigint + 32
            AND g.key IS NOT NULL) x;
     IF alike IS NULL THEN
       RETURN NULL;
     END IF;
     SELECT array_agg(coalesce(s.rank > ranks[s.g], false) ORDER BY s.n)
       INTO aside
       FROM (
         SELECT u.n, u.g, row_number() OVER (PARTITION BY u.g ORDER BY u.n) AS rank
           FROM (
             SELECT r.n,
                    (SELECT a.g
                       FROM unnest(alike, lines, levels) WITH ORDINALITY AS a(rest, queue, priority, g)
                      WHERE a.rest = r.rest AND a.queue = r.queue AND a.priority = r.priority
                        AND r.scheduled_ms IS NULL AND r.delay_ms IS NULL) AS g
               FROM unnest(rests, queues, priorities, scheduled_ms, delays_ms) WITH ORDINALITY
                 AS r(rest, queue, priority, scheduled_ms, delay_ms, n)) u) s;
     RETURN aside;
   END $function$;

CREATE OR REPLACE FUNCTION chancy.sweep_blocked_1(after_key text, room integer)
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
       (SELECT b.concurrency_key AS key, 1 AS n FROM "chancy"."jobs" b
         WHERE b.blocked AND b.concurrency_key > coalesce(after_key, '')
         ORDER BY b.concurrency_key LIMIT 1)
       UNION ALL
       SELECT (SELECT b.concurrency_key FROM "chancy"."jobs" b
                WHERE b.blocked AND b.concurrency_key > blocked.key
                ORDER BY b.concurrency_key LIMIT 1), blocked.n + 1
         FROM blocked
        WHERE blocked.key IS NOT NULL AND blocked.n < room
     )
     SELECT array_agg(b.key ORDER BY b.n) INTO keys FROM blocked b WHERE b.key IS NOT NULL;
     IF keys IS NULL THEN
       RETURN QUERY SELECT NULL::text, NULL::text;
       RETURN;
     END IF;
     -- A group that somebody works on is in good hands. One without a row is made: its jobs are
     -- blocked, so nobody else would.
     INSERT INTO "chancy"."concurrency_groups" (key)
         SELECT k.key
           FROM unnest(keys) AS k(key)
          WHERE (SELECT true FROM "chancy"."concurrency_groups" g WHERE g.key = k.key) IS NULL
          ORDER BY k.key
             ON CONFLICT DO NOTHING;
     free := ARRAY(
       SELECT g.key
         FROM "chancy"."concurrency_groups" g
        WHERE g.key = ANY (keys)
        ORDER BY g.key
          FOR NO KEY UPDATE SKIP LOCKED);
     RETURN QUERY SELECT r.queue, NULL::text FROM "chancy"."ready_1"(free) r;
     RETURN QUERY SELECT NULL::text,
                         CASE WHEN cardinality(keys) = room THEN keys[cardinality(keys)] END;
   END $function$;

CREATE OR REPLACE FUNCTION chancy.sweep_groups_1(after_key text, room integer)
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
         FROM "chancy"."concurrency_groups" g
        WHERE g.key > coalesce(after_key, '')
        ORDER BY g.key
        LIMIT room
          FOR UPDATE SKIP LOCKED);
     DELETE FROM "chancy"."concurrency_groups" g
      WHERE g.key = ANY (keys)
        AND (SELECT true FROM "chancy"."jobs" j
              WHERE j.claim_seq IS NOT NULL AND j.concurrency_key = g.key LIMIT 1) IS NULL
        AND (SELECT true FROM "chancy"."jobs" j
              WHERE j.blocked AND j.concurrency_key = g.key LIMIT 1) IS NULL
        AND (SELECT true FROM "chancy"."jobs" j
              WHERE j.ready_seq IS NOT NULL AND j.claim_seq IS NULL
                AND j.concurrency_key = g.key LIMIT 1) IS NULL;
     GET DIAGNOSTICS count_removed = ROW_COUNT;
     RETURN QUERY SELECT count_removed,
                         CASE WHEN cardinality(keys) = room THEN keys[cardinality(keys)] END;
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
     IF pg_column_size(value) > 4194304 THEN
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
          SELECT w.id FROM "chancy"."workers" w WHERE w.revoked_at IS NULL AND w.expires_at > now() ORDER BY w.started_at, w.id LIMIT 1) THEN
       RETURN;
     END IF;
     RETURN QUERY
     WITH RECURSIVE lines(queue) AS (
       (SELECT j.queue
          FROM "chancy"."jobs" j
         WHERE j.ready_seq IS NOT NULL AND j.claim_seq IS NULL
         ORDER BY j.queue
         LIMIT 1)
       UNION ALL
       SELECT (SELECT j.queue
                 FROM "chancy"."jobs" j
                WHERE j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.queue > l.queue
                ORDER BY j.queue
                LIMIT 1)
         FROM lines l
        WHERE l.queue IS NOT NULL
     )
     SELECT 'queue-undeclared', l.queue, NULL::text, c.jobs
       FROM lines l
      CROSS JOIN LATERAL (
              SELECT count(*)::int AS jobs
                FROM (SELECT 1 FROM "chancy"."jobs" j
                       WHERE j.queue = l.queue AND j.ready_seq IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
                       LIMIT bound) b) c
      WHERE l.queue IS NOT NULL AND c.jobs > 0
        AND NOT EXISTS (SELECT 1 FROM "chancy"."queues" q WHERE q.name = l.queue);

     RETURN QUERY
     WITH RECURSIVE lanes AS (
       (SELECT j.queue, j.name FROM "chancy"."jobs" j WHERE j.aside ORDER BY j.queue, j.name LIMIT 1)
       UNION ALL
       SELECT n.queue, n.name
         FROM lanes l
        CROSS JOIN LATERAL (
                SELECT j.queue, j.name
                  FROM "chancy"."jobs" j
                 WHERE j.aside AND (j.queue, j.name) > (l.queue, l.name)
                 ORDER BY j.queue, j.name
                 LIMIT 1) n
     )
     SELECT 'function-unknown', l.queue, l.name::text, c.jobs
       FROM lanes l
      CROSS JOIN LATERAL (
              SELECT count(*)::int AS jobs
                FROM (SELECT 1 FROM "chancy"."jobs" j
                       WHERE j.aside AND j.queue = l.queue AND j.name = l.name
                       LIMIT bound) b) c
      WHERE NOT EXISTS (
              SELECT 1 FROM "chancy"."workers" w
               WHERE w.revoked_at IS NULL AND w.expires_at > now() AND w.queues ? l.queue AND w.names ? l.name);
   END $function$;

CREATE OR REPLACE FUNCTION chancy.with_error_1(errors jsonb, entry jsonb, at timestamp with time zone)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
     SELECT CASE
              WHEN entry IS NULL THEN errors
              -- What no failure of ours has written is not added to.
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
