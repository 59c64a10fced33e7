import { Chancy } from 'chancy'
import { audit } from './audit.ts'
import { flaky } from './jobs.ts'

/** For `chancy --app examples/audit/app.ts migrate` as for the program beside it. */
export default new Chancy(process.env.DATABASE_URL ?? 'postgresql://localhost/postgres', {
  jobs: flaky,
  plugins: [audit()],
})
