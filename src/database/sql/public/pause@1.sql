-- Pauses a queue, as pauseQueue of the library: nothing more of it starts, until resume_at or resume. Part of the
-- public interface: its name has no version, and a later one replaces it.
CREATE OR REPLACE FUNCTION chancy.pause(queue text, resume_at timestamptz DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  IF pause.resume_at NOT BETWEEN '1970-01-01 00:00Z' AND '9999-12-31 00:00Z' THEN
    RAISE EXCEPTION 'The end of a pause lies between 1970 and 9999, got %', pause.resume_at
      USING ERRCODE = '22023';
  END IF;
  UPDATE chancy.queues q
     SET state = 'paused', resume_at = pause.resume_at
   WHERE q.name = pause.queue;
  PERFORM part.queue_changed(pause.queue);
END $body$;
