import pg from 'pg'
import { orderedUuid, randomOf } from './graph.ts'
import type { TrialReport } from './trial.ts'

/**
 * Batches under concurrent sessions that push, claim and finish by the functions of the engine: some vanish with their
 * claims, some leave out what they were asked to follow up, some cancel, some lose the answer to a push and send it
 * again, and jobs add jobs to their own batch. Afterwards the counts are compared with the rows.
 */
export interface BatchTrialOptions {
  readonly url: string
  readonly schema: string
  readonly seed: number
  readonly batches: number
  /** Jobs that each batch is pushed with, at most. */
  readonly jobs: number
  readonly sessions: number
}

interface Claimed {
  readonly id: string
  readonly args: string
  readonly fence: string
  readonly ctid: string
  readonly extras: string | null
}

const FINISH = `
  SELECT f.id, f.verdict
    FROM SCHEMA.finish_2($1::uuid, $2::tid[], $3::uuid[], $4::bigint[], $5::text[], NULL, $6::text[],
           NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, $7::bigint[], $8::uuid[]) f`
const PUSH = `
  SELECT * FROM SCHEMA.push_batch_1($1, $2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[], $7::int[],
    NULL, NULL, NULL, $8::text[], $9, 0, NULL)`
/** What a batch is when it ends: a job that lives by then is a batch that ended too early. */
const LOG = `
  CREATE TABLE SCHEMA.batch_log (id uuid, living int, is_pushing boolean);
  CREATE FUNCTION SCHEMA.log_batch() RETURNS trigger LANGUAGE plpgsql AS $body$
  BEGIN
    INSERT INTO SCHEMA.batch_log
    SELECT NEW.id, (SELECT count(*) FROM SCHEMA.jobs j WHERE j.owner_id = NEW.id), NEW.pushed_until IS NOT NULL;
    RETURN NULL;
  END $body$;
  CREATE TRIGGER log_batch AFTER UPDATE OF finished_at ON SCHEMA.workflows
    FOR EACH ROW WHEN (NEW.finished_at IS NOT NULL) EXECUTE FUNCTION SCHEMA.log_batch()`
const CALLBACKS = Object.fromEntries(
  ['succeeded', 'failed', 'ended'].map((name) => [name, { name, queue: 'callbacks', priority: 0 }]),
)

