import { describe, expect, it } from 'vitest'
import { resultOf, start } from '../support/executors.ts'
import { jobModule, testPools } from '../support/pools.ts'

const pools = testPools()
const jobs = [jobModule('rude')]

describe('what a child prints', () => {
  it('is passed on in pieces when it has no line feed', async () => {
    const trial = start(pools.process({ jobs }), 'writes', { text: 'x'.repeat(65_536), times: 16 })
    expect(await resultOf(trial)).toBe('written')
    const lengths = trial.logged.map(({ message }) => message!.length)
    expect(Math.max(...lengths)).toBe(8_192)
    // What comes after the last piece has no end yet.
    expect(lengths.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(15 * 65_536)
  })
})
