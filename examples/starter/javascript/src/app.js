import { Chancy } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'

// Without DATABASE_URL, as in development: the server that "chancy dev" runs, with its data in this folder.
const database = process.env.DATABASE_URL ?? embeddedPostgres({ directory: '.chancy/postgres' })

export const chancy = new Chancy(database, {
  jobs: new URL('./jobs.js', import.meta.url),
})
