/** After this many jobs a child may be replaced. */
export const DEFAULT_JOBS_PER_CHILD = 100
/**
 * Unless the queue sets a number, a child lives at least this many times as long as it took to start,
 * so that starting children takes 2 % of the time at most, however short the jobs are.
 */
const LIFE_IN_BOOTS = 50
/** When a child has work left for this many times as long as one takes to start, the next is started. */
const HEAD_START = 3

/** What decides when a child is replaced. Times are monotonic milliseconds. */
export interface ChildAge {
  readonly state: string
  readonly boot: { readonly startedAt: number; readonly readyAt: number }
  /** `given`: attempts that it was given and that were not returned. */
  readonly attempts: { readonly given: number }
}

/**
 * When a child is replaced. A number that the queue sets is kept exactly: no child runs one job more.
 * Without one it is a hundred jobs, or more where they are so short that a child would be spent on
 * less work than its start.
 */
export class RecyclePolicy {
  /** 0: never. */
  readonly #jobs: number
  readonly #isExact: boolean

  constructor(maximumJobsPerChild: number | undefined) {
    this.#jobs = maximumJobsPerChild ?? DEFAULT_JOBS_PER_CHILD
    this.#isExact = maximumJobsPerChild !== undefined
  }

  /** The jobs after which a child gets no more. */
  get quota(): number {
    return this.#isExact && this.#jobs > 0 ? this.#jobs : Number.POSITIVE_INFINITY
  }

  /** It has done its share, and ends as soon as another is ready. */
  isDue({ state, boot, attempts: { given } }: ChildAge, now: number): boolean {
    if (this.#jobs === 0 || state !== 'ready' || given < this.#jobs) return false
    return now - boot.readyAt > LIFE_IN_BOOTS * bootMs(boot)
  }

  /** The one that replaces it has to be started now, to be ready in time. */
  isSoonDue(child: ChildAge, now: number): boolean {
    const { state, boot, attempts } = child
    if (this.#jobs === 0 || state !== 'ready') return false
    if (!this.#isExact) return this.isDue(child, now)
    const { given } = attempts
    const jobMs = (now - boot.readyAt) / Math.max(1, given)
    return given > 0 && (this.#jobs - given) * jobMs < HEAD_START * bootMs(boot)
  }
}

const bootMs = ({ startedAt, readyAt }: ChildAge['boot']): number => readyAt - startedAt
