import { type Chancy, Job } from 'chancy'
import { expect, it } from 'vitest'
import { isPush, testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'

const app = testApplication()
const task = Job.named('task')

/** Resolves when something was pushed. */
const pushed = (chancy: Chancy) =>
  new Promise<void>((resolve) => {
    const unlisten = chancy.on('queue.pushed', () => {
      unlisten()
      resolve()
    })
  })

it('waits for a pushMany whose jobs were all read', async () => {
  const chancy = app.chancy({ notifications: false })
  const pushing = chancy.pushMany([task, task, task])
  await chancy.close()
  expect(await pushing).toHaveLength(3)
  expect(await app.count()).toBe(3)
})

it('waits for a batch whose answer was lost', async () => {
  await using proxy = await startProxy(databaseUrl(app.schema))
  const chancy = app.chancy({ notifications: false }, proxy.url)
  const fault = proxy.cutReplies(isPush)
  const pushing = chancy.pushMany([task, task])
  await fault.hit
  await chancy.close()
  expect(await pushing).toHaveLength(2)
  expect(await app.count()).toBe(2)
})

it('ends a pushMany without end at a border, and says how many were pushed', async () => {
  const chancy = app.chancy({ notifications: false })
  let isLeft = false
  function* endless() {
    try {
      for (;;) yield task
    } finally {
      isLeft = true
    }
  }
  const first = pushed(chancy)
  const pushing = chancy.pushMany(endless(), { batchSize: 10 }).catch((error) => error)
  await first
  await chancy.close()
  const error = await pushing
  expect(error).toMatchObject({ name: 'ChancyError', code: 'CLOSED' })
  const { pushed: count } = error.details
  expect(error.message).toContain(`first ${count} jobs were pushed`)
  expect(count % 10).toBe(0)
  expect(await app.count()).toBe(count)
  expect(isLeft).toBe(true)
})

it('ends a pushMany that waits for a job that never comes, after those that came', async () => {
  const chancy = app.chancy({ notifications: false })
  let wait = (): void => {}
  const waiting = new Promise<void>((resolve) => {
    wait = resolve
  })
  async function* stuck() {
    yield* [task, task, task]
    wait()
    await new Promise(() => {})
  }
  const pushing = chancy.pushMany(stuck()).catch((error) => error)
  await waiting
  await chancy.close()
  expect(await pushing).toMatchObject({ code: 'CLOSED', details: { pushed: 3 } })
  expect(await app.count()).toBe(3)
})

it('takes the end of the jobs for what it is, although it was closed in between', async () => {
  const chancy = app.chancy({ notifications: false })
  const jobs = Array.from({ length: 20 }, () => task)
  const first = pushed(chancy)
  const pushing = chancy.pushMany(jobs, { batchSize: 10 })
  await first
  await chancy.close()
  expect(await pushing).toHaveLength(20)
  expect(await app.count()).toBe(20)
})
