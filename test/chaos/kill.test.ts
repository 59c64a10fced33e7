import { setTimeout as sleep } from 'node:timers/promises'
import { job, Queue } from 'chancy'
import { beforeAll, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { testDatabase } from '../support/database.ts'
import type { TestProcess } from '../support/process.ts'
import { chance } from '../support/seed.ts'
import { sized } from '../support/size.ts'
import { until } from '../support/until.ts'
import { type Execution, WorkerFleet } from '../support/worker-fleet.ts'

const schema = testDatabase()
const JOBS = Number(process.env.CHANCY_CHAOS_JOBS ?? sized(1_200, 5_000))
const WORKERS = 4
const LEASE_MS = 1_000
/** How long after its end an attempt may not be saved yet, in milliseconds, on a busy machine. */
const SAVING_MS = 1_500

const work = job({ name: 'work' }, (_: { ms: number }) => {})

interface Fault {
  readonly kind: 'kill' | 'stop'
  readonly pid: number
  readonly from: number
  to: number
}

interface Row {
  readonly id: string
  readonly state: string
  readonly attempts: number
  readonly crashes: number
  readonly fence: number
  readonly pid: number | null
  readonly kinds: string[] | null
  /** The fences of claims that were released before the job started. */
  readonly released: number[]
}

beforeAll(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
})

describe('workers that are killed and stopped', () => {
  it('finish every job once, and every second run is explained', {
    timeout: Math.max(600_000, JOBS * 50),
  }, async () => {
    const luck = chance('kill')
    await using app = await startApp({ schema })
    await empty(schema)
    await recordReleases()
    await app.chancy.declare(
      new Queue('default', { executor: 'inline', concurrency: 12, pollingInterval: '1s' }),
    )
    await using fleet = new WorkerFleet({
      schema,
      worker: { lease: `${LEASE_MS}ms`, heartbeat: '200ms' },
      events: ['outcome.rejected', 'worker.revoked'],
    })
    const alive = new Set(await Promise.all(Array.from({ length: WORKERS }, () => fleet.start())))
    const refs = await app.chancy.pushMany(
      Array.from({ length: JOBS }, () => work.job.withArgs({ ms: luck.between(0, 60) })),
    )

    const faults: Fault[] = []
    const starting = new Set<Promise<unknown>>()
    const stopped = new Set<TestProcess>()
    const replace = (): void => {
      const start = fleet.start().then((one) => alive.add(one))
      starting.add(start)
      void start.finally(() => starting.delete(start))
    }
    const finished = async (): Promise<boolean> => {
      const [row] = await sql<{ count: number }>(schema, 'SELECT count(*)::int FROM $schema.jobs')
      return row?.count === 0
    }
    while (!(await finished())) {
      await sleep(luck.between(400, 1_400))
      const victims = [...alive].filter((one) => !stopped.has(one))
      if (victims.length < 3) continue
      const victim = luck.pick(victims)
      const fault = { pid: victim.pid, from: Date.now(), to: Date.now() }
      const kills = faults.length < 2 ? faults.length === 0 : luck.next() < 0.5
      if (kills) {
        faults.push({ kind: 'kill', ...fault })
        alive.delete(victim)
        victim.kill('SIGKILL')
        replace()
      } else {
        const stop: Fault = { kind: 'stop', ...fault, to: Number.POSITIVE_INFINITY }
        faults.push(stop)
        stopped.add(victim)
        victim.kill('SIGSTOP')
        void sleep(luck.between(LEASE_MS * 0.6, LEASE_MS * 3)).then(() => {
          stop.to = Date.now()
          victim.kill('SIGCONT')
          stopped.delete(victim)
        })
      }
    }
    await until(() => stopped.size === 0)
    await Promise.all(starting)

    const rows = await sql<Row>(
      schema,
      `SELECT id, state, attempts, crashes, fence::int, (result ->> 'pid')::int AS pid,
              jsonb_path_query_array(errors, '$[*].kind') AS kinds,
              ARRAY(SELECT r.fence FROM $schema.releases r WHERE r.id = j.id) AS released
         FROM $schema.finished_jobs j`,
    )
    expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(refs.map(({ id }) => id)))
    expect(rows).toHaveLength(JOBS)
    const lines = fleet.executions()
    const byJob = grouped(lines)
    for (const row of rows) check(row, byJob.get(row.id) ?? [], faults)

    const count = (kind: string) => faults.filter((fault) => fault.kind === kind).length
    const crashed = rows.filter(({ crashes }) => crashes > 0).length
    const lost = await lostAnswers(alive)
    const starts = lines.filter(({ what }) => what === 'start').length
    const released = rows.reduce((sum, row) => sum + row.released.length, 0)
    console.log(
      `${JOBS} jobs, ${count('kill')} killed, ${count('stop')} stopped, ${crashed} jobs crashed, ` +
        `${starts - JOBS} second runs, ${released} releases, ${lost.length} stale answers refused`,
    )
    expect(count('kill')).toBeGreaterThan(0)
    expect(count('stop')).toBeGreaterThan(0)
    expect(crashed).toBeGreaterThan(0)
    // A worker that was stopped for longer than its lease sent outcomes that were refused.
    for (const id of lost) expect(rows.find((row) => row.id === id)?.crashes).toBeGreaterThan(0)

    // In the end the workers that live stop as always.
    for (const one of alive) one.kill('SIGTERM')
    for (const one of alive) expect(await one.exited, one.output).toEqual({ code: 0, signal: null })
  })
})

