import {
  isFunction,
  isShape,
  type Refusal,
  type SessionLibrary,
  type Shape,
} from '../session-library.ts'
import { foreignSession } from './foreign-session.ts'

interface QueryRunner {
  /** @param isStructured also for UPDATE and DELETE, whose rows are otherwise in a pair with their number. */
  query(text: string, values: unknown[], isStructured: true): Promise<{ readonly records: unknown }>
}

/** TypeORM: the manager of a transaction, or a QueryRunner that has begun one. */
export const typeorm: SessionLibrary = {
  knows: (given) => isManager(given) || isRunner(given),
  refusal,
  session(given) {
    const runner = runnerOf(given) as unknown as QueryRunner
    const send = async (text: string, values: unknown[]) =>
      (await runner.query(text, values, true)).records
    return foreignSession(send, () => refusal(given))
  },
}

function refusal(given: Shape): Refusal | undefined {
  const runner = runnerOf(given)
  if (!isShape(runner))
    return {
      found: isFunction(given.createQueryRunner)
        ? 'the DataSource of TypeORM'
        : 'an EntityManager of TypeORM outside of a transaction',
      advice:
        'Give it the manager of one: dataSource.transaction((manager) => chancy.push(job, { session: manager }))',
    }
  if (runner.isReleased === true)
    return { found: 'a QueryRunner of TypeORM that was released', advice: 'Push before that' }
  if (runner.isTransactionActive !== true)
    return {
      found: 'a QueryRunner of TypeORM without a transaction',
      advice: 'Await queryRunner.startTransaction() first, and push before it ends',
    }
  return undefined
}

/** A manager, or the DataSource itself. */
function isManager(given: Shape): boolean {
  return isFunction(given.getRepository) && isFunction(given.query)
}

function isRunner(given: Shape): boolean {
  return isFunction(given.query) && typeof given.isTransactionActive === 'boolean'
}

function runnerOf(given: Shape): unknown {
  return isRunner(given) ? given : given.queryRunner
}
