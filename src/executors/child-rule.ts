import type { PooledChild } from './pooled-child.ts'

/** After this many jobs a child may be replaced. */
export const DEFAULT_JOBS_PER_CHILD = 100
/**
 * Unless a number is asked for, a child lives at least this many times as long as it took to start,
 * so that starting children takes 2 % of the time at most, however short the jobs are.
 */
const LIFE_IN_BOOTS = 50
/** When a child has work left for this many times as long as one takes to start, the next is started. */
const HEAD_START = 3

/**
 * When a child is replaced. A number that was asked for is kept exactly: no child runs one job
 * more. Without one it is a hundred jobs, or more where they are so short that a child would
 * be spent on less work than its start.
 */
export class ChildRule {
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
  isDue(child: PooledChild): boolean {
    if (this.#jobs === 0 || child.state !== 'ready' || child.taken < this.#jobs) return false
    const bootMs = child.readyAt - child.startedAt
    return performance.now() - child.readyAt > LIFE_IN_BOOTS * bootMs
  }

  /** The one that is to replace it has to be started now, to be ready in time. */
  isSoonDue(child: PooledChild): boolean {
    if (this.#jobs === 0 || child.state !== 'ready') return false
    if (!this.#isExact) return this.isDue(child)
    const now = performance.now()
    const jobMs = (now - child.readyAt) / Math.max(1, child.taken)
    const bootMs = child.readyAt - child.startedAt
    return child.taken > 0 && (this.#jobs - child.taken) * jobMs < HEAD_START * bootMs
  }
}
