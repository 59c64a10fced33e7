-- Sends signals together with the records of the steps that send them, and returns the jobs that they are for, with
-- commas. An element of `signals` has the `step`; the `job`, its unique key in `of`, or a job to `push` unless one with
-- its key lives; and the `name`, the `value` and the `key` of the signal. No job is locked: they are to be woken in a
-- transaction that holds nothing. A step whose job has ended, or is not there, gets that as its result.
CREATE OR REPLACE FUNCTION chancy.send_recorded_1(job uuid, signals jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET part.steady_plans = on
AS $body$
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
        FROM chancy.push_stored_1(jsonb_build_array(one.signal -> 'push' -> 'job'),
                                  ARRAY[(one.signal -> 'push' ->> 'id')::uuid]) p;
    ELSIF one.signal ? 'of' THEN
      target := (SELECT j.id FROM chancy.jobs j WHERE j.unique_key = one.signal ->> 'of');
    END IF;
    verdict := chancy.leave_signal_1(
      target, one.signal ->> 'name', one.signal -> 'value', 'k:' || (one.signal ->> 'key'), true);
    IF verdict = 'sent' THEN
      sent := concat_ws(',', sent, target);
    ELSE
      UPDATE chancy.job_steps s
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
         AND s.n > coalesce((SELECT (j.extras ->> 'base')::int FROM chancy.jobs j WHERE j.id = send_recorded_1.job), 0);
    END IF;
  END LOOP;
  RETURN sent;
END $body$;
