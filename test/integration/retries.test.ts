import { DiscardJob, job, RetryJob } from 'chancy'
import { retries } from 'chancy/plugins/retries'
import { expect, it } from 'vitest'
import { testKit } from '../support/kit.ts'

class Rejected extends Error {
  override name = 'Rejected'
}

const maxAttempts = 5
const fails = job(
  { name: 'fails', maxAttempts, backoff: { base: '1h' } },
  ({ as }: { as: string }) => {
    if (as === 'rejected') throw new Error('refused', { cause: new Rejected('no such address') })
    if (as === 'discarded') throw new DiscardJob('of no use')
    if (as === 'asked') throw new RetryJob('0ms')
    throw new TypeError('a slip')
  },
)

const t = await testKit({
  jobs: fails,
  plugins: [
    retries([
      { when: { error: 'Rejected' }, then: 'never' },
      { when: { error: 'TypeError', name: 'fails' }, then: { after: '10m', attempts: 3 } },
      { when: {}, then: { after: '10m' } },
    ]),
  ],
})

it('decides by the error, and never revives what was cancelled or discarded', async () => {
  const as = (how: string) => fails.job.withArgs({ as: how })
  const ended = async (given: ReturnType<typeof as>) => {
    await t.chancy.push(given)
    await t.advance('1d')
    const { state, attempts, errors } = await t.last(fails)
    return { state, attempts, failures: errors.length }
  }
  expect(await ended(as('rejected'))).toEqual({ state: 'failed', attempts: 1, failures: 1 })
  expect(await ended(as('slip'))).toEqual({ state: 'failed', attempts: 3, failures: 3 })
  expect(await ended(as('discarded'))).toEqual({ state: 'failed', attempts: 1, failures: 1 })
  expect(await ended(as('asked'))).toEqual({ state: 'failed', attempts: 5, failures: 5 })

  const ref = await t.chancy.push(as('slip').withMaxAttempts(1_000_000))
  expect(await t.drain()).toMatchObject({ retrying: 1 })
  await t.chancy.cancel(ref)
  await t.advance('1d')
  expect(await t.last(fails)).toMatchObject({ state: 'cancelled', attempts: 1 })
})

it('waits as long as its rule says, and not as long as the backoff', async () => {
  await t.chancy.push(fails.job.withArgs({ as: 'slip' }))
  expect(await t.advance('9m')).toMatchObject({ retrying: 1 })
  expect(await t.advance('1m')).toMatchObject({ retrying: 1 })
})
