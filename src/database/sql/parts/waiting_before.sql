-- part.waiting_before(upper): jobs of g.key, g.queue and g.priority that wait, ready or blocked, not far before the
-- position `upper`; none where the group is not full.
(
  SELECT CASE WHEN part.is_full(g.key, g.max)
              THEN part.blocked_before(g.key, g.queue, g.priority, g.max, upper)
                   + part.ready_before(g.key, g.queue, g.priority, g.max, upper)
              ELSE 0 END AS waiting)
