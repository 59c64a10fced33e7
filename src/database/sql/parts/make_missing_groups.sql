-- part.make_missing_groups: makes the groups of `keys` that are not there, in the order in which all of them
-- are locked.
INSERT INTO chancy.concurrency_groups (key)
SELECT k.key
  FROM unnest(keys) AS k(key)
 WHERE (SELECT true FROM chancy.concurrency_groups g WHERE g.key = k.key) IS NULL
 ORDER BY k.key
    ON CONFLICT DO NOTHING;
