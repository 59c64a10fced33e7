import { describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../../src/core/clock.ts'
import { ConfigError, PluginError } from '../../../src/core/errors.ts'
import { Job } from '../../../src/core/job.ts'
import { type PushRow, pushRow } from '../../../src/core/push-row.ts'
import type { PluginContext } from '../../../src/plugin/access/plugin-access.ts'
import type { AttemptUpdate, RunningJob } from '../../../src/plugin/hooks/attempt-update.ts'
import type { SavedAttempt } from '../../../src/plugin/hooks/saved-attempt.ts'
import type { Plugin } from '../../../src/plugin/plugin.ts'
import { PluginSet } from '../../../src/plugin/plugin-set.ts'

const logged: object[] = []
const log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (fields: object) => logged.push(fields),
}
let clock: Clock = systemClock
const setOf = (...plugins: unknown[]) => {
  logged.length = 0
  return new PluginSet(plugins as Plugin[], clock, log)
}
const namesOf = (set: PluginSet) => set.plugins.map(({ name }) => name)
// The set reads nothing of them.
const running = { id: '1', meta: {} } as RunningJob
const update = { job: running, state: 'succeeded', delayMs: 0, meta: {} } as AttemptUpdate
const outcome = { kind: 'returned', result: null } as const
const mark = (digit: string): Plugin => ({
  name: `test.n${digit}`,
  beforeAttempt: (job) => ({
    ...job,
    meta: { ...job.meta, [`test.n${digit}`]: Object.keys(job.meta).length },
  }),
  afterAttempt: (one) => ({ ...one, delayMs: one.delayMs * 10 + Number(digit) }),
})
const optionsOf = (options: object) => ({
  commands: [{ name: 'a <id>', summary: 's', options, run() {} }],
})
const leads = { name: 'chancy.leadership', lead: () => ({}) }

