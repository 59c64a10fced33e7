import { PrismaPg } from '@prisma/adapter-pg'
import { chancy, welcome } from './app.ts'
import { PrismaClient } from './generated/client.ts'

const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL })
const prisma = new PrismaClient({ adapter })

export async function signUp(email: string): Promise<void> {
  await prisma.$transaction(async (tx) => {
    await tx.user.create({ data: { email } })
    await chancy.push(welcome.job.withArgs({ email }), { session: tx })
  })
}
