import type pg from 'pg'
import { withClient } from './database.ts'
import { withMutant } from './mutant.ts'

/** An advisory lock: a scan that comes to the row which its session names waits for it. */
const PAUSE = 4_711

/**
 * Runs `work` while the claims of a schema can be stopped inside of their scan, whose snapshot is
 * taken by then: `before` makes the claims of a session stop at a job until `go` is called.
 */
export async function withPauses<T>(
  schema: string,
  work: (pauses: {
    before(client: pg.Client, id: string): Promise<unknown>
    go(): Promise<unknown>
  }) => Promise<T>,
): Promise<T> {
  return withClient(async (gate) => {
    await gate.query(
      `CREATE OR REPLACE FUNCTION ${schema}.pause_before(id uuid) RETURNS boolean LANGUAGE plpgsql AS $$
       BEGIN
         IF id::text = current_setting('test.pause_before', true) THEN
           PERFORM pg_advisory_xact_lock_shared(${PAUSE});
         END IF;
         RETURN true;
       END $$`,
    )
    const pausing = {
      from: /WHERE j\.queue = wanted_queue/g,
      to: 'WHERE SCHEMA.pause_before(j.id) AND j.queue = wanted_queue',
    }
    return withMutant(schema, 'claim_1', pausing, async () => {
      await gate.query(`SELECT pg_advisory_lock(${PAUSE})`)
      return work({
        before: (client, id) => client.query(`SET test.pause_before = '${id}'`),
        go: () => gate.query('SELECT pg_advisory_unlock_all()'),
      })
    })
  })
}