export async function runBatchTrial(options: BatchTrialOptions): Promise<TrialReport> {
  const { url, schema, seed } = options
  const text = (sql: string): string => sql.replaceAll('SCHEMA', `"${schema}"`)
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url, application_name: schema })
    client.on('error', () => {})
    await client.connect()
    return client
  }
  const figures = {
    ...{ batches: options.batches, pushed: 0, resent: 0, added: 0, refused: 0 },
    ...{ finishes: 0, left: 0, dropped: 0, vanished: 0, cancels: 0 },
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
  await admin.query(text(LOG))
  await admin.query(
    text(`INSERT INTO SCHEMA.queues (name) VALUES ('flows') ON CONFLICT DO NOTHING`),
  )
  const before = await deadlocks()
  const ids = Array.from({ length: options.batches }, orderedUuid)
  let pushing = options.batches
  let isOver = false
  let idle = 0

  const push = async (
    client: pg.Client,
    batch: string,
    count: number,
    depth: number,
    random: () => number,
  ): Promise<boolean> => {
    const made = Array.from({ length: count }, orderedUuid)
    const values = (again: boolean): unknown[] => [
      ...[batch, made, made.map(() => 'flows'), made.map(() => 'task')],
      ...[made.map(() => JSON.stringify({ depth })), made.map(() => 0), made.map(() => 1)],
      ...[made.map(() => JSON.stringify({ owner_id: batch })), again],
    ]
    try {
      await client.query(text(PUSH), values(false))
      // The answer was lost, and the job may have ended meanwhile.
      if (random() < 0.3) {
        figures.resent++
        await pause(random() * 20)
        await client.query(text(PUSH), values(true))
      }
      return true
    } catch (error) {
      if ((error as { code?: string }).code !== 'CH005') throw error
      figures.refused++
      return false
    }
  }

  const producer = async (index: number): Promise<void> => {
    const random = randomOf(seed * 7_919 + index)
    const client = await connect()
    try {
      for (let n = index; n < ids.length; n += 4) {
        const batch = ids[n]!
        const plan = JSON.stringify({ id: batch, name: 'b', callbacks: CALLBACKS, meta: {} })
        await client.query(text('SELECT SCHEMA.begin_batch_1($1)'), [plan])
        for (let left = Math.floor(random() * options.jobs); left > 0; ) {
          const count = Math.min(left, 1 + Math.floor(random() * 40))
          left -= count
          if (!(await push(client, batch, count, random() < 0.3 ? 2 : 0, random))) break
          figures.pushed += count
          if (random() < 0.1) await pause(random() * 30)
        }
        const why = random() < 0.1 ? '{"kind": "error", "message": "the iterable threw"}' : null
        for (let sends = random() < 0.3 ? 2 : 1; sends > 0; sends--) {
          const { rows } = await client.query(
            text('SELECT * FROM SCHEMA.seal_batch_1($1, $2, false)'),
            [batch, why],
          )
          await follow(client, leftOf(rows, 'owner'), random)
        }
        pushing--
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

  const session = async (index: number): Promise<void> => {
    const random = randomOf(seed * 1_000 + index)
    let client = await connect()
    let worker = await register(client)
    try {
      while (!isOver) {
        const { rows } = await client.query(
          text(
            `SELECT id, args, fence, ctid, extras, summary FROM SCHEMA.claim_1('flows', $1, $2, '{task}', false)`,
          ),
          [worker, 1 + Math.floor(random() * 30)],
        )
        const jobs = rows.filter(({ id }) => id !== null) as Claimed[]
        if (jobs.length === 0) {
          await pause(5 + random() * 15)
          continue
        }
        idle = 0
        if (random() < 0.05) {
          figures.vanished++
          await admin.query(text('UPDATE SCHEMA.workers SET revoked_at = now() WHERE id = $1'), [
            worker,
          ])
          await client.end()
          client = await connect()
          worker = await register(client)
          continue
        }
        for (const one of jobs) {
          const { depth } = JSON.parse(one.args) as { depth: number }
          const { owner_id: owner } = JSON.parse(one.extras ?? '{}') as { owner_id: string }
          if (depth > 0 && (await push(client, owner, 2, depth - 1, random))) figures.added += 2
        }
        if (random() < 0.1) await cancel(client, random)
        await finish(client, worker, Number(JSON.parse(rows[0].summary).claim_seq), jobs, random)
      }
    } finally {
      await client.end()
    }
  }

  const finish = async (
    client: pg.Client,
    worker: string,
    claim: number,
    jobs: readonly Claimed[],
    random: () => number,
  ): Promise<void> => {
    for (let batch = jobs; batch.length > 0; ) {
      const states = batch.map(() => (random() < 0.1 ? 'failed' : 'succeeded'))
      let rows: { id: string | null; verdict: string | null }[]
      try {
        rows = (
          await client.query(text(FINISH), [
            worker,
            batch.map(({ ctid }) => ctid),
            batch.map(({ id }) => id),
            batch.map(({ fence }) => fence),
            states,
            states.map((state) =>
              state === 'failed' ? '{"kind":"error","message":"failed on purpose"}' : null,
            ),
            [claim],
            batch.map(({ id }) => id),
          ])
        ).rows
      } catch (error) {
        if ((error as { code?: string }).code !== 'CH002') throw error
        continue
      }
      figures.finishes++
      await follow(client, leftOf(rows, 'id'), random)
      const again = new Set(rows.flatMap(({ id, verdict }) => (verdict === 'again' ? [id] : [])))
      batch = batch.filter(({ id }) => again.has(id))
    }
  }

  const follow = async (
    client: pg.Client,
    first: readonly string[],
    random: () => number,
  ): Promise<void> => {
    for (let owners = first; owners.length > 0; ) {
      figures.left += owners.length
      if (random() < 0.3) {
        figures.dropped += owners.length
        return
      }
      const { rows } = await client.query(text('SELECT * FROM SCHEMA.flow_1($1::uuid[], true)'), [
        owners,
      ])
      owners = leftOf(rows, 'owner')
    }
  }

  const cancel = async (client: pg.Client, random: () => number): Promise<void> => {
    figures.cancels++
    const batch = ids[Math.floor(random() * ids.length)]
    if (random() < 0.2) {
      await client.query(text('SELECT * FROM SCHEMA.cancel_flow_1($1)'), [batch])
      return
    }
    const { rows } = await client.query(
      text('SELECT id FROM SCHEMA.jobs WHERE owner_id = $1 LIMIT 1'),
      [batch],
    )
    if (rows.length > 0)
      await client.query(text('SELECT * FROM SCHEMA.cancel_1($1, true)'), [rows[0].id])
  }

  const sweeper = async (): Promise<void> => {
    const client = await connect()
    try {
      while (!isOver) {
        await pause(20)
        let done = 0
        for (const sql of [
          'SELECT * FROM SCHEMA.sweep_flows_1(100)',
          'SELECT * FROM SCHEMA.recover_1(1000, 3, 0)',
          'SELECT * FROM SCHEMA.stage_1(1000, NULL)',
        ]) {
          const { rows } = await client.query(text(sql))
          done += rows.filter((row) => row.queue !== null && row.verdict !== 'left').length
        }
        const { rows } = await client.query(
          text(`SELECT (SELECT count(*)::int FROM SCHEMA.step_ends)
                      + (SELECT count(*)::int FROM SCHEMA.jobs WHERE queue = 'flows') AS n`),
        )
        if (done > 0 || rows[0].n > 0 || pushing > 0) idle = 0
        else if (++idle > 12) isOver = true
      }
    } finally {
      await client.end()
    }
  }

  const startedAt = performance.now()
  try {
    await Promise.all(
      [
        ...[sweeper(), ...[0, 1, 2, 3].map(producer)],
        ...Array.from({ length: options.sessions }, (_, n) => session(n)),
      ].map((one) =>
        one.catch((error: Error & { code?: string }) => {
          isOver = true
          problems.push(`${error.code ?? ''} ${error.message}`)
        }),
      ),
    )
    const ms = performance.now() - startedAt
    // The counter is behind by up to a second.
    await pause(1_100)
    const found = (await deadlocks()) - before
    if (found > 0) problems.push(`${found} deadlocks`)
    problems.push(...(await check(admin, text)))
    return { problems, figures: { ...figures, ms: Math.round(ms) } }
  } finally {
    await admin.end()
  }
}

/** Compares what each batch has counted with the history of its jobs, and its callbacks with its state. */
async function check(admin: pg.Client, text: (sql: string) => string): Promise<string[]> {
  const { rows } = await admin.query(
    text(`
    SELECT w.id, w.state, w.stopping, w.open, w.size, w.bad, w.cancelled, l.ends, l.living, l.pushing,
           f.total, f.failed, f.gone, c.names
      FROM SCHEMA.workflows w
     CROSS JOIN LATERAL (SELECT count(*)::int AS ends, coalesce(sum(b.living), 0)::int AS living,
                                bool_or(b.is_pushing) AS pushing
                           FROM SCHEMA.batch_log b WHERE b.id = w.id) l
     CROSS JOIN LATERAL (SELECT count(*)::int AS total, count(*) FILTER (WHERE h.state = 'failed')::int AS failed,
                                count(*) FILTER (WHERE h.state = 'cancelled')::int AS gone
                           FROM SCHEMA.finished_jobs h WHERE h.owner_id = w.id) f
     CROSS JOIN LATERAL (SELECT coalesce(string_agg(j.name, ' ' ORDER BY j.position), '') AS names
                           FROM SCHEMA.jobs j
                          WHERE j.queue = 'callbacks' AND j.args #>> '{batch,id}' = w.id::text) c`),
  )
  const problems: string[] = []
  for (const one of rows) {
    const wrong = (what: string): unknown => problems.push(`batch ${one.id}: ${what}`)
    if (one.state === 'running') wrong(`hangs: ${one.open} are open`)
    if (one.ends !== 1) wrong(`ended ${one.ends} times`)
    if (one.living > 0 || one.pushing) wrong(`ended too early: ${one.living} jobs lived`)
    if (one.open !== 0) wrong(`open is ${one.open}`)
    const counted = [one.size, one.bad, one.cancelled]
    const real = [one.total, one.failed, one.gone]
    if (`${counted}` !== `${real}`) wrong(`counted ${counted}, and they are ${real}`)
    const expected =
      one.stopping === 'cancelled'
        ? 'cancelled'
        : one.stopping !== null || one.failed + one.gone > 0
          ? 'failed'
          : 'succeeded'
    if (one.state !== expected) wrong(`is ${one.state}, and its jobs say ${expected}`)
    const names = expected === 'cancelled' ? 'ended' : `${expected} ended`
    if (one.names !== names) wrong(`pushed "${one.names}", and it is ${expected}`)
  }
  return problems
}

/** Those that are to be followed up. */
function leftOf(rows: readonly Record<string, string | null>[], of: string): string[] {
  return rows.flatMap((row) => (row.verdict === 'left' ? [row[of]!] : []))
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
