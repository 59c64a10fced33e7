/** Jobs of a queue, as they were last counted: see `countedAt`. */
export interface QueueCounts {
  readonly queue: string
  /** Jobs that could run, without those that are parked. */
  readonly ready: number
  /** Jobs whose function no worker of the queue knows. */
  readonly parked: number
  /** Jobs whose time has not come. */
  readonly scheduled: number
  /** Jobs that wait for another attempt. */
  readonly backoff: number
  /** Jobs that wait for their concurrency group. */
  readonly blocked: number
  readonly running: number
  /** Whether a number is over 10,000, and so counted less often: at `deepAt`. */
  readonly isEstimate: boolean
  /** Since when the job that has waited longest could have run. Null: none waits. */
  readonly oldestAt: Date | null
  /** When what is over 10,000 was last counted to its end. Null: it was not. */
  readonly deepAt: Date | null
}

/** The counts of all queues. */
export interface AllQueueCounts {
  /** When they were counted, on the clock of the database. Null: they never were, since no worker has run. */
  readonly countedAt: Date | null
  /** How old they are, in milliseconds, by the clock of the database. */
  readonly ageMs: number | null
  /** By name. */
  readonly queues: readonly QueueCounts[]
}
