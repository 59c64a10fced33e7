import { Chancy } from 'chancy'
import pg from 'pg'
import { startProcess, type TestProcess } from '../process.ts'
import { startProxy } from '../proxy.ts'
import { until } from '../until.ts'

const CARRIER = new URL('../processes/bulk-carrier.mjs', import.meta.url)
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

export interface BulkTrialOptions {
  readonly url: string
  readonly schema: string
  /** Failed jobs. */
  readonly jobs: number
  readonly ratePerSecond: number
  /** How often a process that carries the action on is killed. */
  readonly kills: number
}

export interface BulkTrialReport {
  readonly figures: Readonly<Record<string, number>>
  readonly problems: readonly string[]
}

/**
 * Retries failed jobs by a filter. Processes that carry the action on are killed, lose answers to their commits, and
 * stop where it is paused; then some jobs change, and the action is undone. The account is kept by triggers, which note
 * each time that a job comes into a table.
 */
export async function runBulkTrial(options: BulkTrialOptions): Promise<BulkTrialReport> {
  const { url, schema, jobs, ratePerSecond, kills } = options
  const problems: string[] = []
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await using chancy = new Chancy(url, { schema, logger: quiet, notifications: false })
  await chancy.migrate()
  const one = async (text: string): Promise<Record<string, number>> =>
    (await client.query(text.replaceAll('$schema', schema))).rows[0]
  await client.query(fillText(schema, jobs))
  const before = await one(digest('finished_jobs'))
  await using proxy = await startProxy(url)
  let lost = 0
  const carriers = new Set<TestProcess>()
  const begin = (): void => {
    const order = JSON.stringify({ url: proxy.url, schema })
    carriers.add(startProcess(CARRIER, { args: [order] }))
  }
  try {
    begin()
    begin()
    const startedAt = performance.now()
    const { bulk } = chancy
    const where = 'state:failed queue:trial'
    const { id } = await bulk.start({ action: 'retry', where }, { ratePerSecond })
    const done = async (): Promise<number> => (await bulk.get(id))?.done ?? 0
    for (let kill = 1; kill <= kills; kill++) {
      await until(async () => (await done()) >= (jobs * kill) / (kills + 2), patience(jobs))
      const fault = proxy.cutReplies('COMMIT')
      await fault.hit
      lost += fault.hits
      const [victim] = carriers
      victim?.kill('SIGKILL')
      await victim?.exited
      if (victim !== undefined) carriers.delete(victim)
      begin()
    }
    await bulk.pause(id)
    const paused = await done()
    // A step under way when it was paused has ended by then.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    if ((await done()) !== paused) problems.push(`${(await done()) - paused} jobs after the pause`)
    await bulk.resume(id)
    await until(async () => (await bulk.get(id))?.finishedAt != null, patience(jobs))
    const seconds = (performance.now() - startedAt) / 1_000
    const retried = await bulk.get(id)
    const acted = await one(
      'SELECT count(*)::int AS rows, count(DISTINCT id)::int AS jobs FROM $schema.ledger',
    )
    if (acted.rows !== jobs || acted.jobs !== jobs)
      problems.push(`${acted.jobs} of ${jobs} jobs were retried, ${acted.rows} times`)
    if (retried?.done !== jobs) problems.push(`the action counts ${retried?.done} of ${jobs} jobs`)

    await client.query(changeText(schema))
    const changed = await one(
      `SELECT count(*)::int AS jobs FROM $schema.jobs WHERE queue = 'trial' AND fence > 1`,
    )
    const undo = await bulk.undo(id)
    await bulk.setRate(undo.id, 2_000)
    await until(async () => (await bulk.get(undo.id))?.finishedAt != null, patience(jobs))
    const undone = await bulk.get(undo.id)
    const back = await one(digest('finished_jobs'))
    const expected = await one(`${digest('former')} WHERE NOT changed`)
    if (back.rows !== expected.rows || back.sum !== expected.sum)
      problems.push(`${back.rows} jobs are back, ${expected.rows} should be, or they differ`)
    const stay = await one(`SELECT count(*)::int AS jobs FROM $schema.jobs`)
    if (stay.jobs !== changed.jobs) problems.push(`${stay.jobs} wait, ${changed.jobs} should`)
    if (undone?.skipped !== changed.jobs || undone?.done !== jobs - (changed.jobs ?? 0))
      problems.push(`the undo counts ${undone?.done} done and ${undone?.skipped} skipped`)
    const figures = {
      ...{ jobs, retried: acted.jobs ?? 0, 'per second': Math.round(jobs / seconds) },
      ...{ killed: kills, 'answers lost': lost, changed: changed.jobs ?? 0 },
      ...{ undone: undone?.done ?? 0, before: before.rows ?? 0 },
    }
    return { figures, problems }
  } finally {
    for (const carrier of carriers) await carrier[Symbol.asyncDispose]()
    await client.end()
  }
}

const patience = (jobs: number) => ({ timeoutMs: 120_000 + jobs * 40 })

/** All of each row but the order of its keys, as one number. */
function digest(table: string): string {
  const columns = 'id, fence, state, finished_at, attempts, max_attempts, errors, args, wall_ms'
  return `SELECT count(*)::int AS rows, coalesce(sum(hashtext(row(${columns})::text)), 0)::float8 AS sum FROM $schema.${table}`
}

function fillText(schema: string, jobs: number): string {
  return `
    CREATE TABLE ${schema}.ledger (id uuid);
    CREATE FUNCTION ${schema}.note() RETURNS trigger LANGUAGE plpgsql AS
      $do$ BEGIN INSERT INTO ${schema}.ledger VALUES (NEW.id); RETURN NULL; END $do$;
    INSERT INTO ${schema}.finished_jobs (id, fence, created_at, finished_at, state, queue, name, args, priority, attempts,
           max_attempts, crashes, format, errors, wall_ms)
    SELECT ${schema}.new_id(), 1, now(), clock_timestamp(), 'failed', 'trial', 'fails', jsonb_build_object('n', n), 0, 1, 1, 0, 1,
           '[{"kind": "error", "attempt": 1}]', n
      FROM generate_series(1, ${jobs}) AS n;
    CREATE TABLE ${schema}.former AS SELECT f.*, false AS changed FROM ${schema}.finished_jobs f;
    CREATE TRIGGER note AFTER INSERT ON ${schema}.jobs FOR EACH ROW EXECUTE FUNCTION ${schema}.note();`
}

/** Every tenth job has been claimed meanwhile. */
function changeText(schema: string): string {
  return `
    UPDATE ${schema}.former SET changed = true WHERE (args ->> 'n')::int % 10 = 0;
    UPDATE ${schema}.jobs SET fence = fence + 1 WHERE (args ->> 'n')::int % 10 = 0;`
}
