-- part.watermarks_now: the watermarks of the queue as ranges; none while transactions are ignored and the watermarks
-- were not advanced for a minute.
(
  SELECT l.highs, l.lows, l.afters, l.befores
    FROM chancy.scan_watermarks l
   WHERE l.queue = wanted_queue
     AND (cardinality(l.ignored_xids) = 0 OR l.advanced_at > chancy.now_1() - interval '1 minute'))
