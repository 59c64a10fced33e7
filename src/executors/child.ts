import type { ChildOrders } from './protocol.ts'

/**
 * The environment of children: names of variables of the worker that they get, or the variables
 * themselves.
 */
export type ChildEnv = readonly string[] | Readonly<Record<string, string>>

/** A thread or a process that runs jobs, as the pool sees it. */
export interface Child {
  readonly pid: number | null
  /** Hands over lines for the runner of the jobs. */
  send(lines: string): void
  /** Asks for attempts back that have not begun; the answers are lines `n` and `k`. */
  recall(seqs: readonly number[]): void
  /** Ends it when it is idle, in its own time. */
  retire(): void
  /** The polite signal. False: there is none, and only `kill` helps. */
  terminate(): boolean
  /** Ends it and what its jobs have started; cannot be refused. */
  kill(): void
  /** What it holds now, or null when that cannot be seen from outside. */
  residentBytes(): number | null
  /** The CPU time that it has used, or null when that cannot be seen from outside. */
  cpuMs(): number | null
}

export interface ChildEvents {
  /** Or the beginning of something that is none: nothing more comes then. */
  onLine(line: string, isForeign: boolean): void
  /** All lines of a message have been told. */
  onTurn(): void
  /** What did not come by way of a line: from native code and grandchildren. */
  onOutput(stream: 'stdout' | 'stderr', text: string): void
  /** It is gone, with everything that it had started, and has told all its lines. Once. */
  onGone(exit: ChildExit): void
}

export interface ChildExit {
  readonly code: number | null
  readonly signal: string | null
  /** The end of what it wrote to stderr. */
  readonly lastWords: string
  /** It ended for want of memory. */
  readonly isOutOfMemory: boolean
  /** The line that it was ended for, since it was not one of the protocol. */
  readonly garbage?: string
}

export interface LaunchOptions extends ChildOrders {
  /** The most memory it may hold. */
  readonly memoryBytes?: number
  /** Default: the environment of this process. */
  readonly env?: ChildEnv
}

export type Launch = (options: LaunchOptions, events: ChildEvents) => Child
