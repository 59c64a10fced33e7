-- Ends the pause of a queue, as resumeQueue of the library. Part of the public interface: its name has no version, and
-- a later one replaces it.
CREATE OR REPLACE FUNCTION chancy.resume(queue text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  UPDATE chancy.queues q
     SET state = 'active', resume_at = NULL
   WHERE q.name = resume.queue;
  PERFORM part.queue_changed(resume.queue);
END $body$;
