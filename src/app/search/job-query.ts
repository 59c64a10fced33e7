/** The order in which a page continues, and the index that is read: see `sql/functions/find_jobs@1.sql`. */
export type PathName = 'ids' | 'walk' | 'name' | 'args' | 'ended' | 'line' | 'due'

/** Ranges of a number, as bounds, and whether a job without the number fits. */
type Bounded<Name extends string> = { readonly [N in Name]?: readonly number[] } & {
  readonly [N in `${Name}_null`]?: boolean
}

/** What `find_jobs` reads of a filter, as JSON. What is absent restricts nothing. */
export interface JobQuery
  extends Bounded<'scheduled' | 'started' | 'finished' | 'wait' | 'wall' | 'cpu' | 'memory'> {
  readonly path: PathName
  /** Whether jobs that wait or run can fit. */
  readonly live: boolean
  /** Whether jobs that have finished can fit. */
  readonly history: boolean
  /** All jobs that can fit. */
  readonly known?: readonly string[]
  /** Bounds of the ids, both included. */
  readonly low?: string
  readonly high?: string
  /** Bounds of when a job finished, in milliseconds since the epoch, the second one excluded. */
  readonly since?: number
  readonly until?: number
  /** The only queue. */
  readonly of_queue?: string
  /** The only name. */
  readonly of_name?: string
  /** The index knows what they run. */
  readonly of_workers?: readonly string[]
  /** The index knows which unfinished jobs have these keys. */
  readonly of_uniques?: readonly string[]
  /** The index knows their jobs. */
  readonly of_workflows?: readonly string[]
  /** Whether a value of args or meta is asked for, which an index may know. */
  readonly has_value: boolean
  /** Only running jobs fit. */
  readonly is_running: boolean

  readonly states?: readonly string[]
  readonly queues?: readonly string[]
  readonly not_queues?: readonly string[]
  /** Patterns as LIKE has them. */
  readonly seen_queues?: readonly string[]
  readonly names?: readonly string[]
  readonly not_names?: readonly string[]
  readonly id_lows?: readonly string[]
  readonly id_highs?: readonly string[]
  readonly not_id_lows?: readonly string[]
  readonly not_id_highs?: readonly string[]
  readonly groups?: readonly string[]
  readonly not_groups?: readonly string[]
  readonly uniques?: readonly string[]
  readonly not_uniques?: readonly string[]
  readonly workers?: readonly string[]
  readonly not_workers?: readonly string[]
  readonly workflows?: readonly string[]
  readonly not_workflows?: readonly string[]
  readonly failures?: readonly string[]
  readonly not_failures?: readonly string[]
  readonly kinds?: readonly string[]
  readonly not_kinds?: readonly string[]
  readonly created?: readonly number[]
  readonly attempts?: readonly number[]
  readonly priority?: readonly number[]
  /** SQL/JSON paths. */
  readonly args?: string
  readonly meta?: string
}
