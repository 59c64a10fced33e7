-- Pushes one job and returns its id, or that of the job that holds its unique key. Part of the public interface:
-- its name has no version, and a later one replaces it.
CREATE OR REPLACE FUNCTION chancy.push(
  name text, args jsonb DEFAULT '{}', queue text DEFAULT 'default', priority int DEFAULT 0,
  max_attempts int DEFAULT NULL, scheduled_at timestamptz DEFAULT NULL,
  unique_key text DEFAULT NULL, meta jsonb DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  job uuid := chancy.new_id();
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
  IF octet_length(push.args::text) > 200 AND part.is_too_deep(push.args) THEN
    RAISE EXCEPTION 'The arguments of a job are nested at most 100 deep' USING ERRCODE = '22023';
  END IF;
  IF octet_length(push.meta::text) > 200 AND part.is_too_deep(push.meta) THEN
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
      FROM chancy.push_1(
             ARRAY[job], ARRAY[push.queue], ARRAY[push.name], ARRAY[push.args::text],
             ARRAY[push.priority], ARRAY[push.max_attempts],
             ARRAY[(extract(epoch FROM push.scheduled_at) * 1000)::float8], NULL,
             CASE WHEN push.unique_key IS NOT NULL THEN ARRAY[push.unique_key] END,
             ARRAY[CASE WHEN push.meta IS NOT NULL
                        THEN jsonb_build_object('meta', push.meta)::text END],
             false, 0, ARRAY[CASE WHEN push.scheduled_at > chancy.now_1()
                        THEN 'job.scheduled ' ELSE 'queue.pushed ' END || push.queue]) p;
    -- No row back: it was inserted. A row without a holder: the holder finished between the two
    -- statements, so the key is free now.
    EXIT WHEN NOT FOUND;
    IF standing IS NOT NULL THEN
      RETURN standing;
    END IF;
  END LOOP;
  RETURN job;
END $body$;
