import { job, type Plugin, Queue } from 'chancy'
import { pgDriver } from 'chancy/drivers/pg'
import { createHandler } from 'chancy/http'
import pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { hooked } from '../support/application.ts'
import { databaseUrl, testSchema } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()

beforeEach(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
  await empty(schema)
})

/** A job that holds its slot until it is released, and counts how many do so concurrently. */
function gated(name = 'gated') {
  const waiting = new Set<() => void>()
  let most = 0
  const hold = job({ name }, () => {
    return new Promise<void>((resolve) => {
      waiting.add(resolve)
      most = Math.max(most, waiting.size)
    })
  })
  return {
    hold,
    get running() {
      return waiting.size
    },
    get most() {
      return most
    },
    release(count = Number.POSITIVE_INFINITY) {
      for (const resolve of [...waiting].slice(0, count)) {
        waiting.delete(resolve)
        resolve()
      }
    },
  }
}

const ok = job({ name: 'ok' }, () => 'ok')

describe('a worker', () => {
  it('has a row that describes it, while it runs and no longer', async () => {
    await using app = await startApp({ schema, jobs: ok })
    await app.chancy.declare(new Queue('mail', { executor: 'inline' }))
    const worker = await app.start({ tags: ['zone=a'], label: 'the first' })
    const [info] = await app.chancy.getWorkers()
    expect(info).toMatchObject({ id: worker.id, label: 'the first', alive: true })
    expect(info?.queues).toEqual(['default', 'mail'])
    expect(info?.tags).toEqual(worker.tags)
    expect(worker.tags).toEqual(
      expect.arrayContaining([
        '*',
        'zone=a',
        `worker_id=${worker.id}`,
        expect.stringMatching(/^hostname=./),
        `node=${process.versions.node}`,
        `os=${process.platform}`,
        `arch=${process.arch}`,
      ]),
    )
    const renewed = await until(async () => {
      const [now] = await app.chancy.getWorkers()
      return now!.renewedAt > info!.renewedAt ? now : null
    })
    expect(renewed.expiresAt.getTime() - renewed.renewedAt.getTime()).toBe(3_000)
    await worker.stop()
    expect(await app.chancy.getWorkers()).toEqual([])
  })

  it('writes with a renewal what its slots hold, and one of an earlier release has no figures', async () => {
    const { hold, release } = gated()
    await using app = await startApp({ schema, jobs: [hold, ok] })
    await app.chancy.declare(new Queue('mail', { executor: 'inline', concurrency: 3 }))
    const handler = createHandler(app.chancy)
    const shown = async (id: string): Promise<unknown> => {
      const request = new Request(`http://localhost/api/v1/workers/${id}`)
      return (await handler(request, { remoteAddress: '127.0.0.1' })).json()
    }
    await app.chancy.pushMany([hold, hold].map((one) => one.job.withQueue('mail')))
    const worker = await app.start({ queues: ['mail', 'default'] })
    const figures = await until(async () => {
      const [found] = (await app.chancy.getWorkers()).filter(({ id }) => id === worker.id)
      return found?.figures?.slots.some(({ busy }) => busy === 2) ? found.figures : null
    })
    expect(figures.slots).toContainEqual({ queue: 'mail', slots: 3, busy: 2 })
    expect(figures.memoryBytes).toBeGreaterThan(10 * 2 ** 20)
    release()
    const later = await until(async () => {
      const found = (await shown(worker.id)) as { readonly endedPerSecond: number | null }
      return (found.endedPerSecond ?? 0) > 0 ? found : null
    })
    expect(later).toMatchObject({
      slots: expect.arrayContaining([{ queue: 'mail', slots: 3, busy: 0 }]),
      cpu: expect.any(Number),
      memoryBytes: expect.any(Number),
    })
    const id = '0198a000-0000-7000-8000-000000000001'
    await sql(
      schema,
      `INSERT INTO $schema.workers (id, expires_at) VALUES ('${id}', now() + interval '1 hour')`,
    )
    const none = { slots: null, endedPerSecond: null, cpu: null, memoryBytes: null }
    expect(await shown(id)).toMatchObject({ alive: true, ...none })
  })

  it('declares "default" when it is missing, and leaves it when it is there', async () => {
    await using app = await startApp({ schema, jobs: ok })
    const first = await app.start()
    expect(await app.chancy.getQueue('default')).toMatchObject({ executor: 'inline' })
    await first.stop()
    await app.chancy.declare(new Queue('default', { executor: 'inline', concurrency: 3 }), {
      upsert: true,
    })
    await app.start()
    expect(await app.chancy.getQueue('default')).toMatchObject({ concurrency: 3 })
  })

  it('takes the queues that are for it, by tags or by name', async () => {
    await using app = await startApp({ schema, jobs: ok })
    await app.chancy.declare(
      new Queue('north', { executor: 'inline', tags: ['zone=north', 'zone=pole'] }),
    )
    await app.chancy.declare(new Queue('south', { executor: 'inline', tags: ['zone=s.*'] }))
    await app.chancy.declare(new Queue('part', { executor: 'inline', tags: ['zone'] }))
    await app.start({ tags: ['zone=south'] })
    await app.start({ queues: ['north', 'default'], tags: ['zone=pole'] })
    await app.start({ queues: ['north'] })
    const queues = (await app.chancy.getWorkers()).map((worker) => worker.queues)
    expect(queues).toEqual([['default', 'south'], ['default', 'north'], []])
  })

  it('starts under a new id each time, also with the same label', async () => {
    await using app = await startApp({ schema, jobs: ok })
    const first = await app.start({ label: 'same' })
    const second = await app.start({ label: 'same' })
    expect(first.id).not.toBe(second.id)
    expect(await app.chancy.getWorkers()).toHaveLength(2)
  })

  it('continues under a new id when its lease was revoked, and aborts what ran', async () => {
    const gate = gated()
    await using app = await startApp({ schema, jobs: gate.hold })
    const worker = await app.start()
    const { id } = worker
    const ref = await app.chancy.push(gate.hold)
    await until(() => gate.running === 1)
    const lost = app.next('worker.revoked')
    const again = app.next('job.started')
    await sql(schema, 'UPDATE $schema.workers SET revoked_at = now()')
    expect(await lost).toEqual({ workerId: id })
    // The first call still runs, and its end changes nothing.
    await again
    gate.release(1)
    await app.next('queue.polled')
    expect(await app.chancy.getJob(ref)).toMatchObject({ state: 'running', attempts: 1 })
    expect(worker.id).not.toBe(id)
    gate.release()
    expect(await app.chancy.waitForJob(ref)).toMatchObject({
      state: 'succeeded',
      attempts: 1,
      workerId: worker.id,
    })
  })
})

