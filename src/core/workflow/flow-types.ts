/** What the compiler knows of a workflow that is being built: what a step will give, and what may take it. */

import type { Job } from '../job.ts'
import type { Given } from '../job-types.ts'

declare const OUTPUT: unique symbol

/** Stands for a value that a step gives when the workflow runs. */
export interface Placeholder<out T> {
  /** For the compiler only: no plain object fits. */
  readonly [OUTPUT]: T
}

type Nulls<T> = T extends null | undefined ? null : never

/** What stands for an output of this type, part by part; a part of nothing is null. */
export type Output<T> = Placeholder<T> &
  ([NonNullable<T>] extends [readonly (infer E)[]]
    ? { readonly [n: number]: Output<E | Nulls<T>> }
    : [NonNullable<T>] extends [object]
      ? {
          readonly [K in keyof NonNullable<T>]: Output<NonNullable<T>[K] | Nulls<T>>
        }
      : unknown)

/** What may be given where an argument of this type is asked for: a value, or outputs of steps in its place or inside. */
export type Input<T> =
  | Given<T>
  | Placeholder<T>
  | (T extends object ? { readonly [K in keyof T]: Input<T[K]> } : never)

/** What a workflow gives whose build returns this. */
export type Resolved<O> =
  O extends Placeholder<infer T>
    ? T
    : O extends Date
      ? string
      : O extends object
        ? { -readonly [K in keyof O]: Resolved<O[K]> }
        : O extends void
          ? null
          : O

/** A job, or a function or definition of one, whatever arguments it was given. */
export type AnyJobOf<R, A, G> = Job<R, A, G> | { readonly job: Job<R, A, G> }
