import { Chancy } from 'chancy'
import pg from 'pg'
import { cut } from './cut.ts'

/** Drops the schema and makes it, with `room` steps at most in a transaction where that is given. */
export async function freshSchema(url: string, schema: string, room?: number): Promise<void> {
  await dropSchema(url, schema)
  await using chancy = new Chancy(url, { schema, notifications: false })
  await chancy.migrate()
  if (room === undefined) return
  await cut(url, schema, 'flow_held_1', /room int := 1000;/, `room int := ${room};`)
}

export async function dropSchema(url: string, schema: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
  } finally {
    await client.end()
  }
}
