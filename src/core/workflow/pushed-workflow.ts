import type { AttemptErrorKind } from '../queued-job.ts'
import type { Reference } from '../reference.ts'
import type { EndedWorkflowState, StepState, WorkflowState } from '../workflow-state.ts'
import type { RunWhen } from './flow-plan.ts'

/** Why a workflow has failed: the first step that did, or its deadline. */
export interface WorkflowFailure {
  /** Null: no step is the reason. */
  readonly step: string | null
  readonly kind: AttemptErrorKind
  readonly message: string
}

/** A step of a pushed workflow. */
export interface PushedStep {
  /** Of an item of a map `pack[0]`. */
  readonly name: string
  readonly state: StepState
  /** The names of the steps that it waits for. */
  readonly after: readonly string[]
  readonly runWhen: RunWhen
  readonly mayFail: boolean
  /** Null for a map, whose items have jobs, and for the begin and the end of an included workflow. */
  readonly job: Reference | null
  /** The name of the map that this is an item of; null: it is none. */
  readonly map: string | null
  /** When it ended; null: it has not. */
  readonly endedAt: Date | null
  /** Why it did not succeed; null: it did, or has not ended. */
  readonly error: WorkflowFailure | null
}

/** The jobs of a batch, counted when their ends are: a moment after each. */
export interface BatchCounts {
  readonly total: number
  readonly succeeded: number
  readonly failed: number
  readonly cancelled: number
  /** Whether more of them are being pushed: it does not end before. */
  readonly isPushing: boolean
}

/** What every workflow has, in whatever state it is. */
export interface WorkflowFields {
  readonly id: string
  readonly name: string
  /** Why what is open of it is being cancelled and nothing of it starts; null: it is not. */
  readonly stopping: 'cancelled' | 'deadline' | 'failure' | null
  readonly priority: number
  readonly uniqueKey: string | null
  readonly createdAt: Date
  readonly deadlineAt: Date | null
  /** When its last step ended; null: it runs. */
  readonly finishedAt: Date | null
  /** When it is removed; null: not before its end. */
  readonly expiresAt: Date | null
  readonly meta: Readonly<Record<string, unknown>>
  /** Null unless it has failed, or was cancelled after a failure. */
  readonly failure: WorkflowFailure | null
  /** The jobs of a batch, which has no steps. Null: it is none. */
  readonly batch: BatchCounts | null
}

/**
 * A workflow that has a row: a snapshot, never live. A union by state, so `output` has its type once `state` is known to
 * be `succeeded`; in every other state it is null.
 */
export type PushedWorkflow<
  O = unknown,
  S extends WorkflowState = WorkflowState,
> = S extends WorkflowState
  ? WorkflowFields & {
      readonly state: S
      readonly output: S extends 'succeeded' ? O : null
      /** In the order in which they were described; the items of its maps behind them. */
      readonly steps: readonly PushedStep[]
    }
  : never

/** One that has ended. */
export type EndedWorkflow<O = unknown> = PushedWorkflow<O, EndedWorkflowState>

/** A workflow of a list: without its steps. */
export type ListedWorkflow = WorkflowFields & {
  readonly state: WorkflowState
  /** Null unless it has succeeded. */
  readonly output: unknown
  /** How many steps, or jobs of a batch, are in each state, without items of maps; `open` is ready, running or retrying. */
  readonly counts: Readonly<Record<'waiting' | 'open' | EndedWorkflowState | 'skipped', number>>
}
