/** What the questions name: ids that are there. */
export interface Facts {
  readonly finished: readonly string[]
  readonly failed: readonly string[]
  readonly waiting: readonly string[]
  readonly blocked: readonly string[]
  readonly running: readonly string[]
  readonly workers: readonly string[]
  readonly workflows: readonly string[]
  readonly batches: readonly string[]
  readonly bulk: readonly string[]
  readonly fingerprints: readonly string[]
  readonly groups: readonly string[]
}

type Query = (text: string) => Promise<{ one: string }[]>

export async function readFacts(query: Query, schema: string): Promise<Facts> {
  const some = async (text: string): Promise<string[]> =>
    (await query(text.replaceAll('$', `${schema}.`))).map(({ one }) => one)
  const jobs = (where: string) => some(`SELECT id::text AS one FROM $jobs WHERE ${where} LIMIT 50`)
  const newest = await some(
    `SELECT id::text AS one FROM (SELECT id FROM $finished_jobs TABLESAMPLE SYSTEM (0.5) LIMIT 5000) f ORDER BY md5(id::text) LIMIT 200`,
  )
  return {
    finished: newest,
    failed: await some(
      `SELECT id::text AS one FROM $finished_jobs WHERE state = 'failed' AND finished_at > now() - interval '1 day' LIMIT 50`,
    ),
    waiting: await jobs(`state = 'pending' AND position IS NOT NULL`),
    blocked: await jobs('blocked'),
    running: await jobs(`state = 'running'`),
    workers: await some(`SELECT id::text AS one FROM $workers WHERE revoked_at IS NULL`),
    // The one of a thousand steps too.
    workflows: await some(
      `SELECT id::text AS one FROM $workflows ORDER BY size DESC, id DESC LIMIT 20`,
    ),
    batches: await some(`SELECT id::text AS one FROM $workflows WHERE kind = 'batch' LIMIT 20`),
    bulk: await some(`SELECT id::text AS one FROM $bulk_actions LIMIT 20`),
    // As the API writes them.
    fingerprints: await some(
      `SELECT lpad(to_hex(fingerprint), 16, '0') AS one FROM $failures_groups ORDER BY last_at DESC LIMIT 50`,
    ),
    groups: await some(`SELECT key AS one FROM $concurrency_groups LIMIT 50`),
  }
}
