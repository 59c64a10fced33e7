-- part.is_ready(j): whether a row of jobs is in its queue's order and can be claimed. A running job keeps its
-- position: one with a concurrency limit leaves the index by its claim_seq, the others are passed over.
j.position IS NOT NULL AND j.claim_seq IS NULL AND j.state <> 'running'
