import { describe, expect, it } from 'vitest'
import { detachedContext } from '../../../src/core/context.ts'
import { SnoozeJob } from '../../../src/core/ending.ts'
import { AroundChain, type LoadedAround } from '../../../src/executors/around.ts'

const context = detachedContext('greet')
const unexpected = (plugin: string, error: unknown): never => {
  throw new Error(`${plugin}: ${String(error)}`)
}

describe('what is around a function', () => {
  it('is left out while it is idle, and then a synchronous function stays one', async () => {
    const calls: string[] = []
    let isIdle = true
    const wrapper = (name: string, idle?: () => boolean): LoadedAround => ({
      plugin: name,
      around: Object.assign(
        (_: unknown, run: () => Promise<unknown>) => {
          calls.push(name)
          return run()
        },
        idle === undefined ? {} : { isIdle: idle },
      ),
    })
    const idle = wrapper('test.idle', () => isIdle)
    const alone = new AroundChain([idle])
    expect(alone.call(context, () => 'plain', unexpected)).toBe('plain')
    expect(() => alone.call(context, () => unexpected('fn', 'thrown'), unexpected)).toThrow('fn')
    const both = new AroundChain([wrapper('test.always'), idle])
    expect(await both.call(context, () => 'wrapped', unexpected)).toBe('wrapped')
    expect(calls).toEqual(['test.always'])
    isIdle = false
    expect(await alone.call(context, () => 'wrapped', unexpected)).toBe('wrapped')
    expect(calls).toEqual(['test.always', 'test.idle'])
  })

  it('ends the attempt in the place of the function when it asks for another end before that', async () => {
    let runs = 0
    const around = (): never => {
      throw new SnoozeJob('1m')
    }
    const chain = new AroundChain([{ plugin: 'test.snoozes', around }])
    await expect(chain.call(context, () => runs++, unexpected)).rejects.toThrow('Snoozed')
    expect(runs).toBe(0)
  })

  it('is called where it cannot say whether it is idle', async () => {
    const around = Object.assign((_: unknown, run: () => Promise<unknown>) => run(), {
      isIdle: () => unexpected('isIdle', 'broken'),
    })
    const chain = new AroundChain([{ plugin: 'test.broken', around }])
    expect(await chain.call(context, () => 'ran', unexpected)).toBe('ran')
  })
})
