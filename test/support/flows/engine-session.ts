import pg from 'pg'
import type { FlowPlan } from '../../../src/core/workflow/flow-plan.ts'
import { orderedUuid } from './graph.ts'

export interface SessionJob {
  readonly id: string
  readonly fence: string
  readonly ctid: string
  readonly args: Record<string, unknown>
  readonly owner: string | undefined
  readonly key: string | undefined
}

/** What a job comes to: its result, or `'fail'`. */
export type Outcome = unknown

/** One session that pushes, claims and finishes by the functions of the engine, and says what the rows are. */
export class EngineSession {
  readonly #client: pg.Client
  readonly #schema: string
  readonly worker: string
  /** Of each batch that was finished, the rows that came back. */
  answers: { id: string | null; verdict: string | null; queue: string | null }[] = []

  private constructor(client: pg.Client, schema: string, worker: string) {
    this.#client = client
    this.#schema = schema
    this.worker = worker
  }

  static async open(url: string, schema: string): Promise<EngineSession> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const hand = new EngineSession(client, schema, orderedUuid())
    await hand.sql(`INSERT INTO SCHEMA.queues (name) VALUES ('flows') ON CONFLICT DO NOTHING`)
    await hand.sql(
      `INSERT INTO SCHEMA.workers (id, expires_at) VALUES ($1, now() + interval '1 day')`,
      [hand.worker],
    )
    return hand
  }

  async sql<Row = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#client.query(text.replaceAll('SCHEMA', `"${this.#schema}"`), values))
      .rows as Row[]
  }

  async push(...plans: FlowPlan[]): Promise<{ id: string; created: boolean }[]> {
    return this.sql('SELECT id, created FROM SCHEMA.push_flow_1($1::text::jsonb, false)', [
      JSON.stringify(plans),
    ])
  }

  async claim(most = 1_000): Promise<SessionJob[]> {
    const rows = await this.sql<Record<string, string | null>>(
      `SELECT id, args, fence, ctid, extras FROM SCHEMA.claim_1('flows', $1, $2, '{task}', false)`,
      [this.worker, most],
    )
    return rows.flatMap(({ id, args, fence, ctid, extras }) => {
      if (id == null) return []
      const { owner_id: owner, concurrency_key: key } = JSON.parse(extras ?? '{}')
      return [{ id, fence: fence!, ctid: ctid!, args: JSON.parse(args!), owner, key }]
    })
  }

  async finish(
    jobs: readonly SessionJob[],
    outcomeOf: (job: SessionJob) => Outcome,
  ): Promise<void> {
    if (jobs.length === 0) return
    const outcomes = jobs.map(outcomeOf)
    const isFailed = (outcome: Outcome): boolean => outcome === 'fail'
    const keys = [...new Set(jobs.flatMap(({ key }) => key ?? []))]
    this.answers = await this.sql(
      `SELECT f.id, f.verdict, f.queue FROM SCHEMA.finish_2($1::uuid, $2::tid[], $3::uuid[], $4::bigint[], $5::text[],
         $6::text[], $7::text[], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, $8::text[], NULL, $9::uuid[]) f`,
      [
        this.worker,
        jobs.map(({ ctid }) => ctid),
        jobs.map(({ id }) => id),
        jobs.map(({ fence }) => fence),
        outcomes.map((one) => (isFailed(one) ? 'failed' : 'succeeded')),
        outcomes.map((one) => (isFailed(one) ? null : JSON.stringify(one))),
        outcomes.map((one) => (isFailed(one) ? '{"kind":"error","message":"on purpose"}' : null)),
        keys.length === 0 ? null : keys,
        jobs.flatMap(({ id, owner }) => (owner === undefined ? [] : [id])),
      ],
    )
    await this.follow()
  }

  /** Follows up what the last finish has left. */
  async follow(): Promise<void> {
    let left = this.answers.flatMap(({ id, verdict }) => (verdict === 'left' ? [id] : []))
    while (left.length > 0) {
      const rows = await this.sql<{ verdict: string; owner: string }>(
        'SELECT verdict, owner FROM SCHEMA.flow_1($1::uuid[], true)',
        [left],
      )
      left = rows.flatMap(({ verdict, owner }) => (verdict === 'left' ? [owner] : []))
    }
  }

  /** Runs everything that is there and what it leads to. Returns the arguments of each job, in the order of the claims. */
  async drain(
    outcomeOf: (job: SessionJob) => Outcome = () => null,
  ): Promise<Record<string, unknown>[]> {
    const seen: Record<string, unknown>[] = []
    for (;;) {
      const jobs = await this.claim()
      if (jobs.length === 0) return seen
      seen.push(...jobs.map(({ args }) => args))
      await this.finish(jobs, outcomeOf)
    }
  }

  async flow(id: string): Promise<Record<string, unknown>> {
    const [row] = await this.sql('SELECT * FROM SCHEMA.workflows WHERE id = $1', [id])
    return row!
  }

  /** The states of the steps by name; items of maps as `name[index]`. */
  async states(id: string): Promise<Record<string, string>> {
    const rows = await this.sql<{ name: string; state: string }>(
      `SELECT coalesce(s.name, m.name || '[' || s.item || ']') AS name, s.state
         FROM SCHEMA.steps s LEFT JOIN SCHEMA.steps m ON m.owner_id = s.owner_id AND m.n = s.of_map
        WHERE s.owner_id = $1 ORDER BY s.n`,
      [id],
    )
    return Object.fromEntries(rows.map(({ name, state }) => [name, state]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end()
  }
}
