import { describe, expect, it } from 'vitest'
import { ConfigError, PluginError } from '../../../src/core/errors.ts'
import type { AttemptUpdate, Plugin, RunningJob } from '../../../src/plugin/plugin.ts'
import type { PluginContext } from '../../../src/plugin/plugin-context.ts'
import { PluginSet } from '../../../src/plugin/plugin-set.ts'

const logged: object[] = []
const log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (fields: object) => logged.push(fields),
}
const setOf = (...plugins: unknown[]) => {
  logged.length = 0
  return new PluginSet(plugins as Plugin[], log)
}
const namesOf = (set: PluginSet) => set.plugins.map(({ name }) => name)
// The set looks at nothing of them.
const running = { id: '1', meta: {} } as RunningJob
const update = { job: running, state: 'succeeded', delayMs: 0, meta: {} } as AttemptUpdate
const outcome = { kind: 'returned', result: null } as const
const mark = (name: string): Plugin => ({
  name,
  beforeAttempt: (job) => ({ ...job, meta: { ...job.meta, [name]: Object.keys(job.meta).length } }),
  afterAttempt: (one) => ({ ...one, delayMs: one.delayMs * 10 + Number(name) }),
})

describe('a set of plugins', () => {
  it('puts what a plugin needs before it, and keeps the order of the rest', () => {
    const set = setOf(
      { name: 'a', needs: ['c'] },
      { name: 'b' },
      { name: 'c', needs: ['d'] },
      {
        name: 'd',
      },
    )
    expect(namesOf(set)).toEqual(['d', 'c', 'a', 'b'])
  })

  it('refuses a name that is taken twice, naming it', () => {
    const make = () => setOf({ name: 'a' }, { name: 'a' })
    expect(make).toThrow(PluginError)
    expect(make).toThrow(expect.objectContaining({ code: 'PLUGIN_NAME_TAKEN' }))
    expect(make).toThrow(/"a"/)
  })

  it('refuses a need that is missing, naming both', () => {
    const make = () => setOf({ name: 'a', needs: ['b'] })
    expect(make).toThrow(expect.objectContaining({ code: 'PLUGIN_NEED_MISSING' }))
    expect(make).toThrow(/"a" needs "b"/)
  })

  it('refuses plugins that need each other in a circle, showing it', () => {
    const make = () =>
      setOf({ name: 'a', needs: ['b'] }, { name: 'b', needs: ['c'] }, { name: 'c', needs: ['a'] })
    expect(make).toThrow(/a → b → c → a/)
  })

  it.each([null, undefined, 7, {}, { name: '' }, { name: 7 }])('refuses %o as a plugin', (one) => {
    expect(() => setOf(one)).toThrow(ConfigError)
  })

  it.each(['beforeattempt', 'before_attempt', 'afterAttemp', 'onSave', 'cleanUp', 'Run', 'runs'])(
    'refuses %s, which would never be called, and says which hook is meant',
    (name) => {
      const make = () => setOf({ name: 'a', [name]: () => {} })
      expect(make).toThrow(ConfigError)
      expect(make).toThrow(/The plugin "a": there is no hook .*Did you mean/)
    },
  )

  it('takes an object of a class with methods and data of its own', () => {
    class Own {
      readonly name = 'own'
      readonly runs = new Map()
      sum = () => 0
      clean(): void {}
      get onSave(): never {
        throw new Error('not to be called')
      }
      onSaved(): void {}
    }
    expect(setOf(new Own()).hasSaved).toBe(true)
  })

  it('folds the hooks in order', async () => {
    const set = setOf(mark('1'), mark('2'), mark('3'))
    expect((await set.beforeAttempt(running)).meta).toEqual({ 1: 0, 2: 1, 3: 2 })
    expect((await set.afterAttempt(update, outcome)).delayMs).toBe(123)
  })

  it('leaves the value as it is where a hook is absent or throws, and names the plugin', async () => {
    const broken: Plugin = {
      name: 'broken',
      beforeAttempt: () => {
        throw new Error('before')
      },
      afterAttempt: () => Promise.reject(new Error('after')),
      onSaved: () => Promise.reject(new Error('saved')),
    }
    const saved: unknown[] = []
    const last: Plugin = { name: 'last', onSaved: async (jobs) => void saved.push(...jobs) }
    const set = setOf(mark('1'), broken, { name: 'empty' }, last, mark('2'))
    expect((await set.beforeAttempt(running)).meta).toEqual({ 1: 0, 2: 1 })
    expect((await set.afterAttempt(update, outcome)).delayMs).toBe(12)
    await set.onSaved([running], {} as PluginContext)
    expect(saved).toEqual([running])
    expect(logged).toMatchObject([
      { plugin: 'broken', hook: 'beforeAttempt', err: { message: 'before' } },
      { plugin: 'broken', hook: 'afterAttempt', err: { message: 'after' } },
      { plugin: 'broken', hook: 'onSaved', err: { message: 'saved' } },
    ])
  })

  it.each(['running', 'nonsense', undefined])(
    'refuses a hook that makes %s of a running job',
    async (state) => {
      const bad = { name: 'bad', afterAttempt: (one: object) => ({ ...one, state }) }
      const set = setOf(bad, mark('2'))
      expect(await set.afterAttempt(update, outcome)).toMatchObject({
        state: 'succeeded',
        delayMs: 2,
      })
      expect(logged).toMatchObject([{ plugin: 'bad', hook: 'afterAttempt' }])
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
  ])('takes no notice of a beforeAttempt that gives %s, and names the plugin', async (_, hook) => {
    const set = setOf({ name: 'bad', beforeAttempt: hook }, mark('2'))
    expect(await set.beforeAttempt(running)).toEqual({ ...running, meta: { 2: 0 } })
    expect(logged).toMatchObject([{ plugin: 'bad', hook: 'beforeAttempt' }])
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
    ['meta that is no JSON', (one: object) => ({ ...one, meta: { a: 1n } })],
    ['meta that is too large', (one: object) => ({ ...one, meta: { a: 'x'.repeat(70_000) } })],
  ])('takes no notice of an afterAttempt that gives %s, and names the plugin', async (_, hook) => {
    const set = setOf({ name: 'bad', afterAttempt: hook }, mark('2'))
    expect(await set.afterAttempt(update, outcome)).toEqual({ ...update, delayMs: 2 })
    expect(logged).toMatchObject([{ plugin: 'bad', hook: 'afterAttempt' }])
  })

  it('counts a hook that gives nothing back as absent', async () => {
    const forgetful = { name: 'forgetful', beforeAttempt: () => {}, afterAttempt: () => {} }
    const set = setOf(forgetful)
    expect(await set.beforeAttempt(running)).toBe(running)
    expect(await set.afterAttempt(update, outcome)).toBe(update)
    expect(logged).toHaveLength(2)
  })

  it('says which hooks there are at all', () => {
    expect(setOf({ name: 'a' })).toMatchObject({
      hasBefore: false,
      hasAfter: false,
      hasSaved: false,
    })
    expect(setOf(mark('1'))).toMatchObject({ hasBefore: true, hasAfter: true, hasSaved: false })
  })
})
