import type { Value } from '../../database/driver.ts'
import type { Names } from '../../database/names.ts'
import { type Statement, statement } from '../../database/statement.ts'
import { compileRule, dueTime, waitingColumns } from '../../database/statements/rules.ts'
import type { Raise } from './raise.ts'

/**
 * Settings of a transaction. The plans go along indexes, whatever the planner believes of the table. A scan may
 * have to pass over what a long-running transaction keeps of removed rows: it ends after a while.
 */
export const limitStep = statement<readonly [timeoutMs: string], never>(
  'limit_raising',
  () => `
    SELECT pg_catalog.set_config('statement_timeout', $1::text, true) AS statement_timeout,
           pg_catalog.set_config('enable_seqscan', 'off', true) AS enable_seqscan,
           pg_catalog.set_config('enable_bitmapscan', 'off', true) AS enable_bitmapscan,
           pg_catalog.set_config('enable_hashjoin', 'off', true) AS enable_hashjoin,
           pg_catalog.set_config('enable_mergejoin', 'off', true) AS enable_mergejoin,
           pg_catalog.set_config('jit', 'off', true) AS jit`,
)

/** What a scan of a page found. */
export interface Page {
  readonly read: number
  /** Null: the page is empty. */
  readonly last_id: string | null
  /** Of the jobs that are to be raised, an array literal; null: none. */
  readonly ids: string | null
}

export interface Raised {
  readonly raised: number
  /** The groups whose order has changed, an array literal. Null: none. */
  readonly keys: string | null
}

export interface RaiseStatements {
  readonly scan: Statement<readonly Value[], Page>
  scanValues(after: string, rows: number): readonly Value[]
  readonly raise: Statement<readonly Value[], Raised>
  raiseValues(ids: string): readonly Value[]
}

/**
 * The priority that a job has by its waiting: null where no rule fits. It depends on the time alone that the job
 * has waited, so that raising ends, and a second leader does no more than the first.
 */
function wantedPriority(raises: readonly Raise[], t: Names | null, first: number) {
  const values: Value[] = []
  const now = t === null ? '' : `${t.fn('now')}()`
  const due = dueTime('j')
  const all = raises.map(({ node, by, perMs, to }) => {
    const at = first + values.length
    const rule = compileRule(node, waitingColumns('j'), { first: at + 3, now })
    values.push(by, perMs, to, ...rule.values)
    const waitedMs = `pg_catalog.date_part('epoch', ${now} - ${due}) * 1000::float8`
    // From an infinite time nothing can be subtracted before PostgreSQL 17.
    return `CASE WHEN pg_catalog.isfinite(${due}) AND ${due} <= ${now} AND ${rule.sql}
                 THEN least($${at}::float8 * pg_catalog.floor(${waitedMs} / $${at + 1}::float8), $${at + 2}::float8) END`
  })
  return { sql: `greatest(${all.join(',\n')})`, values }
}

const isRaised = (wanted: string): string =>
  `j.state IN ('pending', 'retrying') AND (${wanted} > j.priority::float8) IS TRUE`

export function raiseStatements(raises: readonly Raise[]): RaiseStatements {
  const scanned = wantedPriority(raises, null, 3).values
  const raised = wantedPriority(raises, null, 2).values
  return {
    /** Reads jobs by their ids, and says which of them are to be raised. */
    scan: statement('scan_waiting', (t) => {
      const wanted = wantedPriority(raises, t, 3).sql
      return `
    WITH page AS MATERIALIZED (
      SELECT j.id, ${isRaised(wanted)} AS fits
        FROM ${t.jobs} j
       WHERE j.id > $1::uuid
       ORDER BY j.id
       LIMIT $2::int
    )
    SELECT pg_catalog.count(*)::int AS read, pg_catalog.max(p.id::text COLLATE "C") AS last_id,
           (pg_catalog.array_agg(p.id) FILTER (WHERE p.fits))::text AS ids
      FROM page p`
    }),
    scanValues: (after, rows) => [after, rows, ...scanned],
    /**
     * Raises these jobs as far as they have waited by now. A job that is locked is left to the next pass: a claim or a
     * sweep of its group has it. One that is out of the queue's order, since it is blocked, parked or not staged
     * yet, stays there.
     *
     * One in the order gets a new position, in front of its new equals: the watermark of that priority may be
     * beyond its former one, and then no scan would find it. All are locked, and so the transaction has its id,
     * before the first position is drawn: see ENGINE.md, Watermarks.
     *
     * One with a concurrency limit is blocked instead, and its group makes as many ready as fit, in the same
     * transaction. What stands at the front counts as made ready: with more there than fit, no finish would make
     * another one ready, and the claims would block them all.
     */
    raise: statement('raise_priority', (t) => {
      const wanted = wantedPriority(raises, t, 2).sql
      return `
    WITH locked AS MATERIALIZED (
      SELECT h.tid, h.wanted, h.seq, h.is_placed, h.is_limited
        FROM unnest($1::text::uuid[]) AS d(id)
       CROSS JOIN LATERAL (
               SELECT j.ctid AS tid, (${wanted})::int AS wanted, j.seq,
                      j.position IS NOT NULL AND j.concurrency_key IS NULL AS is_placed,
                      j.concurrency_key IS NOT NULL AND (j.position IS NOT NULL OR j.blocked)
                        AS is_limited
                 FROM ${t.jobs} j
                WHERE j.id = d.id AND ${isRaised(wanted)}
                  FOR NO KEY UPDATE SKIP LOCKED) h
    ), placed AS MATERIALIZED (
      SELECT s.tid, s.wanted, s.is_limited,
             CASE WHEN s.is_placed THEN pg_catalog.nextval(${t.sequence('requeue_positions')}) END
               AS position
        FROM (SELECT l.tid, l.wanted, l.is_placed, l.is_limited FROM locked l ORDER BY l.seq) s
    ), raised AS (
      UPDATE ${t.jobs} j
         SET priority = p.wanted, position = p.position, blocked = j.blocked OR p.is_limited
        FROM placed p
       WHERE j.ctid = p.tid
      RETURNING CASE WHEN p.is_limited THEN j.concurrency_key::text END AS key
    )
    SELECT pg_catalog.count(*)::int AS raised,
           (pg_catalog.array_agg(DISTINCT r.key) FILTER (WHERE r.key IS NOT NULL))::text AS keys
      FROM raised r`
    }),
    raiseValues: (ids) => [ids, ...raised],
  }
}
