/** How long the replay of a durable job takes, without executor and database: `npm run bench:durable-replay -- 10000`. */

import { DurableMemory } from '../src/testing/durable-memory.ts'
import { attempt } from '../test/support/durable-attempt.ts'

const steps = Number(process.argv[2] ?? 10_000)
const rounds = Number(process.argv[3] ?? 7)
const memory = new DurableMemory('01890000-0000-7000-8000-000000000007', 0)
for (let n = 1; n <= steps; n++) {
  memory.record({
    ...{ kind: 'step', name: `step ${n}`, result: `{"n":${n}}`, error: null },
    ...{ startedMs: n, endedMs: n },
  })
}
const took: number[] = []
for (let round = 0; round < rounds; round++) {
  const from = performance.now()
  const end = await attempt(memory, async (ctx) => {
    for (let n = 1; n <= steps; n++) await ctx.step(`step ${n}`, () => n)
  })
  if (end.kind !== 'returned') throw new Error(`ended as ${end.kind}`)
  took.push(performance.now() - from)
}
took.sort((a, b) => a - b)
const median = took[took.length >> 1] as number
console.log(
  `replay of ${steps} steps: ${median.toFixed(1)} ms, ${((median / steps) * 1_000).toFixed(1)} us a step (median of ${rounds}, best ${(took[0] as number).toFixed(1)} ms)`,
)
