/** Slots of a queue in a worker. */
export interface QueueSlots {
  readonly queue: string
  /** How many of its jobs run concurrently. */
  readonly slots: number
  readonly busy: number
}

/** What a worker last wrote about itself, with a renewal of its lease. */
export interface WorkerFigures {
  /** Of the queues that it runs; of more than 100, those with the most busy slots. */
  readonly slots: readonly QueueSlots[]
  /** Attempts that ended in the last minute, by second; of a younger worker since its start. */
  readonly endedPerSecond: number
  /** CPU time of its process in that time, as a share of one processor, without children. */
  readonly cpu: number
  /** Memory of its process, without children. */
  readonly memoryBytes: number
}
