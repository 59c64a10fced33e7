import { job } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { sized } from '../support/size.ts'
import { until } from '../support/until.ts'
import { WorkerFleet } from '../support/worker-fleet.ts'

const schema = testSchema()
/** Many times a lease of two seconds. */
const BLOCK_MS = sized(6_000, 20_000)
const block = job({ name: 'block' }, (_: { ms: number }) => {})
const ok = job({ name: 'ok' }, () => 'ok')

beforeEach(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
  await empty(schema)
})

describe('an event loop that is blocked', () => {
  it('for many times its length costs a lease of two seconds nothing', {
    timeout: 60_000,
  }, async () => {
    await using app = await startApp({ schema, jobs: ok })
    const recovered = app.all('jobs.recovered')
    const checked = app.all('recovery.checked')
    // A second worker, which recovers the job as soon as the lease has expired.
    await app.start()
    await using fleet = new WorkerFleet({ schema, events: ['worker.revoked'] })
    const worker = await fleet.start()
    const ref = await app.chancy.push(block.job.withArgs({ ms: BLOCK_MS }))
    const done = await app.chancy.waitForJob(ref, { timeout: '40s' })
    expect(done).toMatchObject({ state: 'succeeded', attempts: 1 })
    expect(done.finishedAt!.getTime() - done.startedAt!.getTime()).toBeGreaterThan(BLOCK_MS - 100)
    expect(recovered).toEqual([])
    expect(checked.length).toBeGreaterThan(BLOCK_MS / 2_000)
    expect(checked.every(({ revoked }) => revoked === 0)).toBe(true)
    expect(fleet.executions().map(({ what }) => what)).toEqual(['start', 'end'])
    expect(await sql(schema, 'SELECT crashes FROM $schema.finished_jobs')).toEqual([{ crashes: 0 }])
    worker.kill('SIGTERM')
    expect(await worker.exited, worker.output).toEqual({ code: 0, signal: null })
  })

  it('for longer than "maxLoopBlock" loses its lease, and its later outcome is refused', async () => {
    await using app = await startApp({ schema, jobs: ok })
    await app.start()
    await using fleet = new WorkerFleet({ schema, events: ['worker.revoked'] })
    const recovered = app.next('jobs.recovered')
    const worker = await fleet.start({ maxLoopBlock: '1s' })
    const ref = await app.chancy.push(block.job.withArgs({ ms: 6_000 }))
    expect((await recovered).ids).toEqual([ref.id])
    expect(await app.chancy.getJob(ref)).toMatchObject({ state: 'pending', attempts: 0 })
    await sql(schema, `UPDATE $schema.jobs SET args = '{"ms": 0}'`)
    await worker.next<{ event: string }>(({ event }) => event === 'worker.revoked')
    // It is the only worker with the function, and runs the job under its new id.
    expect(await app.chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded', attempts: 1 })
    const lines = fleet.executions()
    expect(lines.map(({ what, fence }) => `${what} ${fence}`)).toEqual([
      'start 1',
      'end 1',
      'start 3',
      'end 3',
    ])
    await until(async () => (await app.chancy.getWorkers()).length >= 2)
  })
})
