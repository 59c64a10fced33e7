import { Job, job, Queue } from 'chancy'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fingerprintOf, fingerprintToBigint } from '../../src/core/fingerprint.ts'
import { sql, startApp, type TestApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { orphanRunningJobs } from '../support/orphan-running-jobs.ts'

const schema = testSchema()
const soon = { base: 1 }
const fails = job({ name: 'fails', maxAttempts: 2, backoff: soon }, ({ n }: { n: number }) => {
  throw new Error(`Order ${n} was not found`)
})
const flaky = job({ name: 'flaky', maxAttempts: 2, backoff: soon }, (_, { attempt }) => {
  if (attempt === 1) throw new Error('not yet')
})
const waits = job({ name: 'waits', maxAttempts: 2, backoff: { base: '1h' } }, () => {
  throw new Error('later')
})
let app: TestApp

beforeAll(async () => {
  app = await startApp({ schema, jobs: [fails, flaky, waits] })
  await app.chancy.declare(new Queue('default', { executor: 'inline' }))
  await app.start()
})
afterAll(() => app[Symbol.asyncDispose]())

const stored = async (name: string) =>
  (await sql(
    schema,
    `SELECT fingerprint::text AS fingerprint, state FROM ${schema}.jobs WHERE name = '${name}'
      UNION ALL
     SELECT fingerprint::text, state FROM ${schema}.finished_jobs WHERE name = '${name}' ORDER BY 1`,
  )) as { fingerprint: string | null; state: string }[]

it('is stored with the failure of a job, also while it waits for another attempt, and with its errors', async () => {
  const refs = await app.chancy.pushMany([
    fails.job.withArgs({ n: 1 }),
    fails.job.withArgs({ n: 2 }),
  ])
  const [first, second] = await app.chancy.waitForJobs(refs)
  const prints = [...first!.errors, ...second!.errors].map((error) => error.fingerprint)
  expect(new Set(prints).size).toBe(1)
  const fingerprint = fingerprintToBigint(prints[0]!)
  expect(await stored('fails')).toEqual([
    { fingerprint, state: 'failed' },
    { fingerprint, state: 'failed' },
  ])
  await app.chancy.waitForJob(await app.chancy.push(waits), { states: ['retrying'] })
  expect(await stored('waits')).toMatchObject([
    { fingerprint: expect.stringMatching(/\d/), state: 'retrying' },
  ])
})

it('is gone when the job succeeds, is put back, or is cancelled', async () => {
  const { errors } = await app.chancy.waitForJob(await app.chancy.push(flaky))
  expect(errors).toMatchObject([{ fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/) }])
  expect(await stored('flaky')).toEqual([{ fingerprint: null, state: 'succeeded' }])
  await app.chancy.cancelAll({ name: 'waits' })
  expect(await stored('waits')).toEqual([{ fingerprint: null, state: 'cancelled' }])
  await app.chancy.pauseQueue('default')
  await app.chancy.retryAll({ name: 'fails' })
  expect(await stored('fails')).toEqual([
    { fingerprint: null, state: 'pending' },
    { fingerprint: null, state: 'pending' },
  ])
  await app.chancy.cancelAll({ name: 'fails' })
})

it('of a job whose workers were lost is what a worker makes', async () => {
  const name = 'ü "quoted" \\ name'
  await app.chancy.push(Job.named(name).withQueue('undeclared'))
  const recovered = app.next('jobs.recovered')
  // Before it is orphaned: a worker may recover it at any moment after that.
  await sql(schema, 'UPDATE $schema.jobs SET crashes = 2')
  await orphanRunningJobs(schema)
  await recovered
  const thrown = {
    ...{ name: 'AttemptError', stack: null },
    message: 'The worker of this job was lost 3 times.',
  }
  const fingerprint = fingerprintToBigint(fingerprintOf(name, 'crash', thrown))
  expect(await stored(name)).toEqual([{ fingerprint, state: 'failed' }])
})
