import type pg from 'pg'
import type { FlowPlan, RunWhen } from '../../../src/core/workflow/flow-plan.ts'

interface StepRow {
  readonly owner_id: string
  readonly n: number
  readonly state: string
  readonly pending: number
  readonly bad: number
  readonly skipped: number
  readonly fine: number
  readonly of_map: number | null
  readonly job_id: string | null
  readonly deps: readonly number[] | null
  readonly may_fail: boolean
  readonly run_when: RunWhen
  readonly kind: string | null
  readonly jobs: number
  readonly living: number
  readonly job_state: string | null
}

interface FlowRow {
  readonly id: string
  readonly state: string
  readonly open: number
  readonly bad: number
  readonly stopping: string | null
}

interface LogRow {
  readonly owner_id: string
  readonly n: number
  readonly old: string
  readonly new: string
  readonly bad: number
  readonly skipped: number
  readonly fine: number
  readonly pending: number
  readonly stopping: string | null
}

const isEnd = (state: string): boolean => state !== 'waiting' && state !== 'open'
const isBad = (state: string): boolean => state === 'failed' || state === 'cancelled'

/** What its dependencies say of a step: run, skip, or nothing yet. */
function decided(
  runWhen: RunWhen,
  { bad, skipped, fine, pending }: { bad: number; skipped: number; fine: number; pending: number },
): 'run' | 'skip' | null {
  switch (runWhen) {
    case 'all-succeeded':
      return bad + skipped > 0 ? 'skip' : pending === 0 ? 'run' : null
    case 'none-failed':
      return bad > 0 ? 'skip' : pending === 0 ? 'run' : null
    case 'all-ended':
      return pending === 0 ? 'run' : null
    case 'any-succeeded':
      return fine > 0 ? 'run' : pending === 0 ? 'skip' : null
    case 'any-failed':
      return bad > 0 ? 'run' : pending === 0 ? 'skip' : null
    default:
      return runWhen satisfies never
  }
}

/** Compares every row with what the others say. Returns what is wrong, a line each. */
export async function checkAll(
  client: pg.Client,
  schema: string,
  plans: readonly FlowPlan[],
): Promise<string[]> {
  const query = async <Row>(text: string): Promise<Row[]> =>
    (await client.query(text.replaceAll('SCHEMA', `"${schema}"`))).rows as Row[]
  const flows = await query<FlowRow>('SELECT id, state, open, bad, stopping FROM SCHEMA.workflows')
  const steps = await query<StepRow>(`
    SELECT s.owner_id, s.n, s.state, s.pending, s.bad, s.skipped, s.fine, s.of_map, s.job_id, s.deps, s.may_fail,
           s.run_when, s.error ->> 'kind' AS kind, f.state AS job_state,
           (SELECT count(*)::int FROM SCHEMA.finished_jobs f WHERE f.id = s.job_id) AS jobs,
           (SELECT count(*)::int FROM SCHEMA.jobs j WHERE j.id = s.job_id) AS living
      FROM SCHEMA.steps s
      LEFT JOIN SCHEMA.finished_jobs f ON f.id = s.job_id`)
  const log = await query<LogRow>('SELECT * FROM SCHEMA.step_log')
  const [ends] = await query<{ n: number }>('SELECT count(*)::int AS n FROM SCHEMA.step_ends')
  const problems: string[] = []
  if (ends!.n > 0) problems.push(`${ends!.n} ends were not counted`)
  if (flows.length !== plans.length) problems.push(`${flows.length} workflows of ${plans.length}`)
  const byFlow = new Map<string, Map<number, StepRow>>()
  for (const one of steps) {
    const of = byFlow.get(one.owner_id) ?? new Map<number, StepRow>()
    byFlow.set(one.owner_id, of.set(one.n, one))
  }
  const logOf = new Map<string, LogRow[]>()
  for (const one of log) {
    const key = `${one.owner_id} ${one.n}`
    logOf.set(key, [...(logOf.get(key) ?? []), one])
  }
  // A retry opens steps again, so that a step may have run by what its dependencies were before.
  const retried = new Set(log.flatMap((one) => (isEnd(one.old) ? [one.owner_id] : [])))
  for (const flow of flows) {
    const all = byFlow.get(flow.id) ?? new Map<number, StepRow>()
    problems.push(...checkFlow(flow, all))
    for (const one of all.values())
      problems.push(
        ...checkStep(flow, one, all, logOf.get(`${flow.id} ${one.n}`) ?? [], retried.has(flow.id)),
      )
  }
  return problems
}

