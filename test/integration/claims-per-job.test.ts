import { type Driver, job, pgDriver, Queue } from 'chancy'
import { describe, expect, it } from 'vitest'
import { hooked, testApplication } from '../support/application.ts'
import { until } from '../support/until.ts'

const app = testApplication()

/** Jobs that count their starts, and end when they are released. */
function held() {
  const waiting: (() => void)[] = []
  let started = 0
  const hold = job({ name: 'hold' }, async () => {
    started++
    await new Promise<void>((resolve) => waiting.push(resolve))
  })
  return { hold, started: () => started, release: () => waiting.shift()?.() }
}

const queueOf = (concurrency: number) =>
  new Queue('default', { executor: 'inline', concurrency, pollingInterval: '1h' })

const withoutListening = (): Driver => ({
  ...hooked(pgDriver(app.pool()), (_, send) => send()),
  listen: () => Promise.reject(new Error('no subscription today')),
})

describe('a worker that is notified of jobs', () => {
  it('claims once for each lone job, and not once more when it has ended', async () => {
    const quick = job({ name: 'quick' }, () => {})
    const chancy = app.chancy({ jobs: [quick] })
    await chancy.declare(new Queue('default', { executor: 'inline', pollingInterval: '1h' }))
    let claims = 0
    let saved = 0
    chancy.on('queue.polled', () => void claims++)
    chancy.on('outcomes.saved', (batch) => {
      saved += batch.saved
    })
    await app.worker(chancy)
    await until(() => claims > 0)
    claims = 0
    const elsewhere = app.chancy()
    for (let n = 1; n <= 20; n++) {
      await elsewhere.push(quick.job)
      await until(() => saved === n)
    }
    // A few are full scans; there would be two for each job if each end of one brought a claim.
    expect(claims).toBeLessThan(35)
  })

  it('claims when a slot becomes free, if it was notified of a job while none was', async () => {
    const { hold, started, release } = held()
    const chancy = app.chancy({ jobs: [hold] })
    await chancy.declare(queueOf(2))
    await app.worker(chancy)
    await chancy.push(hold.job)
    await until(() => started() === 1)
    // Saturated from now on, though the last claim returned fewer jobs than requested.
    const changed = new Promise<void>((resolve) => chancy.on('queue.changed', () => resolve()))
    await app.chancy().declare(queueOf(1), { upsert: true })
    await changed
    const notified = new Promise<void>((resolve) => chancy.on('queue.pushed', () => resolve()))
    await app.chancy().push(hold.job)
    await notified
    release()
    await until(() => started() === 2)
    release()
  })

  it('claims after a job if its last scan is old, and finds a job it was not notified of', async () => {
    const { hold, started, release } = held()
    const chancy = app.chancy({ jobs: [hold] })
    await chancy.declare(queueOf(2))
    let polledAt = performance.now()
    chancy.on('queue.polled', () => {
      polledAt = performance.now()
    })
    const sinceClaim = (): number => performance.now() - polledAt
    await app.worker(chancy)
    const silent = app.chancy({ notifications: false })
    /** Whether the job without a notification was not found before the other one ended. */
    const waitedForAnEnd = async (): Promise<boolean> => {
      const before = started()
      await chancy.push(hold.job)
      await until(() => started() === before + 1)
      // The notification of the push may arrive after the claim that took its job, and brings one more.
      await until(() => sinceClaim() > 500)
      await silent.push(hold.job)
      await until(() => sinceClaim() > 1_200)
      const isFound = started() === before + 2
      release()
      await until(() => started() === before + 2)
      release()
      return !isFound
    }
    // On a slow machine that claim may come later still.
    let hasWaited = false
    for (let round = 0; round < 5 && !hasWaited; round++) hasWaited = await waitedForAnEnd()
    expect(hasWaited).toBe(true)
  })
})

describe('a worker that is not notified of jobs', () => {
  it.each([
    { why: 'it does not listen', driver: () => undefined, notifications: false },
    { why: 'its subscription is lost', driver: withoutListening, notifications: true },
  ])('claims whenever a job has ended: $why', async ({ driver, notifications }) => {
    const { hold, started, release } = held()
    const chancy = app.chancy({ jobs: [hold], notifications }, driver())
    // More slots than jobs: the first claim returns fewer jobs than requested.
    await chancy.declare(queueOf(2))
    await app.worker(chancy)
    await chancy.push(hold.job)
    await until(() => started() === 1)
    await app.chancy({ notifications: false }).push(hold.job)
    release()
    await until(() => started() === 2)
    release()
  })
})
