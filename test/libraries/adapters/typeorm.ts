import type { DataSource, EntityManager } from 'typeorm'
import { ended, type Library, type Load, type OpenLibrary, type Transaction } from '../library.ts'

export const openTypeOrm: OpenLibrary = async (url, load) => {
  const source = await connect(url, load)
  return {
    ...rest(source),
    transaction: (work) => source.transaction((manager) => work(of(manager))),
    ended: /a QueryRunner of TypeORM that was released/,
  }
}

export const openQueryRunner: OpenLibrary = async (url, load) => {
  const source = await connect(url, load)
  const idle = source.createQueryRunner()
  return {
    ...rest(source),
    async transaction(work) {
      const runner = source.createQueryRunner()
      await runner.startTransaction()
      await ended(
        () => work({ session: runner, send: (text) => runner.query(text) }),
        () => runner.commitTransaction(),
        () => runner.rollbackTransaction(),
      ).finally(() => runner.release())
    },
    roots: [[/a QueryRunner of TypeORM without a transaction.*startTransaction/, idle]],
    ended: /a QueryRunner of TypeORM that was released/,
  }
}

async function connect(url: string, load: Load): Promise<DataSource> {
  const { DataSource } = (await load('typeorm')) as typeof import('typeorm')
  const source = new DataSource({ type: 'postgres', url, poolSize: 2, logging: false })
  return source.initialize()
}

function of(manager: EntityManager): Transaction {
  return {
    session: manager,
    send: (text) => manager.query(text),
    nested: (work) => manager.transaction((inner) => work(of(inner))),
  }
}

function rest(source: DataSource): Pick<Library, 'roots' | 'close'> {
  return {
    roots: [
      [/the DataSource of TypeORM.*dataSource\.transaction/, source],
      [/an EntityManager of TypeORM outside of a transaction/, source.manager],
    ],
    close: () => source.destroy(),
  }
}
