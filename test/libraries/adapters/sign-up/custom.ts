import { customSession } from 'chancy'
import pg from 'pg'
import { chancy, welcome } from './app.ts'

// Stands for a library that Chancy does not know.
const library = new pg.Pool({ connectionString: process.env.DATABASE_URL })

export async function signUp(email: string): Promise<void> {
  const transaction = await library.connect()
  const session = customSession(async (text, values) => {
    const { rows } = await transaction.query(text, values)
    return rows
  })
  try {
    await transaction.query('BEGIN')
    await transaction.query('INSERT INTO users VALUES ($1)', [email])
    await chancy.push(welcome.job.withArgs({ email }), { session })
    await transaction.query('COMMIT')
  } catch (error) {
    await transaction.query('ROLLBACK')
    throw error
  } finally {
    transaction.release()
  }
}
