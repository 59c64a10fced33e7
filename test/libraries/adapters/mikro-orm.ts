import type { EntityManager } from '@mikro-orm/postgresql'
import type { OpenLibrary, Transaction } from '../library.ts'

export const openMikroOrm: OpenLibrary = async (url, load) => {
  const { EntitySchema, MikroORM } = (await load(
    '@mikro-orm/postgresql',
  )) as typeof import('@mikro-orm/postgresql')
  const User = new EntitySchema({
    name: 'User',
    tableName: 'users',
    properties: { email: { type: 'string', primary: true } },
  })
  const orm = await MikroORM.init({
    clientUrl: url,
    entities: [User],
    pool: { min: 0, max: 2 },
    debug: false,
  })
  return {
    transaction: (work) => orm.em.fork().transactional((em) => work(of(em))),
    roots: [
      [/an EntityManager of MikroORM outside of a transaction.*em\.transactional/, orm.em],
      [/an EntityManager of MikroORM outside of a transaction/, orm.em.fork()],
    ],
    ended: /an EntityManager of MikroORM whose transaction has ended/,
    close: () => orm.close(true),
  }
}

function of(em: EntityManager): Transaction {
  return {
    session: em,
    send: (text) => em.execute(text),
    nested: (work) => em.transactional((inner) => work(of(inner))),
  }
}