describe('a queue that changes', () => {
  it('is followed by workers that run: its concurrency', async () => {
    const gate = gated()
    await using app = await startApp({ schema, jobs: gate.hold })
    await app.chancy.declare(new Queue('default', { executor: 'inline', concurrency: 2 }))
    await app.start()
    const refs = await app.chancy.pushMany(Array.from({ length: 12 }, () => gate.hold))
    await until(() => gate.running === 2)
    await app.chancy.declare(new Queue('default', { executor: 'inline', concurrency: 5 }), {
      upsert: true,
    })
    await until(() => gate.running === 5)
    await app.chancy.declare(new Queue('default', { executor: 'inline', concurrency: 1 }), {
      upsert: true,
    })
    // The worker reads all queues together, so that it has read of that one when it runs this one.
    const started = app.next('queue.started', ({ queue }) => queue === 'marker')
    await app.chancy.declare(new Queue('marker', { executor: 'inline' }))
    await started
    gate.release(4)
    await app.next('outcomes.saved')
    expect(gate.running).toBe(1)
    expect(gate.most).toBe(5)
    let isOver = false
    const all = app.chancy.waitForJobs(refs).finally(() => {
      isOver = true
    })
    // A row is running before its function is, so that the last one may still begin.
    await until(() => {
      expect(gate.running).toBeLessThan(2)
      gate.release()
      return isOver
    })
    await all
  })

  it('is followed by workers that run: its tags', async () => {
    await using app = await startApp({ schema, jobs: ok })
    await app.chancy.declare(new Queue('mail', { executor: 'inline', tags: ['unused'] }))
    await app.start()
    const ref = await app.chancy.push(ok.job.withQueue('mail'))
    const started = app.next('queue.started', ({ queue }) => queue === 'mail')
    await app.chancy.declare(new Queue('mail', { executor: 'inline', tags: ['os=.*'] }), {
      upsert: true,
    })
    await started
    await app.chancy.waitForJob(ref)
    const stopped = app.next('queue.stopped', ({ queue }) => queue === 'mail')
    await app.chancy.declare(new Queue('mail', { executor: 'inline', tags: ['unused'] }), {
      upsert: true,
    })
    await stopped
  })

  it.each([true, false])(
    'is paused and resumed long before its next poll, notifications %s',
    async (on) => {
      await using app = await startApp({ schema, jobs: ok, notifications: on })
      await using other = await startApp({ schema, notifications: on })
      // A poll so rare that it cannot be what finds the job.
      await app.chancy.declare(new Queue('default', { executor: 'inline', pollingInterval: '1h' }))
      await app.start()
      await other.chancy.pauseQueue('default')
      const ref = await app.chancy.push(ok)
      for (let i = 0; i < 2; i++) {
        await app.next('queue.polled', () => true, 1_500).catch(() => {})
        expect((await app.chancy.getJob(ref))?.state).toBe('pending')
      }
      await other.chancy.resumeQueue('default')
      await until(async () => (await app.chancy.getJob(ref))?.state === 'succeeded')
    },
  )

  it('runs what came during a pause that was over before it was read of', async () => {
    let release = (): void => {}
    const read = new Promise<void>((resolve) => {
      release = resolve
    })
    let isHeldUp = false
    const holdUp = async (text: string, send: () => Promise<unknown[]>) => {
      if (isHeldUp && text.includes('ORDER BY q.name')) await read
      return send()
    }
    const pool = new pg.Pool({ connectionString: databaseUrl(schema) })
    const driver = hooked(pgDriver(pool), holdUp)
    await using app = await startApp({ schema, jobs: ok, url: driver })
    await using other = await startApp({ schema })
    await app.chancy.declare(new Queue('default', { executor: 'inline', pollingInterval: '1h' }))
    const first = app.next('queue.polled')
    await app.start()
    await first
    isHeldUp = true
    await other.chancy.pauseQueue('default')
    const closed = app.next('queue.polled')
    const ref = await app.chancy.push(ok)
    expect(await closed).toMatchObject({ scanned: 0, claimed: 0 })
    await other.chancy.resumeQueue('default')
    release()
    await until(async () => (await app.chancy.getJob(ref))?.state === 'succeeded')
    await pool.end()
  })

  it('is resumed by itself at the time that was said', async () => {
    await using app = await startApp({ schema, jobs: ok })
    await app.chancy.declare(new Queue('default', { executor: 'inline', pollingInterval: '1h' }))
    await app.start()
    const resumeAt = new Date(Date.now() + 800)
    await app.chancy.pauseQueue('default', { resumeAt })
    const done = await app.chancy.waitForJob(await app.chancy.push(ok))
    expect(done.startedAt!.getTime()).toBeGreaterThanOrEqual(resumeAt.getTime())
    expect(await app.chancy.getQueue('default')).toMatchObject({ state: 'active', resumeAt: null })
  })

  it('never has its slots twice, although it was deleted and declared again in between', async () => {
    const gate = gated()
    await using app = await startApp({ schema, jobs: gate.hold })
    const queue = new Queue('mail', { executor: 'inline', concurrency: 2 })
    await app.chancy.declare(queue)
    await app.start()
    const refs = await app.chancy.pushMany(
      Array.from({ length: 6 }, () => gate.hold.job.withQueue('mail')),
    )
    await until(() => gate.running === 2)
    await app.chancy.deleteQueue('mail')
    await until(async () => !(await app.chancy.getWorkers())[0]?.queues.includes('mail'))
    const started = app.next('queue.started', (event) => event.queue === 'mail')
    await app.chancy.declare(queue)
    await started
    // The new runner gets the slots that the old one frees.
    gate.release(1)
    await until(async () => (await app.chancy.listJobs({ state: 'running' })).length === 2)
    await until(() => gate.running === 2)
    const done = app.chancy.waitForJobs(refs)
    await until(async () => {
      gate.release()
      return (await app.chancy.listJobs({ state: 'succeeded' })).length === 6
    })
    await done
    expect(gate.most).toBe(2)
  })
})

