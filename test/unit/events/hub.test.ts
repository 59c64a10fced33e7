import { describe, expect, it } from 'vitest'
import { Hub } from '../../../src/events/hub.ts'

const pushed = (queue: string) => ['queue.pushed', { queue }] as const

describe('the hub', () => {
  it('tells every listener of an event at once, in the order they came', () => {
    const hub = new Hub()
    const heard: string[] = []
    hub.on('queue.pushed', ({ queue }) => heard.push(`1 ${queue}`))
    hub.on('queue.pushed', ({ queue }) => heard.push(`2 ${queue}`))
    hub.on('queue.changed', () => heard.push('other'))
    hub.emit(...pushed('a'))
    expect(heard).toEqual(['1 a', '2 a'])
  })

  it('reports a listener that throws, and tells the others all the same', () => {
    const reported: unknown[] = []
    const hub = new Hub((name, error) => reported.push(name, error))
    const error = new Error('mine')
    let heard = 0
    hub.on('queue.pushed', () => {
      throw error
    })
    hub.on('queue.pushed', () => heard++)
    hub.emit(...pushed('a'))
    expect(reported).toEqual(['queue.pushed', error])
    expect(heard).toBe(1)
  })

  it('reports an async listener that fails, which would else end the process', async () => {
    let fail: (error: unknown) => void = () => {}
    const failed = new Promise((resolve) => {
      fail = resolve
    })
    const hub = new Hub((_name, error) => fail(error))
    const error = new Error('later')
    hub.on('queue.pushed', async () => {
      throw error
    })
    hub.emit(...pushed('a'))
    expect(await failed).toBe(error)
  })

  it('takes a listener that was added twice for two', () => {
    const hub = new Hub()
    let heard = 0
    const listener = () => heard++
    const stop = hub.on('queue.pushed', listener)
    hub.on('queue.pushed', listener)
    hub.emit(...pushed('a'))
    stop()
    stop()
    hub.emit(...pushed('a'))
    expect(heard).toBe(3)
  })

  it('says whether somebody listens', () => {
    const hub = new Hub()
    expect(hub.has('queue.pushed')).toBe(false)
    const stop = hub.on('queue.pushed', () => {})
    expect(hub.has('queue.pushed')).toBe(true)
    stop()
    expect(hub.has('queue.pushed')).toBe(false)
  })

  it('lets a listener end itself or others while it is told', () => {
    const hub = new Hub()
    const heard: string[] = []
    const stop = hub.on('queue.pushed', () => {
      heard.push('first')
      stop()
      hub.on('queue.pushed', () => heard.push('new'))
    })
    hub.emit(...pushed('a'))
    expect(heard).toEqual(['first'])
    hub.emit(...pushed('a'))
    expect(heard).toEqual(['first', 'new'])
  })

  it('waits for the next event that passes a test, and lets go of it', async () => {
    const hub = new Hub()
    const waiting = hub.waitFor('queue.pushed', ({ queue }) => queue === 'b')
    hub.emit(...pushed('a'))
    hub.emit(...pushed('b'))
    expect(await waiting).toEqual({ queue: 'b' })
    expect(hub.has('queue.pushed')).toBe(false)
  })

  it('ends a wait with the reason of its signal, before or during it', async () => {
    const hub = new Hub()
    const reason = new Error('enough')
    await expect(hub.waitFor('queue.pushed', undefined, AbortSignal.abort(reason))).rejects.toBe(
      reason,
    )
    const controller = new AbortController()
    const waiting = hub.waitFor('queue.pushed', undefined, controller.signal)
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(hub.has('queue.pushed')).toBe(false)
  })
})
