import { type EventName, Job, job, Limit, type Plugin, Queue } from 'chancy'
import {
  definePlugin,
  type PassContext,
  type PluginAccess,
  pluginAccess,
  type SavedAttempt,
  statement,
} from 'chancy/plugin'
import { getLeader, leadership } from 'chancy/plugins/leadership'
import { afterEach, describe, expect, it } from 'vitest'
import { sql, startApp, TestApp } from '../support/app.ts'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'
import { emptyingText } from '../support/emptying.ts'
import { sized } from '../support/size.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const ok = job({ name: 'ok' }, () => 'ok')
const name = 'test.door'
const door = definePlugin({ name, events: ['test.door.opened' as EventName] })
const count = statement<readonly [string], { found: number }>(
  'count_named',
  (t) => `SELECT count(*)::int4 AS found FROM ${t.jobs} WHERE name = $1::text`,
)
const pushStored = statement<
  readonly [jobs: string, ids: string | null],
  { n: number; id: string; created: boolean }
>(
  'push_stored_in_test',
  (t) => `SELECT n, id::text AS id, created
            FROM ${t.fn('push_stored_1')}($1::text::jsonb, $2::text::uuid[])`,
)
const endings: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
  await sql(schema, emptyingText(schema, ['jobs', 'finished_jobs', 'leader']))
})

