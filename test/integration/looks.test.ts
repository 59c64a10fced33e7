import { type Driver, job, pgDriver, Queue } from 'chancy'
import { describe, expect, it } from 'vitest'
import { hooked, testApplication } from '../support/application.ts'
import { until } from '../support/until.ts'

const app = testApplication()

/** Jobs that note that they began, and end when they are let go. */
function held() {
  const waiting: (() => void)[] = []
  let began = 0
  const hold = job({ name: 'hold' }, async () => {
    began++
    await new Promise<void>((resolve) => waiting.push(resolve))
  })
  return { hold, began: () => began, letGo: () => waiting.shift()?.() }
}

const queueOf = (concurrency: number) =>
  new Queue('default', { executor: 'inline', concurrency, pollingInterval: '1h' })

const deaf = (): Driver => ({
  ...hooked(pgDriver(app.pool()), (_, send) => send()),
  listen: () => Promise.reject(new Error('no subscription today')),
})

describe('a worker that hears of jobs', () => {
  it('looks once for each lone job, not once more when it has ended', async () => {
    const quick = job({ name: 'quick' }, () => {})
    const chancy = app.chancy({ jobs: [quick] })
    await chancy.declare(new Queue('default', { executor: 'inline', pollingInterval: '1h' }))
    let looks = 0
    let saved = 0
    chancy.on('queue.polled', () => void looks++)
    chancy.on('outcomes.saved', (batch) => {
      saved += batch.saved
    })
    await app.worker(chancy)
    await until(() => looks > 0)
    looks = 0
    const elsewhere = app.chancy()
    for (let n = 1; n <= 20; n++) {
      await elsewhere.push(quick.job)
      await until(() => saved === n)
    }
    // And now and then one at the whole line; twice as many as jobs if each end brought a look.
    expect(looks).toBeLessThan(35)
  })

  it('looks again when a slot is free, if it heard of a job while none was', async () => {
    const { hold, began, letGo } = held()
    const chancy = app.chancy({ jobs: [hold] })
    await chancy.declare(queueOf(2))
    await app.worker(chancy)
    await chancy.push(hold.job)
    await until(() => began() === 1)
    // Full from now on, though the last look found less than it asked for.
    const changed = new Promise<void>((resolve) => chancy.on('queue.changed', () => resolve()))
    await app.chancy().declare(queueOf(1), { upsert: true })
    await changed
    const heard = new Promise<void>((resolve) => chancy.on('queue.pushed', () => resolve()))
    await app.chancy().push(hold.job)
    await heard
    letGo()
    await until(() => began() === 2)
    letGo()
  })

  it('looks after a job if the last look is old, for what came unheard', async () => {
    const { hold, began, letGo } = held()
    const chancy = app.chancy({ jobs: [hold] })
    await chancy.declare(queueOf(2))
    await app.worker(chancy)
    const deafened = app.chancy({ notifications: false })
    /** Whether the unheard job was not found before the other one ended. */
    const waitedForAnEnd = async (): Promise<boolean> => {
      const before = began()
      await chancy.push(hold.job)
      await until(() => began() === before + 1)
      await deafened.push(hold.job)
      const since = performance.now()
      await until(() => performance.now() - since > 1_200)
      const isFound = began() === before + 2
      letGo()
      await until(() => began() === before + 2)
      letGo()
      return !isFound
    }
    // The wake of the first push, or a first look that took long, may bring a look of its own.
    let hasWaited = false
    for (let round = 0; round < 5 && !hasWaited; round++) hasWaited = await waitedForAnEnd()
    expect(hasWaited).toBe(true)
  })
})

describe('a worker that does not hear of jobs', () => {
  it.each([
    { why: 'it does not listen', driver: () => undefined, notifications: false },
    { why: 'its subscription is lost', driver: deaf, notifications: true },
  ])('looks whenever a job has ended: $why', async ({ driver, notifications }) => {
    const { hold, began, letGo } = held()
    const chancy = app.chancy({ jobs: [hold], notifications }, driver())
    // More slots than jobs: the first look finds less than it asks for.
    await chancy.declare(queueOf(2))
    await app.worker(chancy)
    await chancy.push(hold.job)
    await until(() => began() === 1)
    await app.chancy({ notifications: false }).push(hold.job)
    letGo()
    await until(() => began() === 2)
    letGo()
  })
})