/** Lets the database itself record the releases: a worker that is killed cannot report its own. */
async function recordReleases(): Promise<void> {
  await sql(schema, 'CREATE TABLE $schema.releases (id uuid, fence int)')
  await sql(
    schema,
    `CREATE FUNCTION $schema.record_release() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
     BEGIN
       INSERT INTO $schema.releases VALUES (NEW.id, NEW.fence);
       RETURN NULL;
     END $$`,
  )
  await sql(
    schema,
    `CREATE TRIGGER record_release AFTER UPDATE ON $schema.jobs FOR EACH ROW
       WHEN (OLD.state = 'running' AND NEW.state = 'pending' AND NEW.crashes = OLD.crashes)
       EXECUTE FUNCTION $schema.record_release()`,
  )
}

/** What must hold for one job, whatever happened to its workers. */
function check(row: Row, lines: readonly Execution[], faults: readonly Fault[]): void {
  const shown = JSON.stringify({ row, lines, faults: faults.filter(isOf(lines)) })
  // A claim and a recovery each raise the fence by one. A job that a worker claimed ahead, and released
  // since it waited there too long, was claimed once more.
  const claims = row.released.length + row.crashes + (row.state === 'failed' ? 0 : 1)
  expect(row.fence, shown).toBe(claims + row.crashes)
  const starts = lines.filter(({ what }) => what === 'start')
  for (const { fence } of starts) expect(row.released, shown).not.toContain(fence)
  expect(starts.length - 1, shown).toBeLessThanOrEqual(row.crashes)
  for (const { attempt } of starts) expect(attempt, shown).toBe(1)
  expect(row.attempts, shown).toBe(1)
  if (row.state === 'failed') {
    expect(row, shown).toMatchObject({ crashes: 3, kinds: ['crash'] })
  } else {
    // The result is that of the attempt that held the job, and of no other.
    expect(row.state, shown).toBe('succeeded')
    const ends = lines.filter(({ what, fence }) => what === 'end' && fence === row.fence)
    expect(ends, shown).toHaveLength(1)
    expect(ends[0]?.pid, shown).toBe(row.pid)
  }
  for (const start of starts) {
    if (start.fence === row.fence) continue
    const end = lines.find(({ what, fence }) => what === 'end' && fence === start.fence)
    const explains = (fault: Fault): boolean =>
      fault.pid === start.pid &&
      start.at <= fault.to + LEASE_MS &&
      (end === undefined || end.at >= fault.from - SAVING_MS)
    expect(faults.some(explains), shown).toBe(true)
  }
}

function isOf(lines: readonly Execution[]) {
  return ({ pid }: Fault): boolean => lines.some((line) => line.pid === pid)
}

function grouped(lines: readonly Execution[]): Map<string, Execution[]> {
  const groups = new Map<string, Execution[]>()
  for (const line of lines) groups.set(line.id, [...(groups.get(line.id) ?? []), line])
  return groups
}

/** The ids of the jobs whose answers were refused, as the workers that live have said. */
async function lostAnswers(alive: Iterable<TestProcess>): Promise<string[]> {
  const ids: string[] = []
  for (const one of alive) {
    const isLost = ({ event }: { event: string }) => event === 'outcome.rejected'
    for (;;) {
      const said = await one.next<{ event: string; id: string }>(isLost, 1).catch(() => null)
      if (said === null) break
      ids.push(said.id)
    }
  }
  return ids
}

