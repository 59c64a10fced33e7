DROP TRIGGER dead_letters ON chancy.finished_jobs;
