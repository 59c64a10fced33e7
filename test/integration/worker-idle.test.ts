import { type Chancy, Job, job, pgDriver, Queue, type Worker, workflow } from 'chancy'
import { definePlugin } from 'chancy/plugin'
import { describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { heldStatements } from '../support/held-statements.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const QUICK = { heartbeat: '200ms', lease: '5s' } as const
const ok = job({ name: 'ok' }, () => 'ok')
const GONE = '01900000-0000-7000-8000-000000000001'

function gated() {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  return { held, gate: job({ name: 'gate' }, () => held), release: () => release() }
}

const states = async () =>
  (
    await app.sql<{ state: string; n: number }>(
      'SELECT state, count(*)::int AS n FROM $all_jobs GROUP BY 1 ORDER BY 1',
    )
  ).map(({ state, n }) => `${n} ${state}`)

/** Whether a promise is still pending when the worker has renewed its lease twice. */
async function isPending(chancy: Chancy, waited: Promise<unknown>): Promise<boolean> {
  let isSettled = false
  const settled = (): void => {
    isSettled = true
  }
  waited.then(settled, settled)
  let renewals = 0
  await new Promise<void>((resolve) => {
    const end = chancy.on('lease.renewed', () => {
      if (++renewals < 3) return
      end()
      resolve()
    })
  })
  return !isSettled
}

describe('an idle worker', () => {
  it('is known immediately when there is nothing to do', async () => {
    const worker = await app.worker(app.chancy({ jobs: ok }))
    await worker.idle()
    await Promise.all([worker.idle(), worker.idle()])
  })

  it('has run what was pushed before, each time', async () => {
    const chancy = app.chancy({ jobs: ok })
    const worker = await app.worker(chancy)
    for (let pushed = 1; pushed <= 40; pushed++) {
      await chancy.push(ok)
      await worker.idle()
      expect(await states()).toEqual([`${pushed} succeeded`])
    }
  })

  it('has run what other processes pushed without a notification', async () => {
    const worker = await app.worker(app.chancy({ jobs: ok, notifications: false }))
    const other = app.chancy({ jobs: ok, notifications: false })
    await other.pushMany(Array.from({ length: 50 }, () => ok))
    await worker.idle()
    expect(await states()).toEqual(['50 succeeded'])
  })

  it('has run the jobs that its jobs pushed, and their attempts that follow without a delay', async () => {
    let attempts = 0
    const chain = job(
      { name: 'chain', maxAttempts: 3, backoff: 'none' },
      async ({ left }: { left: number }) => {
        if (++attempts % 3 === 0) throw new Error('not yet')
        if (left > 0) await chancy.push(chain.job.withArgs({ left: left - 1 }))
      },
    )
    const chancy: Chancy = app.chancy({ jobs: chain })
    const worker = await app.worker(chancy)
    await chancy.push(chain.job.withArgs({ left: 5 }))
    await worker.idle()
    expect(await states()).toEqual(['6 succeeded'])
  })

  it('has run what waits for ends of steps that are not counted yet', async () => {
    const { gate, release } = gated()
    const chancy = app.chancy({ jobs: [gate, ok] })
    const worker = await app.worker(chancy, QUICK)
    const two = workflow({ name: 'two' }, (flow) => {
      flow.step('second', ok, { after: [flow.step('first', gate)] })
    })
    const { id } = await chancy.push(two())
    await until(async () => (await states()).includes('1 running'))
    const holder = await app.client()
    await holder.query('BEGIN')
    await holder.query(`SELECT 1 FROM ${app.schema}.workflows WHERE id = $1 FOR UPDATE`, [id])
    release()
    await until(async () => (await app.sql('SELECT 1 FROM $step_ends')).length > 0)
    const idle = worker.idle()
    expect(await isPending(chancy, idle)).toBe(true)
    await holder.query('ROLLBACK')
    await idle
    expect(await states()).toEqual(['2 succeeded'])
  })

  it('has staged and run what was due, and does not wait for what is not', async () => {
    const chancy = app.chancy({ jobs: ok })
    const worker = await app.worker(chancy)
    await worker.idle()
    await chancy.push(ok.job.withDelay('1h'))
    // No notification says so, and the stager waits for its next pass.
    await app.sql(
      `INSERT INTO $jobs (id, queue, name, scheduled_at, run_at)
       VALUES ('01900000-0000-7000-8000-000000000002', 'default', 'ok', now(), now())`,
    )
    await worker.idle()
    expect(await states()).toEqual(['1 pending', '1 succeeded'])
  })

  it('has run the jobs of a queue that was declared a moment before', async () => {
    const chancy = app.chancy({ jobs: ok })
    const worker = await app.worker(chancy)
    const other = app.chancy({ jobs: ok, notifications: false })
    await other.declare(new Queue('mail', { executor: 'inline' }))
    await other.push(ok.job.withQueue('mail'))
    await worker.idle()
    expect(await states()).toEqual(['1 succeeded'])
  })

  it('has run the blocked jobs of concurrency groups', async () => {
    const chancy = app.chancy({ jobs: ok })
    const worker = await app.worker(chancy)
    const limited = ok.job.withConcurrency(1)
    await chancy.pushMany(Array.from({ length: 20 }, () => limited))
    await worker.idle()
    expect(await states()).toEqual(['20 succeeded'])
  })

  it('has run what a worker that is gone left behind', async () => {
    await app.sql(
      `INSERT INTO $workers (id, expires_at) VALUES ('${GONE}', now() - interval '1 day');
       INSERT INTO $jobs (id, queue, name, state, worker_id, started_at, seq, position)
       VALUES ('01900000-0000-7000-8000-000000000003', 'default', 'ok', 'running', '${GONE}', now(), 1, 1);
       INSERT INTO $claims VALUES ('${GONE}', 1, '{01900000-0000-7000-8000-000000000003}')`,
    )
    const worker = await app.worker(app.chancy({ jobs: ok }), QUICK)
    await worker.idle()
    expect(await states()).toEqual(['1 succeeded'])
  })

  it('does not wait for paused queues, rate limits, unknown functions, and queues that it does not run', async () => {
    const chancy = app.chancy({ jobs: ok })
    const inline = { executor: 'inline' } as const
    await chancy.declare(new Queue('paused', inline))
    await chancy.declare(new Queue('slow', { ...inline, rateLimit: { max: 1, per: '1h' } }))
    await chancy.declare(new Queue('other', { ...inline, tags: ['nowhere'] }))
    // It was given functions, and children need modules.
    await chancy.declare(new Queue('children', { executor: 'process' }))
    await chancy.pauseQueue('paused')
    await chancy.pushMany([
      ...['paused', 'other', 'slow', 'slow', 'undeclared', 'children'].map((queue) =>
        ok.job.withQueue(queue),
      ),
      Job.named('unknown'),
    ])
    const worker = await app.worker(chancy)
    await worker.idle()
    expect(await states()).toEqual(['6 pending', '1 succeeded'])
  })

  it('does not wait for what runs on another worker', async () => {
    const { gate, release } = gated()
    const other = app.chancy({ jobs: gate })
    const begun = new Promise((resolve) => other.on('job.started', resolve))
    await app.worker(other)
    const reference = await other.push(gate)
    await begun
    const worker = await app.worker(app.chancy({ jobs: gate }))
    await worker.idle()
    release()
    await other.waitForJob(reference)
  })
})

describe('a worker is not idle', () => {
  it('while a job runs', async () => {
    const { gate, release } = gated()
    const chancy = app.chancy({ jobs: gate })
    const worker = await app.worker(chancy, QUICK)
    await chancy.push(gate)
    const idle = worker.idle()
    expect(await isPending(chancy, idle)).toBe(true)
    release()
    await idle
    expect(await states()).toEqual(['1 succeeded'])
  })

  it('between the claim of a job and its start', async () => {
    const { held, release } = gated()
    const slow = definePlugin({
      name: 'acme.slow',
      beforeAttempt: async (job) => {
        await held
        return job
      },
    })
    const chancy = app.chancy({ jobs: ok, plugins: [slow] })
    const worker = await app.worker(chancy, QUICK)
    await chancy.push(ok)
    const idle = worker.idle()
    expect(await isPending(chancy, idle)).toBe(true)
    release()
    await idle
    expect(await states()).toEqual(['1 succeeded'])
  })

  it.each([
    { statement: '"claim_1"', rows: 2, while: 'the answer to a claim is on its way' },
    { statement: '"finish_2"', rows: 0, while: 'an outcome is being saved' },
  ])('while $while', async ({ statement, rows }) => {
    const held = heldStatements(pgDriver(app.pool(6)))
    const chancy = app.chancy({ jobs: ok, notifications: false }, held.driver)
    const worker = await app.worker(chancy, QUICK)
    const reached = held.hold(statement, rows)
    await app.chancy({ jobs: ok }).push(ok)
    await reached
    const idle = worker.idle()
    expect(await isPending(chancy, idle)).toBe(true)
    held.release()
    await idle
    expect(await states()).toEqual(['1 succeeded'])
  })

  it('while a plugin handles what was saved, and when it has pushed another job', async () => {
    let pushed = 0
    const follows = definePlugin({
      name: 'acme.follows',
      onSaved: async () => {
        if (pushed++ > 2) return
        await new Promise((resolve) => setTimeout(resolve, 50))
        await chancy.push(ok)
      },
    })
    const chancy: Chancy = app.chancy({ jobs: ok, plugins: [follows] })
    const worker = await app.worker(chancy)
    await chancy.push(ok)
    await worker.idle()
    expect(await states()).toEqual(['4 succeeded'])
  })

  it('while it is paused and something is due', async () => {
    const chancy = app.chancy({ jobs: ok })
    const worker = await app.worker(chancy, QUICK)
    await worker.pause()
    await worker.idle()
    await chancy.push(ok)
    const idle = worker.idle()
    expect(await isPending(chancy, idle)).toBe(true)
    worker.resume()
    await idle
    expect(await states()).toEqual(['1 succeeded'])
  })
})

describe('the wait for an idle worker', () => {
  it('reads the database rarely while nothing changes, and not at all while a job runs', async () => {
    const { gate, release } = gated()
    const held = heldStatements(pgDriver(app.pool(6)))
    const chancy = app.chancy({ jobs: [ok, gate] }, held.driver)
    const begun = new Promise((resolve) => chancy.on('job.started', resolve))
    const worker = await app.worker(chancy, QUICK)
    await chancy.push(gate)
    await begun
    const over = new AbortController()
    const running = worker.idle(over.signal)
    expect(await isPending(chancy, running)).toBe(true)
    expect(held.sent('"due_1"')).toBe(0)
    release()
    await running
    const before = held.sent('"due_1"')
    const begunAt = performance.now()
    await worker.pause()
    await chancy.push(ok)
    const waiting = [1, 2, 3].map(() => worker.idle(over.signal))
    expect(await isPending(chancy, waiting[0]!)).toBe(true)
    // 20, 40, 80, 160, 320, 640 ms and then each second, for all who wait.
    const seconds = (performance.now() - begunAt) / 1_000
    expect(held.sent('"due_1"') - before).toBeLessThan(10 + seconds)
    over.abort(new Error('enough'))
    for (const one of waiting) await expect(one).rejects.toThrow('enough')
  })

  it('continues when the database could not be read', async () => {
    const chancy = app.chancy({ jobs: ok })
    const worker = await app.worker(chancy)
    const failed = new Promise((resolve) =>
      chancy.on('database.error', ({ what }) => what === 'looking for due jobs' && resolve(what)),
    )
    await app.sql('ALTER FUNCTION $due_1(text[], text[], uuid) RENAME TO due_away')
    const idle = worker.idle()
    await failed
    await app.sql('ALTER FUNCTION $due_away(text[], text[], uuid) RENAME TO due_1')
    await idle
  })

  it('ends with the reason of its signal, whenever that aborts', async () => {
    const { gate, release } = gated()
    const chancy = app.chancy({ jobs: gate })
    const worker = await app.worker(chancy)
    const begun = new Promise((resolve) => chancy.on('job.started', resolve))
    await chancy.push(gate)
    await begun
    await expect(worker.idle(AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
    const over = new AbortController()
    const waiting = worker.idle(over.signal)
    over.abort(new Error('in the same turn'))
    await expect(waiting).rejects.toThrow('in the same turn')
    const later = new AbortController()
    const idle = worker.idle(later.signal)
    setImmediate(() => later.abort(new Error('later')))
    await expect(idle).rejects.toThrow('later')
    release()
    await worker.idle(new AbortController().signal)
  })

  it('is refused before the start, after the end, and for what is no signal', async () => {
    const chancy = app.chancy({ jobs: ok })
    const { Worker } = await import('chancy')
    const worker: Worker = new Worker(chancy, { signals: false })
    await expect(worker.idle()).rejects.toThrow('idle: this worker was not started. Call start()')
    const starting = worker.start()
    const idle = worker.idle()
    await expect(worker.idle('soon' as never)).rejects.toThrow('expected an AbortSignal')
    await Promise.all([starting, idle])
    await worker.stop()
    await expect(worker.idle()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('ends when the worker is stopped meanwhile', async () => {
    const { gate, release } = gated()
    const chancy = app.chancy({ jobs: gate })
    const worker = await app.worker(chancy)
    await chancy.push(gate)
    const idle = worker.idle()
    void until(() => worker.health().running === 1).then(() => worker.stop())
    await expect(idle).rejects.toMatchObject({ code: 'CLOSED' })
    release()
    await worker.stopped
  })
})

describe('what is due', () => {
  it('is found in each place where a job can wait, and only there', async () => {
    const [own, other] = ['01900000-0000-7000-8000-00000000000a', GONE]
    await app.sql(
      `INSERT INTO $queues (name, executor) VALUES ('q', 'inline'), ('z', 'inline');
       INSERT INTO $workers (id, expires_at) VALUES ('${own}', now() + interval '1 day'), ('${other}', now() + interval '1 day')`,
    )
    const due = async () => {
      const rows = await app.sql<{ kind: string; queue: string }>(
        `SELECT kind, queue FROM $due_1('{q}', '{ok}', '${own}')`,
      )
      return rows.map(({ kind, queue }) => `${kind} ${queue}`).join()
    }
    const columns = 'id, queue, name, state, worker_id, run_at, position, blocked, parked'
    const insert = (values: string) =>
      app.sql(`INSERT INTO $jobs (${columns}) VALUES (gen_random_uuid(), ${values})`)
    const rows: [string, string][] = [
      ["'q', 'ok', 'pending', NULL, NULL, 1, false, false", 'ready q'],
      ["'q', 'ok', 'pending', NULL, NULL, NULL, false, true", 'ready q'],
      ["'q', 'ok', 'retrying', NULL, now(), NULL, false, false", 'unstaged q'],
      ["'q', 'ok', 'pending', NULL, NULL, NULL, true, false", 'blocked q'],
      ["'q', 'ok', 'pending', NULL, now() + interval '1 h', NULL, false, false", ''],
      ["'q', 'other', 'pending', NULL, NULL, 1, false, false", ''],
      ["'z', 'ok', 'pending', NULL, NULL, 1, false, false", ''],
      [`'q', 'ok', 'running', '${other}', NULL, 1, false, false`, ''],
    ]
    for (const [values, expected] of rows) {
      await insert(values)
      expect(await due(), values).toBe(expected)
      await app.sql(`UPDATE $queues SET state = 'paused' WHERE name = 'q'`)
      expect(await due(), values).toBe('')
      await app.sql(`UPDATE $queues SET resume_at = now() WHERE name = 'q'`)
      expect(await due(), values).toBe(expected)
      await app.sql(`UPDATE $queues SET state = 'active', resume_at = NULL; TRUNCATE $jobs`)
    }
    await insert(`'z', 'other', 'running', '${own}', NULL, 1, false, false`)
    await app.sql(`INSERT INTO $claims SELECT '${own}', 1, array_agg(id) FROM $jobs`)
    expect(await due()).toBe('claimed z')
    await app.sql(
      `UPDATE $jobs SET worker_id = '${other}'; UPDATE $claims SET worker_id = '${other}'`,
    )
    expect(await due()).toBe('')
    await app.sql(`UPDATE $jobs SET queue = 'q', name = 'ok'`)
    expect(await due()).toBe('')
    await app.sql(`UPDATE $workers SET revoked_at = now() WHERE id = '${other}'`)
    expect(await due()).toBe('claimed q')
  })
})
