import type { Names } from '../../../database/names.ts'

/** Bodies that name what they call in full, or find it in pg_catalog. */
const head = 'SET search_path = pg_catalog, pg_temp'
/** As in the engine: the tables are empty one moment and full the next, and no plan may depend on statistics. */
const steady = `SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
  SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off`

/** An instant of milliseconds since the epoch. */
const instant = (ms: string): string => `to_timestamp(${ms} / 1000)`

/**
 * The job of a tick: what the schedule keeps, with the tick in its metadata, and with what its overlap policy rests
 * on unless the job has its own. Without a tick it is that of a manual run.
 */
const jobOf = (t: Names): string => `
  CREATE FUNCTION ${t.own('cron_job_1')}(job jsonb, schedule text, tick timestamptz, overlap text)
  RETURNS jsonb
  LANGUAGE plpgsql STABLE ${head}
  AS ${t.body}
  DECLARE
    extras jsonb := coalesce(cron_job_1.job -> 'extras', '{}'::jsonb);
    own jsonb := jsonb_build_object('key', schedule, 'tick',
                   to_char(tick AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));
  BEGIN
    IF overlap IS NULL OR overlap NOT IN ('skip', 'queue', 'replace', 'allow') THEN
      RAISE EXCEPTION 'the overlap policy % is not known to this release', coalesce(overlap, 'null')
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF jsonb_typeof(cron_job_1.job) IS DISTINCT FROM 'object' OR jsonb_typeof(extras) <> 'object' THEN
      RAISE EXCEPTION 'the job is no object as encode() makes it' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    extras := extras || jsonb_build_object(
      'meta', coalesce(extras -> 'meta', '{}'::jsonb) || jsonb_build_object('cron', own));
    IF overlap IN ('queue', 'replace') AND NOT extras ? 'concurrency_key' THEN
      extras := extras || jsonb_build_object('concurrency_key', 'cron:' || schedule, 'concurrency_max', 1);
    END IF;
    IF overlap = 'skip' AND NOT cron_job_1.job ? 'unique_key' THEN
      extras := jsonb_build_object('extras', extras, 'unique_key', 'cron:' || schedule);
    ELSE
      extras := jsonb_build_object('extras', extras);
    END IF;
    RETURN cron_job_1.job || extras;
  END ${t.body}`

/**
 * Fires schedules by plans that were made of their rows. A schedule that was changed since, or that another
 * transaction holds, is passed over. It returns a row for each schedule that was moved, without a tick, and one for
 * each tick whose job was pushed or that another job kept from it.
 */
