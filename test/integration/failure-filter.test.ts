import { job, Queue } from 'chancy'
import { expect, test } from 'vitest'
import { startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'

const schema = testSchema()

const refuse = job({ name: 'refuse', maxAttempts: 1 }, () => {
  throw new TypeError('the service refuses it')
})
const breaks = job({ name: 'breaks', maxAttempts: 1 }, () => {
  throw new RangeError('out of range')
})

test('a fingerprint in a filter fits the jobs of its group alone, in lists, counts and bulk actions', async () => {
  await using app = await startApp({ schema, jobs: [refuse, breaks] })
  const { chancy } = app
  await chancy.declare(new Queue('default', { executor: 'inline' }))
  const refs = await chancy.pushMany([refuse, refuse, breaks])
  await app.start()
  const [first, second, third] = await chancy.waitForJobs(refs)
  const fingerprint = first?.errors.at(-1)?.fingerprint
  expect(fingerprint).toMatch(/^[0-9a-f]{16}$/)

  // A search ends after a moment, which is short on a busy machine.
  const patient = { searchMs: 10_000 }
  const idsOf = async (filter: string) =>
    (await chancy.findJobs(filter, patient)).items.map(({ id }) => id).sort()
  expect(await idsOf(`failure:${fingerprint}`)).toEqual([first?.id, second?.id].sort())
  expect(await idsOf(`state:failed failure:${fingerprint}`)).toEqual([first?.id, second?.id].sort())
  expect(await idsOf(`state:failed -failure:${fingerprint}`)).toEqual([third?.id])
  expect(await idsOf('failure:0000000000000000')).toEqual([])
  expect(await chancy.countJobs(`failure:${fingerprint}`, patient)).toMatchObject({ jobs: 2 })
  const preview = await chancy.bulk.preview({
    action: 'retry',
    where: `failure:${fingerprint} state:failed`,
  })
  expect(preview.jobs).toBe(2)
})
