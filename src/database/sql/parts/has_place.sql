-- part.has_place(j): whether a waiting job is ready, blocked or parked. The others wait for a time.
(j.position IS NOT NULL OR j.blocked OR j.parked)
