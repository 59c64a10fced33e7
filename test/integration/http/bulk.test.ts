import { Chancy, Job, job, Queue, Worker } from 'chancy'
import { createHandler } from 'chancy/http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseUrl, testSchema } from '../../support/database.ts'
import { until } from '../../support/until.ts'

const schema = testSchema()
let chancy: Chancy

beforeAll(async () => {
  chancy = new Chancy(databaseUrl(schema), { schema })
  await chancy.migrate()
  for (const name of ['mail', 'other'])
    await chancy.declare(new Queue(name, { executor: 'inline', state: 'paused' }))
})
afterAll(() => chancy.close())

const handlerFor = (queues?: readonly string[]) =>
  createHandler(chancy, {
    access: () => ({ actor: { id: 'u1' }, role: 'admin', ...(queues && { queues }) }),
  })
interface Wire {
  readonly id: string
  readonly finishedAt: string | null
}

const asked = async (
  handler: ReturnType<typeof createHandler>,
  method: string,
  path: string,
  body?: unknown,
) => {
  const request = new Request(`http://localhost:8000/api/v1${path}`, {
    method,
    headers: { 'x-chancy': '1', 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = await handler(request)
  return { status: answer.status, json: (await answer.json()) as Wire }
}
const pushed = async (queue: string, count: number) =>
  (
    await chancy.pushMany(Array.from({ length: count }, () => Job.named('one').withQueue(queue)))
  ).map(String)
const ended = (handler: ReturnType<typeof createHandler>, id: string) =>
  until(async () => {
    const { json } = await asked(handler, 'GET', `/bulk/${id}`)
    return json.finishedAt === null ? null : json
  })

describe('A bulk action over HTTP, without a worker', () => {
  it('is previewed, carried on by the process of the handler, and undone', async () => {
    await using handler = handlerFor()
    const ids = await pushed('mail', 130)
    const request = { action: 'move', filter: 'queue:mail', args: { queue: 'other' } }
    const preview = await asked(handler, 'POST', '/bulk/preview', request)
    expect(preview).toMatchObject({ status: 200, json: { action: 'move', canUndo: true } })
    const options = { ratePerSecond: 2_000, reason: 'wrong queue' }
    const started = await asked(handler, 'POST', '/bulk', { ...request, ...options })
    expect(started).toMatchObject({ status: 201, json: { action: 'move', queue: 'other' } })
    const { id } = started.json
    expect(await ended(handler, id)).toMatchObject({ done: 130, undoUntil: expect.any(String) })
    const undone = await asked(handler, 'POST', `/bulk/${id}/undo`, {})
    expect(undone).toMatchObject({ status: 200, json: { action: 'undo', undoOf: id } })
    expect(await ended(handler, undone.json.id)).toMatchObject({ done: 130, skipped: 0 })
    expect(new Set((await chancy.getJobs(ids)).map(({ queue }) => queue))).toEqual(
      new Set(['mail']),
    )
    expect(await asked(handler, 'POST', `/bulk/${id}/undo`, {})).toMatchObject({ status: 409 })
  })

  it('of an access to some queues touches no job of others, by filter or by ids', async () => {
    await using handler = handlerFor(['mail*'])
    const [mine, others] = [await pushed('mail', 1), await pushed('other', 2)]
    const request = { action: 'cancel', ids: [...mine, ...others] }
    expect((await asked(handler, 'POST', '/bulk/preview', request)).json).toMatchObject({ jobs: 1 })
    const { json } = await asked(handler, 'POST', '/bulk', request)
    expect(await ended(handler, json.id)).toMatchObject({
      ...{ done: 1, skipped: 2, reasons: { JOB_NOT_FOUND: 2 } },
    })
    const all = { action: 'cancel', filter: 'state:waiting' }
    const second = await asked(handler, 'POST', '/bulk', all)
    expect(await ended(handler, second.json.id)).toMatchObject({ done: 130 })
    expect((await chancy.getJobs(others)).map(({ state }) => state)).toEqual(['pending', 'pending'])
    const move = { action: 'move', filter: 'state:waiting', args: { queue: 'other' } }
    expect(await asked(handler, 'POST', '/bulk', move)).toMatchObject({ status: 403 })
  })

  it('is carried on by the handler that lists it, when the process that began it is gone', async () => {
    const ids = await pushed('other', 3)
    const { id } = await chancy.bulk.start({ action: 'reprioritise', ids, priority: 5 })
    expect((await chancy.bulk.get(id))?.done).toBe(0)
    await using handler = handlerFor()
    await asked(handler, 'GET', '/bulk')
    expect(await ended(handler, id)).toMatchObject({ done: 3 })
  })
})

describe('A handler that closes', () => {
  it('ends what it carries on, and a worker continues', async () => {
    const ids = await pushed('other', 30)
    const handler = handlerFor()
    const request = { action: 'cancel', ids, ratePerSecond: 5 }
    const { json } = await asked(handler, 'POST', '/bulk', request)
    await until(async () => ((await chancy.bulk.get(json.id))?.done ?? 0) > 0)
    await handler.close()
    await chancy.bulk.setRate(json.id, 2_000)
    await using other = new Chancy(databaseUrl(schema), {
      schema,
      jobs: job({ name: 'x' }, () => {}),
    })
    const worker = new Worker(other, { signals: false })
    await worker.start()
    await until(async () => (await chancy.bulk.get(json.id))?.state === 'done')
    await worker.stop()
    expect(await chancy.bulk.get(json.id)).toMatchObject({ done: 30, skipped: 0 })
  })
})
