import type { AttemptErrorKind, Usage } from './queued-job.ts'

/** For the compiler only: which arguments a `Job` takes. */
export declare const WANTED: unique symbol

/** What a dead letter gets: the job that has finally failed. */
export interface DeadLetter<A = unknown> {
  readonly job: {
    readonly id: string
    readonly name: string
    /** Null where a row had none that a job can have: of more than 1 MiB, or nested too deep. */
    readonly args: A
    /** Its failed attempts, the first and the last 19; the last entry is why it failed. */
    readonly errors: readonly DeadLetterError[]
  }
}

/** One failed attempt, as `AttemptFailure` is stored. */
export interface DeadLetterError {
  readonly attempt: number
  /** When it ended, in ISO 8601. */
  readonly at: string
  readonly name: string
  readonly message: string
  readonly stack: string | null
  readonly kind: AttemptErrorKind
  readonly usage?: Usage
}

interface TakesDeadLetter<A> {
  readonly [WANTED]?: (args: DeadLetter<A>) => unknown
}

// Not inferred from: the function of a job says which arguments it has, and not its dead letter.
type Fixed<A> = [A][A extends unknown ? 0 : never]

/** A job, or a job function, whose arguments may be `DeadLetter<A>`. */
export type DeadLetterJob<A> =
  | TakesDeadLetter<Fixed<A>>
  | { readonly job: TakesDeadLetter<Fixed<A>> }

/** A job that the database pushes by itself: what `push_stored_1` takes, without arguments. */
export interface JobTemplate {
  readonly name: string
  readonly queue: string
  readonly priority: number
  readonly max_attempts?: number
  readonly delay_ms?: number
  readonly extras?: Readonly<Record<string, unknown>>
}
