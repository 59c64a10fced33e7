import { describe, expect, it } from 'vitest'
import { runProgram } from '../../support/durable-programs.ts'

/** More of them: `npm run chaos:durable-programs -- 1000`. */
const PROGRAMS = 150

describe('generated durable jobs', () => {
  it('take the same path in each attempt, wherever they are cut off', async () => {
    let crashes = 0
    let records = 0
    for (let seed = 0; seed < PROGRAMS; seed++) {
      const result = await runProgram(`${seed}`)
      crashes += result.crashes
      records += result.records
    }
    expect(crashes).toBeGreaterThan(PROGRAMS / 2)
    expect(records).toBeGreaterThan(PROGRAMS * 5)
  })

  it.each([
    ['without a turn of the event loop between them', (next: () => void) => next()],
    ['a microtask apart', (next: () => void) => queueMicrotask(next)],
  ])('take another path when a replay gives results %s', async (_, turn) => {
    let found = 0
    for (let seed = 0; seed < PROGRAMS && found < 3; seed++) {
      await runProgram(`${seed}`, { mutant: { turn } }).catch((error: Error) => {
        found++
        expect(error.message).toMatch(/program \d+/)
      })
    }
    expect(found).toBe(3)
  })
})
