import type { TransactionSql } from './durable-record.ts'

/** A value of a statement of `ctx.transaction`. */
export type SqlValue = string | number | null

/** One step that is recorded by a transaction of the user. */
export interface TransactionStep {
  readonly sql: TransactionSql
  /** Of the statement `recorded`. */
  readonly recordedValues: readonly SqlValue[]
  /** Of the statement `save`, for the JSON text of a result. */
  saveValues(result: string): readonly SqlValue[]
  /** Aborts when the attempt is to stop. */
  readonly signal: AbortSignal
  /** Calls the function of the user and gives JSON text of its result. */
  work(tx: unknown): Promise<string>
}

/** How it ended: `n` is the number of its record. */
export type TransactionEnd =
  | { readonly kind: 'recorded'; readonly n: number; readonly result: string }
  /** Another attempt has the job: nothing was committed. */
  | { readonly kind: 'lost' }

/**
 * Runs a step in a transaction of a database of the user. Rejects with what the function has thrown, with the error of
 * the database where it has committed nothing, or with `NOT_SAME_DATABASE`.
 */
export type Transact = (database: unknown, step: TransactionStep) => Promise<TransactionEnd>
