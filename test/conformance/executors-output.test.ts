import { describe, expect, it } from 'vitest'
import { resultOf, start } from '../support/executors.ts'
import { jobModule, keptLog, testPools } from '../support/pools.ts'

const pools = testPools()
const jobs = [jobModule('rude')]

describe('what a child prints', () => {
  it('is passed on in pieces when it has no line feed', async () => {
    const handle = start(pools.process({ jobs }), 'writes', { text: 'x'.repeat(65_536), times: 16 })
    expect(await resultOf(handle)).toBe('written')
    const lengths = handle.logged.map(({ message }) => message!.length)
    expect(Math.max(...lengths)).toBe(8_192)
    // What comes after the last piece has no end yet.
    expect(lengths.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(15 * 65_536)
  })
})

describe.each(['process', 'thread'] as const)('what a job prints in a child of %s', (kind) => {
  const executor = () => pools[kind]({ jobs, concurrency: 1 })

  it('is its own, also without a line feed at its end', async () => {
    const pool = executor()
    const first = start(pool, 'mutters', { text: 'a secret' })
    const second = start(pool, 'mutters', { text: 'nothing new\n' })
    await Promise.all([first.ended, second.ended])
    expect(first.logged.map(({ message }) => message)).toEqual(['a secret'])
    expect(second.logged.map(({ message }) => message)).toEqual(['nothing new'])
  })

  it('to stderr is in the error when the child ends', async () => {
    for (const how of kind === 'process' ? ['exit', 'abort', 'reallyExit'] : ['exit']) {
      const handle = start(executor(), 'dies', { how })
      const outcome = await handle.ended
      expect(outcome.kind).toBe('child-lost')
      const { message } = (outcome as { error: Error }).error
      expect(message).toContain('cannot continue')
      if (how !== 'reallyExit') expect(message).toContain('no configuration')
    }
  })

  it('or logs is text, whatever it is', async () => {
    const handle = start(executor(), 'logs-anything')
    expect(await resultOf(handle)).toBe('logged')
    const messages = handle.logged.map(({ message }) => message)
    expect(messages.slice(0, 4)).toEqual(['42', '43', 'null', 'Symbol(s)'])
    expect(messages[4]).toEqual(expect.any(String))
  })

  it('after its end is logged under its name', async () => {
    for (const [what, text] of [
      ['prints', /printed late/],
      ['logs', /logged late/],
    ] as const) {
      const { log, said } = keptLog()
      const pool = pools[kind]({ jobs, concurrency: 1, log })
      const first = start(pool, 'lingers', { what })
      await first.ended
      const next = start(pool, 'nap', { ms: 300 })
      const { fields } = await said(text)
      expect(fields).toMatchObject({ job: first.id, name: 'lingers', attempt: 2 })
      expect(await resultOf(next)).toBe('rested')
      expect(next.logged).toEqual([])
    }
  })
})
