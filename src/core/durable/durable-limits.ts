/** Steps that one run of a durable job may record, its open waits included. */
export const MAX_STEPS = 10_000
/** Results that one run of a durable job may record, in bytes of JSON. */
export const MAX_HISTORY_BYTES = 16 * 1_024 ** 2
/** Jobs of one `invokeAll`, and their size: they cross to the worker as one message. */
export const MAX_CHILDREN = 10_000
export const MAX_CHILDREN_BYTES = 16 * 1_024 ** 2
/** Keys of `ctx.set`, and the JSON of all of them in bytes. */
export const MAX_VALUES = 100
export const MAX_VALUES_BYTES = 65_536
/** A sleep or a backoff below this holds its slot, in milliseconds. */
export const SHORT_MS = 1_000
/** How long the code may take to ask for the next recorded step, in milliseconds. */
export const PATIENCE_MS = 10_000

/** What a recorded step counts for against `MAX_HISTORY_BYTES`. */
export function recordBytes({ result }: { readonly result: string | null }): number {
  if (result === null) return 0
  return Buffer.byteLength(result)
}
