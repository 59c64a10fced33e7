import type { Knex } from 'knex'
import { ended, type Library, type OpenLibrary, type Transaction } from '../library.ts'

export const openKnex: OpenLibrary = async (url, load) => {
  const root = await connect(url, load)
  return { ...rest(root), transaction: (work) => root.transaction((trx) => work(of(trx))) }
}

/** Begun by `await knex.transaction()`, and ended by hand. */
export const openKnexByHand: OpenLibrary = async (url, load) => {
  const root = await connect(url, load)
  return {
    ...rest(root),
    async transaction(work) {
      const trx = await root.transaction()
      await ended(
        () => work(of(trx)),
        () => trx.commit(),
        () => trx.rollback(),
      )
    },
  }
}

async function connect(url: string, load: (name: string) => Promise<unknown>): Promise<Knex> {
  const { default: make } = (await load('knex')) as typeof import('knex')
  return make({ client: 'pg', connection: url, pool: { min: 0, max: 2 } })
}

function of(trx: Knex.Transaction): Transaction {
  return {
    session: trx,
    send: (text) => trx.raw(text),
    nested: (work) => trx.transaction((inner) => work(of(inner))),
  }
}

function rest(root: Knex): Omit<Library, 'transaction'> {
  return {
    own: { database: root, send: (trx, text) => of(trx as Knex.Transaction).send(text) },
    roots: [[/the root knex.*knex\.transaction/, root]],
    ended: /a transaction of Knex that has ended/,
    close: () => root.destroy(),
  }
}
