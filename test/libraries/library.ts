import type { PGlite } from '@electric-sql/pglite'

/** One library, as its user has it: how a transaction is begun, and what is taken for one by mistake. */
export interface Library {
  /** Commits when `work` resolves, and otherwise rolls back and rejects. */
  transaction(work: Work): Promise<unknown>
  /** What ctx.transaction takes of the library, where it takes anything, and how a statement is sent by what that gives. */
  readonly own?: { readonly database: unknown; send(tx: unknown, text: string): Promise<unknown> }
  /** What is refused, with a part of the message: the name of what was given, and what to give instead. */
  readonly roots: readonly (readonly [message: RegExp, given: unknown])[]
  /** What a push says with a transaction that has ended. Null: that cannot be known. */
  readonly ended: RegExp | null
  close(): Promise<unknown>
}

export interface Transaction {
  readonly session: unknown
  /** Sends a statement by the library's own means. */
  send(text: string): Promise<unknown>
  /** A nested transaction, where the library has them. */
  nested?(work: Work): Promise<unknown>
}

export type Work = (transaction: Transaction) => Promise<void>

/** Imports a package, in the version of a folder. */
export type Load = (name: string) => Promise<unknown>

/** @param db where it is over PGlite */
export type OpenLibrary = (url: string, load: Load, db?: PGlite) => Promise<Library>

/** For libraries whose transactions are ended by hand. */
export async function ended(
  work: () => Promise<void>,
  commit: () => Promise<unknown>,
  rollback: () => Promise<unknown>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    await rollback()
    throw error
  }
  await commit()
}
