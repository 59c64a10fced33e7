import pg from 'pg'
import type { FlowPlan } from '../../../src/core/workflow/flow-plan.ts'
import { checkAll } from './checks.ts'
import { orderedUuid, randomOf } from './graph.ts'
import { STEP_LOG } from './step-log.ts'

/**
 * Workflows under concurrent sessions that call the functions of the engine as workers do: some of them vanish with
 * their claims, some leave out what they were asked to follow up, some cancel. Afterwards every row is compared with
 * what its dependencies say.
 */
export interface TrialOptions {
  readonly url: string
  readonly schema: string
  readonly seed: number
  readonly plans: readonly FlowPlan[]
  readonly sessions: number
  /** How likely a job fails. */
  readonly failing: number
  /** How likely a follow-up is left out, a session vanishes after a claim, and a job or a workflow is cancelled. */
  readonly dropping: number
  readonly vanishing: number
  readonly cancelling: number
  /** Jobs of one claim, at most. */
  readonly batch?: number
}

export interface TrialReport {
  readonly problems: readonly string[]
  readonly figures: Readonly<Record<string, number>>
}

/** Rounds without any work after which nothing comes any more. */
const IDLE_ROUNDS = 12
const FINISH = `
  SELECT f.id, f.verdict, f.queue
    FROM SCHEMA.finish_2($1::uuid, $2::tid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[],
           NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, $8::text[], $9::bigint[], $10::uuid[]) f`

interface Claimed {
  readonly id: string
  readonly args: string
  readonly fence: string
  readonly ctid: string
  readonly extras: string | null
}

