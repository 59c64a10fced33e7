/**
 * What a step of a workflow costs beside a plain job, in the database: push, claim and finish in batches of 500, in
 * turns. No figure of another machine or moment compares with these; the ratios do.
 *
 *   npm run bench:flows -- [--jobs 5000] [--rounds 5]
 */
import { parseArgs } from 'node:util'
import type { FlowPlan } from '../src/core/workflow/flow-plan.ts'
import { EngineSession } from '../test/support/flows/engine-session.ts'
import { diamond, orderedUuid, plan, step } from '../test/support/flows/graph.ts'
import { withServer } from '../test/support/flows/own-server.ts'
import { dropSchema, freshSchema } from '../test/support/flows/schema.ts'

const { values } = parseArgs({
  options: { jobs: { type: 'string', default: '5000' }, rounds: { type: 'string', default: '5' } },
})
const JOBS = Number(values.jobs)
const BATCH = 500
const schema = 'bench_flows'

const chain = (length: number): FlowPlan =>
  plan((flow) => Array.from({ length }, (_, n) => step(flow, n, n === 0 ? {} : { deps: [n - 1] })))

const ROWS: Readonly<Record<string, (() => FlowPlan) | null>> = {
  'plain job': null,
  'workflow of one step': () => chain(1),
  'chain of three': () => chain(3),
  'diamond of four': () => diamond(2),
  '1 to 10 to 1': () => diamond(10),
}

/** Microseconds a job: push, then claims and finishes. */
async function measure(
  session: EngineSession,
  make: (() => FlowPlan) | null,
): Promise<[number, number]> {
  const started = performance.now()
  let jobs = 0
  while (jobs < JOBS) {
    if (make === null) {
      await session.sql(
        `SELECT * FROM SCHEMA.push_1($1::uuid[], '{flows}', '{task}', $2, '{0}', '{1}', NULL, NULL, NULL, NULL, false, 0, NULL, NULL)`,
        [
          Array.from({ length: BATCH }, orderedUuid),
          Array.from({ length: BATCH }, () => '{"n":1}'),
        ],
      )
      jobs += BATCH
    } else {
      const plans: FlowPlan[] = []
      let size = 0
      while (size < BATCH) {
        const one = make()
        plans.push(one)
        size += one.steps.length
      }
      await session.push(...plans)
      jobs += size
    }
  }
  const pushed = performance.now()
  for (;;) {
    const claimed = await session.claim(BATCH)
    if (claimed.length === 0) break
    await session.finish(claimed, () => null)
  }
  const us = (ms: number): number => (ms * 1_000) / jobs
  return [us(pushed - started), us(performance.now() - pushed)]
}

await withServer(async (url) => {
  await freshSchema(url, schema)
  const found = new Map(Object.keys(ROWS).map((name) => [name, [] as [number, number][]]))
  {
    await using session = await EngineSession.open(url, schema)
    for (let round = 0; round <= Number(values.rounds); round++)
      for (const [name, make] of Object.entries(ROWS)) {
        const one = await measure(session, make)
        // The first round warms up.
        if (round > 0) found.get(name)!.push(one)
      }
  }
  await dropSchema(url, schema)
  const median = (all: readonly number[]): number =>
    [...all].sort((a, b) => a - b)[all.length >> 1]!
  const plain = found.get('plain job')!
  const whole = median(plain.map(([push, run]) => push + run))
  console.log('| per job | push | claim and finish | all | × plain |\n|---|---|---|---|---|')
  for (const [name, rounds] of found) {
    const all = median(rounds.map(([push, run]) => push + run))
    const cells = [median(rounds.map(([push]) => push)), median(rounds.map(([, run]) => run)), all]
    console.log(
      `| ${name} | ${cells.map((us) => `${Math.round(us)} µs`).join(' | ')} | ${(all / whole).toFixed(2)} |`,
    )
  }
})
