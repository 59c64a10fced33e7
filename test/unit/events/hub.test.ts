import { describe, expect, it } from 'vitest'
import { Hub } from '../../../src/events/hub.ts'

const pushed = (queue: string) => ['queue.pushed', { queue }] as const

describe('the hub', () => {
  it('calls every listener of an event synchronously, in the order they came', () => {
    const hub = new Hub()
    const received: string[] = []
    hub.on('queue.pushed', ({ queue }) => received.push(`1 ${queue}`))
    hub.on('queue.pushed', ({ queue }) => received.push(`2 ${queue}`))
    hub.on('queue.changed', () => received.push('other'))
    hub.emit(...pushed('a'))
    expect(received).toEqual(['1 a', '2 a'])
  })

  it('reports a listener that throws, and calls the others nevertheless', () => {
    const reported: unknown[] = []
    const hub = new Hub((name, error) => reported.push(name, error))
    const error = new Error('mine')
    let received = 0
    hub.on('queue.pushed', () => {
      throw error
    })
    hub.on('queue.pushed', () => received++)
    hub.emit(...pushed('a'))
    expect(reported).toEqual(['queue.pushed', error])
    expect(received).toBe(1)
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
    let received = 0
    const listener = () => received++
    const stop = hub.on('queue.pushed', listener)
    hub.on('queue.pushed', listener)
    hub.emit(...pushed('a'))
    stop()
    stop()
    hub.emit(...pushed('a'))
    expect(received).toBe(3)
  })

  it('returns whether there is a listener', () => {
    const hub = new Hub()
    expect(hub.has('queue.pushed')).toBe(false)
    const stop = hub.on('queue.pushed', () => {})
    expect(hub.has('queue.pushed')).toBe(true)
    stop()
    expect(hub.has('queue.pushed')).toBe(false)
  })

  it('lets a listener end itself or others while it is called', () => {
    const hub = new Hub()
    const received: string[] = []
    const stop = hub.on('queue.pushed', () => {
      received.push('first')
      stop()
      hub.on('queue.pushed', () => received.push('new'))
    })
    hub.emit(...pushed('a'))
    expect(received).toEqual(['first'])
    hub.emit(...pushed('a'))
    expect(received).toEqual(['first', 'new'])
  })

  it('waits for the next event that passes a test, and stops listening', async () => {
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
