import type { Chancy, QueuedJob } from '../index.ts'

/** What became of the attempts of a call, counted. */
export interface Drained {
  /** Attempts that have ended. */
  readonly ran: number
  readonly succeeded: number
  /** Jobs that failed and have no attempt left. */
  readonly failed: number
  /** Attempts that failed and are followed by another one. */
  readonly retrying: number
  /** Attempts that were put off without being counted. */
  readonly snoozed: number
  readonly cancelled: number
  /** What a reader of the test should know: what is due and cannot run, and what was not enforced. */
  readonly notes: readonly string[]
}

type Count = Exclude<keyof Drained, 'notes' | 'ran'>
const COUNTS: Readonly<Record<QueuedJob['state'], Count | null>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  retrying: 'retrying',
  pending: 'snoozed',
  cancelled: 'cancelled',
  running: null,
}

/** Counts the attempts of the worker of a test. */
export class AttemptTally {
  readonly #running = new Map<string, QueuedJob>()
  readonly #unlisten: readonly (() => void)[]
  #counts = zero()
  #names = new Map<string, number>()
  #memory = new Set<string>()
  #attempts = 0
  #lastMs = performance.now()

  constructor(chancy: Chancy) {
    this.#unlisten = [
      chancy.on('job.started', ({ job }) => {
        this.#lastMs = performance.now()
        this.#running.set(job.id, job)
      }),
      chancy.on('job.saved', ({ job }) => this.#saved(job)),
      chancy.on('outcome.rejected', ({ id }) => this.#running.delete(id)),
    ]
  }

  /** Attempts that have ended, ever. */
  get attempts(): number {
    return this.#attempts
  }

  /** Attempts of the present call, by the names of their jobs. */
  get names(): ReadonlyMap<string, number> {
    return this.#names
  }

  /** Jobs whose function has not ended. */
  get running(): readonly QueuedJob[] {
    return [...this.#running.values()]
  }

  /** For how long no attempt has begun or ended, in milliseconds of real time. */
  quietMs(): number {
    return performance.now() - this.#lastMs
  }

  /** What runs gets the whole patience again. */
  wait(): void {
    this.#lastMs = performance.now()
  }

  /** Names of jobs with a memory limit that ran in the present call. */
  get memoryLimited(): readonly string[] {
    return [...this.#memory]
  }

  /** Counts from zero. */
  begin(): void {
    this.#counts = zero()
    this.#names = new Map()
    this.#memory = new Set()
    this.#lastMs = performance.now()
  }

  /** What was counted since `begin`. */
  counts(): Omit<Drained, 'notes'> {
    const ran = Object.values(this.#counts).reduce((sum, count) => sum + count, 0)
    return { ran, ...this.#counts }
  }

  end(): void {
    for (const end of this.#unlisten) end()
  }

  #saved(job: QueuedJob): void {
    this.#lastMs = performance.now()
    const hasBegun = this.#running.delete(job.id)
    // A claim that the worker has returned, such as on a busy machine.
    if (job.state === 'pending' && !hasBegun) return
    this.#attempts++
    this.#names.set(job.name, (this.#names.get(job.name) ?? 0) + 1)
    const count = COUNTS[job.state]
    if (count !== null) this.#counts[count]++
  }
}

const zero = (): Record<Count, number> => ({
  succeeded: 0,
  failed: 0,
  retrying: 0,
  snoozed: 0,
  cancelled: 0,
})
