import pg from 'pg'
import { orderedUuid, plan, step } from './graph.ts'

/** Ends a step while a second connection holds its workflow: a finish must not wait for it. */
export async function heldProbe(url: string, schema: string): Promise<string[]> {
  const holder = new pg.Client({ connectionString: url })
  const client = new pg.Client({ connectionString: url })
  await Promise.all([holder.connect(), client.connect()])
  const text = (sql: string): string => sql.replaceAll('SCHEMA', `"${schema}"`)
  try {
    const one = plan((flow) => [step(flow, 0), step(flow, 1, { deps: [0] })])
    const worker = orderedUuid()
    await client.query(
      text(`INSERT INTO SCHEMA.queues (name) VALUES ('flows') ON CONFLICT DO NOTHING`),
    )
    await client.query(
      text(`INSERT INTO SCHEMA.workers (id, expires_at) VALUES ($1, now() + interval '1 day')`),
      [worker],
    )
    await client.query(text('SELECT * FROM SCHEMA.push_flow_1($1::text::jsonb, false)'), [
      JSON.stringify([one]),
    ])
    const { rows } = await client.query(
      text(`SELECT id, fence, ctid FROM SCHEMA.claim_1('flows', $1, 10, '{task}', false)`),
      [worker],
    )
    const job = rows.find(({ id }) => id === one.steps[0]!.job?.id)
    if (job === undefined) return ['a step without dependencies was not ready']
    await holder.query('BEGIN')
    await holder.query(text('SELECT 1 FROM SCHEMA.workflows WHERE id = $1 FOR NO KEY UPDATE'), [
      one.id,
    ])
    // The end of the transaction, and no verdict: what does not wait is done long before.
    await client.query("SET statement_timeout = '5s'")
    const answer = await client
      .query(
        text(`SELECT verdict FROM SCHEMA.finish_2($1, ARRAY[$2]::tid[], ARRAY[$3]::uuid[], ARRAY[$4]::bigint[], NULL, NULL,
                NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, ARRAY[$3]::uuid[])`),
        [worker, job.ctid, job.id, job.fence],
      )
      .catch((error: Error) => error)
    await holder.query('ROLLBACK')
    if (answer instanceof Error) return [`a finish waited for a workflow: ${answer.message}`]
    if (!answer.rows.some(({ verdict }) => verdict === 'left'))
      return ['a finish did not say what it left']
    return []
  } finally {
    await Promise.all([holder.end(), client.end()])
  }
}
