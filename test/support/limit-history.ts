/**
 * What happened to every job, in the order in which the database committed it, and what must hold of
 * that. Needs `track_commit_timestamp`, which the server of the tests has on.
 */
import pg from 'pg'
import { sql } from './app.ts'
import { databaseUrl } from './database.ts'
import { OrderOfGroups } from './order-of-groups.ts'

interface Step {
  readonly id: string
  readonly op: 'INSERT' | 'UPDATE' | 'DELETE'
  readonly state: string
  readonly key: string | null
  readonly max: number | null
  readonly queue: string
  readonly unique_key: string | null
  readonly fence: number
  readonly priority: number
  readonly seq: number | null
  readonly blocked: boolean
  readonly was_blocked: boolean | null
  readonly started_us: string | null
  readonly at: string
}

/** Steps that are read at a time, so that a run of a million jobs fits into memory. */
const PAGE = 20_000

export interface Rate {
  readonly queue: string
  readonly max: number
  readonly perMs: number
}

export interface Verdict {
  readonly starts: number
  /** The most that ever ran concurrently, by group. */
  readonly most: ReadonlyMap<string, number>
  readonly faults: readonly string[]
}

/** Notes from now on. The table is emptied when it is there. */
export async function keepHistory(schema: string): Promise<void> {
  await sql(
    schema,
    `CREATE TABLE IF NOT EXISTS $schema.limit_history (
       n bigserial PRIMARY KEY, xid xid NOT NULL DEFAULT pg_current_xact_id()::xid, id uuid, op text,
       state text, key text, max int, queue text, unique_key text, fence float8, started_at timestamptz,
       priority int, seq float8, blocked boolean, was_blocked boolean);
     TRUNCATE $schema.limit_history;
     CREATE OR REPLACE FUNCTION $schema.note_limit_history() RETURNS trigger LANGUAGE plpgsql AS $body$
     DECLARE j record := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
     BEGIN
       IF TG_OP = 'UPDATE' AND OLD.state = NEW.state AND OLD.fence = NEW.fence
          AND OLD.blocked = NEW.blocked THEN RETURN NULL; END IF;
       INSERT INTO $schema.limit_history
              (id, op, state, key, max, queue, unique_key, fence, started_at, priority, seq, blocked,
               was_blocked)
       VALUES (j.id, TG_OP, j.state, j.concurrency_key, j.concurrency_max, j.queue, j.unique_key,
               j.fence, j.started_at, j.priority, j.seq, j.blocked,
               CASE WHEN TG_OP = 'UPDATE' THEN OLD.blocked END);
       RETURN NULL;
     END $body$;
     CREATE OR REPLACE TRIGGER limit_history AFTER INSERT OR UPDATE OR DELETE ON $schema.jobs
       FOR EACH ROW EXECUTE FUNCTION $schema.note_limit_history()`,
  )
}

/**
 * Goes through the commits one by one. The rule of a group: a job starts while fewer than its own max
 * run, so the max of a group may change from job to job, and nothing stops that runs already. What
 * was blocked is overtaken by no younger job of its group.
 */
export async function judge(schema: string, rates: readonly Rate[] = []): Promise<Verdict> {
  const faults: string[] = []
  const running = new Map<string, Set<string>>()
  const live = new Map<string, Set<string>>()
  const fences = new Map<string, number>()
  const most = new Map<string, number>()
  const starts = new Map<string, number[]>()
  const order = new OrderOfGroups()
  let count = 0
  for await (const commit of commits(schema)) {
    const started = commit.filter(({ op, state }) => op !== 'DELETE' && state === 'running')
    for (const { key, id } of commit) if (key !== null) put(running, key, id, false)
    for (const step of started) {
      count++
      const before = fences.get(step.id) ?? -1
      if (step.fence <= before) faults.push(`${step.id}: fence ${step.fence} twice`)
      const times = starts.get(step.queue) ?? []
      times.push(Number(step.started_us))
      starts.set(step.queue, times)
    }
    // Of those that one commit starts each sees the ones before it. If any order keeps the rule, this does.
    for (const { key, id, max } of started.sort((a, b) => (a.max ?? 1) - (b.max ?? 1))) {
      if (key === null) continue
      const used = put(running, key, id, true)
      most.set(key, Math.max(used, most.get(key) ?? 0))
      if (used > (max ?? 1)) faults.push(`${key}: ${used} run, and ${max} may`)
    }
    faults.push(...order.committed(commit))
    for (const step of commit) {
      fences.set(step.id, step.fence)
      if (step.unique_key !== null) put(live, step.unique_key, step.id, step.op !== 'DELETE')
    }
    for (const { unique_key } of commit) {
      const alike = unique_key === null ? 0 : live.get(unique_key)!.size
      if (alike > 1) faults.push(`${unique_key}: ${alike} live jobs`)
    }
  }
  for (const { queue, max, perMs } of rates) {
    const times = (starts.get(queue) ?? []).sort((a, b) => a - b)
    for (let n = max; n < times.length; n++) {
      const took = times[n]! - times[n - max]!
      if (took < perMs * 1_000) faults.push(`${queue}: ${max + 1} starts within ${took} µs`)
    }
  }
  return { starts: count, most, faults }
}

/** What was committed at one time, in order. */
async function* commits(schema: string): AsyncGenerator<Step[]> {
  let commit: Step[] = []
  for await (const step of stepsOf(schema)) {
    if (commit.length > 0 && commit[0]!.at !== step.at) {
      yield commit
      commit = []
    }
    commit.push(step)
  }
  if (commit.length > 0) yield commit
}

async function* stepsOf(schema: string): AsyncGenerator<Step> {
  const client = new pg.Client({ connectionString: databaseUrl(schema) })
  await client.connect()
  try {
    await client.query('BEGIN')
    await client.query(
      `DECLARE steps NO SCROLL CURSOR FOR
       SELECT id, op, state, key, max, queue, unique_key, fence, priority, seq, blocked, was_blocked,
              (extract(epoch FROM started_at) * 1000000)::bigint::text AS started_us,
              (extract(epoch FROM pg_xact_commit_timestamp(xid)) * 1000000)::bigint::text AS at
         FROM ${schema}.limit_history ORDER BY pg_xact_commit_timestamp(xid), n`,
    )
    for (;;) {
      const { rows } = await client.query<Step>(`FETCH ${PAGE} FROM steps`)
      if (rows.length === 0) return
      yield* rows
    }
  } finally {
    await client.end()
  }
}

/** How many the set has then. */
function put(sets: Map<string, Set<string>>, key: string, id: string, isIn: boolean): number {
  const set = sets.get(key) ?? new Set()
  sets.set(key, set)
  if (isIn) set.add(id)
  else set.delete(id)
  return set.size
}
