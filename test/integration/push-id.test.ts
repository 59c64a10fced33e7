import { Job, job, Reference } from 'chancy'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { newId } from '../../dist/core/reference.js'
import { testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'

const app = testApplication()
const task = job({ name: 'task' }, () => 1)

/** Those of the process rise, whatever their times are. */
function idAt(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000001`
}

describe('A push with an id', () => {
  it('pushes a job once, and says whether it was there', async () => {
    const chancy = app.chancy()
    const id = newId(Date.now())
    expect(await chancy.push(task, { id })).toEqual(new Reference(id, true))
    expect(await chancy.push(task, { id: id.toUpperCase() })).toEqual(new Reference(id, false))
    expect(await chancy.push(Job.named('other'), { id })).toEqual(new Reference(id, false))
    expect(await chancy.getJob(id)).toMatchObject({ name: 'task', state: 'pending' })
    expect(await app.count()).toBe(1)
  })

  it('finds the job that has run meanwhile, and runs none again', async () => {
    let runs = 0
    const counted = job({ name: 'counted' }, () => {
      runs += 1
    })
    const chancy = app.chancy({ jobs: counted })
    await app.worker(chancy, { executor: 'inline' })
    const id = newId(Date.now())
    await chancy.waitForJob(await chancy.push(counted, { id }))
    expect(await chancy.push(counted, { id })).toEqual(new Reference(id, false))
    await chancy.waitForJob(await chancy.push(counted))
    expect(runs).toBe(2)
  })

  it('pushes once from many processes that try concurrently, and tells one of them so, with a unique key too', async () => {
    const apps = Array.from({ length: 4 }, () => app.chancy())
    for (const pushed of [task.job, task.job.withUniqueKey('k')]) {
      const id = newId(Date.now())
      const refs = await Promise.all(
        Array.from({ length: 40 }, (_, n) => apps[n % 4]!.push(pushed, { id })),
      )
      expect(new Set(refs.map((ref) => ref.id))).toEqual(new Set([id]))
      expect(refs.filter(({ created }) => created)).toHaveLength(1)
    }
    expect(await app.count()).toBe(2)
  })

  it('gives way to another job that has its unique key', async () => {
    const chancy = app.chancy()
    const first = await chancy.push(task.job.withUniqueKey('k'))
    const pushed = await chancy.push(task.job.withUniqueKey('k'), { id: newId(Date.now()) })
    expect(pushed).toEqual(new Reference(first.id, false))
    expect(await app.count()).toBe(1)
  })

  it.each([
    ['which is old', () => idAt(Date.now() - 601_000), /601 s old: what has ended before/],
    ['of the future', () => idAt(Date.now() + 3_600_000), /of the future/],
    ['of another version', () => crypto.randomUUID(), /a UUID of version 7/],
    ['that is no text', () => 7, /a UUID of version 7 .*, got 7/],
  ])('%s is refused', async (_, make, message) => {
    const chancy = app.chancy()
    await expect(chancy.push(task, { id: make() as string })).rejects.toThrow(message)
    expect(await app.count()).toBe(0)
  })

  it('is refused beside a session, and by pushMany', async () => {
    const chancy = app.chancy()
    const id = newId(Date.now())
    const session = new pg.Client(databaseUrl())
    await session.connect()
    await session.query('BEGIN')
    await expect(chancy.push(task, { id, session })).rejects.toThrow('either id or session')
    await session.end()
    await expect(chancy.pushMany([task], { id } as object)).rejects.toThrow('unknown option "id"')
  })
})
