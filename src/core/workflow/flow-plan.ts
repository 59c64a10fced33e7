import type { PushRow } from '../push-row.ts'

/**
 * A workflow as it is pushed: data and nothing else. Steps are known by their ordinal, the index in `steps`; a step
 * depends on steps with a lower ordinal only.
 */
export interface FlowPlan {
  readonly id: string
  readonly name: string
  readonly priority: number
  readonly uniqueKey: string | null
  /** Whether the key is taken while an ended workflow with it is kept, too. */
  readonly once: boolean
  /** From the push, in milliseconds; null: none. */
  readonly deadlineMs: number | null
  /** How long it is kept after its end, in milliseconds. */
  readonly retentionMs: number
  readonly onFailure: 'finish' | 'cancel'
  /** JSON text of an object. */
  readonly meta: string
  readonly steps: readonly FlowStep[]
  readonly output: Template
}

/**
 * Which ends of the steps before it let a step run. `'all-succeeded'`: all have succeeded. `'none-failed'`: all have ended
 * and none has failed, though some may be skipped. `'all-ended'`: all have ended. `'any-succeeded'`, `'any-failed'`: at the
 * first success, or the first failure or cancel. A step whose condition cannot come true any more is skipped.
 */
export type RunWhen = 'all-succeeded' | 'none-failed' | 'all-ended' | 'any-succeeded' | 'any-failed'

export interface FlowStep {
  /** Unique in the workflow. */
  readonly name: string
  /**
   * Its job. `args` and `delayMs` of the row are not used: `args` below, and a delay that begins when the step is ready.
   * Null: the begin or the end of an included workflow. It ends when it is its turn, and its output is `args`.
   */
  readonly job: PushRow | null
  /** Ordinals, in ascending order, without repetition: of `after` and of each step whose output is used. */
  readonly deps: readonly number[]
  readonly runWhen: RunWhen
  /** Anything but `true` there skips the step. */
  readonly runIf: OutputPath | null
  /** Whether its failure leaves the workflow as it is. True for each step inside of an included one, whose end fails instead. */
  readonly mayFail: boolean
  readonly delayMs: number
  readonly args: Template
  /**
   * The argument whose value makes the key of its concurrency group when the step is ready, as `groupKey` does: then the
   * row has `concurrency_max` without a key. Another value than a text, a number or a boolean fails the step, kind
   * `'input'`. Null: the row has the key, or no limit.
   */
  readonly groupBy: string | null
  /** Set for a map: one job for each item of the list, each with the template's `'item'` and `'index'`. */
  readonly map: FlowMap | null
  /** The begin of the included workflow that it belongs to: skipped there, it is skipped here, whatever its `runWhen`. */
  readonly begin: number | null
  /** Of the end of an included workflow: the steps of `deps` whose failure is its own, which it names. Else empty. */
  readonly failsWith: readonly number[]
}

export interface FlowMap {
  readonly over: OutputPath
  /** How many of its jobs run concurrently at most; null: no limit. */
  readonly concurrency: number | null
}

/** A part of a step's output: null where the step has none, or the path leads to nothing. */
export interface OutputPath {
  readonly step: number
  readonly path: readonly (string | number)[]
}

/** JSON with holes that outputs fill. */
export interface Template {
  /** JSON text. Where a hole is, there is `null`. */
  readonly value: string
  readonly holes: readonly Hole[]
}

export interface Hole {
  /** Where it is in the value: `[]` is the whole value. */
  readonly at: readonly (string | number)[]
  /** What fills it: the output of a step, or in a map the item and its index. */
  readonly from: number | 'item' | 'index'
  readonly path: readonly (string | number)[]
}