describe('a worker that is stopped for longer than its lease', () => {
  it('has its answer refused, and continues under a new id', async () => {
    const luck = chance('stop')
    await using app = await startApp({ schema })
    await empty(schema)
    await using fleet = new WorkerFleet({ schema, events: ['outcome.rejected', 'worker.revoked'] })
    // Code that does not listen, or the abort of the lost lease would end it first.
    const deaf = job({ name: 'deaf' }, (_: { ms: number }) => {})
    const ref = await app.chancy.push(deaf.job.withArgs({ ms: luck.between(300, 600) }))
    const first = await fleet.start()
    await until(() => fleet.executions().length === 1)
    first.kill('SIGSTOP')
    // The second run is still on when the first one has something to say.
    await sql(schema, `UPDATE $schema.jobs SET args = '{"ms": 3000}'`)
    const second = await fleet.start()
    await until(() => fleet.executions().length === 2)
    first.kill('SIGCONT')
    // The sleep has ended, so the outcome is sent before the worker finds its lease revoked.
    const said = (wanted: string) =>
      first.next<{ event: string; id?: string }>(({ event }) => event === wanted)
    expect(await said('outcome.rejected')).toMatchObject({ id: ref.id, fence: 1 })
    await said('worker.revoked')
    expect(await app.chancy.getJob(ref)).toMatchObject({ state: 'running', attempts: 1 })
    const done = await app.chancy.waitForJob(ref)
    expect(done).toMatchObject({ state: 'succeeded', attempts: 1 })
    const fences = fleet.executions().map(({ what, fence }) => `${what} ${fence}`)
    expect(fences).toEqual(['start 1', 'start 3', 'end 1', 'end 3'])
    const more = await app.chancy.pushMany(
      Array.from({ length: 400 }, () => work.job.withArgs({ ms: 20 })),
    )
    await app.chancy.waitForJobs(more)
    const pids = new Set(fleet.executions().map(({ pid }) => pid))
    expect(pids).toEqual(new Set([first.pid, second.pid]))
  })
})

describe('a job that takes its worker with it', () => {
  it('fails with kind "crash" at the third time, and harms no other job', async () => {
    await using app = await startApp({ schema, jobs: [work] })
    await empty(schema)
    await using fleet = new WorkerFleet({ schema })
    // A worker that does not know the poison, and recovers what it leaves behind.
    await app.start()
    const poison = job({ name: 'poison', queue: 'poison', maxAttempts: 9 }, () => {})
    await app.chancy.declare(new Queue('poison', { executor: 'inline' }))
    const ref = await app.chancy.push(poison)
    for (let death = 1; death <= 3; death++) {
      // A lease that is lost on a busy machine would count as a death.
      const one = fleet.begin({ queues: ['poison'], lease: '6s' })
      expect(await one.exited).toEqual({ code: null, signal: 'SIGKILL' })
    }
    const done = await app.chancy.waitForJob(ref, { timeout: '20s' })
    expect(done).toMatchObject({ state: 'failed', errors: [{ kind: 'crash' }] })
    expect(fleet.executions()).toHaveLength(3)
    for (const { attempt } of fleet.executions()) expect(attempt).toBe(1)
    expect(await sql(schema, 'SELECT crashes FROM $schema.finished_jobs')).toEqual([{ crashes: 3 }])
    const other = await app.chancy.push(work.job.withArgs({ ms: 0 }))
    expect(await app.chancy.waitForJob(other)).toMatchObject({ state: 'succeeded' })
  })
})

describe('workers that die together', () => {
  it.runIf(sized(false, true))(
    'are missed by one that lives as soon as a single one would be, and their deaths count',
    async () => {
      await using app = await startApp({ schema })
      await empty(schema)
      await using fleet = new WorkerFleet({ schema, worker: { lease: '6s', heartbeat: '1s' } })
      const [survivor, ...doomed] = await Promise.all([1, 2, 3, 4].map(() => fleet.start()))
      const isUp = async () =>
        (await app.chancy.getWorkers()).every(
          ({ startedAt, renewedAt }) => +renewedAt - +startedAt > 7_000,
        )
      await until(isUp, { timeoutMs: 20_000 })
      await app.chancy.declare(new Queue('default', { executor: 'inline', concurrency: 3 }), {
        upsert: true,
      })
      const refs = await app.chancy.pushMany(
        Array.from({ length: 12 }, () => work.job.withArgs({ ms: 60_000 })),
      )
      const starts = () => fleet.executions().filter(({ what }) => what === 'start')
      await until(() => starts().length === 12)
      const pids = doomed.map(({ pid }) => pid)
      const held = new Set(starts().flatMap(({ id, pid }) => (pids.includes(pid) ? [id] : [])))
      expect(held.size).toBe(9)
      await app.chancy.declare(new Queue('default', { executor: 'inline', concurrency: 12 }), {
        upsert: true,
      })
      for (const one of doomed) one.kill('SIGKILL')
      const killedAt = Date.now()
      const again = () => starts().filter(({ id, pid }) => held.has(id) && pid === survivor!.pid)
      await until(() => again().length === 9, { timeoutMs: 20_000 })
      // The promise: within the lease and five seconds.
      for (const { at } of again()) expect(at - killedAt).toBeLessThan(11_000)
      expect(
        await sql(schema, 'SELECT crashes, count(*)::int FROM $schema.jobs GROUP BY 1 ORDER BY 1'),
      ).toEqual([
        { crashes: 0, count: 3 },
        { crashes: 1, count: 9 },
      ])
      for (const ref of refs) await app.chancy.cancel(ref)
    },
  )
})
