-- part.find_candidates(rows): fills the variables of a claim from rows of the queue's order.
SELECT array_agg(r.tid) FILTER (WHERE r.is_known), array_agg(r.id) FILTER (WHERE r.is_known),
       array_agg(r.tid) FILTER (WHERE NOT r.is_known), count(*),
       bool_or(r.is_limited AND r.is_known)
  INTO candidates, ids, unknown_tids, scanned, is_limited
  FROM (
    SELECT l.tid, l.id, l.is_limited, l.name = ANY (names) AS is_known
      FROM rows l
    OFFSET 0) r;
