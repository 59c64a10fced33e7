-- part.queue_now: the state of the queue and its rate limit; nulls where there is none.
(
  SELECT CASE WHEN k.state = 'paused' AND k.resume_at <= chancy.now_1() THEN 'active' ELSE k.state END AS state,
         CASE WHEN k.rate_per_ms > 0 THEN k.rate_max END AS rate_max,
         make_interval(secs => k.rate_per_ms / 1000) AS rate_per
    FROM chancy.queues k
   WHERE k.name = wanted_queue)
