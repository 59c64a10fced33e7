import { Chancy } from 'chancy'
import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { newId } from '../../src/core/reference.ts'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'

const [before, now] = [testSchema(), testSchema()]
const WORKER = '01890000-0000-7000-8000-000000000001'
const BATCH = 500
/** Rounds, of which the least counts: a checkpoint makes the first change of each page write the page. */
const ROUNDS = 3

/** What one statement did. */
interface Cost {
  readonly walBytes: number
  /** Rows written and scans begun, by table. */
  readonly tables: Readonly<Record<string, string>>
}

/** Pushes, claims and finishes a batch of plain jobs, each statement in a transaction of its own. */
async function costs(schema: string, finish: string): Promise<Record<string, Cost>> {
  const all = (value: string) => `array_fill(${value}, ARRAY[${BATCH}])`
  const ids = Array.from({ length: BATCH }, () => newId(Date.now()))
  return withClient(async (client) => {
    const push = await costOf(
      client,
      schema,
      `SELECT * FROM push_1($1::uuid[], '{default}', '{task}', ${all("'{}'::text")}, '{0}', '{3}',
         NULL, NULL, NULL, NULL, false, 0, NULL)`,
      [ids],
    )
    const claim = await costOf(
      client,
      schema,
      `SELECT id, fence, ctid::text AS at FROM claim_1('default', '${WORKER}', ${BATCH}, '{task}', true)`,
    )
    const { rows } = await client.query<{ id: string; fence: string; at: string }>(
      `SELECT id::text, fence::text, ctid::text AS at FROM ${schema}.jobs ORDER BY position`,
    )
    expect(rows).toHaveLength(BATCH)
    const done = await costOf(
      client,
      schema,
      `SELECT * FROM ${finish}('${WORKER}', $1::tid[], $2::uuid[], $3::bigint[], NULL, NULL, NULL, NULL, NULL, NULL,
         NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL)`,
      [rows.map(({ at }) => at), rows.map(({ id }) => id), rows.map(({ fence }) => fence)],
    )
    const left = await client.query(`SELECT FROM ${schema}.jobs`)
    expect(left.rows).toHaveLength(0)
    return { push, claim, finish: done }
  }, databaseUrl(schema))
}

async function costOf(
  client: pg.Client,
  schema: string,
  text: string,
  values: unknown[] = [],
): Promise<Cost> {
  await client.query('BEGIN')
  await client.query(`SET LOCAL search_path = ${schema}`)
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: { 'WAL Bytes': number } }] }>(
    `EXPLAIN (ANALYZE, WAL, TIMING OFF, FORMAT JSON) ${text}`,
    values,
  )
  const counted = await client.query<{ name: string; counts: string }>(
    `SELECT regexp_replace(relname, '_\\d+$', '') AS name,
            format('%s inserted, %s updated (%s in place), %s deleted, %s sequential scans', n_tup_ins, n_tup_upd,
                   n_tup_hot_upd, n_tup_del, seq_scan) AS counts
       FROM pg_stat_xact_user_tables
      WHERE schemaname = '${schema}' AND (n_tup_ins + n_tup_upd + n_tup_del + seq_scan + idx_scan > 0)
      ORDER BY 1`,
  )
  await client.query('COMMIT')
  return {
    walBytes: rows[0]!['QUERY PLAN'][0].Plan['WAL Bytes'],
    tables: Object.fromEntries(counted.rows.map(({ name, counts }) => [name, counts])),
  }
}

async function prepared(schema: string, to?: number): Promise<void> {
  await using chancy = new Chancy(databaseUrl(schema), { schema, notifications: false })
  await chancy.migrate(to === undefined ? {} : { to })
  await withClient(async (client) => {
    await client.query(`INSERT INTO ${schema}.queues (name) VALUES ('default')`)
    await client.query(
      `INSERT INTO ${schema}.workers (id, expires_at) VALUES ('${WORKER}', 'infinity')`,
    )
  }, databaseUrl(schema))
}

describe('a batch of plain jobs', () => {
  it('writes the same rows by the same scans as without workflows, and as many bytes of WAL', async () => {
    await prepared(before, 1)
    await prepared(now)
    const least: Record<string, Record<string, number>> = { before: {}, now: {} }
    for (let round = 0; round < ROUNDS; round++) {
      const [old, own] = [await costs(before, 'finish_1'), await costs(now, 'finish_2')]
      for (const step of ['push', 'claim', 'finish']) {
        expect(own[step]!.tables, step).toEqual(old[step]!.tables)
        for (const [of, { [step]: cost }] of [
          ['before', old],
          ['now', own],
        ] as const) {
          const bytes = least[of]!
          bytes[step] = Math.min(bytes[step] ?? Number.POSITIVE_INFINITY, cost!.walBytes)
        }
      }
    }
    const sum = (of: string): number => Object.values(least[of]!).reduce((all, one) => all + one, 0)
    const ratio = sum('now') / sum('before')
    expect(ratio, JSON.stringify(least)).toBeGreaterThan(0.99)
    expect(ratio, JSON.stringify(least)).toBeLessThan(1.01)
  })
})