function checkFlow(flow: FlowRow, all: ReadonlyMap<number, StepRow>): string[] {
  const own = [...all.values()].filter(({ of_map: ofMap }) => ofMap === null)
  const open = own.filter(({ state }) => !isEnd(state)).length
  const bad = own.filter((one) => isBad(one.state) && !one.may_fail).length
  const problems: string[] = []
  const wrong = (what: string): unknown => problems.push(`workflow ${flow.id}: ${what}`)
  if (open !== flow.open) wrong(`open is ${flow.open}, and ${open} steps are`)
  if (bad !== flow.bad) wrong(`bad is ${flow.bad}, and ${bad} steps are`)
  if (open > 0)
    wrong(
      `hangs: ${open} steps are open (${own
        .filter(({ state }) => !isEnd(state))
        .map(({ n, state }) => `${n} ${state}`)
        .slice(0, 5)})`,
    )
  const state =
    flow.stopping === 'cancelled'
      ? 'cancelled'
      : flow.stopping !== null || bad > 0
        ? 'failed'
        : 'succeeded'
  if (open === 0 && flow.state !== state) wrong(`is ${flow.state}, and its steps say ${state}`)
  return problems
}

function checkStep(
  flow: FlowRow,
  one: StepRow,
  all: ReadonlyMap<number, StepRow>,
  log: readonly LogRow[],
  isRetried: boolean,
): string[] {
  const problems: string[] = []
  const wrong = (what: string): unknown => problems.push(`step ${one.n} of ${flow.id}: ${what}`)
  const opened = log.filter((entry) => entry.new === 'open')
  const ended = log.filter((entry) => isEnd(entry.new))
  const epochs = 1 + log.filter((entry) => isEnd(entry.old) && !isEnd(entry.new)).length
  if (opened.length > epochs)
    wrong(`was made ready ${opened.length} times, and opened ${epochs} times`)
  if (ended.length > epochs) wrong(`ended ${ended.length} times, and opened ${epochs} times`)
  for (const entry of opened) {
    // A map that is retried continues with its items.
    if (isEnd(entry.old)) continue
    if (entry.stopping !== null) wrong('was made ready of a stopped workflow')
    if (one.of_map === null && decided(one.run_when, entry) !== 'run')
      wrong(`was made ready when ${one.run_when} was not decided: ${JSON.stringify(entry)}`)
  }
  if (!isEnd(one.state)) return problems
  const deps = (one.deps ?? []).map((n) => all.get(n)!)
  const counts = {
    bad: deps.filter(({ state }) => isBad(state)).length,
    skipped: deps.filter(({ state }) => state === 'skipped').length,
    fine: deps.filter(({ state }) => state === 'succeeded').length,
    pending: deps.filter(({ state }) => !isEnd(state)).length,
  }
  const isDecided = isRetried ? null : decided(one.run_when, counts)
  if (one.state === 'skipped' && !isRetried && isDecided !== 'skip' && one.kind !== 'skipped')
    wrong('was skipped')
  if (one.state === 'skipped' && isDecided === 'run' && opened.length > 0)
    wrong('was ready and skipped')
  if (
    (one.state === 'succeeded' || one.state === 'failed') &&
    one.of_map === null &&
    !isRetried &&
    isDecided !== 'run'
  )
    wrong(`is ${one.state}, and ${one.run_when} says ${isDecided} (${JSON.stringify(counts)})`)
  const isMap = one.job_id === null
  // A map counts its items from its beginning on, and what a stop ends is not decided any more.
  if (!isMap && flow.stopping === null && !isRetried)
    for (const name of ['pending', 'bad', 'skipped', 'fine'] as const)
      if (one[name] !== counts[name])
        wrong(`counts ${name} ${one[name]}, and it is ${counts[name]}`)
  if (isMap) {
    const items = [...all.values()].filter(({ of_map: ofMap }) => ofMap === one.n)
    if (one.state === 'succeeded' && items.some(({ state }) => state !== 'succeeded'))
      wrong('succeeded without all its items')
    return problems
  }
  if (one.jobs !== 1 || one.living !== 0)
    wrong(`its job is ${one.jobs} times in the history and ${one.living} times waiting`)
  const expected = one.state === 'skipped' ? 'cancelled' : one.state
  if (one.job_state !== expected) wrong(`is ${one.state}, and its job ${one.job_state}`)
  return problems
}
