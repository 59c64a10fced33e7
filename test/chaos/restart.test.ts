import { setTimeout as sleep } from 'node:timers/promises'
import { job, Queue } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import { describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { withClient } from '../support/database.ts'
import { chance } from '../support/seed.ts'
import { sized } from '../support/size.ts'
import { until } from '../support/until.ts'
import { type Execution, WorkerFleet } from '../support/worker-fleet.ts'

/** Long enough that a busy machine loses none by itself, with a server that recovers from a crash. */
const LEASE_MS = 5_000
/** Each restarts a server of its own, so the suite of CI has one of them. */
const atFullSize = it.runIf(sized(false, true))
const work = job({ name: 'work' }, (_: { ms: number }) => {})

/** A server that no other test uses, since a restart ends the sessions of all. */
async function ownServer() {
  const server = embeddedPostgres({ settings: { shared_buffers: '32MB' } })
  const url = await server.url()
  const rows = <Row>(text: string) =>
    withClient(async (client) => (await client.query(text)).rows as Row[], url)
  return { server, url, rows }
}

const ends = (lines: readonly Execution[]) => lines.filter(({ what }) => what === 'end')
const starts = (lines: readonly Execution[]) => lines.filter(({ what }) => what === 'start')

describe('a server that restarts under load', () => {
  it('costs time and nothing else, fast or by a crash', { timeout: 240_000 }, async () => {
    const luck = chance('restart')
    const { server, url, rows } = await ownServer()
    await using _server = server
    await using app = await startApp({ schema: 'chancy', url })
    await app.chancy.declare(new Queue('default', { executor: 'inline', concurrency: 10 }))
    await using fleet = new WorkerFleet({
      schema: 'chancy',
      url,
      worker: { lease: `${LEASE_MS}ms`, heartbeat: '300ms' },
    })
    const workers = await Promise.all([fleet.start(), fleet.start(), fleet.start()])
    const ids: string[] = []
    let isOver = false
    // Pushes continue meanwhile: one that resolved is kept.
    const pushing = (async () => {
      while (!isOver) {
        const jobs = Array.from({ length: 20 }, () =>
          work.job.withArgs({ ms: luck.between(0, 50) }),
        )
        const refs = await Promise.all(jobs.map((one) => app.chancy.push(one)))
        ids.push(...refs.map(({ id }) => id))
        await sleep(20)
      }
    })()
    for (const mode of ['fast', 'immediate', 'kill'] as const) {
      const before = ends(fleet.executions()).length
      await until(() => ends(fleet.executions()).length > before + 50, { timeoutMs: 20_000 })
      await server.restart({ mode, downMs: luck.between(0, 500) })
    }
    isOver = true
    await pushing
    const idle = async () => (await rows('SELECT 1 FROM chancy.jobs LIMIT 1')).length === 0
    await until(() => idle().catch(() => false), { timeoutMs: 60_000 })

    const finished = await rows<{ id: string; state: string; attempts: number; crashes: number }>(
      'SELECT id, state, attempts, crashes FROM chancy.finished_jobs',
    )
    expect(new Set(finished.map(({ id }) => id)).size).toBe(finished.length)
    const found = new Set(finished.map(({ id }) => id))
    for (const id of ids) expect(found.has(id), id).toBe(true)
    for (const { id, ...row } of finished) {
      expect(row, id).toEqual({ state: 'succeeded', attempts: 1, crashes: 0 })
    }
    // Each ran once: what ran while the server was away was saved when it was back.
    const lines = fleet.executions()
    expect(starts(lines)).toHaveLength(finished.length)
    expect(ends(lines)).toHaveLength(finished.length)
    for (const one of workers) one.kill('SIGTERM')
    for (const one of workers) {
      expect(await one.exited, one.output).toEqual({ code: 0, signal: null })
    }
  })

  atFullSize(
    'counts no crash after an outage longer than the lease',
    { timeout: 120_000 },
    async () => {
      const { server, url, rows } = await ownServer()
      await using _server = server
      await using app = await startApp({ schema: 'chancy', url })
      await app.chancy.declare(new Queue('default', { executor: 'inline', concurrency: 20 }))
      await using fleet = new WorkerFleet({
        schema: 'chancy',
        url,
        worker: { lease: '1s', heartbeat: '200ms' },
        events: ['worker.revoked'],
      })
      await Promise.all([fleet.start(), fleet.start(), fleet.start(), fleet.start()])
      // Some end while the server is away, some after it is back.
      const jobs = Array.from({ length: 80 }, (_, n) =>
        work.job.withArgs({ ms: n % 2 === 0 ? 2_000 : 7_000 }),
      )
      const refs = await app.chancy.pushMany(jobs)
      await until(() => starts(fleet.executions()).length === 80, { timeoutMs: 20_000 })
      await server.restart({ mode: 'fast', downMs: 4_000 })
      const done = await app.chancy.waitForJobs(refs, { timeout: '30s' })
      for (const one of done) expect(one).toMatchObject({ state: 'succeeded', attempts: 1 })
      expect(await rows('SELECT DISTINCT crashes FROM chancy.finished_jobs')).toEqual([
        { crashes: 0 },
      ])
      expect(starts(fleet.executions())).toHaveLength(80)
      expect(ends(fleet.executions())).toHaveLength(80)
    },
  )

  atFullSize('counts no crash for workers that end with it, and recovers their jobs', async () => {
    const { server, url, rows } = await ownServer()
    await using _server = server
    await using app = await startApp({ schema: 'chancy', url })
    await app.chancy.declare(new Queue('default', { executor: 'inline', concurrency: 2 }))
    await using fleet = new WorkerFleet({ schema: 'chancy', url })
    const gone = await Promise.all([fleet.start(), fleet.start(), fleet.start()])
    const refs = await app.chancy.pushMany(
      Array.from({ length: 6 }, () => work.job.withArgs({ ms: 60_000 })),
    )
    await until(() => starts(fleet.executions()).length === 6)
    for (const one of gone) one.kill('SIGKILL')
    await Promise.all(gone.map((one) => one.exited))
    await rows(`UPDATE chancy.jobs SET args = '{"ms": 0}'`)
    await fleet.start()
    const done = await app.chancy.waitForJobs(refs, { timeout: '20s' })
    for (const one of done) expect(one).toMatchObject({ state: 'succeeded', attempts: 1 })
    // The loss of all workers looks like an outage, which counts no crash.
    expect(await rows('SELECT DISTINCT crashes FROM chancy.finished_jobs')).toEqual([
      { crashes: 0 },
    ])
  })
})