describe('a set of plugins', () => {
  it('puts what a plugin needs before it, and keeps the order of the rest', () => {
    const set = setOf(
      { name: 'test.a', needs: ['test.c'] },
      { name: 'test.b' },
      { name: 'test.c', needs: ['test.d'] },
      { name: 'test.d' },
    )
    expect(namesOf(set)).toEqual(['test.d', 'test.c', 'test.a', 'test.b'])
  })

  it('refuses a name that is taken twice, naming it', () => {
    const make = () => setOf({ name: 'test.a' }, { name: 'test.a' })
    expect(make).toThrow(PluginError)
    expect(make).toThrow(expect.objectContaining({ code: 'PLUGIN_NAME_TAKEN' }))
    expect(make).toThrow(/"test.a"/)
  })

  it('refuses two plugins whose tables may have the same names', () => {
    const make = () => setOf({ name: 'chancy.acme' }, { name: 'acme.audit' })
    expect(make).toThrow(expect.objectContaining({ code: 'PLUGIN_NAME_TAKEN' }))
    expect(make).toThrow(/acme_audit_….*acme_…/)
    expect(() => setOf({ name: 'cron.jobs' })).toThrow(/"cron" is reserved/)
  })

  it('refuses two plugins with the same command', () => {
    const commands = [{ name: 'audit list', summary: 's', run: () => [] }]
    const other = [{ name: 'audit list <id>', summary: 's', run: () => [] }]
    const make = () => setOf({ name: 'test.a', commands }, { name: 'test.b', commands: other })
    expect(make).toThrow(expect.objectContaining({ code: 'PLUGIN_NAME_TAKEN' }))
    expect(make).toThrow(/"test.a" and "test.b" both have the command "audit list"/)
  })

  it('refuses a need that is missing, naming both', () => {
    const make = () => setOf({ name: 'test.a', needs: ['test.b'] })
    expect(make).toThrow(expect.objectContaining({ code: 'PLUGIN_NEED_MISSING' }))
    expect(make).toThrow(/"test.a" needs "test.b"/)
  })

  it('requires the leadership where a plugin has a loop of the leader, or a cleanup', () => {
    const loops = [{ name: 'l', on: 'leader', pass: async () => 1 }]
    for (const one of [{ loops }, { cleanup: () => 0 }]) {
      const plugin = { name: 'test.a', ...one }
      expect(() => setOf(plugin)).toThrow(/needs "chancy.leadership".*Add leadership\(\)/)
      expect(namesOf(setOf(plugin, leads))).toEqual(['chancy.leadership', 'test.a'])
    }
    expect(() => setOf({ name: 'chancy.leadership' })).toThrow(/lead: expected a function/)
  })

  it('refuses plugins that need each other in a circle, showing it', () => {
    const make = () =>
      setOf(
        { name: 'test.a', needs: ['test.b'] },
        { name: 'test.b', needs: ['test.c'] },
        { name: 'test.c', needs: ['test.a'] },
      )
    expect(make).toThrow(/test.a → test.b → test.c → test.a/)
  })

  it.each([
    ...[null, undefined, 7, {}, { name: '' }, { name: 7 }, { name: 'audit' }],
    ...[{ name: 'Acme.audit' }, { name: 'a.b.c' }, { name: 'acme.audit_log' }, { name: 'jobs.x' }],
  ])('refuses %o as a plugin', (one) => {
    expect(() => setOf(one)).toThrow(ConfigError)
  })

  it.each([2, 0, '1', null])('refuses version %o of the contract', (contract) => {
    const make = () => setOf({ name: 'test.a', contract })
    expect(make).toThrow(expect.objectContaining({ code: 'PLUGIN_CONTRACT' }))
    expect(make).toThrow(/"test.a".*this release has version 1/)
  })

  it.each(['onPushed', 'beforeJob', 'after_attempt', 'onSave', 'afterSaved'])(
    'refuses the function %s, which would never be called',
    (name) => {
      const make = () => setOf({ name: 'test.a', [name]: () => {} })
      expect(make).toThrow(ConfigError)
      expect(make).toThrow(/The plugin "test.a": there is no hook .*The hooks are onPush/)
    },
  )

  it.each([
    [{ migrations: 7 }, /migrations: expected an array of migration\(1, \{ up, down \}\), got 7/],
    [{ migrations: [7] }, /migrations\[0\]: expected migration\(1/],
    [{ migrations: [{ version: 2, up() {}, down() {} }] }, /expected version 1, got 2/],
    [{ migrations: [{ version: 1, up() {} }] }, /down: expected a function/],
    [{ events: ['other.thing'] }, /events: expected names that begin with "test.a."/],
    [optionsOf({ a: { type: 'text', summary: 's', short: 'ab' } }), /short: expected a letter/],
    [{ commands: [{ name: 'a', summary: 's', run() {}, isNo: 1 }] }, /isNo: expected a function/],
    [{ rights: { boss: {} } }, /rights: unknown option "boss"; expected one of producer, worker/],
    [
      { rights: { worker: { tables: 'all' } } },
      /rights.worker.tables: expected an array, got "all"/,
    ],
    [
      { rights: { worker: { tables: [{ privileges: ['SELECT'], on: ['jobs'] }] } } },
      /rights.worker.tables: on: expected names that begin with "test_a_", got "jobs"/,
    ],
    [
      { rights: { reader: { tables: [{ privileges: ['ALL'], on: ['test_a_x'] }] } } },
      /rights.reader.tables: privileges: expected one of SELECT, INSERT/,
    ],
    [{ rights: { producer: { functions: ['push_1'] } } }, /functions: expected names that begin/],
    [{ events: 'test.a.x' }, /events: expected an array/],
    [{ loops: [{ name: 'x', on: 'sometimes', pass() {} }] }, /on: expected one of leader, worker/],
    [{ loops: [{ name: 'X', on: 'worker', pass() {} }] }, /name: expected 1 to 50/],
    [{ loops: [{ name: 'cleanup', on: 'worker', pass() {} }] }, /calls cleanup/],
    [{ loops: [{ name: 'x', on: 'worker' }] }, /pass: expected a function/],
    [{ routes: [{ method: 'get', path: '/', may: 'view', handle() {} }] }, /method: expected/],
    [{ routes: [{ method: 'GET', path: 'x', may: 'view', handle() {} }] }, /path: expected/],
    [{ routes: [{ method: 'GET', path: '/', may: 'root', handle() {} }] }, /may: expected/],
    [{ checks: [7] }, /checks.*expected .*\{ id, title, run \}/],
    [{ checks: [{ title: 't', run() {} }] }, /id: expected text, got undefined/],
    [{ checks: [{ id: 'i', title: '', run() {} }] }, /title: expected text, got ""/],
    [{ checks: [{ id: 'i', title: 't', run: 1 }] }, /run: expected a function/],
    [{ commands: [{ name: 'Audit', summary: 's', run() {} }] }, /name: expected lower-case/],
    [{ commands: [{ name: 'a <b', summary: 's', run() {} }] }, /name: expected lower-case/],
    [{ commands: [{ name: 'a', summary: 's' }] }, /run: expected a function/],
    [optionsOf({ json: { type: 'flag' } }), /"json" is an argument .* or an option of every/],
    [optionsOf({ id: { type: 'text' } }), /"id" is an argument of the command/],
    [optionsOf({ 'no-color': { type: 'flag' } }), /which do not begin with "no-"/],
    [optionsOf({ limit: { type: 'number', default: '7' } }), /default: expected a number, got "7"/],
    [optionsOf({ all: { type: 'flag', default: true } }), /default: expected none/],
    [{ around: { module: './around.js' } }, /module: expected new URL/],
    [{ around: { module: new URL('file:///a.js'), options: () => 1 } }, /options/],
    [{ onSaved: 7 }, /onSaved: expected a function, got 7/],
    [{ needs: 'test.b' }, /needs: expected an array/],
  ])('refuses %o, and says what to write', (parts, message) => {
    const make = () => setOf({ name: 'test.a', ...parts })
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(message)
  })

  it('takes an object of a class with methods and data of its own', () => {
    class Own {
      readonly name = 'test.own'
      readonly runs = new Map()
      sum = () => 0
      once(): void {}
      get onSave(): never {
        throw new Error('not to be called')
      }
      onSaved(): void {}
    }
    expect(setOf(new Own()).hasSaved).toBe(true)
  })

  it('folds the hooks in order', async () => {
    const set = setOf(mark('1'), mark('2'), mark('3'))
    expect((await set.beforeAttempt(running)).meta).toEqual({
      'test.n1': 0,
      'test.n2': 1,
      'test.n3': 2,
    })
    expect((await set.afterAttempt(update, outcome)).delayMs).toBe(123)
  })

  it('leaves the value as it is where a hook is absent or throws, and names the plugin', async () => {
    const broken: Plugin = {
      name: 'test.broken',
      beforeAttempt: () => {
        throw new Error('before')
      },
      afterAttempt: () => Promise.reject(new Error('after')),
      onSaved: () => Promise.reject(new Error('saved')),
    }
    const saved: unknown[] = []
    const last: Plugin = { name: 'test.last', onSaved: (all) => void saved.push(...all) }
    const set = setOf(mark('1'), broken, { name: 'test.empty' }, last, mark('2'))
    expect((await set.beforeAttempt(running)).meta).toEqual({ 'test.n1': 0, 'test.n2': 1 })
    expect((await set.afterAttempt(update, outcome)).delayMs).toBe(12)
    const one = { id: '1' } as SavedAttempt
    await set.onSaved([one], () => ({}) as PluginContext)
    expect(saved).toEqual([one])
    expect(logged).toMatchObject([
      { plugin: 'test.broken', hook: 'beforeAttempt', err: { message: 'before' } },
      { plugin: 'test.broken', hook: 'afterAttempt', err: { message: 'after' } },
      { plugin: 'test.broken', hook: 'onSaved', err: { message: 'saved' } },
    ])
  })

  it('counts a hook that has not answered in ten seconds as absent', async () => {
    const slow: Plugin = { name: 'test.slow', beforeAttempt: () => new Promise(() => {}) }
    const slept: number[] = []
    clock = { ...systemClock, sleep: async (ms) => void slept.push(ms) }
    expect(await setOf(slow).beforeAttempt(running)).toBe(running)
    clock = systemClock
    expect(slept).toEqual([10_000])
    expect(logged).toMatchObject([
      { plugin: 'test.slow', hook: 'beforeAttempt', err: { message: /10000 ms/ } },
    ])
  })

  it('logs the failures of one hook once a minute, and then how many were left out', async () => {
    let nowMs = 0
    clock = { ...systemClock, monotonic: () => nowMs }
    const broken = { name: 'test.broken', beforeAttempt: () => null }
    const other = { name: 'test.other', beforeAttempt: () => null }
    const set = setOf(broken, other)
    clock = systemClock
    for (let n = 0; n < 5; n++) await set.beforeAttempt(running)
    expect(logged).toMatchObject([{ plugin: 'test.broken' }, { plugin: 'test.other' }])
    nowMs = 60_000
    await set.beforeAttempt(running)
    expect(logged).toHaveLength(4)
    expect(logged[2]).toMatchObject({ plugin: 'test.broken', repeated: 4 })
  })

  it.each(['running', 'nonsense', undefined])(
    'refuses a hook that makes %s of a running job',
    async (state) => {
      const bad = { name: 'test.bad', afterAttempt: (one: object) => ({ ...one, state }) }
      const set = setOf(bad, mark('2'))
      expect(await set.afterAttempt(update, outcome)).toMatchObject({
        state: 'succeeded',
        delayMs: 2,
      })
      expect(logged).toMatchObject([{ plugin: 'test.bad', hook: 'afterAttempt' }])
    },
  )

  it.each([
    ['null', () => null],
    ['a number', () => 7],
    ['a list', () => []],
    ['args that are a text', (job: object) => ({ ...job, args: 'x' })],
    ['args that are null', (job: object) => ({ ...job, args: null })],
    ['args that are no JSON', (job: object) => ({ ...job, args: { n: Number.NaN } })],
    ['meta that is a list', (job: object) => ({ ...job, meta: [1] })],
    ['meta that is nothing', (job: object) => ({ ...job, meta: undefined })],
    ['meta with a key that is not its own', (job: object) => ({ ...job, meta: { other: 1 } })],
  ])('ignores a beforeAttempt that returns %s, and names the plugin', async (_, hook) => {
    const set = setOf({ name: 'test.bad', beforeAttempt: hook }, mark('2'))
    expect(await set.beforeAttempt(running)).toEqual({ ...running, meta: { 'test.n2': 0 } })
    expect(logged).toMatchObject([{ plugin: 'test.bad', hook: 'beforeAttempt' }])
  })

  it.each([
    ['null', () => null],
    ['a text', () => 'succeeded'],
    ['a negative delay', (one: object) => ({ ...one, delayMs: -1 })],
    ['a delay that is NaN', (one: object) => ({ ...one, delayMs: Number.NaN })],
    ['a delay in words', (one: object) => ({ ...one, delayMs: '5s' })],
    ['a delay without end', (one: object) => ({ ...one, delayMs: Number.POSITIVE_INFINITY })],
    ['a delay over ten years', (one: object) => ({ ...one, delayMs: 3_651 * 86_400_000 })],
    ['a state that is no text', (one: object) => ({ ...one, state: {} })],
    ['meta that is null', (one: object) => ({ ...one, meta: null })],
    ['meta that is a text', (one: object) => ({ ...one, meta: 'x' })],
    ['meta that is no JSON', (one: object) => ({ ...one, meta: { 'test.bad': 1n } })],
    [
      'meta that is too large',
      (one: object) => ({ ...one, meta: { 'test.bad': 'x'.repeat(70_000) } }),
    ],
  ])('ignores an afterAttempt that returns %s, and names the plugin', async (_, hook) => {
    const set = setOf({ name: 'test.bad', afterAttempt: hook }, mark('2'))
    expect(await set.afterAttempt(update, outcome)).toEqual({ ...update, delayMs: 2 })
    expect(logged).toMatchObject([{ plugin: 'test.bad', hook: 'afterAttempt' }])
  })

  it('counts a hook that returns nothing as absent', async () => {
    const forgetful = { name: 'test.forgetful', beforeAttempt: () => {}, afterAttempt: () => {} }
    const set = setOf(forgetful)
    expect(await set.beforeAttempt(running)).toBe(running)
    expect(await set.afterAttempt(update, outcome)).toBe(update)
    expect(logged).toHaveLength(2)
  })

  it('lists which hooks there are at all', () => {
    const none = { hasPush: false, hasBefore: false, hasAfter: false, hasSaved: false }
    expect(setOf({ name: 'test.a' })).toMatchObject(none)
    expect(setOf(mark('1'))).toMatchObject({ ...none, hasBefore: true, hasAfter: true })
  })
})

describe('onPush', () => {
  const row = pushRow(Job.named('greet', { args: { n: 1 } }).withMeta({ own: 1 }), 0) as PushRow
  const metaOf = ({ extras }: PushRow) => (JSON.parse(extras ?? '{}') as { meta?: object }).meta

  it('reads the job and adds to its meta, one plugin after another', () => {
    const seen: unknown[] = []
    const add = (name: string): Plugin => ({
      name,
      onPush: (one) => {
        seen.push([one.name, one.queue, one.args, one.meta])
        return { ...one, queue: 'elsewhere', meta: { ...one.meta, [name]: true } }
      },
    })
    const changed = setOf(add('test.a'), add('test.b')).onPush(row)
    expect(metaOf(changed)).toEqual({ own: 1, 'test.a': true, 'test.b': true })
    expect(changed).toMatchObject({ id: row.id, queue: 'default', args: row.args })
    expect(seen).toEqual([
      ['greet', 'default', { n: 1 }, { own: 1 }],
      ['greet', 'default', { n: 1 }, { own: 1, 'test.a': true }],
    ])
  })

  it.each([
    ['a promise', async (one: object) => one],
    ['a promise that rejects', () => Promise.reject(new Error('no'))],
    ['nothing', () => {}],
    ['meta without the key of the application', (one: object) => ({ ...one, meta: {} })],
    ['meta that is no JSON', (one: object) => ({ ...one, meta: { own: 1, 'test.bad': 1n } })],
  ])('leaves the row as it is when it returns %s', (_, onPush) => {
    expect(setOf({ name: 'test.bad', onPush }).onPush(row)).toBe(row)
    expect(logged).toMatchObject([{ plugin: 'test.bad', hook: 'onPush' }])
  })
})

describe('a plugin that is idle', () => {
  it('has none of its hooks called, and all of them when it no longer is', async () => {
    const calls: string[] = []
    let isIdle = true
    const note = (hook: string) => (value: unknown) => {
      calls.push(hook)
      return value
    }
    const set = setOf({
      name: 'test.idle',
      isIdle: () => isIdle,
      ...{ onPush: note('onPush'), beforeAttempt: note('beforeAttempt') },
      ...{ afterAttempt: note('afterAttempt'), onSaved: note('onSaved') },
    })
    const context = {} as PluginContext
    const road = async () => {
      set.onPush(await pushRow(Job.named('greet'), 0))
      await set.beforeAttempt(running)
      await set.afterAttempt(update, outcome)
      await set.onSaved([], () => context)
    }
    await road()
    expect(calls).toEqual([])
    isIdle = false
    await road()
    expect(calls).toEqual(['onPush', 'beforeAttempt', 'afterAttempt', 'onSaved'])
  })

  it('counts as busy where it cannot say so, and that is logged', async () => {
    const isIdle = () => {
      throw new Error('broken')
    }
    const set = setOf({
      name: 'test.broken',
      isIdle,
      beforeAttempt: () => ({ ...running, args: {} }),
    })
    expect(await set.beforeAttempt(running)).toMatchObject({ args: {} })
    expect(logged).toMatchObject([{ plugin: 'test.broken', hook: 'isIdle' }])
  })
})
