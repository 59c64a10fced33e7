-- Sends a signal to a durable job, by the commit of the transaction, and returns 'sent', 'finished' (the job has ended),
-- 'unknown' or 'full' (10,000 are unread). A signal is kept, in order, until the job asks for it. The same key for the
-- same job counts once. Part of the public interface: its name has no version, and a later one replaces it.
CREATE OR REPLACE FUNCTION chancy.signal(job uuid, name text, value jsonb DEFAULT 'null', key text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  IF coalesce(octet_length(signal.name), 0) NOT BETWEEN 1 AND 200 THEN
    RAISE EXCEPTION 'The name of a signal has 1 to 200 bytes, got %', quote_nullable(signal.name)
      USING ERRCODE = '22023';
  END IF;
  IF signal.value IS NULL OR octet_length(signal.value::text) > 1048576 THEN
    RAISE EXCEPTION 'The value of a signal is JSON of at most 1 MiB' USING ERRCODE = '22023';
  END IF;
  -- A text of so few bytes has no room for more levels.
  IF octet_length(signal.value::text) > 200 AND part.is_too_deep(signal.value) THEN
    RAISE EXCEPTION 'The value of a signal is nested at most 100 deep' USING ERRCODE = '22023';
  END IF;
  IF octet_length(signal.key) NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'The key of a signal has 1 to 1000 bytes' USING ERRCODE = '22023';
  END IF;
  RETURN chancy.leave_signal_1(signal.job, signal.name, signal.value, 'k:' || signal.key, true);
END $body$;
