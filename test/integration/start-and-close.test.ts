import { type Chancy, job, MigrationsNeededError, Worker } from 'chancy'
import { describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'

const app = testApplication()
const task = job({ name: 'task' }, () => 'done')
const ID = '01890000-0000-7000-8000-000000000000'
const SECRET = 's3cr3t-w0rd'

const newWorker = (chancy: Chancy) => new Worker(chancy, { signals: false })

describe('start', () => {
  it('is refused after stop, since a worker starts once', async () => {
    const chancy = app.chancy({ jobs: task })
    const worker = await app.worker(chancy)
    await worker.stop()
    await expect(worker.start()).rejects.toMatchObject({
      code: 'CLOSED',
      message: expect.stringMatching(/starts once.*new Worker\(chancy\)/),
    })
    const unused = newWorker(chancy)
    await unused.stop()
    await expect(unused.start()).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await chancy.getWorkers()).toEqual([])
  })

  it('is refused after its Chancy was closed', async () => {
    const chancy = app.chancy({ jobs: task })
    await chancy.close()
    const worker = newWorker(chancy)
    await expect(worker.start()).rejects.toMatchObject({ name: 'ChancyError', code: 'CLOSED' })
    await worker.stop()
  })

  it('says that the server refused the user, and what to do', async () => {
    const url = new URL(databaseUrl(app.schema))
    url.username = 'nobody_at_all'
    url.password = SECRET
    const chancy = app.chancy({ jobs: task, notifications: false }, url.href)
    const worker = newWorker(chancy)
    const errors = [await worker.start().catch((error) => error)]
    errors.push(await chancy.push(task).catch((error) => error))
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'DatabaseError', code: 'DATABASE_FAILED' })
      expect(error.message).toMatch(/nobody_at_all.*Check the user and the password/)
      expect(`${error.stack}${JSON.stringify(error)}`).not.toContain(SECRET)
    }
    await worker.stop()
  })
})

describe('explain and explainQueue', () => {
  it.each([
    ['explain', (chancy: Chancy) => chancy.explain(ID)],
    ['explainQueue', (chancy: Chancy) => chancy.explainQueue('default')],
  ])('%s says that migrations are needed, and that it is closed', async (_name, act) => {
    const chancy = app.chancy({ schema: `${app.schema}_never`, notifications: false })
    await expect(act(chancy)).rejects.toBeInstanceOf(MigrationsNeededError)
    await chancy.close()
    await expect(act(chancy)).rejects.toMatchObject({ name: 'ChancyError', code: 'CLOSED' })
  })
})
