import { EngineSession } from './engine-session.ts'
import { plan, step } from './graph.ts'

/** Dependents of one step: more than some schemas of trials change in two transactions. */
const WIDTH = 40

/**
 * Whether a workflow that is being stopped starts nothing, whether an end that comes twice counts once, and whether the
 * sweep stops a workflow whose deadline has passed, or whose cancel was not completed.
 */
export async function flowProbes(url: string, schema: string): Promise<string[]> {
  const problems: string[] = []
  await using session = await EngineSession.open(url, schema)
  const wide = plan((flow) =>
    Array.from({ length: WIDTH + 1 }, (_, n) => step(flow, n, n === 0 ? {} : { deps: [0] })),
  )
  await session.push(wide)
  const [root] = (await session.claim()).filter(({ owner }) => owner === wide.id)
  if (root === undefined) return ['a step without dependencies was not ready']
  // One call: the rest is left for the transactions that follow.
  await session.sql('SELECT * FROM SCHEMA.cancel_flow_1($1)', [wide.id])
  await session.finish([root], () => null)
  const [started] = await session.sql<{ n: number }>(
    'SELECT count(*)::int AS n FROM SCHEMA.jobs WHERE owner_id = $1 AND waits IS NULL',
    [wide.id],
  )
  if (started!.n > 0) problems.push(`${started!.n} steps of a stopped workflow were made ready`)

  const fan = plan((flow) => [0, 1, 2].map((n) => step(flow, n, n < 2 ? {} : { deps: [0, 1] })))
  await session.push(fan)
  for (let times = 0; times < 2; times++)
    await session.sql(
      `SELECT * FROM SCHEMA.flow_1(ARRAY[$1::uuid], true, ARRAY[$1::uuid], '{0}', '{succeeded}', '{null}', '{null}')`,
      [fan.id],
    )
  if ((await session.states(fan.id)).s2 !== 'waiting')
    problems.push('an end that came twice was counted twice')

  const short = { ...plan((flow) => [step(flow, 0, { delayMs: 3_600_000 })]), deadlineMs: 1 }
  await session.push(short)
  for (let sweeps = 0; sweeps < 20; sweeps++) {
    await session.sql('SELECT * FROM SCHEMA.sweep_flows_1(100)')
    if ((await session.flow(short.id)).state === 'failed') break
  }
  if ((await session.flow(short.id)).state !== 'failed')
    problems.push('the sweep did not end a workflow whose deadline had passed')
  return [...problems, ...(await cutOffCancel(url, schema, session))]
}

/** A cancel passes over a job that another transaction holds, and what called it is lost: only the sweep is left. */
async function cutOffCancel(
  url: string,
  schema: string,
  session: EngineSession,
): Promise<string[]> {
  const held = plan((flow) => [0, 1].map((n) => step(flow, n, { delayMs: 3_600_000 })))
  await session.push(held)
  await using holder = await EngineSession.open(url, schema)
  await holder.sql('BEGIN')
  await holder.sql('SELECT 1 FROM SCHEMA.jobs WHERE id = $1 FOR UPDATE', [held.steps[0]!.job?.id])
  await session.sql('SELECT * FROM SCHEMA.cancel_flow_1($1)', [held.id])
  await holder.sql('ROLLBACK')
  for (let sweeps = 0; sweeps < 20; sweeps++) {
    await session.sql('SELECT * FROM SCHEMA.sweep_flows_1(100)')
    if ((await session.flow(held.id)).state === 'cancelled') return []
  }
  return ['the sweep did not end a workflow whose cancel was cut off']
}
