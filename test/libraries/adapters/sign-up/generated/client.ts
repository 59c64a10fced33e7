import { load } from '../../load.ts'
import { prismaClass } from '../../prisma-client.ts'

/** As `prisma generate` names it. */
export const PrismaClient = await prismaClass(load, 7)
