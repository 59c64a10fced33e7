import type pg from 'pg'

/**
 * Deadlocks of the database since this was called. To be asked when the sessions that are measured are
 * closed: the server counts what a session met when it ends.
 */
export async function deadlocksSince(
  client: Pick<pg.Client, 'query'>,
): Promise<() => Promise<number>> {
  const read = async (): Promise<number> => {
    const { rows } = await client.query<{ n: number }>(
      'SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()',
    )
    return rows[0]!.n
  }
  const before = await read()
  return async () => (await read()) - before
}
