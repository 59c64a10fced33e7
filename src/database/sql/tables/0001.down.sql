DROP VIEW chancy.all_jobs;
DROP TABLE chancy.jobs, chancy.finished_jobs, chancy.queues, chancy.workers, chancy.claims,
           chancy.concurrency_groups, chancy.rate_starts, chancy.scan_watermarks, chancy.waiters, chancy.leader;
DROP SEQUENCE chancy.positions, chancy.requeue_positions, chancy.claim_numbers;
DROP DOMAIN chancy.job_name, chancy.group_key;
