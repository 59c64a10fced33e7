import { statement } from '../statement.ts'
import type { FlowRow } from './flow-row.ts'
import type { ArrayText } from './jobs.ts'

/** What was left of the ends of steps of these owners. Waits for each that another transaction holds. */
export const followFlows = statement<readonly [owners: ArrayText], FlowRow>(
  'follow_flows',
  (t) => `
    SELECT verdict, owner::text AS owner, name
      FROM ${t.fn('flow')}($1::text::uuid[], true)`,
)

/** What each worker does now and then: ends that were left, deadlines, cancels, what is kept no longer. */
export const sweepFlows = statement<readonly [maxOwners: number], FlowRow>(
  'sweep_flows',
  (t) => `
    SELECT verdict, owner::text AS owner, name
      FROM ${t.fn('sweep_flows')}($1::int)`,
)

/** Makes a batch without jobs: a JSON object of `begin_batch`. Called again it changes nothing. */
export const beginBatch = statement<readonly [plan: string], never>(
  'begin_batch',
  (t) => `SELECT ${t.fn('begin_batch')}($1::text::jsonb)`,
)

/** Says that the process that pushes the jobs of a batch lives. */
export const renewBatch = statement<readonly [id: string], { readonly is_open: boolean }>(
  'renew_batch',
  (t) => `SELECT ${t.fn('renew_batch')}($1::text::uuid) AS is_open`,
)

/** Says that all jobs of a batch are pushed, or (a JSON object of kind and message) why no more come. */
export const sealBatch = statement<
  readonly [id: string, why: string | null, isOwn: boolean],
  FlowRow
>(
  'seal_batch',
  (t) => `
    SELECT verdict, owner::text AS owner, name
      FROM ${t.fn('seal_batch')}($1::text::uuid, $2::text::jsonb, $3::boolean)`,
)

export interface PushedFlowRow {
  /** Which of the plans, from 1. */
  readonly n: number
  /** The workflow that stands for it: its own id, or that of the one that holds its unique key. */
  readonly id: string
  /** Whether it was created by this push, or an earlier try of it. */
  readonly created: boolean
}

/**
 * Pushes workflows: a JSON array of `FlowPlan`. Pushed again after a lost answer it finds what the first try has
 * written. `lockMs`: how long to wait for a unique key that an open transaction holds; 0: as the session says.
 */
export const pushFlows = statement<
  readonly [plans: string, notifying: boolean, lockMs: number],
  PushedFlowRow
>(
  'push_flows',
  (t) => `
    SELECT n, id::text AS id, created
      FROM ${t.fn('push_flow')}($1::text::jsonb, $2::boolean, $3::int)`,
)

/** A page of what the jobs of a map gave, for an attempt of another step: see the function. */
export const readOutputs = statement<
  readonly [job: string, fence: string, worker: string, step: string, after: number],
  {
    readonly verdict: 'item' | 'more' | 'end' | 'lost' | 'unknown' | 'no-map' | 'open'
    /** JSON text of an item. */
    readonly result: string | null
  }
>(
  'read_outputs',
  (t) => `
    SELECT verdict, result
      FROM ${t.fn('outputs')}($1::text::uuid, $2::text::bigint, $3::text::uuid, $4::text, $5::int)`,
)

export interface CancelledFlowRow {
  /** `requested`: some of it runs, or is left. */
  readonly verdict: 'cancelled' | 'requested' | 'finished' | 'unknown'
  /** It is to be called again: one transaction changes a thousand steps at most. */
  readonly is_left: boolean
  readonly is_batch: boolean
  /** JSON array of the running jobs that were asked to stop, or null. */
  readonly asked: string | null
  /** JSON array of the concurrency groups that lost a waiting job, or null. */
  readonly freed: string | null
}

export const cancelFlow = statement<readonly [id: string], CancelledFlowRow>(
  'cancel_flow',
  (t) => `
    SELECT verdict, is_left, is_batch, pg_catalog.to_json(asked)::text AS asked, pg_catalog.to_json(freed)::text AS freed
      FROM ${t.fn('cancel_flow')}($1::text::uuid)`,
)