export async function runTrial(options: TrialOptions): Promise<TrialReport> {
  const { url, schema, plans, seed } = options
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url, application_name: schema })
    client.on('error', () => {})
    await client.connect()
    return client
  }
  const text = (sql: string): string => sql.replaceAll('SCHEMA', `"${schema}"`)
  const figures = {
    claims: 0,
    finishes: 0,
    left: 0,
    dropped: 0,
    vanished: 0,
    cancels: 0,
    sweeps: 0,
  }
  const problems: string[] = []
  const admin = await connect()
  const deadlocks = async (): Promise<number> =>
    Number(
      (
        await admin.query(
          'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
        )
      ).rows[0].deadlocks,
    )
  await admin.query(text(STEP_LOG))
  const before = await deadlocks()
  for (const one of plans)
    await admin.query(text('SELECT * FROM SCHEMA.push_flow_1($1::text::jsonb, false)'), [
      JSON.stringify([one]),
    ])
  const startedAt = performance.now()
  /** Rounds in a row in which no session found anything to do, and the sweep neither. */
  let idle = 0
  let isOver = false
  const known: string[] = []

  const session = async (index: number): Promise<void> => {
    const random = randomOf(seed * 1_000 + index)
    let client = await connect()
    let worker = await register(client)
    try {
      while (!isOver) {
        const most = 1 + Math.floor(random() * (options.batch ?? 20))
        const { rows } = await client.query(
          text(
            `SELECT id, args, fence, ctid, extras, summary FROM SCHEMA.claim_1('flows', $1, $2, '{task}', false)`,
          ),
          [worker, most],
        )
        const jobs = rows.filter(({ id }) => id !== null) as Claimed[]
        if (jobs.length === 0) {
          await pause(5 + random() * 15)
          continue
        }
        idle = 0
        figures.claims++
        for (const { id } of jobs) if (random() < 0.05) known.push(id)
        if (random() < options.vanishing) {
          figures.vanished++
          await admin.query(text('UPDATE SCHEMA.workers SET revoked_at = now() WHERE id = $1'), [
            worker,
          ])
          await client.end()
          client = await connect()
          worker = await register(client)
          continue
        }
        if (random() < options.cancelling) await cancel(client, random)
        const claim = Number(JSON.parse(rows[0].summary).claim_seq)
        await finish(client, worker, claim, jobs, random)
      }
    } finally {
      await client.end()
    }
  }

  const register = async (client: pg.Client): Promise<string> => {
    const id = orderedUuid()
    await client.query(
      text(`INSERT INTO SCHEMA.workers (id, expires_at) VALUES ($1, now() + interval '1 day')`),
      [id],
    )
    return id
  }

  const finish = async (
    client: pg.Client,
    worker: string,
    claim: number,
    jobs: readonly Claimed[],
    random: () => number,
  ): Promise<void> => {
    let batch = jobs
    while (batch.length > 0) {
      const states = batch.map(() => (random() < options.failing ? 'failed' : 'succeeded'))
      const extras = batch.map((one) => JSON.parse(one.extras ?? '{}'))
      const keys = [...new Set(extras.flatMap((one) => one.concurrency_key ?? []))]
      const values = [
        worker,
        batch.map(({ ctid }) => ctid),
        batch.map(({ id }) => id),
        batch.map(({ fence }) => fence),
        states,
        batch.map(({ args }, k) => (states[k] === 'failed' ? null : resultOf(args, random))),
        states.map((state) =>
          state === 'failed' ? '{"kind":"error","message":"failed on purpose"}' : null,
        ),
        keys.length === 0 ? null : keys,
        [claim],
        batch.filter((_, k) => extras[k].owner_id !== undefined).map(({ id }) => id),
      ]
      let rows: { id: string | null; verdict: string | null }[]
      try {
        rows = (await client.query(text(FINISH), values)).rows
      } catch (error) {
        if ((error as { code?: string }).code !== 'CH002') throw error
        continue
      }
      figures.finishes++
      const left = rows.flatMap(({ id, verdict }) =>
        verdict === 'left' && id !== null ? [id] : [],
      )
      if (left.length > 0) await follow(client, left, random)
      const again = new Set(rows.flatMap(({ id, verdict }) => (verdict === 'again' ? [id] : [])))
      batch = batch.filter(({ id }) => again.has(id))
    }
  }

  const follow = async (
    client: pg.Client,
    first: readonly string[],
    random: () => number,
  ): Promise<void> => {
    let owners = first
    while (owners.length > 0) {
      figures.left += owners.length
      if (random() < options.dropping) {
        figures.dropped += owners.length
        return
      }
      const { rows } = await client.query(text('SELECT * FROM SCHEMA.flow_1($1::uuid[], true)'), [
        owners,
      ])
      owners = rows.flatMap(({ verdict, owner }) => (verdict === 'left' ? [owner] : []))
    }
  }

  const cancel = async (client: pg.Client, random: () => number): Promise<void> => {
    figures.cancels++
    if (random() < 0.3) {
      const flow = plans[Math.floor(random() * plans.length)]!
      await client.query(text('SELECT * FROM SCHEMA.cancel_flow_1($1)'), [flow.id])
      return
    }
    const flow = plans[Math.floor(random() * plans.length)]!
    const job =
      random() < 0.5 ? flow.steps[Math.floor(random() * flow.steps.length)]!.job?.id : known.at(-1)
    if (job !== undefined)
      await client.query(text('SELECT * FROM SCHEMA.cancel_1($1, true)'), [job])
  }

  const sweeper = async (): Promise<void> => {
    const client = await connect()
    let waiting = 0
    try {
      while (!isOver) {
        await pause(20)
        const counted = async (sql: string): Promise<number> => {
          const { rows } = await client.query(text(sql))
          return rows.filter((row) => row.queue !== null && row.verdict !== 'left').length
        }
        figures.sweeps++
        const ends = await client.query(text('SELECT count(*)::int AS n FROM SCHEMA.step_ends'))
        if (ends.rows[0].n !== waiting) idle = 0
        waiting = ends.rows[0].n
        const done =
          (await counted('SELECT * FROM SCHEMA.sweep_flows_1(100)')) +
          (await counted('SELECT * FROM SCHEMA.recover_1(1000, 3, 0)')) +
          (await counted('SELECT * FROM SCHEMA.stage_1(1000, NULL)')) +
          (await counted('SELECT queue FROM SCHEMA.sweep_blocked_1(NULL, 1000)'))
        if (done > 0) idle = 0
        else if (++idle > IDLE_ROUNDS) isOver = true
      }
    } finally {
      await client.end()
    }
  }

  try {
    await Promise.all(
      [sweeper(), ...Array.from({ length: options.sessions }, (_, n) => session(n))].map((one) =>
        one.catch((error: Error & { code?: string }) => {
          isOver = true
          problems.push(`${error.code ?? ''} ${error.message}`)
        }),
      ),
    )
    const ms = performance.now() - startedAt
    // The counter is behind by up to a second.
    await pause(before === (await deadlocks()) ? 0 : 1_100)
    const found = (await deadlocks()) - before
    if (found > 0) problems.push(`${found} deadlocks`)
    problems.push(...(await checkAll(admin, schema, plans)))
    const steps = plans.reduce((sum, one) => sum + one.steps.length, 0)
    return { problems, figures: { ...figures, steps, workflows: plans.length, ms: Math.round(ms) } }
  } finally {
    await admin.end()
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function resultOf(args: string, random: () => number): string {
  const { n } = JSON.parse(args) as { n: number }
  const list = Array.from({ length: Math.floor(random() * 6) }, (_, k) => k)
  return JSON.stringify({ n, yes: random() < 0.7, list })
}
