/** The jobs of one concurrency key. */
export interface ConcurrencyGroup {
  readonly key: string
  /** How many may run concurrently, by the first of its jobs in order. Null: none is there. */
  readonly max: number | null
  readonly running: number
  /** Jobs that wait for a slot, counted to 1,000. */
  readonly blocked: number
  /** Whether more than 1,000 are blocked. */
  readonly hasMore: boolean
  /** Jobs that hold its slots, the one that started first first: up to 3 in a list, up to 100 of one group. */
  readonly holders: readonly GroupHolder[]
}

/** A job that holds a slot of a group. */
export interface GroupHolder {
  readonly id: string
  readonly name: string
  readonly queue: string
  readonly startedAt: Date
  readonly workerId: string | null
}

/** Which groups `getGroups` returns, by key. */
export interface GroupQuery {
  /** Only keys that begin so. */
  readonly prefix?: string | undefined
  /** 1 to 200. Default: 50. */
  readonly limit?: number | undefined
  /** `next` of the page before. Default: the first page. */
  readonly cursor?: string | undefined
}

/** A page of groups. */
export interface GroupPage {
  readonly items: readonly ConcurrencyGroup[]
  /** The cursor of the next page; null: there is none. */
  readonly next: string | null
}
