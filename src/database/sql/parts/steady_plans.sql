-- part.steady_plans: settings of a function whose plans must not depend on statistics. The tables are empty
-- one moment and full the next, and each statement has one right plan, by its index. What is switched off
-- counts as very expensive before PostgreSQL 18, and compiling such a plan would take longer than running it.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