describe('the access of a plugin', () => {
  it('is there with or without a worker, and refused where the plugin is not', async () => {
    await using app = await startApp({ schema, plugins: [door] })
    const { database, run } = pluginAccess(app.chancy, name)
    expect(await run(() => database.run(count, ['ok']))).toEqual([{ found: 0 }])
    expect(() => pluginAccess(app.chancy, 'test.dor')).toThrow(
      expect.objectContaining({
        code: 'PLUGIN_MISSING',
        message:
          'This Chancy has no plugin "test.dor". Did you mean "test.door"? Add dor() to its plugins.',
      }),
    )
    expect(() => pluginAccess({} as never, name)).toThrow(/Expected the Chancy as the first/)
  })

  it('pushes in a transaction of the plugin, and in one of the caller', async () => {
    await using app = await startApp({ schema, plugins: [door] })
    const access = pluginAccess(app.chancy, name)
    const { database } = access
    const found = async () => (await database.run(count, ['ok']))[0]?.found
    await database.driver.transaction(async (session) => {
      await access.push(ok, { session })
      await app.chancy.push(ok, { session })
      expect(await database.run(count, ['ok'], { session })).toEqual([{ found: 2 }])
      expect(await found()).toBe(0)
    })
    expect(await found()).toBe(2)
    const failed = database.driver.transaction(async (session) => {
      await access.push(ok, { session })
      throw new Error('rolled back')
    })
    await expect(failed).rejects.toThrow('rolled back')
    await withClient(async (client) => {
      await client.query('BEGIN')
      await access.push(ok, { session: client })
      expect(await database.run(count, ['ok'], { session: client })).toEqual([{ found: 3 }])
      await client.query('ROLLBACK')
    })
    expect(await found()).toBe(2)
  })

  it('has errors of Chancy, after its end and without tables', async () => {
    const lost = statement<readonly [], never>('lost', (t) => `TABLE ${t.own('test_door_lost')}`)
    await using app = await startApp({ schema, plugins: [door] })
    const { database, run } = pluginAccess(app.chancy, name)
    await expect(run(() => database.run(lost, []))).rejects.toMatchObject({
      code: 'DATABASE_FAILED',
      details: { sqlState: '42P01' },
    })
    await app.chancy.close()
    await expect(run(() => database.run(count, ['ok']))).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('emits the events of its plugin, which the application listens to, and no others', async () => {
    await using app = await startApp({ schema, plugins: [door] })
    const { emit } = pluginAccess(app.chancy, name) as PluginAccess & {
      emit(event: string, payload: object): void
    }
    const seen: unknown[] = []
    app.chancy.on('test.door.opened' as never, (payload) => void seen.push(payload))
    emit('test.door.opened', { by: 'Ada' })
    expect(seen).toEqual([{ by: 'Ada' }])
    expect(() => emit('job.saved', {})).toThrow(/emits the event "job.saved", which is not one of/)
    expect(() => app.chancy.on('test.door.opend' as never, () => {})).toThrow(
      /there is no event "test.door.opend". Did you mean/,
    )
  })
})

describe('push_stored_1', () => {
  it('listens to the events of the process, and to none that there is not', async () => {
    await using app = await startApp({ schema, plugins: [door] })
    const access = pluginAccess(app.chancy, name)
    const queues: string[] = []
    const end = access.on('queue.changed', ({ queue }) => void queues.push(queue))
    await app.chancy.declare(new Queue('seen', { executor: 'inline' }))
    end()
    await app.chancy.deleteQueue('seen')
    expect(queues).toEqual(['seen'])
    expect(() => access.on('queue.chnged' as EventName, () => {})).toThrow(
      /no event "queue.chnged"/,
    )
  })

  it('pushes what encode made, as a push would, in the transaction of the statement', async () => {
    await using app = await startApp({ schema, plugins: [door] })
    const { database, encode } = pluginAccess(app.chancy, name)
    const many = [
      Job.named('a', { args: { n: 1 }, queue: 'q' })
        .withMeta({ own: 1 })
        .withPriority(3),
      Job.named('b').withUniqueKey('key').withMaxAttempts(7),
      Job.named('c').withUniqueKey('key'),
      Job.named('d')
        .withDelay('1h')
        .withLimits([Limit.time('5s')])
        .withRetention('2h'),
      Job.named('e').withConcurrency(1),
      Job.named('e').withConcurrency(1),
    ]
    const stored = JSON.stringify(await Promise.all(many.map((one) => encode(one))))
    const written = () =>
      sql(
        schema,
        `SELECT name, queue, args, priority, max_attempts, state, blocked, unique_key, concurrency_key,
                concurrency_max, limits, backoff, retention, meta, scheduled_at - created_at AS delay,
                run_at - created_at AS runs, (position - min(position) OVER ())::int AS place
           FROM $schema.jobs ORDER BY name, id`,
      )
    await app.chancy.pushMany(many)
    const expected = await written()
    expect(expected).toHaveLength(5)
    await sql(schema, 'TRUNCATE $schema.jobs')

    const rolledBack = database.driver.transaction(async (session) => {
      await database.run(pushStored, [stored, null], { session })
      throw new Error('no')
    })
    await expect(rolledBack).rejects.toThrow('no')
    const rows = await database.run(pushStored, [stored, null])
    expect(rows.map(({ n, created }) => [n, created])).toEqual([
      [1, true],
      [2, true],
      [3, false],
      [4, true],
      [5, true],
      [6, true],
    ])
    expect(rows[2]?.id).toBe(rows[1]?.id)
    expect(await written()).toEqual(expected)
  })

  it('takes the ids that it is given, and nothing as nothing', async () => {
    await using app = await startApp({ schema, plugins: [door] })
    const { database, encode } = pluginAccess(app.chancy, name)
    const id = '01980000-0000-7000-8000-000000000001'
    const stored = JSON.stringify([await encode(ok), await encode(ok)])
    const rows = await database.run(pushStored, [stored, `{${id}}`])
    expect(rows.map((row) => [row.id === id, row.created])).toEqual([
      [true, true],
      [false, true],
    ])
    expect(await database.run(pushStored, ['[]', null])).toEqual([])
  })

  it('wakes a worker, which runs the job', async () => {
    await using app = await startApp({ schema, jobs: ok, plugins: [door] })
    const { database, encode } = pluginAccess(app.chancy, name)
    await app.start()
    const [row] = await database.run(pushStored, [JSON.stringify([await encode(ok)]), null])
    expect(await app.chancy.waitForJob(row!.id)).toMatchObject({ state: 'succeeded' })
  })
})

describe('hooks on the road of a job', () => {
  it('onPush adds to the meta at every push: alone, in bulk, with a key, in a transaction', async () => {
    const stamp: Plugin = {
      name: 'test.stamp',
      onPush: (one) => ({ ...one, meta: { ...one.meta, 'test.stamp': one.id } }),
    }
    await using app = await startApp({ schema, plugins: [stamp] })
    const { chancy } = app
    const refs = [
      await chancy.push(ok),
      await chancy.push(ok.job.withUniqueKey('k').withMeta({ own: 1 })),
      ...(await chancy.pushMany([ok, ok])),
    ]
    await withClient(async (client) => {
      await client.query('BEGIN')
      refs.push(await chancy.push(ok, { session: client }))
      refs.push(...(await chancy.pushMany([ok], { session: client })))
      await client.query('COMMIT')
    })
    const kept = await chancy.getJobs(refs)
    expect(kept.map(({ meta }) => meta['test.stamp'])).toEqual(refs.map(({ id }) => id))
    expect(kept[1]?.meta).toMatchObject({ own: 1 })
  })

  it('flush is called after the last onSaved of a worker, and at the close', async () => {
    const calls: string[] = []
    const gathers: Plugin = {
      name,
      onSaved: (saved) => void calls.push(`saved ${saved.length}`),
      flush: async ({ database }) =>
        void calls.push(`flush ${(await database.run(count, ['ok'])).length}`),
    }
    await using app = await startApp({ schema, jobs: ok, plugins: [gathers] })
    await app.chancy.declare(new Queue('default', { executor: 'inline' }), { upsert: true })
    const worker = await app.start()
    await app.chancy.waitForJob(await app.chancy.push(ok))
    await worker.stop()
    expect(calls).toEqual(['saved 1', 'flush 1'])
    await app.chancy.close()
    expect(calls).toEqual(['saved 1', 'flush 1', 'flush 1'])
  })

  it('flush that never answers, or throws, keeps no worker from stopping', async () => {
    const stuck: Plugin = { name, flush: () => new Promise(() => {}) }
    const broken: Plugin = {
      name: 'test.broken',
      flush: () => {
        throw new Error('of flush')
      },
    }
    await using app = await startApp({ schema, jobs: ok, plugins: [stuck, broken] })
    const worker = await app.start()
    await worker.stop()
    await app.chancy.close()
    expect(app.lines.filter(({ message }) => message === 'plugin hook failed')).toMatchObject([
      { fields: { plugin: 'test.broken', hook: 'flush' } },
    ])
  })

  it('onSaved gets views, whose snapshot is made once, when it is read', async () => {
    const saved: SavedAttempt[] = []
    const looks: Plugin = { name: 'test.looks', onSaved: (all) => void saved.push(...all) }
    const fail = job({ name: 'fail', maxAttempts: 2, backoff: { base: 1 } }, (_, context) => {
      if (context.attempt === 1) throw new Error('once')
      return 'done'
    })
    await using app = await startApp({ schema, jobs: [fail], plugins: [looks] })
    await app.start()
    const ref = await app.chancy.push(fail.job.withMeta({ own: 1 }))
    await until(() => saved.length === 2)
    expect(saved[0]).toMatchObject({
      ...{ id: ref.id, name: 'fail', queue: 'default', state: 'retrying', attempt: 1 },
      ...{ error: { message: 'once', kind: 'error' }, meta: { own: 1 } },
      ...{ wallMs: expect.any(Number), cpuMs: null, peakBytes: null },
    })
    expect(saved[0]?.waitMs).toBeGreaterThanOrEqual(0)
    expect(saved[1]).toMatchObject({ state: 'succeeded', attempt: 2, error: null, waitMs: null })
    expect(saved[1]?.job).toBe(saved[1]?.job)
    expect(saved[1]?.job).toMatchObject({ id: ref.id, state: 'succeeded', result: 'done' })
  })

  it('that change the job in place fail there, and change nothing', async () => {
    const bad: Plugin = {
      name: 'test.bad',
      onPush: (one) => {
        Object.assign(one.meta, { foreign: 1 })
        return { ...one }
      },
      beforeAttempt: (one) => {
        // No JSON: what reads it for a child would throw.
        Object.assign(one.meta, { foreign: 1n })
        return { ...one }
      },
      afterAttempt: (update) => Object.assign(update, { state: 'failed' }),
    }
    const args: Plugin = {
      name: 'test.args',
      beforeAttempt: (one) => {
        Object.assign(one.args as object, { n: 1n })
        return { ...one }
      },
    }
    const jobs = new URL('../support/plugins/around-jobs.mjs', import.meta.url)
    await using app = await startApp({ schema, jobs, plugins: [bad, args] })
    await app.chancy.declare(new Queue('apart', { executor: 'process' }))
    await app.start()
    const whole = Job.named('wrapped', { queue: 'apart' }).withMeta({ own: { a: 1 } })
    const done = await app.chancy.waitForJob(await app.chancy.push(whole))
    expect(done).toMatchObject({ state: 'succeeded', args: {}, meta: { own: { a: 1 } } })
    const logged = app.lines.filter(({ message }) => message === 'plugin hook failed')
    expect(logged.map(({ fields }) => `${fields.plugin} ${fields.hook}`)).toEqual([
      'test.bad onPush',
      'test.bad beforeAttempt',
      'test.args beforeAttempt',
      'test.bad afterAttempt',
    ])
  })

  it('that all throw cost no job, and are logged once a minute', { timeout: 120_000 }, async () => {
    const thrower = (): never => {
      throw new Error('from a hook')
    }
    const bad: Plugin = {
      name: 'test.bad',
      onPush: thrower,
      beforeAttempt: thrower,
      afterAttempt: thrower,
      onSaved: thrower,
    }
    await using app = await startApp({ schema, jobs: ok, plugins: [bad] })
    await app.start()
    const count = sized(3_000, 10_000)
    const refs = await app.chancy.pushMany(Array.from({ length: count }, () => ok))
    const done = await app.chancy.waitForJobs(refs, { timeout: '50s' })
    expect(done.filter(({ state }) => state === 'succeeded')).toHaveLength(count)
    const logged = app.lines.filter(({ message }) => message === 'plugin hook failed')
    expect(logged.map(({ fields }) => fields.hook).sort()).toEqual([
      'afterAttempt',
      'beforeAttempt',
      'onPush',
      'onSaved',
    ])
  })
})

/** An application of its own, as another process would have it. */
const other = (plugins: Plugin[]): TestApp => {
  const app = new TestApp(databaseUrl(schema), { schema, jobs: ok, plugins })
  endings.push(() => app[Symbol.asyncDispose]())
  return app
}
const looper = (
  on: 'leader' | 'worker',
  pass: (context: PassContext) => Promise<number>,
): Plugin => ({
  name: 'test.looper',
  loops: [{ name: 'round', on, pass }],
})

describe('loops', () => {
  /** Those of the default plugins pass as well. */
  const ofTest = ({ plugin }: { readonly plugin: string }): boolean => plugin.startsWith('test.')

  it('wake ends the wait in every process within 50 ms, and in a transaction at its commit', async () => {
    const plugin = (seen: boolean[]) =>
      looper('worker', async ({ isWoken }) => {
        seen.push(isWoken)
        return 3_600_000
      })
    const [here, there]: [boolean[], boolean[]] = [[], []]
    await using app = await startApp({ schema, jobs: ok, plugins: [plugin(here)] })
    const far = other([plugin(there)])
    const listening = far.next('notifier.connected')
    await Promise.all([app.start(), far.start(), listening])
    await until(() => here.length === 1 && there.length === 1)
    const { wake, database } = pluginAccess(app.chancy, 'test.looper')
    let startedAt = performance.now()
    const passed = far.next('plugin.passed', ofTest).then(() => performance.now() - startedAt)
    startedAt = performance.now()
    await wake('round')
    // Generous, for a busy machine: without a notification it would be an hour.
    expect(await passed).toBeLessThan(20_000)
    await until(() => here.length === 2)
    expect([here[1], there[1]]).toEqual([true, true])

    const both = [app.next('plugin.passed', ofTest), far.next('plugin.passed', ofTest)]
    await database.driver.transaction(async (session) => {
      await wake('round', { session })
      await app.next('queue.changed', () => true, 200).catch(() => {})
      expect([here.length, there.length]).toEqual([2, 2])
    })
    await Promise.all(both)
    expect([here.length, there.length]).toEqual([3, 3])
    await expect(wake('rund')).rejects.toThrow(/has no loop "rund". Did you mean "round"/)
  })

  it('that throw are passed again, and say so by an event', async () => {
    let passes = 0
    const plugin = looper('worker', async () => {
      passes++
      if (passes === 1) throw new Error('first')
      return passes === 2 ? Number.NaN : 3_600_000
    })
    await using app = await startApp({ schema, jobs: ok, plugins: [plugin] })
    const passed = app.all('plugin.passed')
    await app.start()
    const own = () => passed.filter(ofTest)
    await until(() => own().length === 3)
    expect(own()).toMatchObject([
      { plugin: 'test.looper', loop: 'round', nextMs: null, error: { message: 'first' } },
      { nextMs: null, error: { code: 'CONFIG_INVALID' } },
      { nextMs: 3_600_000, error: null },
    ])
  })

  it('of the leader run in one worker, and in another when that one stops or is cut off', async () => {
    const log: string[] = []
    const plugin = (mark: string) =>
      looper('leader', async ({ signal, isLeader }) => {
        log.push(`${mark}${isLeader ? '' : ' astray'}`)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
        log.push(`${mark} ended`)
        return 0
      })
    const quick = () => leadership({ lease: '20s', renew: '300ms' })
    const make = (mark: string) => other([quick(), plugin(mark)])
    const [a, b] = [make('a'), make('b')]
    await a.chancy.migrate()
    const first = await a.start()
    await until(() => log.length === 1)
    await b.start()
    expect(await getLeader(b.chancy)).toMatchObject({ workerId: first.id })
    const gained = b.next('leadership.gained')
    const lost = a.next('leadership.lost')
    const startedAt = performance.now()
    await first.stop()
    await Promise.all([gained, lost])
    // Without the release it would be the lease.
    expect(performance.now() - startedAt).toBeLessThan(15_000)
    await until(() => log.length === 3)
    expect(log).toEqual(['a', 'a ended', 'b'])

    // The row belongs to another worker, which the leader finds at its next renewal.
    const cut = b.next('leadership.lost')
    await sql(
      schema,
      "UPDATE $schema.leader SET worker_id = gen_random_uuid(), expires_at = clock_timestamp() + interval '1 second'",
    )
    await cut
    await b.next('leadership.gained')
    await until(() => log.length === 5)
    expect(log).toEqual(['a', 'a ended', 'b', 'b ended', 'b'])
  })

  it('of the leader may be many: Node.js prints no warning of its listeners', async () => {
    const warnings: Error[] = []
    const warned = (warning: Error) => warnings.push(warning)
    process.on('warning', warned)
    const passed = new Set<string>()
    const plugins = Array.from({ length: 12 }, (_, i) =>
      definePlugin({
        name: `test.many${i}`,
        loops: [
          {
            ...{ name: 'round', on: 'leader' },
            pass: async ({ signal }) => {
              passed.add(`many${i}`)
              await new Promise((end) => signal.addEventListener('abort', end, { once: true }))
              return 0
            },
          },
        ],
      }),
    )
    await using app = await startApp({ schema, jobs: ok, plugins })
    await app.start()
    await until(() => passed.size === 12)
    process.off('warning', warned)
    expect(warnings).toEqual([])
  })

  it('of the leader make a pass at the beginning of each term, whatever they wait for', async () => {
    let passes = 0
    const plugin = looper('leader', async () => {
      passes++
      return 3_600_000
    })
    const app = other([leadership({ lease: '6s', renew: '300ms' }), plugin])
    const first = app.next('plugin.passed', ofTest)
    await app.start()
    await first
    const second = app.next('plugin.passed', ofTest)
    await sql(schema, 'DELETE FROM $schema.leader')
    expect(await second).toMatchObject({ isLeader: true })
    expect(passes).toBe(2)
  })

  it('cleanup is called in the worker that leads, again while there is more', async () => {
    const left = [1_000, 1_000, 7]
    const limits: number[] = []
    const plugin: Plugin = {
      name: 'test.old',
      cleanup: (_, limit) => {
        limits.push(limit)
        return left.shift() ?? 0
      },
    }
    await using app = await startApp({ schema, jobs: ok, plugins: [plugin] })
    const passed = app.next('plugin.passed', ofTest)
    await app.start()
    expect(await passed).toMatchObject({ plugin: 'test.old', loop: 'cleanup', isLeader: true })
    expect(limits).toEqual([1_000, 1_000, 1_000])
  })
})

describe('the default plugins', () => {
  it('are there, are replaced by one of the same name, and can be left out', async () => {
    await using app = await startApp({ schema })
    expect(await getLeader(app.chancy)).toBeNull()
    const without = new TestApp(databaseUrl(schema), { schema, defaultPlugins: false })
    endings.push(() => without[Symbol.asyncDispose]())
    await expect(getLeader(without.chancy)).rejects.toMatchObject({ code: 'PLUGIN_MISSING' })
    const led: string[] = []
    const always: Plugin = {
      name: 'chancy.leadership',
      lead: ({ workerId }) => {
        led.push(workerId)
        const never = new AbortController().signal
        return { isOpen: true, opened: async () => never, stop: async () => {} }
      },
    }
    const own = other([always])
    const worker = await own.start()
    expect(led).toEqual([worker.id])
    expect(await sql(schema, 'SELECT name FROM $schema.leader')).toEqual([])
  })
})