const fire = (t: Names): string => `
  CREATE FUNCTION ${t.own('cron_fire_1')}(plans jsonb, lock_ms int)
  RETURNS TABLE (key text, at_ms float8, what text, job text, holder text)
  LANGUAGE plpgsql ${head} ${steady}
  AS ${t.body}
  #variable_conflict use_column
  DECLARE
    recorded timestamptz := ${t.fn('clock')}();
    -- They rise with the ticks: of two jobs with one unique key the one with the lower id is kept.
    fresh uuid[] := ARRAY(
      SELECT f.id
        FROM (SELECT ${t.own('new_id')}() AS id
                FROM jsonb_to_recordset(plans) AS p(fire jsonb)
               CROSS JOIN LATERAL jsonb_array_elements_text(p.fire)) f
       ORDER BY f.id);
    moved text[];
    keys text[];
    ticks timestamptz[];
    ids uuid[];
    jobs jsonb;
    pushed uuid[];
    created boolean[];
  BEGIN
    -- A unique key may be held by an open transaction, and the other schedules do not wait for it.
    PERFORM set_config('lock_timeout', lock_ms::text, true);
    moved := ARRAY(
      SELECT s.key
        FROM jsonb_to_recordset(plans) AS p(key text, version bigint, seen_ms float8)
        JOIN ${t.own('cron_schedules')} s ON s.key = p.key
       WHERE s.version = p.version AND s.next_at = ${instant('p.seen_ms')} AND s.due_at IS NOT NULL
       ORDER BY s.key
         FOR NO KEY UPDATE OF s SKIP LOCKED);
    IF cardinality(moved) < jsonb_array_length(plans) THEN
      plans := (SELECT coalesce(jsonb_agg(p.plan), '[]'::jsonb)
                  FROM jsonb_array_elements(plans) AS p(plan) WHERE p.plan ->> 'key' = ANY (moved));
    END IF;

    WITH wanted AS (
      SELECT p.key, ${instant('f.ms::float8')} AS at, row_number() OVER (ORDER BY f.ms::float8, p.key) AS n
        FROM jsonb_to_recordset(plans) AS p(key text, fire jsonb)
       CROSS JOIN LATERAL jsonb_array_elements_text(p.fire) AS f(ms)
    ), put AS (
      INSERT INTO ${t.own('cron_ticks')} AS c (key, at, what, recorded_at, job)
      SELECT w.key, w.at, 'fired', recorded, fresh[w.n]
        FROM wanted w
       ORDER BY w.n
          -- Fired before: by an earlier row of the same key, or before the clock was set back.
          ON CONFLICT DO NOTHING
      RETURNING c.key, c.at, c.job
    )
    SELECT array_agg(p.key ORDER BY p.job), array_agg(p.at ORDER BY p.job), array_agg(p.job ORDER BY p.job),
           jsonb_agg(${t.own('cron_job_1')}(s.job, s.key, p.at, s.policy ->> 'overlap') ORDER BY p.job)
      INTO keys, ticks, ids, jobs
      FROM put p
      JOIN ${t.own('cron_schedules')} s ON s.key = p.key;

    IF ids IS NOT NULL THEN
      SELECT array_agg(r.id ORDER BY r.n), array_agg(r.created ORDER BY r.n) INTO pushed, created
        FROM ${t.fn('push_stored_1')}(jobs, ids) r;
      UPDATE ${t.own('cron_ticks')} c
         SET what = 'skipped', job = NULL, holder = f.pushed
        FROM unnest(keys, ticks, pushed, created) AS f(key, at, pushed, created)
       WHERE c.key = f.key AND c.at = f.at AND NOT f.created;
    END IF;

    INSERT INTO ${t.own('cron_ticks')} (key, at, what, recorded_at, count, from_at)
    SELECT p.key, ${instant('p.missed_to_ms')}, 'missed', recorded, p.missed, ${instant('p.missed_from_ms')}
      FROM jsonb_to_recordset(plans) AS p(key text, missed int, missed_from_ms float8, missed_to_ms float8)
     WHERE p.missed > 0
        ON CONFLICT DO NOTHING;

    UPDATE ${t.own('cron_schedules')} s
       SET version = s.version + 1,
           state = CASE WHEN p.next_ms IS NULL THEN 'ended' ELSE 'active' END,
           resume_at = NULL, pause_reason = NULL,
           next_at = ${instant('p.next_ms')}, due_at = ${instant('p.due_ms')},
           passed_at = coalesce(greatest(s.passed_at, ${instant('p.passed_ms')}), s.passed_at),
           missed = s.missed + coalesce(p.missed, 0),
           last_at = coalesce(p.last_at, s.last_at),
           last_job = coalesce(p.jobs[cardinality(p.jobs)], s.last_job),
           to_replace = CASE WHEN s.policy ->> 'overlap' = 'replace'
                             THEN coalesce(p.jobs[cardinality(p.jobs)], s.to_replace) END,
           to_cancel = CASE WHEN s.policy ->> 'overlap' = 'replace' AND p.jobs IS NOT NULL
                            THEN array_remove(s.to_cancel || s.to_replace, NULL)
                                 || p.jobs[:cardinality(p.jobs) - 1]
                            ELSE s.to_cancel END
      FROM (
        -- Grouped and not joined: a join would compare each schedule with each tick.
        SELECT g.key, max(g.next_ms) AS next_ms, max(g.due_ms) AS due_ms, max(g.passed_ms) AS passed_ms,
               max(g.missed) AS missed, max(g.at) AS last_at,
               array_agg(g.id ORDER BY g.at) FILTER (WHERE g.created) AS jobs
          FROM (
            SELECT p.key, p.next_ms, p.due_ms, p.passed_ms, p.missed,
                   NULL::timestamptz AS at, NULL::uuid AS id, NULL::boolean AS created
              FROM jsonb_to_recordset(plans)
                     AS p(key text, next_ms float8, due_ms float8, passed_ms float8, missed int)
             UNION ALL
            SELECT u.key, NULL, NULL, NULL, NULL, u.at, u.id, u.created
              FROM unnest(keys, ticks, ids, created) AS u(key, at, id, created)) g
         GROUP BY g.key) p
     WHERE s.key = p.key;

    RETURN QUERY
    SELECT m.key, NULL::float8, NULL::text, NULL::text, NULL::text FROM unnest(moved) AS m(key)
     UNION ALL
    SELECT u.key, date_part('epoch', u.at) * 1000, CASE WHEN u.created THEN 'fired' ELSE 'skipped' END,
           CASE WHEN u.created THEN u.id::text END, CASE WHEN NOT u.created THEN u.pushed::text END
      FROM unnest(keys, ticks, ids, pushed, created) AS u(key, at, id, pushed, created);
  END ${t.body}`

