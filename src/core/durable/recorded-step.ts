import type { StepKind } from '../durable-record.ts'

/** One step that a durable job has recorded, as `getSteps` shows it. */
export interface RecordedStep {
  /** The order in which results came, from 1. */
  readonly n: number
  /** Which call of the context recorded it. */
  readonly kind: StepKind
  readonly name: string
  /** What it gave; null where it failed. */
  readonly result: unknown
  /** How it failed; null where it did not. */
  readonly error: {
    readonly name: string
    readonly message: string
    readonly stack: string | null
  } | null
  readonly startedAt: Date
  readonly endedAt: Date
}
