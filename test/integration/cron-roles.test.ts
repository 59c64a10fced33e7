import { randomBytes } from 'node:crypto'
import { Chancy, grant, Job, job, type RoleKind, Worker } from 'chancy'
import {
  cron,
  getSchedule,
  getTicks,
  pauseSchedule,
  resumeSchedule,
  runNow,
  schedule,
  unschedule,
} from 'chancy/plugins/cron'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withClient } from '../support/database.ts'
import { ownDatabase, ROLE_PASSWORD } from '../support/own-database.ts'

const KINDS: readonly RoleKind[] = ['producer', 'worker', 'reader', 'operator']
const mark = randomBytes(4).toString('hex')
const url = ownDatabase()
const roleOf = (kind: RoleKind): string => `cron_${mark}_${kind}`
const beat = job({ name: 'beat' }, (_, { signal }) => {
  return new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
})
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

async function as<T>(kind: RoleKind | null, work: (chancy: Chancy) => Promise<T>): Promise<T> {
  const address = kind === null ? url() : url(roleOf(kind))
  await using chancy = new Chancy(address, { jobs: beat, plugins: [cron()], logger: quiet })
  return await work(chancy)
}
const refused = (work: Promise<unknown>) => expect(work).rejects.toThrow(/permission denied/)

beforeAll(async () => {
  for (const kind of KINDS) {
    const create = `CREATE ROLE ${roleOf(kind)} LOGIN PASSWORD '${ROLE_PASSWORD}'`
    await withClient((client) => client.query(create), url())
  }
  await as(null, async (chancy) => {
    await chancy.migrate()
    for (const kind of KINDS) await grant(chancy, kind, roleOf(kind))
  })
})
afterAll(async () => {
  for (const kind of KINDS) {
    const drop = `DROP OWNED BY ${roleOf(kind)} CASCADE; DROP ROLE ${roleOf(kind)}`
    await withClient((client) => client.query(drop), url())
  }
})

describe('a role of each kind, with what grant gave it', () => {
  it('a producer declares, a worker fires and replaces, a reader sees, an operator does the rest', async () => {
    const options = { key: 'beat', every: '1s', job: beat, overlap: 'replace' } as const
    await as('producer', (chancy) => schedule(chancy, options))
    await as('worker', async (chancy) => {
      const worker = new Worker(chancy, { signals: false })
      const cancelled = new Promise((resolve) => {
        chancy.on('job.saved', ({ job }) => job.state === 'cancelled' && resolve(job))
      })
      await worker.start()
      await cancelled
      await worker.stop()
    })
    await as('reader', async (chancy) => {
      expect(await getSchedule(chancy, 'beat')).toMatchObject({ state: 'active', error: null })
      // On a slow machine the first ticks may be missed before a worker is there.
      expect(await getTicks(chancy, 'beat')).toContainEqual(
        expect.objectContaining({ what: 'fired' }),
      )
      await refused(pauseSchedule(chancy, 'beat'))
      await refused(runNow(chancy, 'beat'))
      await refused(unschedule(chancy, 'beat'))
    })
    await as('operator', async (chancy) => {
      expect(await pauseSchedule(chancy, 'beat')).toMatchObject({ state: 'paused' })
      expect(await resumeSchedule(chancy, 'beat')).toMatchObject({ state: 'active' })
      expect(await runNow(chancy, 'beat')).toMatchObject({ created: true })
      // With the right to write a job it could push anything.
      await refused(schedule(chancy, { ...options, job: Job.named('other') }))
      await refused(schedule(chancy, { ...options, key: 'more' }))
      await refused(chancy.push(Job.named('other')))
      expect(await unschedule(chancy, 'beat')).toBe(true)
    })
  })

  it('a worker does not start without them, and names the missing ones', async () => {
    await withClient(
      (client) => client.query(`REVOKE INSERT ON chancy.cron_ticks FROM ${roleOf('worker')}`),
      url(),
    )
    await as('worker', async (chancy) => {
      const worker = new Worker(chancy, { signals: false })
      await expect(worker.start().finally(() => worker.stop())).rejects.toMatchObject({
        code: 'RIGHTS_MISSING',
        details: {
          grants: [`GRANT INSERT ON TABLE "chancy"."cron_ticks" TO "${roleOf('worker')}";`],
        },
      })
    })
  })
})
