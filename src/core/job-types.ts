/** What the compiler knows of a job: how types change on their way through JSON, and what is missing. */

/** A type after a trip through JSON: a Date is a string, what JSON cannot hold is `never`. */
export type Stored<T> = T extends Date
  ? string
  : T extends string | number | boolean | null
    ? T
    : T extends undefined
      ? undefined
      : T extends bigint | symbol | ((...args: never[]) => unknown)
        ? never
        : T extends { toJSON(): infer J }
          ? Stored<J>
          : T extends readonly unknown[]
            ? { [K in keyof T]: Stored<T[K]> }
            : T extends object
              ? { [K in keyof T]: Stored<Exclude<T[K], undefined>> }
              : T

/** What a wait gives for a function that returns `R`. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing has this type
export type ResultOf<R> = Awaited<R> extends void | undefined ? null : Stored<Awaited<R>>

/** What may be given where `T` is asked for: a Date may stand for a string. */
export type Given<T> = T extends string
  ? T | (string extends T ? Date : never)
  : T extends number | boolean | null | undefined
    ? T
    : T extends object
      ? { [K in keyof T]: Given<T[K]> }
      : T

/** Refuses a function whose arguments could never arrive: JSON has no Date, no Map, no BigInt. */
export type Fits<A> =
  Stored<A> extends A ? unknown : { readonly 'not JSON: a Date arrives as string': never }

/** Names of arguments that can be a concurrency key: never missing, and text, number or boolean. */
export type Key<A> = {
  [K in keyof A & string]: Nothing extends Pick<A, K>
    ? never
    : A[K] extends string | number | boolean
      ? K
      : never
}[keyof A & string]

/** Stands for the arguments of a job that were not all given, so that pushing it does not compile. */
export interface Missing {
  readonly missing: 'arguments: use withArgs'
}

/** The arguments given so far: once nothing is missing, simply the arguments that are asked for. */
export type Settled<A, G> = [G] extends [Given<A>] ? A : G

// biome-ignore lint/complexity/noBannedTypes: {} asks "can it be left out?", which no other type does
type Nothing = {}

/** Arguments given when the options name none. */
export type NoArgs<A> = Nothing extends A ? A & Partial<Given<A>> : Missing

/** The parameters of a direct call: arguments can be left out when all of them are optional. */
export type CallOf<A, C> = Nothing extends A ? [args?: A, context?: C] : [args: A, context?: C]
