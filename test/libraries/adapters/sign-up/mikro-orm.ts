import { EntitySchema, MikroORM } from '@mikro-orm/postgresql'
import { chancy, welcome } from './app.ts'

const email = { type: 'text', primary: true } as const
const User = new EntitySchema<{ email: string }>({
  name: 'User',
  tableName: 'users',
  properties: { email },
})
const orm = await MikroORM.init({ clientUrl: process.env.DATABASE_URL ?? '', entities: [User] })

export async function signUp(email: string): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    em.create(User, { email })
    await chancy.push(welcome.job.withArgs({ email }), { session: em })
  })
}
