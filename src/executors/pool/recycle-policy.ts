/** After this many jobs a child may be replaced. */
export const DEFAULT_JOBS_PER_CHILD = 100
/**
 * Unless a number is asked for, a child lives at least this many times as long as it took to start,
 * so that starting children takes 2 % of the time at most, however short the jobs are.
 */
const LIFE_IN_BOOTS = 50
/** When a child has work left for this many times as long as one takes to start, the next is started. */
const HEAD_START = 3

/** What decides when a child is replaced. Times are monotonic milliseconds. */
export interface ChildAge {
  readonly state: string
  readonly startedAt: number
  readonly readyAt: number
  /** Attempts that it was given and that were not taken back. */
  readonly taken: number
}

/**
 * When a child is replaced. A number that was asked for is kept exactly: no child runs one job
 * more. Without one it is a hundred jobs, or more where they are so short that a child would
 * be spent on less work than its start.
 */
export class RecyclePolicy {
  /** 0: never. */
  readonly #jobs: number
  readonly #isExact: boolean

  constructor(maximumJobsPerChild: number | undefined) {
    this.#jobs = maximumJobsPerChild ?? DEFAULT_JOBS_PER_CHILD
    this.#isExact = maximumJobsPerChild !== undefined
  }

  /** The jobs after which a child gets nothing more. */
  get quota(): number {
    return this.#isExact && this.#jobs > 0 ? this.#jobs : Number.POSITIVE_INFINITY
  }

  /** It has done its share, and goes as soon as another is ready. */
  isDue({ state, startedAt, readyAt, taken }: ChildAge, now: number): boolean {
    if (this.#jobs === 0 || state !== 'ready' || taken < this.#jobs) return false
    return now - readyAt > LIFE_IN_BOOTS * (readyAt - startedAt)
  }

  /** The one that is to replace it has to be started now, to be ready in time. */
  isSoonDue(child: ChildAge, now: number): boolean {
    const { state, startedAt, readyAt, taken } = child
    if (this.#jobs === 0 || state !== 'ready') return false
    if (!this.#isExact) return this.isDue(child, now)
    const jobMs = (now - readyAt) / Math.max(1, taken)
    return taken > 0 && (this.#jobs - taken) * jobMs < HEAD_START * (readyAt - startedAt)
  }
}
