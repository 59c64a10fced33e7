-- The ids of jobs that fit a filter, `size` at most, in the order of a path, and for each the place where the scan
-- continues behind it. A last row without an id says that the time was over, and where to continue. `after` is the
-- place to continue from.
--
-- A path is the index that is read:
--   ids      the jobs of `known` and, with of_worker or of_unique, what an index knows of those that wait or run
--   walk     all jobs by their ids; with of_queue, those of the history by the index of the queue
--   name     jobs that wait, and those of the days without an index by name, as a walk, then day by day
--   args     the same by the index of args and meta; of a value that many jobs have, a walk
--   ended    failed and cancelled jobs by when they ended
--   line     the ready jobs of a queue, as they will start
--   due      jobs that wait for their time
--
-- Plans are made for the values of each call: what the filter does not say is no part of the plan, and the days that a
-- bound excludes are not opened. Conditions stand outside of a UNION ALL: with one inside, its parts are not merged in
-- the order of their indexes, but all are read and sorted. A loop over days, since a merge over them waits for the first row of each.
CREATE OR REPLACE FUNCTION chancy.find_jobs_1(filter jsonb, after jsonb, size int, budget_ms float8)
RETURNS TABLE (id uuid, place jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_sort = off
SET enable_partitionwise_join = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $body$
#variable_conflict use_column
DECLARE
  f record;
  one record;
  day record;
  failed refcursor;
  cancelled refcursor;
  next_failed record;
  next_cancelled record;
  deadline timestamptz := chancy.clock_1() + budget_ms * interval '1 millisecond';
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
  until := coalesce(to_timestamp(f.until / 1000), chancy.clock_1() + interval '1 day');
  after_id := (after ->> 'id')::uuid;

  IF f.path = 'line' THEN
    FOR one IN
      SELECT j.id, j.priority, j.position, part.fits_waiting(j) AS fits
        FROM chancy.jobs j
       WHERE j.queue = f.of_queue AND j.position IS NOT NULL AND j.claim_seq IS NULL
         AND (after IS NULL OR (j.priority <= (after ->> 'p')::int
              AND (j.priority < (after ->> 'p')::int OR j.position > (after ->> 'q')::bigint)))
       ORDER BY j.priority DESC, j.position
    LOOP
      PERFORM part.take_found(jsonb_build_object('p', one.priority, 'q', one.position));
    END LOOP;
    RETURN;
  END IF;

  IF f.path = 'due' THEN
    after_at := (after ->> 'at')::timestamptz;
    FOR one IN
      SELECT j.id, j.run_at, part.fits_waiting(j) AS fits
        FROM chancy.jobs j
       WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked
         AND (after IS NULL OR (j.run_at >= after_at AND (j.run_at > after_at OR j.id > after_id)))
       ORDER BY j.run_at, j.id
    LOOP
      PERFORM part.take_found(jsonb_build_object('at', one.run_at, 'id', one.id));
    END LOOP;
    RETURN;
  END IF;

  IF f.path = 'ended' THEN
    after_at := coalesce((after ->> 'at')::timestamptz, 'infinity');
    until := least(until, after_at + interval '1 microsecond');
    -- Two scans, each in the order of its index: over both states together there is no such order.
    OPEN failed FOR
      SELECT j.id, j.finished_at, part.fits_finished(j) AS fits
        FROM chancy.finished_jobs j
       WHERE j.state = 'failed' AND 'failed' = ANY (f.states) AND j.finished_at >= since AND j.finished_at < until
         AND (after IS NULL OR (j.finished_at, j.id) < (after_at, after_id))
       ORDER BY j.finished_at DESC, j.id DESC;
    OPEN cancelled FOR
      SELECT j.id, j.finished_at, part.fits_finished(j) AS fits
        FROM chancy.finished_jobs j
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
      PERFORM part.take_found(jsonb_build_object('at', one.finished_at, 'id', one.id));
    END LOOP;
    RETURN;
  END IF;

  known := f.known;
  IF f.is_running THEN
    -- Among many that wait no index has the few that run, but claims know them.
    known := ARRAY(SELECT DISTINCT unnest(c.ids) FROM chancy.claims c);
  ELSIF f.of_workers IS NOT NULL THEN
    known := ARRAY(SELECT DISTINCT unnest(c.ids) FROM chancy.claims c WHERE c.worker_id = ANY (f.of_workers));
  ELSIF f.of_uniques IS NOT NULL THEN
    known := ARRAY(SELECT j.id FROM chancy.jobs j WHERE j.unique_key = ANY (f.of_uniques));
  ELSIF f.of_workflows IS NOT NULL THEN
    known := ARRAY(SELECT s.job_id FROM chancy.steps s
                    WHERE s.owner_id = ANY (f.of_workflows) AND s.job_id IS NOT NULL);
  END IF;
  IF known IS NOT NULL AND section IN ('', 'ids') THEN
    FOR one IN
      SELECT u.id, u.fits
        FROM (
          SELECT j.id, part.fits_waiting(j) AS fits
            FROM chancy.jobs j
           WHERE j.id = ANY (known) AND (f.of_workers IS NULL OR j.state = 'running')
          UNION ALL
          SELECT j.id, part.fits_finished(j) AS fits
            FROM chancy.finished_jobs j
           WHERE f.of_workers IS NULL AND f.of_uniques IS NULL AND NOT f.is_running
             AND j.id = ANY (known)) u
       WHERE after_id IS NULL OR u.id < after_id
       ORDER BY u.id DESC
    LOOP
      PERFORM part.take_found(jsonb_build_object('s', 'ids', 'id', one.id));
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
    SELECT max(d.day) INTO open_from FROM chancy.indexed_days_1(f.path) d WHERE d.is_indexed;
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
                 part.fits_waiting(j) AS fits
            FROM chancy.jobs j
          UNION ALL
          SELECT j.id, '' AS state, j.queue, j.finished_at, is_history AS is_wanted,
                 part.fits_finished(j) AS fits
            FROM chancy.finished_jobs j) u
       WHERE u.is_wanted AND u.id >= low AND u.id <= high
         AND (after_id IS NULL OR u.id < after_id)
         AND (f.of_workers IS NULL OR u.state <> 'running')
         AND (of_queue IS NULL OR u.queue = of_queue)
         AND u.finished_at >= since AND u.finished_at < until
       ORDER BY u.id DESC
    LOOP
      PERFORM part.take_found(jsonb_build_object('s', 'walk', 'id', one.id, 'o', open_from));
    END LOOP;
    after_id := NULL;
    section := '';
  END IF;
  since := coalesce(to_timestamp(f.since / 1000), '-infinity');

  IF f.path IN ('name', 'args') AND is_history THEN
    FOR day IN
      SELECT d.day, d.is_indexed, to_char(d.day AT TIME ZONE 'UTC', 'YYYYMMDD') AS section
        FROM chancy.indexed_days_1(f.path) d
       WHERE d.day < open_from AND d.day < until AND d.day + interval '1 day' > since
       ORDER BY d.day DESC
    LOOP
      CONTINUE WHEN section <> '' AND day.section > section;
      known := NULL;
      IF f.path = 'args' AND day.is_indexed THEN
        known := chancy.day_candidates_1(f.args, f.meta, day.day, 1001);
      END IF;
      IF cardinality(known) <= 1000 THEN
        FOR one IN
          -- Apart from the order: to have it without a sort the plan would read the whole day by its ids.
          WITH chosen AS MATERIALIZED (
            SELECT c.id, c.fits
              FROM unnest(known) AS k(id)
             CROSS JOIN LATERAL (
                     SELECT j.id, part.fits_finished(j) AS fits
                       FROM chancy.finished_jobs j
                      WHERE j.id = k.id AND j.finished_at >= greatest(since, day.day)
                        AND j.finished_at < least(until, day.day + interval '1 day')
                        AND j.id >= low AND j.id <= high
                        AND (after_id IS NULL OR j.id < after_id)) c
          )
          SELECT c.id, c.fits FROM chosen c ORDER BY c.id DESC
        LOOP
          PERFORM part.take_found(jsonb_build_object('s', day.section, 'id', one.id));
        END LOOP;
        after_id := NULL;
        CONTINUE;
      END IF;
      of_name := CASE WHEN day.is_indexed THEN f.of_name END;
      FOR one IN
        SELECT j.id, part.fits_finished(j) AS fits
          FROM chancy.finished_jobs j
         WHERE j.finished_at >= greatest(since, day.day) AND j.finished_at < least(until, day.day + interval '1 day')
           AND j.id >= low AND j.id <= high
           AND (after_id IS NULL OR j.id < after_id)
           AND (of_name IS NULL OR j.name = of_name)
         ORDER BY j.id DESC
      LOOP
        PERFORM part.take_found(jsonb_build_object('s', day.section, 'id', one.id));
      END LOOP;
      after_id := NULL;
    END LOOP;
  END IF;
END $body$;
