import type { OpenLibrary, Transaction } from '../library.ts'
import { type PrismaTransaction, prismaClass } from './prisma-client.ts'

export const openPrisma =
  (version: 6 | 7): OpenLibrary =>
  async (url, load) => {
    const { PrismaPg } = (await load('@prisma/adapter-pg')) as typeof import('@prisma/adapter-pg')
    const Client = await prismaClass(load, version)
    const prisma = new Client({ adapter: new PrismaPg({ connectionString: url, max: 2 }) })
    return {
      transaction: (work) => prisma.$transaction((tx) => work(of(tx))),
      roots: [[/the PrismaClient.*prisma\.\$transaction\(\(tx\)/, prisma]],
      // Prisma's own.
      ended: /Transaction (?:already closed|not found)|closed transaction|Transaction API error/i,
      close: () => prisma.$disconnect(),
    }
  }

function of(tx: PrismaTransaction): Transaction {
  const { $transaction } = tx
  return {
    session: tx,
    send: (text) => tx.$queryRawUnsafe(text),
    ...($transaction === undefined
      ? {}
      : { nested: (work) => $transaction.call(tx, (inner) => work(of(inner))) }),
  }
}
