import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'
import pg from 'pg'
import postgres from 'postgres'
import type { Library, Load, OpenLibrary, Transaction } from '../library.ts'

type Database = PgDatabase<PgQueryResultHKT>
type Sql = typeof import('drizzle-orm')['sql']

export const openDrizzleOverPg: OpenLibrary = async (url, load) => {
  const { drizzle } = (await load(
    'drizzle-orm/node-postgres',
  )) as typeof import('drizzle-orm/node-postgres')
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  return {
    ...(await common(drizzle({ client: pool }), load)),
    ended: /a transaction of Drizzle that has ended/,
    close: () => pool.end(),
  }
}

export const openDrizzleOverPostgresJs: OpenLibrary = async (url, load) => {
  const { drizzle } = (await load(
    'drizzle-orm/postgres-js',
  )) as typeof import('drizzle-orm/postgres-js')
  const client = postgres(url, { max: 2, onnotice: () => {} })
  return {
    ...(await common(drizzle({ client }), load)),
    ended: null,
    close: () => client.end(),
  }
}

export const openDrizzleOverPGlite: OpenLibrary = async (_url, load, client) => {
  const { drizzle } = (await load('drizzle-orm/pglite')) as typeof import('drizzle-orm/pglite')
  return {
    ...(await common(drizzle({ client: client! }), load)),
    ended: /Transaction is closed/,
    close: async () => {},
  }
}

async function common(
  given: unknown,
  load: Load,
): Promise<Pick<Library, 'transaction' | 'roots' | 'own'>> {
  const { sql } = (await load('drizzle-orm')) as typeof import('drizzle-orm')
  const db = given as Database
  return {
    transaction: (work) => db.transaction((tx) => work(of(tx, sql))),
    own: { database: db, send: (tx, text) => of(tx as Database, sql).send(text) },
    roots: [[/the root db of Drizzle.*db\.transaction/, db]],
  }
}

function of(tx: Database, sql: Sql): Transaction {
  return {
    session: tx,
    send: async (text) => tx.execute(sql.raw(text)),
    nested: (work) => tx.transaction((inner) => work(of(inner, sql))),
  }
}
