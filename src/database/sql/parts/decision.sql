-- part.decision(d, c): what becomes of a step d of which c.ended more dependencies have ended, c.bad of them failed
-- or cancelled, c.skipped and c.fine: 'run', 'skip', 'end' (a map whose last item has ended), or null: it waits.
CASE WHEN d.state = 'waiting'
     THEN CASE d.run_when
            WHEN 'all-succeeded' THEN CASE WHEN d.bad + c.bad + d.skipped + c.skipped > 0 THEN 'skip'
                                           WHEN d.pending = c.ended THEN 'run' END
            WHEN 'none-failed' THEN CASE WHEN d.bad + c.bad > 0 THEN 'skip'
                                         WHEN d.pending = c.ended THEN 'run' END
            WHEN 'any-succeeded' THEN CASE WHEN d.fine + c.fine > 0 THEN 'run'
                                           WHEN d.pending = c.ended THEN 'skip' END
            WHEN 'any-failed' THEN CASE WHEN d.bad + c.bad > 0 THEN 'run'
                                        WHEN d.pending = c.ended THEN 'skip' END
            ELSE CASE WHEN d.pending = c.ended THEN 'run' END END
     WHEN d.state = 'open' AND d.job_id IS NULL AND d.pending = c.ended THEN 'end' END
