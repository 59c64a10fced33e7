import { DataSource } from 'typeorm'
import { chancy, welcome } from './app.ts'

const dataSource = new DataSource({ type: 'postgres', url: process.env.DATABASE_URL ?? '' })
await dataSource.initialize()

export async function signUp(email: string): Promise<void> {
  await dataSource.transaction(async (manager) => {
    await manager.query('INSERT INTO users VALUES ($1)', [email])
    await chancy.push(welcome.job.withArgs({ email }), { session: manager })
  })
}
