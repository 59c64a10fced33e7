import type { ClaimedJob } from '../core/claimed-job.ts'
import type { Clock } from '../core/clock.ts'
import { plainArray, textArray } from '../database/array-literal.ts'
import { claimedJob, type MaxAttemptsOf } from '../database/rows.ts'
import type { ClaimedRow, ClaimRequest } from '../database/statements/jobs.ts'
import { Lanes } from './lanes.ts'
import type { DearLine } from './line-keeper.ts'

/** Keeps count of claims whose answer has not come, and hears of the ones that never will. */
export interface ClaimWatch {
  begun(): symbol
  answered(claim: symbol): void
  lost(claim: symbol): void
  /** The database says that this worker's lease is revoked. */
  revoked(workerId: string): void
}

export interface ClaimAnswer {
  /** Whether nothing may be claimed from the queue: it is paused or not declared. */
  readonly isClosed: boolean
  /** Rows that were looked at, and how many could have been taken. */
  readonly looked: number
  readonly could: number
  /** How long until the next start of a queue that has none left, in milliseconds, or 0. */
  readonly waitMs: number
  readonly jobs: readonly ClaimedJob[]
  /** Whether the whole line was looked at. */
  readonly isWhole: boolean
}

/** One claim, from the request to what became of it. Exactly one of the two is called, once. */
export interface Claim {
  readonly request: ClaimRequest
  answered(rows: readonly ClaimedRow[]): ClaimAnswer
  lost(): void
}

export interface ClaimerOptions {
  /** Names of the functions that this worker knows. */
  readonly names: readonly string[]
  readonly maxAttemptsOf: MaxAttemptsOf
  readonly clock: Clock
  readonly claims: ClaimWatch
}

/** Makes the claims of one queue and reads their answers; knows where in the line they got to. */
export class Claimer {
  readonly #queue: string
  readonly #names: string
  readonly #maxAttemptsOf: MaxAttemptsOf
  readonly #clock: Clock
  readonly #watch: ClaimWatch
  readonly #lanes = new Lanes()

  constructor(queue: string, { names, maxAttemptsOf, clock, claims }: ClaimerOptions) {
    this.#queue = queue
    this.#names = textArray(names)
    this.#maxAttemptsOf = maxAttemptsOf
    this.#clock = clock
    this.#watch = claims
  }

  /** `isLong`: the last look found all it could take. */
  begin(worker: string, room: number, isLong: boolean): Claim {
    const mark = this.#watch.begun()
    const askedAt = this.#clock.monotonic()
    const ranges = this.#lanes.ranges(askedAt, isLong)
    const request = { queue: this.#queue, worker, room, names: this.#names, ranges }
    return {
      request,
      answered: (rows) => {
        this.#watch.answered(mark)
        return this.#read(request, askedAt, rows)
      },
      lost: () => this.#watch.lost(mark),
    }
  }

  /** How long until the whole line is to be looked at again, in milliseconds. */
  wholeInMs(): number {
    return Math.ceil(this.#lanes.wholeInMs(this.#clock.monotonic()))
  }

  /** The line, when a look at the whole of it is dear. */
  dearLine(): DearLine | null {
    const { dear } = this.#lanes
    return dear.length === 0 ? null : { queue: this.#queue, priorities: plainArray(dear) }
  }

  #read(
    { queue, worker, ranges }: ClaimRequest,
    askedAt: number,
    [head, ...rows]: readonly ClaimedRow[],
  ): ClaimAnswer {
    if (head?.name === 'revoked') this.#watch.revoked(worker)
    const startedMs = head?.scheduled_ms ?? 0
    const common = {
      queue,
      workerId: worker,
      claim: Number(head?.fence ?? 0),
      startedMs,
      maxAttemptsOf: this.#maxAttemptsOf,
    }
    const jobs = rows.map((row) => claimedJob(row, common)).sort(byPlace)
    if (ranges === null) this.#lanes.looked(askedAt, head?.max_attempts ?? 0)
    this.#lanes.took(jobs)
    return {
      isClosed: head?.name === 'paused' || head?.name === 'undeclared',
      looked: head?.priority ?? 0,
      could: head?.attempts ?? 0,
      waitMs: head?.created_ms ?? 0,
      jobs,
      isWhole: ranges === null,
    }
  }
}

/** Claimed rows come in no order. */
function byPlace(a: ClaimedJob, b: ClaimedJob): number {
  return b.priority - a.priority || a.line - b.line
}
