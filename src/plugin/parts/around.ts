import type { Context } from '../../core/context.ts'

/**
 * A module that wraps the function of each job where it runs: in the child, in the thread, or, for
 * `inline`, in the worker.
 */
export interface Around {
  /** A `file:` URL, such as `new URL('./around.js', import.meta.url)`. */
  readonly module: URL | string
  /**
   * JSON of at most 8 KiB, handed to the default export of the module. No place for a secret: it stands in
   * the command line of the children. Default: `{}`.
   */
  readonly options?: unknown
}

/**
 * Is called for each attempt. `run` calls the function of the job and resolves with its value; it is called once,
 * and what it comes to is the outcome of the attempt.
 */
export interface AroundFunction {
  (context: Context, run: () => Promise<unknown>): Promise<unknown>
  /** Asked before each attempt: true leaves this function out, and then it costs next to nothing. */
  readonly isIdle?: () => boolean
  /**
   * Writes what was gathered in memory: called before a child ends that is replaced or whose worker stops. Half a
   * second later the child does not wait for it. Not called for `inline`, where the process is the application's.
   */
  readonly flush?: () => void | Promise<void>
}

/** The default export of such a module. It is called once where it is loaded. */
export type MakeAround<Options> = (options: Options) => AroundFunction
