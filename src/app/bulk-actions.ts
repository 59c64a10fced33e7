import { checkOneOf, checkOptions, inspect } from '../core/check.ts'
import { ConfigError, isChancyError } from '../core/errors.ts'
import { JOB_STATES, type JobState } from '../core/queued-job.ts'
import { parseRule, type Rule, rule } from '../core/rule/rule.ts'
import { parseRuleNode, type RuleNode } from '../core/rule/rule-node.ts'
import { plainArray } from '../database/array-literal.ts'
import { cancelMany, retryMany } from '../database/statements/jobs.ts'
import { type MatchedJobs, matchedScan, newestJob } from '../database/statements/matching-jobs.ts'
import type { JobActions } from './job-actions.ts'
import type { StatementRunner } from './statement-runner.ts'

/** Which jobs: those that fit all that is given, at least one of these. */
export interface BulkFilter {
  readonly queue?: string | undefined
  readonly name?: string | undefined
  readonly state?: JobState | undefined
  readonly where?: Rule | undefined
}

/** How many jobs fit, and what became of them. */
export interface CancelCounts {
  readonly matched: number
  readonly cancelled: number
  /** They run, and are asked to stop. */
  readonly requested: number
  /** They ended meanwhile. */
  readonly finished: number
}

/** How many jobs fit, and how many of them wait again. */
export interface RetryCounts {
  readonly matched: number
  readonly retried: number
  /** Another job has their unique key, or their state has changed meanwhile. */
  readonly refused: number
}

/** How `cancelAll` and `retryAll` go about it. */
export interface BulkOptions<Counts> {
  /** Counts and changes nothing. Default: false. */
  readonly dryRun?: boolean
  /** Ends it between two batches, with the signal's reason. */
  readonly signal?: AbortSignal
  /** Called after each batch. */
  readonly onProgress?: (counts: Counts) => void
}

/** Rows that one statement reads, and changes. */
const PAGE_ROWS = 10_000
const BATCH = 1_000
/** Jobs that are tried alone, concurrently. */
const ALONE = 8
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'
const FILTER = ['queue', 'name', 'state', 'where']
const OPTIONS = ['dryRun', 'signal', 'onProgress']
const RETRIED: readonly JobState[] = ['failed', 'cancelled']

/**
 * Cancels and retries jobs by a filter: pages of ids by statements that change nothing, then each batch in one
 * transaction. Jobs that another transaction holds are left for last in their batch, one by one.
 */
export class BulkActions {
  readonly #statements: StatementRunner
  readonly #actions: JobActions
  readonly #notifying: boolean

  constructor(statements: StatementRunner, actions: JobActions, notifying: boolean) {
    this.#statements = statements
    this.#actions = actions
    this.#notifying = notifying
  }

  async cancel(filter: unknown, options: unknown): Promise<CancelCounts> {
    const counts = { matched: 0, cancelled: 0, requested: 0, finished: 0 }
    const node = nodeOf(filter, 'cancelAll')
    await this.#each(node, ['unfinished'], options, 'cancelAll', counts, async (ids) => {
      const values = [plainArray(ids), this.#notifying] as const
      const rows = await this.#statements.engine(cancelMany, values)
      for (const { verdict } of rows) counts[verdict] += 1
      await this.#actions.cancelled(rows)
      await this.#alone(ids, rows, async (id) => {
        const verdict = await this.#actions.cancel(id)
        counts[verdict === 'unknown' ? 'finished' : verdict] += 1
      })
    })
    return counts
  }

  async retry(filter: unknown, options: unknown): Promise<RetryCounts> {
    const counts = { matched: 0, retried: 0, refused: 0 }
    const node = nodeOf(filter, 'retryAll')
    const { state } = filter as BulkFilter
    if (state !== undefined) checkOneOf(state, RETRIED, 'retryAll: state')
    const where = (state === undefined ? RETRIED : [state]) as readonly MatchedJobs[]
    await this.#each(node, where, options, 'retryAll', counts, async (ids) => {
      const values = [plainArray(ids), this.#notifying] as const
      const rows = await this.#statements.engine(retryMany, values)
      counts.retried += rows.length
      this.#actions.retried(rows)
      await this.#alone(ids, rows, async (id) => {
        counts[(await this.#isRetried(id)) ? 'retried' : 'refused'] += 1
      })
    })
    return counts
  }

  async #each<Counts extends { matched: number }>(
    node: RuleNode,
    tables: readonly MatchedJobs[],
    options: unknown,
    what: string,
    counts: Counts,
    change: (ids: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const { dryRun = false, signal, onProgress } = bulkOptions<Counts>(options, what)
    for (const table of tables) {
      const scan = matchedScan(node, table)
      const [newest] = await this.#statements.read(newestJob(table), [])
      for (let after: string | null = newest === undefined ? null : BEFORE_ALL; after !== null; ) {
        signal?.throwIfAborted()
        const values = scan.values(after, newest?.id ?? after, PAGE_ROWS)
        const [page] = await this.#statements.read(scan.statement, values)
        const ids = page?.ids?.split(',') ?? []
        counts.matched += ids.length
        for (let n = 0; n < ids.length && !dryRun; n += BATCH) {
          signal?.throwIfAborted()
          await change(ids.slice(n, n + BATCH))
          onProgress?.({ ...counts })
        }
        after = (page?.read ?? 0) < PAGE_ROWS ? null : (page?.last_id ?? null)
      }
    }
  }

  /** Those that are not in the answer. */
  async #alone(
    ids: readonly string[],
    rows: readonly { readonly id: string }[],
    act: (id: string) => Promise<void>,
  ): Promise<void> {
    const done = new Set(rows.map(({ id }) => id))
    const left = ids.filter((id) => !done.has(id))
    for (let n = 0; n < left.length; n += ALONE)
      await Promise.all(left.slice(n, n + ALONE).map(act))
  }

  async #isRetried(id: string): Promise<boolean> {
    try {
      await this.#actions.retry(id)
      return true
    } catch (error) {
      const codes = ['UNIQUE_KEY_TAKEN', 'JOB_STATE_CONFLICT', 'JOB_NOT_FOUND']
      if (isChancyError(error) && codes.includes(error.code)) return false
      throw error
    }
  }
}

function nodeOf(given: unknown, what: string): RuleNode {
  const filter = checkOptions(given, FILTER, what) as BulkFilter
  const { queue, name, state, where } = filter
  const rules = [
    ...(queue === undefined ? [] : [rule.queue.eq(queue)]),
    ...(name === undefined ? [] : [rule.name.eq(name)]),
    ...(state === undefined
      ? []
      : [rule.state.eq(checkOneOf(state, JOB_STATES, `${what}: state`))]),
    ...(where === undefined ? [] : [parseRule(where)]),
  ]
  const [first, ...others] = rules
  if (first === undefined) {
    throw new ConfigError(
      `${what}: expected at least one of queue, name, state and where, got ${inspect(given)}. For all jobs give a rule that is always true: { where: rule.name.ne(null) }.`,
    )
  }
  return parseRuleNode(first.and(...others).toJSON())
}

function bulkOptions<Counts>(given: unknown, what: string): BulkOptions<Counts> {
  const options = checkOptions(given, OPTIONS, what) as BulkOptions<Counts>
  const { dryRun = false } = options
  if (typeof dryRun === 'boolean') return options
  throw new ConfigError(`${what}: dryRun: expected true or false, got ${inspect(dryRun)}.`)
}
