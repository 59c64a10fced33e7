import {
  isFunction,
  isShape,
  type Refusal,
  type SessionLibrary,
  type Shape,
} from '../session-library.ts'
import { foreignSession } from './foreign-session.ts'

interface SequelizeTransaction {
  readonly sequelize: { query(text: string, options: object): Promise<unknown> }
}

/** Sequelize: a transaction, whose statements are sent by the Sequelize that it is of. */
export const sequelize: SessionLibrary = {
  knows: (given) => isTransaction(given) || isRoot(given),
  refusal,
  session(given) {
    const root = (given as unknown as SequelizeTransaction).sequelize
    // Of the type SELECT it answers with the rows, whatever the statement is.
    const send = (text: string, bind: unknown[]) =>
      root.query(text, { bind, transaction: given, type: 'SELECT' })
    return foreignSession(send, () => refusal(given))
  },
}

function refusal(given: Shape): Refusal | undefined {
  if (!isTransaction(given))
    return {
      found: 'the root Sequelize',
      advice:
        'Give it the transaction: sequelize.transaction((t) => chancy.push(job, { session: t }))',
    }
  if (hasEnded(given))
    return { found: 'a transaction of Sequelize that has ended', advice: 'Push before it ends' }
  const root = given.sequelize as Shape
  if (isFunction(root.getDialect) && root.getDialect() !== 'postgres')
    return {
      found: 'a transaction of Sequelize on another database',
      advice: "Use new Sequelize(…, { dialect: 'postgres' })",
    }
  return undefined
}

/** A nested one is a savepoint, and ends with its parent at the latest. */
function hasEnded({ finished, parent }: Shape): boolean {
  return finished !== undefined || (isShape(parent) && hasEnded(parent))
}

function isTransaction(given: Shape): boolean {
  const { sequelize: root } = given
  return isShape(root) && isRoot(root) && isFunction(given.commit) && isFunction(given.rollback)
}

function isRoot(given: Shape): boolean {
  return isFunction(given.getQueryInterface) && isFunction(given.query)
}
