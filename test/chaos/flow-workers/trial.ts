import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Chancy, isChancyError, Queue, type Workflow } from 'chancy'
import type { EmbeddedPostgres } from 'chancy/embedded-postgres'
import pg from 'pg'
import type { FlowPlan } from '../../../src/core/workflow/flow-plan.ts'
import { checkAll } from '../../support/flows/checks.ts'
import { workflowOf } from '../../support/flows/graph-workflow.ts'
import { STEP_LOG } from '../../support/flows/step-log.ts'
import type { TrialReport } from '../../support/flows/trial.ts'
import { startProxy } from '../../support/proxy.ts'
import type { Chance } from '../../support/seed.ts'
import { Fleet } from '../faults/fleet.ts'
import type { Fault } from '../faults/ledger.ts'
import type { FaultContext, Mix } from '../faults/mixes.ts'
import { act } from './actions.ts'
import { flowFaults, kills } from './faults.ts'

/** Workflows that real worker processes run, while these are killed, stopped and cut off. */
export interface WorkerTrialOptions {
  readonly url: string
  readonly schema: string
  /** One that no other test uses, which may be restarted, and the file of its log. */
  readonly own: { readonly server: EmbeddedPostgres; readonly log: string } | null
  readonly luck: Chance
  readonly plans: readonly FlowPlan[]
  readonly processes: number
  /** Jobs that a process runs concurrently. Default: 40. */
  readonly concurrency?: number
  /** Which part of the steps works for a while. Default: 0.03. */
  readonly slow?: number
  readonly leaseMs: number
  /** How long the faults continue at most, in milliseconds. What is open then has no more of them. */
  readonly faultsMs: number
  /** How long nothing may change at the end, in milliseconds, before it counts as a workflow that hangs. */
  readonly stillMs: number
}

const SCRIPT = new URL('../../support/processes/flow-worker.mjs', import.meta.url)
const PRODUCERS = 4
/** How long a worker may take until it claims, while the server restarts again and again. */
const START_MS = 300_000
/** How long between two cancels or retries, in milliseconds, on average. */
const ACTION_MS = 150
/** Which part of the steps is left when the faults end. */
const LEFT = 0.05
const silent = { debug() {}, info() {}, warn() {}, error() {} }

interface Standing {
  readonly jobs: number
  readonly open: number
  readonly ends: number
}

