import { expect, it } from 'vitest'
import { runBulkTrial } from '../support/bulk/bulk-trial.ts'
import { databaseUrl, testDatabase } from '../support/database.ts'

const schema = testDatabase()

it('A bulk action acts once on each job, whatever becomes of the processes that carry it on, and is undone', async () => {
  const options = { schema, jobs: 600, ratePerSecond: 500, kills: 1 }
  const { figures, problems } = await runBulkTrial({ url: databaseUrl(schema), ...options })
  expect(problems).toEqual([])
  expect(figures).toMatchObject({
    retried: 600,
    killed: 1,
    'answers lost': 1,
    changed: 60,
    undone: 540,
  })
}, 180_000)
