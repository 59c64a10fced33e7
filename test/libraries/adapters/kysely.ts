import type { ControlledTransaction, Kysely, sql, Transaction as Trx } from 'kysely'
import pg from 'pg'
import { ended, type Library, type Load, type OpenLibrary, type Transaction } from '../library.ts'

type Tables = Record<string, never>

interface Opened {
  readonly db: Kysely<Tables>
  readonly sql: typeof sql
}

export const openKysely: OpenLibrary = async (url, load) => {
  const opened = await connect(url, load)
  const { db } = opened
  return {
    ...rest(db),
    transaction: (work) => db.transaction().execute((trx) => work(of(opened, trx))),
    // Kysely's own, since its transaction does not show whether it has ended.
    ended: /Transaction is already (?:committed|rolled back)/,
  }
}

/** Begun by `startTransaction()`, with savepoints, and ended by hand. */
export const openControlledKysely: OpenLibrary = async (url, load) => {
  const opened = await connect(url, load)
  const { db } = opened
  return {
    ...rest(db),
    async transaction(work) {
      const trx = await db.startTransaction().execute()
      await ended(
        () => work({ ...of(opened, trx), nested: (inner) => savepoint(opened, trx, inner) }),
        () => trx.commit().execute(),
        () => trx.rollback().execute(),
      )
    },
    ended: /a transaction of Kysely that has ended/,
  }
}

async function connect(url: string, load: Load): Promise<Opened> {
  const { Kysely, PostgresDialect, CamelCasePlugin, sql } = (await load(
    'kysely',
  )) as typeof import('kysely')
  const dialect = new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 2 }) })
  // The plugin renames columns, and must leave those of the engine as they are.
  return { db: new Kysely<Tables>({ dialect, plugins: [new CamelCasePlugin()] }), sql }
}

async function savepoint(
  opened: Opened,
  trx: ControlledTransaction<Tables>,
  work: (transaction: Transaction) => Promise<void>,
): Promise<void> {
  const inner = await trx.savepoint('inside').execute()
  await ended(
    () => work(of(opened, inner)),
    () => inner.releaseSavepoint('inside').execute(),
    () => inner.rollbackToSavepoint('inside').execute(),
  )
}

function of({ sql: { raw } }: Opened, trx: Trx<Tables>): Transaction {
  return { session: trx, send: (text) => raw(text).execute(trx) }
}

function rest(db: Kysely<Tables>): Omit<Library, 'transaction' | 'ended'> {
  return {
    roots: [[/the root Kysely.*db\.transaction\(\)\.execute/, db]],
    close: () => db.destroy(),
  }
}