/** Pushes the job of a schedule now, beside its ticks. No row: there is no such schedule. */
const run = (t: Names): string => `
  CREATE FUNCTION ${t.own('cron_run_1')}(schedule text)
  RETURNS TABLE (job text, created boolean)
  LANGUAGE plpgsql SECURITY DEFINER ${head} ${steady}
  AS ${t.body}
  #variable_conflict use_column
  DECLARE
    stored jsonb;
    replaces boolean;
    pushed uuid;
    is_new boolean;
  BEGIN
    SELECT ${t.own('cron_job_1')}(s.job, s.key, NULL, s.policy ->> 'overlap'), s.policy ->> 'overlap' = 'replace'
      INTO stored, replaces
      FROM ${t.own('cron_schedules')} s
     WHERE s.key = schedule;
    IF NOT FOUND THEN
      RETURN;
    END IF;
    IF replaces THEN
      -- Before the push, as in a firing.
      PERFORM FROM ${t.own('cron_schedules')} s WHERE s.key = schedule FOR NO KEY UPDATE;
    END IF;
    SELECT r.id, r.created INTO pushed, is_new
      FROM ${t.fn('push_stored_1')}(jsonb_build_array(stored)) r;
    IF replaces AND is_new THEN
      UPDATE ${t.own('cron_schedules')} s
         SET to_cancel = array_remove(s.to_cancel || s.to_replace, NULL), to_replace = pushed
       WHERE s.key = schedule;
    END IF;
    RETURN QUERY SELECT pushed::text, is_new;
  END ${t.body}`

/** Pauses or resumes a schedule whose row is as it was read. No row: it was changed since. */
const setState = (t: Names): string => `
  CREATE FUNCTION ${t.own('cron_set_state_1')}(
    schedule text, seen bigint, to_state text, reason text, resume_ms float8, next_ms float8, due_ms float8)
  RETURNS TABLE (version bigint)
  LANGUAGE plpgsql SECURITY DEFINER ${head} ${steady}
  AS ${t.body}
  #variable_conflict use_column
  BEGIN
    RETURN QUERY
    UPDATE ${t.own('cron_schedules')} s
       SET version = s.version + 1, state = to_state, error = NULL,
           pause_reason = reason, resume_at = ${instant('resume_ms')},
           next_at = ${instant('next_ms')}, due_at = ${instant('due_ms')}
     WHERE s.key = schedule AND s.version = seen
    RETURNING s.version;
  END ${t.body}`

const ARGUMENTS = {
  cron_job_1: '(jsonb, text, timestamptz, text)',
  cron_fire_1: '(jsonb, int)',
  cron_run_1: '(text)',
  cron_set_state_1: '(text, bigint, text, text, float8, float8, float8)',
} as const

const names = (t: Names): string[] =>
  Object.entries(ARGUMENTS).map(([name, args]) => `${t.own(name)}${args}`)

export const functions = (t: Names): readonly string[] => [
  jobOf(t),
  fire(t),
  run(t),
  setState(t),
  ...names(t).map((name) => `REVOKE EXECUTE ON FUNCTION ${name} FROM PUBLIC`),
]

export const dropFunctions = (t: Names): readonly string[] =>
  names(t).map((name) => `DROP FUNCTION ${name}`)
