import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { detachedContext } from '../../../src/core/context.ts'
import { StopRequest } from '../../../src/core/stop-request.ts'

describe('the signal of an attempt', () => {
  it.each([
    ['in a worker', () => new StopRequest().signal],
    ['of a job that is called directly', () => detachedContext('mail').signal],
  ])('has as many listeners as a job likes, without a warning, %s', async (_, signalOf) => {
    const signal = signalOf()
    const warned: string[] = []
    const onWarning = ({ message }: Error): number => warned.push(message)
    process.on('warning', onWarning)
    for (let index = 0; index < 20; index++) {
      signal.addEventListener('abort', () => {})
      void once(new EventTarget(), 'never', { signal }).catch(() => {})
    }
    await turn()
    process.off('warning', onWarning)
    expect(warned).toEqual([])
  })
})
