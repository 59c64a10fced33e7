-- part.extra_columns(j, text_bytes, value_bytes): columns that most jobs leave empty travel as one JSON object, null
-- in the ordinary case: each column of its own would cost every job. Empty ones are left out, but no null inside
-- of a value is. Where they are larger than the bounds, only the keys and is_cut come.
CASE WHEN j.concurrency_key IS NULL AND j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
          AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
          AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
     THEN NULL
     -- The keys are what most jobs have that have anything of these, and most have one of them. One alone takes
     -- a quarter of the cost of the whole object.
     WHEN j.unique_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
          AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
          AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
     THEN json_build_object('concurrency_key', j.concurrency_key)::text
     WHEN j.concurrency_key IS NULL AND j.limits IS NULL AND j.backoff IS NULL
          AND j.cancel_requested_at IS NULL AND j.retention IS NULL AND j.progress IS NULL
          AND j.errors IS NULL AND j.meta IS NULL AND j.crashes = 0
     THEN json_build_object('unique_key', j.unique_key)::text
     WHEN coalesce(pg_column_size(j.limits), 0) + coalesce(pg_column_size(j.backoff), 0)
          + coalesce(pg_column_size(j.progress), 0) + coalesce(pg_column_size(j.errors), 0)
          + coalesce(pg_column_size(j.meta), 0) > value_bytes
     THEN json_strip_nulls(json_build_object(
            'concurrency_key', j.concurrency_key, 'unique_key', left(j.unique_key, 1000),
            'crashes', nullif(j.crashes, 0), 'is_cut', true))::text
     ELSE chancy.text_1(
            jsonb_strip_nulls(jsonb_build_object(
              'concurrency_key', j.concurrency_key, 'unique_key', j.unique_key, 'limits', j.limits,
              'backoff', j.backoff, 'cancel_requested_at', j.cancel_requested_at,
              'retention_ms', extract(epoch FROM j.retention) * 1000, 'crashes', nullif(j.crashes, 0)))
            -- What users wrote may have nulls inside, which are theirs.
            || CASE WHEN j.progress IS NULL AND j.errors IS NULL AND j.meta IS NULL THEN '{}'
                    ELSE CASE WHEN j.progress IS NULL THEN '{}'
                              ELSE jsonb_build_object('progress', j.progress) END
                         || CASE WHEN j.errors IS NULL THEN '{}'
                                 ELSE jsonb_build_object('errors', j.errors) END
                         || CASE WHEN j.meta IS NULL THEN '{}'
                                 ELSE jsonb_build_object('meta', j.meta) END END,
            text_bytes, value_bytes) END
