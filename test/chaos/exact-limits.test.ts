import { setTimeout as sleep } from 'node:timers/promises'
import { job, Queue } from 'chancy'
import { beforeAll, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { databaseUrl, testDatabase } from '../support/database.ts'
import { judge, keepHistory } from '../support/limit-history.ts'
import type { TestProcess } from '../support/process.ts'
import { type Fault, startProxy } from '../support/proxy.ts'
import { chance } from '../support/seed.ts'
import { sized } from '../support/size.ts'
import { until } from '../support/until.ts'
import { WorkerFleet } from '../support/worker-fleet.ts'

const schema = testDatabase()
const JOBS = Number(process.env.CHANCY_CHAOS_JOBS ?? sized(2_000, 5_000))
const WORKERS = 4
const GROUPS = 200
/** Of the group with half of all jobs. Who is killed keeps his part of it for a lease. */
const BUSY_MAX = 16
/** The first of them get another max again and again while they run. */
const CHANGING = 40
/** Kills and stops until which more is pushed. */
const PUSHES = Math.ceil(JOBS / 650)
const LEASE_MS = 1_000
/** Statements of a worker whose answers are lost. */
const LOSABLE = ['claim_1', 'finish_2']
const RATE = { queue: 'paced', max: 40, perMs: 500 }
const work = job({ name: 'work' }, (_: { ms: number; group: number; fails?: number }) => {})

beforeAll(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
  await keepHistory(schema)
})

describe('limits under workers that are killed and stopped, and answers that are lost', () => {
  it('are never exceeded, and every job is finished once', {
    timeout: Math.max(180_000, JOBS * 50),
  }, async () => {
    const luck = chance('limits')
    await using app = await startApp({ schema })
    await empty(schema)
    await keepHistory(schema)
    const settings = { executor: 'inline', concurrency: 20, pollingInterval: '1s' } as const
    const rateLimit = { max: RATE.max, per: `${RATE.perMs}ms` } as const
    await app.chancy.declare(new Queue('default', settings))
    await app.chancy.declare(new Queue(RATE.queue, { ...settings, rateLimit }))
    await using proxy = await startProxy(databaseUrl(schema))
    await using fleet = new WorkerFleet({
      schema,
      url: proxy.url,
      worker: { lease: `${LEASE_MS}ms`, heartbeat: '200ms' },
    })
    const alive = new Set(await Promise.all(Array.from({ length: WORKERS }, () => fleet.start())))
    // Group 0 holds half of all jobs; the others have maxima from 1 to 5.
    const limited = (group: number, change = 0) => {
      const max = group === 0 ? BUSY_MAX : ((group + change) % 5) + 1
      return work.job.withArgs({ ms: luck.between(0, 20), group }).withConcurrency(max, 'group')
    }
    const one = (n: number) => {
      const group = n % 2 === 0 ? 0 : luck.between(1, GROUPS)
      if (n % 20 === 1) {
        return work.job.withArgs({ ms: luck.between(0, 20), group }).withQueue(RATE.queue)
      }
      if (n % 20 === 2) return work.job.withArgs({ ms: 0, group })
      if (n % 20 !== 3) return limited(group)
      // Fails once or twice, and is retried immediately.
      const fails = luck.between(1, 2)
      const args = { ms: luck.between(0, 20), group, fails }
      return limited(group).withArgs(args).withMaxAttempts(3).withBackoff('none')
    }
    const refs = await app.chancy.pushMany(Array.from({ length: JOBS }, (_, n) => one(n)))
    const ids = new Set(refs.map(({ id }) => id))

    const stopped = new Set<TestProcess>()
    const starting = new Set<Promise<unknown>>()
    let kills = 0
    let stops = 0
    const cuts: Fault[] = []
    const left = async (): Promise<number> => {
      const rows = await sql<{ n: number }>(schema, 'SELECT count(*)::int AS n FROM $schema.jobs')
      return rows[0]!.n
    }
    while ((await left()) > 0) {
      const keyed = Array.from({ length: 10 }, () =>
        work.job.withArgs({ ms: 5, group: 0 }).withUniqueKey(`key ${luck.between(1, 5)}`),
      )
      if (kills + stops < PUSHES) {
        const changed = Array.from({ length: CHANGING }, (_, n) =>
          limited(n + 1, 1 + kills + stops),
        )
        const pushed = await Promise.all(
          [...keyed, ...changed].map((each) => app.chancy.push(each)),
        )
        for (const { id } of pushed) ids.add(id)
      }
      // The next answer to one of these is lost after the commit.
      if (kills + stops < PUSHES) cuts.push(proxy.cutReplies(luck.pick(LOSABLE)))
      await sleep(luck.between(200, 800))
      const victims = [...alive].filter((process) => !stopped.has(process))
      if (victims.length < 3) continue
      const victim = luck.pick(victims)
      if (kills === 0 || (stops > 0 && luck.next() < 0.5)) {
        kills++
        alive.delete(victim)
        victim.kill('SIGKILL')
        const start = fleet.start().then((process) => alive.add(process))
        starting.add(start)
        void start.finally(() => starting.delete(start))
      } else {
        stops++
        stopped.add(victim)
        victim.kill('SIGSTOP')
        void sleep(luck.between(LEASE_MS / 2, LEASE_MS * 3)).then(() => {
          victim.kill('SIGCONT')
          stopped.delete(victim)
        })
      }
    }
    await until(() => stopped.size === 0)
    await Promise.all(starting)

    const { starts, most, faults } = await judge(schema, [RATE])
    const lost = cuts.reduce((sum, { hits }) => sum + hits, 0)
    console.log(
      `${ids.size} jobs, ${starts} starts, ${kills} killed, ${stops} stopped, ${lost} answers lost`,
    )
    expect(faults).toEqual([])
    expect(lost).toBeGreaterThan(0)
    // That none is exceeded is the judge's. Here: the limit was felt, and how full the group was in
    // the moment between two kills is the machine's.
    expect(most.get('work:group=0')).toBeGreaterThan(BUSY_MAX / 2)
    const changed = await sql(
      schema,
      `SELECT key FROM $schema.limit_history WHERE state = 'running' AND key IS NOT NULL
        GROUP BY key HAVING count(DISTINCT max) > 1`,
    )
    expect(changed.length).toBeGreaterThanOrEqual(Math.min(CHANGING, JOBS / 500))
    const rows = await sql<{ id: string; state: string; crashes: number }>(
      schema,
      'SELECT id, state, crashes FROM $schema.finished_jobs',
    )
    expect(rows).toHaveLength(ids.size)
    expect(new Set(rows.map(({ id }) => id))).toEqual(ids)
    for (const row of rows) {
      expect(row.state === 'succeeded' || row.crashes >= 3, JSON.stringify(row)).toBe(true)
    }
    expect(starts).toBeGreaterThanOrEqual(ids.size)
  })
})
