import { describe, expect, it } from 'vitest'
import { jobModule } from '../support/pools.ts'
import { startProcess } from '../support/process.ts'

const script = new URL('../support/processes/without-descriptors.mjs', import.meta.url)
const DESCRIPTORS = 80

describe.each(['process', 'thread'] as const)('a worker without a file descriptor left', (kind) => {
  it(`returns what it cannot run by ${kind}, keeps running, and runs it when it has some again`, async () => {
    await using worker = startProcess(script, {
      args: [kind, jobModule('rude')],
      descriptors: DESCRIPTORS,
    })
    expect(await worker.next()).toEqual({ code: 'EMFILE' })
    expect(await worker.next()).toMatchObject({ without: { kind: 'interrupted' } })
    expect(await worker.next()).toMatchObject({ with: { kind: 'returned', result: '7' } })
    expect(await worker.next()).toEqual({ stopped: true })
    expect(await worker.exited).toEqual({ code: 0, signal: null })
  })
})
