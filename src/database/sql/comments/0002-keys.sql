COMMENT ON TABLE chancy.key_throttles IS 'Unique keys that are taken for a time, whether their job has finished or not. Written by push_taken; removed by sweep_throttles.';
COMMENT ON COLUMN chancy.key_throttles.key IS 'Unique key.';
COMMENT ON COLUMN chancy.key_throttles.job_id IS 'Job that was pushed with it. It may have finished, and be gone.';
COMMENT ON COLUMN chancy.key_throttles.until IS 'When the key is free for the next push.';

COMMENT ON TABLE chancy.key_replacements IS 'Pushes that changed a waiting job in place of their own, for a push that is sent again because its answer was lost. Written by push_taken; removed by sweep_replacements.';
COMMENT ON COLUMN chancy.key_replacements.push_id IS 'Id that the pushed job would have.';
COMMENT ON COLUMN chancy.key_replacements.job_id IS 'Job that it changed.';
COMMENT ON COLUMN chancy.key_replacements.until IS 'When the row may be removed.';
