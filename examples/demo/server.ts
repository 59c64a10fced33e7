import { randomBytes } from 'node:crypto'
import type { Driver } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import pg from 'pg'

export interface Server {
  readonly database: string | Driver
  readonly schema: string
  /** What to say of it. */
  readonly name: string
  /** One statement, past Chancy. */
  query(text: string, values: readonly string[]): Promise<unknown>
  /** Leaves nothing behind. */
  remove(): Promise<void>
}

/** The server of DATABASE_URL, in a schema of its own, or else one that lives as long as the demo. */
export async function chooseServer(): Promise<Server> {
  const url = process.env.DATABASE_URL
  if (url === undefined || url === '') {
    const database = embeddedPostgres()
    // Closing the Chancy stops it, and with it goes its temporary directory.
    return {
      ...{ database, schema: 'chancy', name: 'an embedded PostgreSQL', remove: async () => {} },
      query: (text, values) => database.query({ text, values }),
    }
  }
  const schema = `chancy_demo_${randomBytes(6).toString('hex')}`
  // Connects once itself: a mistake in the address is reported now, while the engine would retry.
  await withClient(url, async () => {})
  const name = `the server of DATABASE_URL, schema "${schema}"`
  return {
    ...{ database: url, schema, name, remove: () => dropSchema(url, schema) },
    query: (text, values) => withClient(url, (client) => client.query(text, [...values])),
  }
}

function dropSchema(url: string, schema: string): Promise<void> {
  return withClient(url, async (client) => {
    await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
  })
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
