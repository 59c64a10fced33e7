import { job, Queue } from 'chancy'
import { describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'

const app = testApplication()

const look = job({ name: 'look', maxAttempts: 2, backoff: 'none' }, (_: { n: number }, context) => {
  const { uniqueKey, concurrencyKey, meta, errors } = context.job
  if (context.attempt === 1 && meta.again === true) throw new Error('again')
  return { uniqueKey, concurrencyKey, meta, errors: errors.length }
})

const plain = look.job.withArgs({ n: 1 })
const nothing = { uniqueKey: null, concurrencyKey: null, meta: {}, errors: 0 }

describe('the job that a function sees', () => {
  it.each([
    ['nothing that few have', plain, nothing],
    ['a unique key', plain.withUniqueKey('k "1"'), { ...nothing, uniqueKey: 'k "1"' }],
    ['a group', plain.withConcurrency(1, 'n'), { ...nothing, concurrencyKey: 'look:n=1' }],
    [
      'both keys',
      plain.withUniqueKey('k').withConcurrency(1),
      { ...nothing, uniqueKey: 'k', concurrencyKey: 'look' },
    ],
    [
      'a group and a meta with nulls inside',
      plain.withConcurrency(1).withMeta({ empty: null, again: true }),
      { ...nothing, concurrencyKey: 'look', meta: { empty: null, again: true }, errors: 1 },
    ],
  ])('has %s, claimed together with its push and apart', async (_title, pushed, seen) => {
    const chancy = app.chancy({ jobs: look })
    await chancy.declare(new Queue('default', { executor: 'inline' }))
    const early = await chancy.push(pushed)
    await app.worker(chancy)
    expect((await chancy.waitForJob(early)).result).toEqual(seen)
    // The worker is idle now, so the same statement pushes and claims.
    const late = await chancy.push(pushed)
    expect((await chancy.waitForJob(late)).result).toEqual(seen)
  })
})