export interface RetriedFlowRow {
  /**
   * `retried`; `again`: call it once more; `stopping`: it is being cancelled and has not ended; `batch`; `unknown`;
   * `unknown-step` and `job-gone` (a step that succeeded, whose job is kept no longer) with the name in `detail`;
   * otherwise the state of the workflow: there is nothing to retry.
   */
  readonly verdict: string
  /** How many steps are open again. */
  readonly steps: number
  readonly detail: string | null
  /** JSON array of the queues that have jobs, or null. */
  readonly queues: string | null
}

/** Runs steps again: those of these names with all behind them, or (null) the failed and cancelled ones. */
export const retryFlow = statement<
  readonly [id: string, names: ArrayText | null, notifying: boolean],
  RetriedFlowRow
>(
  'retry_flow',
  (t) => `
    SELECT verdict, steps, detail, pg_catalog.to_json(queues)::text AS queues
      FROM ${t.fn('retry_flow')}($1::text::uuid, $2::text::text[], NULL, $3::boolean)`,
)

interface FlowColumns {
  readonly id: string
  readonly name: string
  readonly state: 'running' | 'succeeded' | 'failed' | 'cancelled'
  /** Why what is open of it is being cancelled: nothing of it starts any more. */
  readonly stopping: 'cancelled' | 'deadline' | 'failure' | null
  readonly priority: number
  readonly unique_key: string | null
  readonly created_ms: number
  readonly deadline_ms: number | null
  readonly finished_ms: number | null
  readonly expires_ms: number | null
  /** JSON text of an object, or null: none. */
  readonly meta: string | null
  /** JSON text. Null unless it succeeded. */
  readonly output: string | null
  /** JSON text of `{ step, kind, message }`; `step` is null where none is the reason. */
  readonly failure: string | null
  readonly kind: 'workflow' | 'batch'
  /** Of a batch: jobs that were pushed, failed and were cancelled; `open`: those that have not ended. */
  readonly total: number
  readonly failed: number
  readonly cancelled: number
  readonly open: number
  /** Whether more jobs of a batch are being pushed. */
  readonly is_pushing: boolean
}

export interface FlowDetails extends FlowColumns {
  /** JSON array of `StoredStep`, in the order of `n`. */
  readonly steps: string
}

/** A step as `get_flow` gives it; what is null is left out. */
export interface StoredStep {
  readonly n: number
  /** Left out: an item of a map. */
  readonly name?: string
  /** `waiting`, `skipped`, or that of its job; of a map that has begun `running`. */
  readonly state: string
  readonly deps?: readonly number[]
  readonly runWhen: string
  readonly mayFail: boolean
  /** The id of its job. Left out: a map, or the begin or the end of an included workflow. */
  readonly job?: string
  /** Of an item: the `n` of its map, and its index in the list. */
  readonly ofMap?: number
  readonly item?: number
  readonly endedMs?: number
  readonly error?: { readonly kind?: string; readonly message?: string; readonly step?: string }
}

export const getFlow = statement<readonly [id: string], FlowDetails>(
  'get_flow',
  (t) => `
    SELECT id, name, state, stopping, priority, unique_key, created_ms, deadline_ms, finished_ms, expires_ms,
           meta, output, failure, kind, total, failed, cancelled, open, is_pushing, steps
      FROM ${t.fn('get_flow')}($1::text::uuid)`,
)

/** Only ids and states. */
export const getFlowStates = statement<
  readonly [ids: ArrayText],
  { readonly id: string; readonly state: FlowColumns['state'] }
>(
  'get_flow_states',
  (t) => `SELECT id::text AS id, state FROM ${t.fn('flow_states')}($1::text::uuid[])`,
)

export interface ListedFlow extends FlowColumns {
  /** JSON object of numbers by state: waiting, open (ready, running or retrying), succeeded, failed, cancelled, skipped. */
  readonly counts: string
}

/** The newest first; `after` is the last id of the previous page. */
export const listFlows = statement<
  readonly [
    name: string | null,
    state: string | null,
    uniqueKey: string | null,
    after: string | null,
    limit: number,
    kind: string | null,
  ],
  ListedFlow
>(
  'list_flows',
  (t) => `
    SELECT id, name, state, stopping, priority, unique_key, created_ms, deadline_ms, finished_ms, expires_ms,
           meta, output, failure, kind, total, failed, cancelled, open, is_pushing, counts
      FROM ${t.fn('list_flows')}($1::text, $2::text, $3::text, $4::text::uuid, $5::int, $6::text)`,
)
