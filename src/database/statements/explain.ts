import { statement } from '../statement.ts'

export interface ExplainRow {
  readonly state: string
  readonly queue: string
  readonly name: string
  readonly scheduled_ms: number | null
  readonly run_ms: number | null
  /** Whether it was blocked, or comes after one of its group that is. */
  readonly blocked: boolean
  readonly concurrency_key: string | null
  readonly concurrency_max: number | null
  readonly running: number
  /** JSON array of ids. */
  readonly holders: string
  readonly ahead: number
  readonly queue_state: string | null
  readonly resume_ms: number | null
  readonly tags: string | null
  readonly rate_max: number | null
  readonly rate_per_ms: number | null
  /** Null: a start is left. */
  readonly next_start_ms: number | null
  /** JSON array of `{ id, label, tags, names, queues, refusals, paused }` of the living workers. */
  readonly workers: string
  readonly now_ms: number
  /** Of a suspended job what it waits for: `'steps'` or `'wait'`. */
  readonly waits: 'steps' | 'wait' | null
  /** The workflow that it is a step of, or another owner. */
  readonly workflow: string | null
  /**
   * JSON array of `{ step, job, state }`: the steps that it waits for and that have not ended, by name, the first 101. Of
   * a durable job the waits that are open, as they are stored.
   */
  readonly waits_for: string | null
}

/**
 * Everything that decides whether a waiting job may start. Each part is bounded, so the answer takes
 * as long with a million waiting jobs as with ten. `bound` is how many jobs ahead are counted.
 */
export const explainJob = statement<readonly [id: string, bound: number], ExplainRow>(
  'explain_job',
  (t) => `
    SELECT state, queue, name, scheduled_ms, run_ms, blocked, concurrency_key, concurrency_max,
           running, holders, ahead, queue_state, resume_ms, tags, rate_max, rate_per_ms,
           next_start_ms, workers, now_ms, waits, workflow, waits_for
      FROM ${t.fn('explain')}($1::text::uuid, $2::int)`,
)

export interface ExplainQueueRow {
  readonly queue_state: string | null
  readonly ready: number
  readonly scheduled: number
  readonly backoff: number
  readonly parked: number
  /** Steps of workflows whose turn has not come. */
  readonly dependency: number
  /** Durable jobs that wait without a slot. */
  readonly durable: number
  readonly blocked: number
  /** Whether the walk over all groups ended before the last. */
  readonly blocked_more: boolean
  readonly running: number
  /** Whether the walk over all running jobs ended before the last. */
  readonly running_more: boolean
  readonly tags: string | null
  /** JSON array of `{ id, label, tags, names, queues, refusals, paused }` of the living workers. */
  readonly workers: string
  /** Null: a start is left. */
  readonly next_start_ms: number | null
}

/**
 * Jobs of a queue by what keeps them, each counted to `bound`. Groups with blocked jobs, and running
 * jobs, are scanned in all queues: `maxScanned` of them.
 */
export const explainQueue = statement<
  readonly [queue: string, bound: number, maxScanned: number],
  ExplainQueueRow
>(
  'explain_queue',
  (t) => `
    SELECT queue_state, ready, scheduled, backoff, parked, dependency, durable, blocked, blocked_more,
           running, running_more, tags, workers, next_start_ms
      FROM ${t.fn('explain_queue')}($1::text, $2::int, $3::int)`,
)