export async function runWorkerTrial(options: WorkerTrialOptions): Promise<TrialReport> {
  const { url, schema, own, luck, plans, leaseMs } = options
  const rows = <Row>(text: string): Promise<Row[]> => patient(url, schema, text)
  await rows(STEP_LOG)
  await using proxy = await startProxy(url)
  await using fleet = new Fleet({ url, schema, leaseMs, script: SCRIPT, readyMs: START_MS })
  await using chancy = new Chancy(proxy.url, { schema, logger: silent })
  await chancy.declare(
    new Queue('flows', {
      executor: 'inline',
      concurrency: options.concurrency ?? 40,
      pollingInterval: '1s',
    }),
    { upsert: true },
  )
  await Promise.all(Array.from({ length: options.processes }, () => fleet.start()))
  const startedAt = performance.now()
  const faults: Fault[] = []
  const problems: string[] = []
  let isOver = false

  const pushing = pushAll(chancy, options)
  const acting = act({ chancy, luck, rows, isOver: () => isOver, everyMs: ACTION_MS })
  const context: FaultContext = {
    ...{ fleet, luck, leaseMs, server: own?.server as EmbeddedPostgres },
    sql: async (text) => void (await ask(url, text).catch(() => [])),
    note: (fault) => {
      faults.push(fault)
      return fault
    },
  }
  const killed = async (): Promise<void> => {
    while (!faults.some(({ kind }) => kind === 'kill')) await kills.strike(context)
  }
  const mixes = flowFaults(proxy, { isAlone: own !== null })
  const strike = async (first: Mix): Promise<void> => {
    for (let mix = first; !isOver; mix = luck.pick(mixes)) await mix.strike(context)
  }
  // A worker is killed in every trial, however short.
  const striking = Promise.all([
    killed().then(() => strike(luck.pick(mixes))),
    strike(luck.pick(mixes)),
  ])

  const total = plans.reduce((sum, { steps }) => sum + steps.length, 0)
  const standing = async (): Promise<Standing> =>
    (
      await rows<Standing>(
        `SELECT (SELECT count(*)::int FROM SCHEMA.jobs) AS jobs,
                (SELECT count(*)::int FROM SCHEMA.step_ends) AS ends,
                (SELECT count(*)::int FROM SCHEMA.workflows WHERE finished_at IS NULL) AS open`,
      )
    )[0]!
  let retriedPushes = 0
  const pushed = pushing.then((tries) => {
    retriedPushes = tries
    return true
  })
  for (let isPushed = false; performance.now() - startedAt < options.faultsMs; ) {
    isPushed ||= await Promise.race([pushed, sleep(500).then(() => false)])
    if (isPushed && (await standing()).jobs <= total * LEFT) break
    await sleep(500)
  }
  isOver = true
  const [actions] = await Promise.all([acting, striking, pushed])
  await fleet.settled()

  let last = { at: performance.now(), seen: '' }
  for (;;) {
    const now = await standing()
    if (now.jobs + now.open + now.ends === 0) break
    const seen = JSON.stringify(now)
    if (seen !== last.seen) last = { at: performance.now(), seen }
    if (performance.now() - last.at > options.stillMs) {
      problems.push(`nothing changes any more: ${seen}`)
      break
    }
    await sleep(200)
  }
  const ms = performance.now() - startedAt
  problems.push(...actions.problems, ...(await fleet.stop()))
  const found = deadlocks(own?.log ?? null, await rows(DEADLOCKS))
  if (found > 0) problems.push(`${found} deadlocks`)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    problems.push(...(await checkAll(client, schema, plans)))
  } finally {
    await client.end()
  }
  const [log] = await rows<{ n: number }>(
    `SELECT count(*)::int AS n FROM SCHEMA.step_log WHERE new NOT IN ('waiting', 'open')`,
  )
  const count = (kind: string): number => faults.filter((fault) => fault.kind === kind).length
  const { cancels, retries, unanswered } = actions
  return {
    problems,
    figures: {
      ...{ steps: total, workflows: plans.length, ends: log!.n, kills: count('kill') },
      ...{ stops: count('stop'), replies: count('reply'), sessions: count('session') },
      ...{ restarts: count('restart'), cancels, retries, unanswered, retriedPushes },
      ...{ deadlocks: found, seconds: Math.round(ms / 1_000) },
      'seconds of the slowest start': Math.round(fleet.slowestStartMs / 1_000),
      'ends a second': Math.round((log!.n * 1_000) / ms),
    },
  }
}

/** Each workflow once, by its key: one whose push got no answer is pushed again. Resolves to how many times that was. */
async function pushAll(chancy: Chancy, { plans, luck, slow }: WorkerTrialOptions): Promise<number> {
  let tries = 0
  let next = 0
  const one = async (workflow: Workflow): Promise<void> => {
    for (;;) {
      try {
        await chancy.push(workflow)
        return
      } catch (error) {
        // A restart may take longer than a push tries.
        if (!isChancyError(error) || error.code === 'CONFIG_INVALID') throw error
        tries++
        await sleep(200)
      }
    }
  }
  const producer = async (): Promise<void> => {
    for (let n = next++; n < plans.length; n = next++) {
      await one(workflowOf(plans[n]!, luck.next, slow).withUniqueKey(`trial:${n}`, { once: true }))
    }
  }
  await Promise.all(Array.from({ length: PRODUCERS }, producer))
  return tries
}

const DEADLOCKS =
  'SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()'

/** As the server counted them, and as its log has them: a crash of the server empties the counter. */
function deadlocks(log: string | null, [counted]: { n: number }[]): number {
  const logged = log === null ? 0 : readFileSync(log, 'utf8').split('deadlock detected').length - 1
  return Math.max(logged, counted?.n ?? 0)
}

/** Until the server is there again, a minute at most. */
async function patient<Row>(url: string, schema: string, text: string): Promise<Row[]> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask(url, text.replaceAll('SCHEMA', `"${schema}"`))
    } catch (error) {
      if (tries === 240) throw error
      await sleep(250)
    }
  }
}

async function ask<Row>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text)).rows as Row[]
  } finally {
    await client.end()
  }
}
