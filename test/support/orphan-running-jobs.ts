import { sql } from './app.ts'

/** Turns all waiting jobs into running ones of workers that no longer exist. */
export async function orphanRunningJobs(schema: string): Promise<void> {
  await sql(
    schema,
    `WITH held AS (
       UPDATE $schema.jobs
          SET state = 'running', worker_id = gen_random_uuid(), attempts = 1, fence = 1,
              started_at = now()
       RETURNING id, worker_id
     )
     INSERT INTO $schema.claims (worker_id, claim_seq, ids)
     SELECT held.worker_id, 1, ARRAY[held.id] FROM held`,
  )
}
