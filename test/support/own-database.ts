import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll } from 'vitest'
import { databaseUrl, withClient } from './database.ts'

/** Of the roles of tests: a server may ask for one. */
export const ROLE_PASSWORD = 'word'

/**
 * A database of a test file's own, for what concerns a whole database: its search path, its roles, its
 * publications. Made before the tests, dropped after them. Gives its address for a role.
 */
export function ownDatabase(): (user?: string, password?: string) => string {
  const name = `own_${randomBytes(6).toString('hex')}`
  beforeAll(() => withClient((client) => client.query(`CREATE DATABASE ${name}`)))
  afterAll(() => withClient((client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`)))
  return (user, password = ROLE_PASSWORD) => {
    const url = new URL(databaseUrl())
    url.pathname = `/${name}`
    if (user !== undefined) {
      url.username = user
      url.password = password
    }
    return url.href
  }
}
