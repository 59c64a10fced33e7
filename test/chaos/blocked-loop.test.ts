import { job } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { Crew } from '../support/crew.ts'
import { testSchema } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const block = job({ name: 'block' }, (_: { ms: number }) => {})
const ok = job({ name: 'ok' }, () => 'ok')

beforeEach(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
  await empty(schema)
})

describe('an event loop that is blocked', () => {
  it('for 20 seconds costs a worker with a lease of two nothing', { timeout: 60_000 }, async () => {
    await using app = await startApp({ schema, jobs: ok })
    const recovered = app.all('jobs.recovered')
    const checked = app.all('recovery.checked')
    // Somebody who would take the job as soon as the lease has run out.
    await app.start()
    await using crew = new Crew({ schema, tell: ['worker.lost'] })
    const worker = await crew.start()
    const ref = await app.chancy.push(block.job.withArgs({ ms: 20_000 }))
    const done = await app.chancy.waitForJob(ref, { timeoutMs: '40s' })
    expect(done).toMatchObject({ state: 'succeeded', attempts: 1 })
    expect(done.finishedAt!.getTime() - done.startedAt!.getTime()).toBeGreaterThan(19_900)
    expect(recovered).toEqual([])
    expect(checked.length).toBeGreaterThan(20)
    expect(checked.every(({ revoked }) => revoked === 0)).toBe(true)
    expect(crew.executions().map(({ what }) => what)).toEqual(['start', 'end'])
    expect(await sql(schema, 'SELECT crashes FROM $schema.finished_jobs')).toEqual([{ crashes: 0 }])
    worker.kill('SIGTERM')
    expect(await worker.exited, worker.output).toEqual({ code: 0, signal: null })
  })

  it('for longer than "maxBlocked" loses its lease, and what it says later is refused', async () => {
    await using app = await startApp({ schema, jobs: ok })
    await app.start()
    await using crew = new Crew({ schema, tell: ['worker.lost'] })
    const recovered = app.next('jobs.recovered')
    const worker = await crew.start({ maxBlocked: '1s' })
    const ref = await app.chancy.push(block.job.withArgs({ ms: 10_000 }))
    expect((await recovered).ids).toEqual([ref.id])
    expect(await app.chancy.getJob(ref)).toMatchObject({ state: 'pending', attempts: 0 })
    await sql(schema, `UPDATE $schema.jobs SET args = '{"ms": 0}'`)
    await worker.next<{ event: string }>(({ event }) => event === 'worker.lost')
    // It is the only one that knows the job, and does it under its new id.
    expect(await app.chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded', attempts: 1 })
    const lines = crew.executions()
    expect(lines.map(({ what, fence }) => `${what} ${fence}`)).toEqual([
      'start 1',
      'end 1',
      'start 3',
      'end 3',
    ])
    await until(async () => (await app.chancy.getWorkers()).length >= 2)
  })
})
