/**
 * What ends of steps led to, a row each:
 *
 * - `left`: the owner needs another call of `flow`, with `wait`, in a transaction of its own;
 * - `ready`, `scheduled`: jobs of the queue `name` got a position, or a time;
 * - `freed`: the group `name` lost a waiting job;
 * - `asked`: the running job `owner` was asked to stop;
 * - `ended`: the job `owner` ended without having run, in the state `name`;
 * - `finished`, `batch`: the workflow or batch `owner` ended, in the state `name`;
 * - `removed`: `name` rows of workflows whose retention has passed are gone.
 */
export type FlowVerdict =
  | 'left'
  | 'ready'
  | 'scheduled'
  | 'freed'
  | 'asked'
  | 'ended'
  | 'finished'
  | 'batch'
  | 'removed'

export interface FlowRow {
  readonly verdict: FlowVerdict
  readonly owner: string | null
  readonly name: string | null
}

const OF_FLOWS: ReadonlySet<string | null> = new Set([
  'left',
  'scheduled',
  'freed',
  'asked',
  'ended',
  'finished',
  'batch',
])

/** Whether a verdict of a finish is about a workflow, and not about a job of the batch or a queue. */
export const isOfFlow = (verdict: string | null): verdict is FlowVerdict => OF_FLOWS.has(verdict)
