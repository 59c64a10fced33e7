import { describe, expect, it } from 'vitest'
import type { DurableContext } from '../../../src/core/durable/durable-context.ts'
import { signal } from '../../../src/core/signal.ts'
import { DurableMemory } from '../../../src/testing/durable-memory.ts'
import { attempt } from '../../support/durable-attempt.ts'

const go = signal<number>('go')
/** The time that the code has in these tests to ask for the next record. */
const PATIENCE_MS = 20

type Part = readonly [kind: 'step' | 'sleep' | 'signal', name: string]

const RECORDED: readonly Part[] = [
  ['step', 'a'],
  ['sleep', 'b'],
  ['signal', 'c'],
  ['step', 'd'],
]

/** A job that asks for these one after the other, and notes the steps that run. */
function asks(parts: readonly Part[], ran: string[]) {
  return async (ctx: DurableContext) => {
    for (const [kind, name] of parts) {
      if (kind === 'step') await ctx.step(name, () => void ran.push(name))
      else if (kind === 'sleep') await ctx.sleep('1d', { name })
      else await ctx.waitForSignal(go, { name })
    }
  }
}

/** A job that has recorded all of `RECORDED` and has not ended. */
async function recorded(): Promise<DurableMemory> {
  const memory = new DurableMemory('01890000-0000-7000-8000-000000000007', 0)
  memory.send('go', '1')
  const fn = asks([...RECORDED, ['sleep', 'last']], [])
  for (let time = 0; time < 3; time++) {
    await attempt(memory, fn)
    memory.nowMs = memory.nextDueMs ?? memory.nowMs
  }
  expect(memory.records.map(({ name }) => name).slice(0, 4)).toEqual(['a', 'b', 'c', 'd'])
  return memory
}

const at = (index: number, ...parts: readonly Part[]): Part[] => [
  ...RECORDED.slice(0, index),
  ...parts,
  ...RECORDED.slice(index + 1),
]
const other = (kind: Part[0]): Part[0] => (kind === 'step' ? 'sleep' : 'step')

const CHANGES: readonly (readonly [string, (index: number) => readonly Part[]])[] = [
  ['renamed', (index) => at(index, [RECORDED[index]![0], 'other'])],
  ['removed', (index) => at(index)],
  ['of another kind', (index) => at(index, [other(RECORDED[index]![0]), RECORDED[index]![1]])],
  ['behind a new step', (index) => at(index, ['step', 'new'], RECORDED[index]!)],
  ['behind a new wait', (index) => at(index, ['signal', 'new'], RECORDED[index]!)],
  ['moved to the end', (index) => [...at(index), RECORDED[index]!]],
]

describe.each(CHANGES)('code in which a recorded call is %s', (what, change) => {
  it.each([0, 1, 2, 3])('ends typed at position %i, with no new step run', async (index) => {
    const memory = await recorded()
    const ran: string[] = []
    const parts = change(index)
    const end = await attempt(memory, asks(parts, ran), { patienceMs: PATIENCE_MS })
    // The last one moved to the end has not moved; nothing of the code has changed then.
    const isSame = JSON.stringify(parts) === JSON.stringify(RECORDED)
    if (isSame) expect(what).toBe('moved to the end')
    else {
      const { error } = (end as { outcome: { error: { code: string; message: string } } }).outcome
      expect(end).toMatchObject({ kind: 'ended', outcome: { kind: 'steps-changed' } })
      expect(error.code).toBe('STEPS_CHANGED')
      expect(error.message).toContain(`"${RECORDED[index]![1]}"`)
    }
    expect(ran).toEqual([])
    // The old code continues afterwards.
    const again = await attempt(memory, asks([...RECORDED, ['sleep', 'last']], ran))
    expect(again.kind).toBe('returned')
    expect(ran).toEqual([])
  })
})

describe('code that is changed where it may be', () => {
  it.each([
    ['a step behind the last one', [...RECORDED, ['sleep', 'last'], ['step', 'new']] as Part[]],
    ['nothing', [...RECORDED, ['sleep', 'last']] as Part[]],
  ])('continues: %s', async (_, parts) => {
    const end = await attempt(await recorded(), asks(parts, []))
    expect(end.kind).toBe('returned')
  })

  it('waits for code that does something else before it asks', async () => {
    const memory = await recorded()
    const fn = async (ctx: DurableContext) => {
      for (const [kind, name] of [...RECORDED, ['sleep', 'last']] as Part[]) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        await asks([[kind, name]], [])(ctx)
      }
    }
    expect((await attempt(memory, fn)).kind).toBe('returned')
  })
})
