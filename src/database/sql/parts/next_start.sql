-- part.next_start(of_queue): when a queue with a rate limit and no start left has one again; null while one is
-- left. With as many starts in the window as the limit there is none left, until the oldest of them leaves it.
IF found_queue.rate_max IS NOT NULL AND found_queue.rate_per_ms > 0 THEN
  rate_per := make_interval(secs => found_queue.rate_per_ms / 1000);
  SELECT s.at + rate_per
    INTO next_start
    FROM chancy.rate_starts s
   WHERE s.queue = of_queue AND s.at > at - rate_per
   ORDER BY s.at DESC
  OFFSET greatest(found_queue.rate_max, 1) - 1
   LIMIT 1;
END IF;
