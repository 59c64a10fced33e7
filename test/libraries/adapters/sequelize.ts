import type { Sequelize, Transaction as SequelizeTransaction } from 'sequelize'
import type { OpenLibrary, Transaction } from '../library.ts'

export const openSequelize: OpenLibrary = async (url, load) => {
  const { Sequelize } = (await load('sequelize')) as typeof import('sequelize')
  const root = new Sequelize(url, { dialect: 'postgres', logging: false, pool: { max: 2 } })
  return {
    transaction: (work) => root.transaction((t) => work(of(root, t))),
    roots: [[/the root Sequelize.*sequelize\.transaction/, root]],
    ended: /a transaction of Sequelize that has ended/,
    close: () => root.close(),
  }
}

function of(root: Sequelize, t: SequelizeTransaction): Transaction {
  return {
    session: t,
    send: (text) => root.query(text, { transaction: t }),
    nested: (work) => root.transaction({ transaction: t }, (inner) => work(of(root, inner))),
  }
}
