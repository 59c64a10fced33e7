import type { Names } from '../names.ts'

type Texts = readonly string[]

/** One version of a schema. */
export interface Migration {
  readonly version: number
  /**
   * Whether releases that do not know this version cannot work with the schema any more. They are refused at their
   * start from the moment it begins. Default: false, and an older release starts.
   */
  readonly breaking?: boolean
  /** Plain statements, run in one transaction. */
  readonly up: (t: Names) => Texts | Promise<Texts>
  /** The way back, run in one transaction. */
  readonly down: (t: Names) => Texts | Promise<Texts>
  /**
   * Whether the way down is refused: a query that runs before anything of it, and returns one row with a text as
   * `refusal`, or null. Default: it is never refused.
   */
  readonly guard?: (t: Names) => string
  /**
   * What cannot run in that transaction, after it and in this order. The version is reached when all have run; one
   * that was interrupted runs again. On the way down they are undone first, in the reverse order.
   */
  readonly after?: readonly LaterStep[]
}

export type LaterStep = OutsideStep | BatchStep

/**
 * A statement that PostgreSQL refuses in a transaction, such as CREATE INDEX CONCURRENTLY. It names all that it
 * calls in full. `undo` takes away what it made, or half of it: it runs before each try, and on the way down.
 */
export interface OutsideStep {
  readonly kind: 'outside'
  /**
   * A query that returns one row with `done`: true where there is nothing to do, as in a schema whose tables were
   * empty. Default: there always is.
   */
  readonly isDone?: (t: Names) => string
  readonly up: (t: Names) => string | Promise<string>
  readonly undo: (t: Names) => string | Promise<string>
}

/**
 * Moves data, each batch in a transaction of its own. The statement changes a bounded number of rows, finds by
 * itself which are left, and returns how many it changed in one row, as `moved`: 0 when none is left.
 */
export interface BatchStep {
  readonly kind: 'batches'
  readonly up: (t: Names) => string | Promise<string>
  /** The same on the way down. Default: nothing. */
  readonly down?: (t: Names) => string | Promise<string>
}

/** A line of versions of its own: the core has one, and so has each plugin that owns tables. */
export interface Migrations {
  /** 'chancy.core', 'chancy.cron' … */
  readonly line: string
  /** In order, from version 1, without gaps. */
  readonly steps: readonly Migration[]
  /** Of a plugin: what the names of all that it makes in the schema begin with. */
  readonly prefix?: string
}

/** A version of a plugin's tables: 1 for the first one, each one more than the one before. */
export function migration(version: number, step: Omit<Migration, 'version'>): Migration {
  return Object.freeze({ version, ...step })
}
