import { embeddedPostgres } from '../../../dist/database/drivers/embedded-postgres.js'

/** Runs `work` with the server of DATABASE_URL, else with one of its own. */
export async function withServer<T>(work: (url: string) => Promise<T>): Promise<T> {
  const given = process.env.DATABASE_URL
  if (given !== undefined && given !== '') return work(given)
  const embedded = embeddedPostgres()
  try {
    return await work(await embedded.url())
  } finally {
    await embedded.close()
  }
}
