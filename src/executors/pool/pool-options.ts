import { show } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { SerializedError } from '../../core/serialize-error.ts'
import type { ChildEnv } from '../child.ts'
import { placedSource } from '../job-modules.ts'
import { checkChildren } from '../own-files.ts'

export interface PoolOptions {
  /** Modules that the children load: URLs, paths, globs. Functions are refused: they have no module. */
  readonly jobs: readonly unknown[]
  /** The environment of children. Default: that of this process. */
  readonly env?: ChildEnv
  /** The children that queues share. Default: the CPUs that this process may use. */
  readonly size?: number
  /** An attempt that cannot begin for this long is given back. Default: it waits. */
  readonly maxWaitMs?: number
  /** Several children in a row could not be started; null: one could be again. */
  readonly onTrouble?: (error: SerializedError | null) => void
  /** What is printed while no job runs, or more than one. Default: dropped. */
  readonly log?: Logger
}

/** The modules as text; a path is taken from the working directory of now. */
export function modulesOf(sources: readonly unknown[], executor: string): string[] {
  checkChildren(executor)
  return sources.map((source) => {
    if (source instanceof URL) return source.href
    if (typeof source === 'string') return placedSource(source)
    throw new ConfigError(
      `The executor "${executor}" runs jobs in a child, which has to load them from a module, and got ${show(source)}. Write the jobs option as a module, jobs: new URL('./jobs.js', import.meta.url), or declare the queue with the executor "inline".`,
    )
  })
}
