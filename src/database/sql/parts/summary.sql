-- part.summary(wait): the row about the claim, which comes before the jobs. By assignment, which needs no
-- statement. One column for all of it: each column more would be written, sent and read in every job's row.
summary := json_build_object(
  'queue_state', queue_state, 'claim_seq', claim_number, 'scanned', scanned,
  'requested', CASE queue_state WHEN 'active' THEN max_jobs ELSE 0 END,
  'started_ms', date_part('epoch', start_at) * 1000, 'wait_ms', wait, 'scan_us', scan_us)::text;
RETURN NEXT;