describe('plugins', () => {
  it('fold what goes in and what comes out', async () => {
    const saved: unknown[] = []
    const add = (name: string, needs?: string[]): Plugin => ({
      name: `test.${name}`,
      ...(needs === undefined ? {} : { needs }),
      beforeAttempt: (one) => ({
        ...one,
        args: { ...(one.args as object), seen: [...((one.args as Seen).seen ?? []), name] },
        meta: { ...one.meta, [`test.${name}`]: 'before' },
      }),
      afterAttempt: (update, outcome) => ({
        ...update,
        meta: { ...update.meta, [`test.${name}.after`]: `${update.state} of ${outcome.kind}` },
      }),
      onSaved: async (jobs) => {
        for (const { id, state, meta } of jobs) saved.push({ plugin: name, id, state, meta })
      },
    })
    interface Seen {
      readonly seen?: string[]
    }
    const echo = job({ name: 'echo', meta: { own: 1 } }, (args: Seen) => args)
    const plugins = [add('second', ['test.first']), add('first')]
    await using app = await startApp({ schema, jobs: echo, plugins })
    await app.start()
    const ref = await app.chancy.push(echo.job.withArgs({}))
    const done = await app.chancy.waitForJob(ref)
    expect(done).toMatchObject({
      args: {},
      result: { seen: ['first', 'second'] },
      meta: {
        own: 1,
        'test.first': 'before',
        'test.second': 'before',
        'test.first.after': 'succeeded of returned',
        'test.second.after': 'succeeded of returned',
      },
    })
    await until(() => saved.length === 2)
    expect(saved).toEqual(
      ['first', 'second'].map((plugin) => ({
        plugin,
        id: ref.id,
        state: 'succeeded',
        meta: done.meta,
      })),
    )
  })

  it('that throw, or return nonsense, count as absent', async () => {
    const bad = (name: string, hook: () => unknown): Plugin => ({
      name: `test.${name}`,
      beforeAttempt: hook as never,
      afterAttempt: hook as never,
      onSaved: async () => void hook(),
    })
    const plugins: Plugin[] = [
      bad('throws', () => {
        throw new Error('from a hook')
      }),
      bad('nothing', () => undefined),
      bad('number', () => 7),
      {
        name: 'test.illegal',
        afterAttempt: (update) => ({ ...update, state: 'running' as never }),
      },
      { name: 'test.unknown', afterAttempt: (update) => ({ ...update, state: 'gone' as never }) },
      { name: 'test.endless', afterAttempt: (update) => ({ ...update, delayMs: Number.NaN }) },
      { name: 'test.bigint', beforeAttempt: (one) => ({ ...one, args: { big: 1n } }) },
      { name: 'test.meta', afterAttempt: (update) => ({ ...update, meta: { big: 1n } }) },
    ]
    await using app = await startApp({ schema, jobs: ok, plugins })
    await app.start()
    const done = await app.chancy.waitForJob(await app.chancy.push(ok))
    expect(done).toMatchObject({ state: 'succeeded', result: 'ok', meta: {} })
    await until(() => app.lines.some(({ fields }) => fields.hook === 'onSaved'))
    const failed = app.lines.filter(({ level }) => level === 'error')
    const named = new Set(failed.map(({ fields }) => fields.plugin).filter(Boolean))
    expect([...named].sort()).toEqual([
      'test.bigint',
      'test.endless',
      'test.illegal',
      'test.meta',
      'test.nothing',
      'test.number',
      'test.throws',
      'test.unknown',
    ])
  })

  it('may let a failure wait for longer, or end it', async () => {
    const plugins: Plugin[] = [
      {
        name: 'test.strict',
        afterAttempt: (update, outcome) =>
          outcome.kind === 'threw' && update.state === 'retrying'
            ? { ...update, state: 'failed', delayMs: 0 }
            : update,
      },
    ]
    const fail = job({ name: 'fail', maxAttempts: 5 }, () => {
      throw new Error('no')
    })
    await using app = await startApp({ schema, jobs: fail, plugins })
    await app.start()
    const done = await app.chancy.waitForJob(await app.chancy.push(fail))
    expect(done).toMatchObject({ state: 'failed', attempts: 1, errors: [{ message: 'no' }] })
  })

  it('that take their time do not make a job run twice', async () => {
    let release: () => void = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const slow: Plugin = {
      name: 'test.slow',
      afterAttempt: async (update) => {
        await gate
        return update
      },
    }
    await using app = await startApp({ schema, jobs: ok, plugins: [slow] })
    await app.start()
    const runs = app.all('job.started')
    const ref = await app.chancy.push(ok)
    await until(() => runs.length === 1)
    // A pass of the claim reconciler: it finds the jobs that this worker does not know.
    await app.next('claims.reconciled')
    release()
    await app.chancy.waitForJob(ref)
    expect(runs).toHaveLength(1)
  })

  it('have a loop that is passed again when it throws, and ends with the worker', async () => {
    let passes = 0
    let ended = false
    const loop: Plugin = {
      name: 'test.loop',
      loops: [
        {
          name: 'steady',
          on: 'worker',
          pass: async ({ signal, push, workerId, database }) => {
            passes++
            if (passes < 2) throw new Error(`pass ${passes}`)
            expect(workerId).toMatch(/^[0-9a-f-]{36}$/)
            expect(database).toBeDefined()
            await push(ok)
            await new Promise((resolve) => signal.addEventListener('abort', resolve))
            ended = true
            return '1s'
          },
        },
      ],
    }
    await using app = await startApp({ schema, jobs: ok, plugins: [loop] })
    const finished = app.next('job.finished')
    const worker = await app.start()
    expect(await finished).toMatchObject({ state: 'succeeded' })
    expect(passes).toBe(2)
    await worker.stop()
    expect(ended).toBe(true)
    const logged = app.lines.filter(({ fields }) => fields.plugin === 'test.loop')
    expect(logged).toMatchObject([{ message: 'plugin loop failed', fields: { loop: 'steady' } }])
  })
})
