import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { setup as startServer } from './server.ts'

/**
 * The server of the project `roles`: a database of its own with a publication of all its tables, as for
 * logical replication, and a role that owns nothing, which the applications of the tests connect as.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let address = ''
  const stop = await startServer({
    provide: (_: 'databaseUrl', url: string) => {
      address = url
    },
  })
  const url = new URL(address)
  await run(
    address,
    'DROP DATABASE IF EXISTS chancy_roles WITH (FORCE)',
    'CREATE DATABASE chancy_roles',
  )
  const password = decodeURIComponent(url.password).replaceAll("'", "''")
  url.pathname = '/chancy_roles'
  await run(
    url.href,
    'CREATE PUBLICATION everything FOR ALL TABLES',
    `CREATE ROLE chancy_test_worker LOGIN PASSWORD '${password}'`,
    // Tests of deadlocks set it for their sessions.
    'GRANT SET ON PARAMETER deadlock_timeout TO chancy_test_worker',
  )
  project.provide('databaseUrl', url.href)
  return async () => {
    await run(
      address,
      'DROP DATABASE chancy_roles WITH (FORCE)',
      'DROP OWNED BY chancy_test_worker',
      'DROP ROLE chancy_test_worker',
    )
    await stop()
  }
}

async function run(url: string, ...texts: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const text of texts) await client.query(text)
  } finally {
    await client.end()
  }
}
