import type { ChildConfig } from './protocol.ts'

/**
 * The environment of children: names of variables of the worker that they get, or the variables
 * themselves.
 */
export type ChildEnv = readonly string[] | Readonly<Record<string, string>>

/** A thread or a process that runs jobs, as the pool sees it. */
export interface Child {
  readonly pid: number | null
  /** Sends lines to the runner of the jobs. */
  send(lines: string): void
  /** Asks for attempts to be returned that have not begun; the answers are lines `n` and `k`. */
  recall(seqs: readonly number[]): void
  /** Ends it when it is idle, in its own time. */
  retire(): void
  /** Sends SIGTERM. False: there is no such signal, and only `kill` helps. */
  terminate(): boolean
  /** Ends it and what its jobs have started; cannot be refused. */
  kill(): void
  /** Its memory now, or null when that cannot be seen from outside. */
  residentBytes(): number | null
  /** The CPU time that it has used, or null when that cannot be seen from outside. */
  cpuMs(): number | null
}

export interface ChildEvents {
  /** `isForeign`: the beginning of something that is no line of the protocol. Nothing more comes then. */
  onLine(line: string, isForeign: boolean): void
  /** All lines of a message were passed on. */
  onTurn(): void
  /** Output that did not come in a line: of native code and grandchildren. */
  onOutput(stream: 'stdout' | 'stderr', text: string): void
  /** It has ended, with everything that it had started, and all its lines were passed on. Is called once. */
  onGone(exit: ChildExit): void
}

export interface ChildExit {
  readonly code: number | null
  readonly signal: string | null
  /** The end of what it wrote to stderr. */
  readonly stderrTail: string
  /** It ended because it was out of memory. */
  readonly isOutOfMemory: boolean
  /** The line for which it was killed, since it is not one of the protocol. */
  readonly protocolViolation?: string
}

export interface LaunchOptions extends ChildConfig {
  /** The most memory it may have. */
  readonly memoryBytes?: number
  /** Default: the environment of this process. */
  readonly env?: ChildEnv
}

export type Launch = (options: LaunchOptions, events: ChildEvents) => Child

/** Launches children in an environment. */
export function inEnv(launch: Launch, env: ChildEnv | undefined): Launch {
  return env === undefined ? launch : (options, events) => launch({ ...options, env }, events)
}
