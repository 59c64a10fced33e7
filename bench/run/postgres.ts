import pg from 'pg'

/** One statement on a connection of its own. */
export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/**
 * Brings the server to the same state before each measurement: statistics as autovacuum would have
 * made them of a table that has been there for a minute, and no checkpoint of the filling left over.
 */
export async function settle(url: string): Promise<void> {
  const schemas = await query(
    url,
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname LIKE 'bench\\_%'`,
  )
  for (const { name } of schemas) await query(url, `ANALYZE ${name}`)
  // Only superusers and pg_checkpoint may; elsewhere the server decides by itself.
  await query(url, 'CHECKPOINT').catch(() => {})
}
