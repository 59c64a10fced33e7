import { isFunction, type Refusal, type SessionLibrary, type Shape } from '../session-library.ts'
import { foreignSession } from './foreign-session.ts'

interface PrismaTransaction {
  $queryRawUnsafe(text: string, ...values: unknown[]): PromiseLike<unknown>
}

/** Prisma with a driver adapter: the client of an interactive transaction, which Prisma refuses after its end. */
export const prisma: SessionLibrary = {
  knows: (given) => isFunction(given.$queryRawUnsafe),
  refusal,
  session(given) {
    const transaction = given as unknown as PrismaTransaction
    return foreignSession((text, values) => transaction.$queryRawUnsafe(text, ...values))
  },
}

function refusal(given: Shape): Refusal | undefined {
  // The client of a transaction has none, though `$transaction` may be there: for a nested one.
  if (!isFunction(given.$connect)) return undefined
  return {
    found: 'the PrismaClient',
    advice:
      'Give it the transaction: prisma.$transaction((tx) => chancy.push(job, { session: tx })), not an array of queries',
  }
}
