import type { RuleNode } from '../../core/rule/rule-node.ts'
import type { Value } from '../driver.ts'
import { quoteLiteral } from '../names.ts'
import { type Statement, statement } from '../statement.ts'
import { compileRule, finishedColumns, waitingColumns } from './rules.ts'

/** A table's jobs, or those of the history in one unusual state, which an index has. */
export type MatchedJobs = 'unfinished' | 'failed' | 'cancelled'

/** What a scan of a page found. */
export interface MatchedPage {
  readonly read: number
  /** The last id that was read; null: the page is empty. */
  readonly last_id: string | null
  /** The ids of the rows that fit, with commas; null: none. */
  readonly ids: string | null
}

/** Its values: `after` and `until` are ids, and the page has at most `rows` rows. */
export interface MatchedScan {
  readonly statement: Statement<readonly Value[], MatchedPage>
  values(after: string, until: string, rows: number): readonly Value[]
}

/** Reads a page of jobs by their ids, and says which of them fit a rule. */
export function matchedScan(rule: RuleNode, where: MatchedJobs): MatchedScan {
  const columns = where === 'unfinished' ? waitingColumns('j') : finishedColumns('j')
  const compiled = (now: string) => compileRule(rule, columns, { first: 4, now })
  const { values } = compiled('')
  // By (state, id) and not by id alone: an order by a constant leaves only the id, and for that order the plan
  // might take the index of all ids.
  const bounds =
    where === 'unfinished'
      ? 'j.id > $1::text::uuid'
      : `(j.state, j.id) > (${quoteLiteral(where)}::text, $1::text::uuid)
             AND j.state <= ${quoteLiteral(where)}::text AND j.state <> 'succeeded'::text`
  const order = where === 'unfinished' ? 'j.id' : 'j.state, j.id'
  return {
    statement: statement<readonly Value[], MatchedPage>('scan_jobs', (t) => {
      return `
    WITH page AS MATERIALIZED (
      SELECT j.id, ${compiled(`${t.fn('now')}()`).sql} AS fits
        FROM ${where === 'unfinished' ? t.jobs : t.finishedJobs} j
       WHERE ${bounds} AND j.id <= $2::text::uuid
       ORDER BY ${order}
       LIMIT $3::int
    )
    SELECT pg_catalog.count(*)::int AS read,
           pg_catalog.max(p.id::text COLLATE "C") AS last_id,
           pg_catalog.string_agg(p.id::text, ','::text ORDER BY p.id) FILTER (WHERE p.fits) AS ids
      FROM page p`
    }),
    values: (after, until, rows) => [after, until, rows, ...values],
  }
}

/** The newest of these jobs: what is pushed later does not fit. */
export const newestJob = (where: MatchedJobs): Statement<readonly [], { id: string }> =>
  statement('newest_job', (t) =>
    where === 'unfinished'
      ? `SELECT j.id::text AS id FROM ${t.jobs} j ORDER BY j.id DESC LIMIT 1`
      : `SELECT j.id::text AS id
           FROM ${t.finishedJobs} j
          WHERE j.state = ${quoteLiteral(where)}::text AND j.state <> 'succeeded'::text
          ORDER BY j.state DESC, j.id DESC
          LIMIT 1`,
  )
