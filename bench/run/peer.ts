/** What the benchmark needs of a queue. One adapter per system gives it. */
export interface Peer {
  /**
   * Makes an empty store with its tables. `prompt` is asked for where a lone job must start soon;
   * a system that pays for it at each push does without where it is not.
   */
  reset(plan: { readonly prompt: boolean }): Promise<void>
  /** One job by one call. Resolves when the system acknowledges it. */
  push(payload: Payload): Promise<unknown>
  /** Jobs by the calls for many, in the sizes that suit the system. */
  pushMany(payloads: readonly Payload[]): Promise<void>
  /** Starts a worker of this process. `ran` is called where the job's function runs, if it runs here. */
  work(plan: WorkPlan): Promise<PeerWorker>
  count(): Promise<Count>
  close(): Promise<void>
}

/** An empty job has an empty one. */
export interface Payload {
  /** When the push was called, by the machine's steady clock. */
  readonly at?: number
  /** The group of which at most one job may run. */
  readonly group?: number
}

export interface WorkPlan {
  readonly kind: WorkKind
  /** Whether jobs carry a group. */
  readonly grouped: boolean
  readonly ran: (payload: Payload) => void
}

export type WorkKind = 'inline' | 'process' | 'thread'

export interface PeerWorker {
  /** Resolves when the outcomes of that many jobs are stored. May stop the worker to know it. */
  stored(jobs: number): Promise<void>
  stop(): Promise<void>
}

export interface Count {
  /** Waiting or running. */
  readonly unfinished: number
  /** Null where finished jobs are deleted. */
  readonly finished: number | null
}

/** Where the stores are. */
export interface Stores {
  readonly postgres?: string
  /** A port of 127.0.0.1. */
  readonly redis?: number
}

/** What an adapter's file exports. */
export interface Adapter {
  open(stores: Stores): Promise<Peer>
}

/** Milliseconds of a clock that all processes of a machine share. */
export function steadyNow(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** A counter, and a promise for each number that it reaches. */
export class Tally {
  #value = 0
  #waiting: { at: number; wake: () => void }[] = []

  get value(): number {
    return this.#value
  }

  add(count = 1): void {
    this.#value += count
    if (this.#waiting.length === 0) return
    const due = this.#waiting.filter(({ at }) => at <= this.#value)
    if (due.length === 0) return
    this.#waiting = this.#waiting.filter(({ at }) => at > this.#value)
    for (const { wake } of due) wake()
  }

  reaches(at: number): Promise<void> {
    if (this.#value >= at) return Promise.resolve()
    return new Promise((wake) => this.#waiting.push({ at, wake }))
  }
}
