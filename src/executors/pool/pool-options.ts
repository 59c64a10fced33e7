import { inspect } from '../../core/check.ts'
import type { Clock } from '../../core/clock.ts'
import { ConfigError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { SerializedError } from '../../core/serialize-error.ts'
import type { AroundSource } from '../around.ts'
import type { ChildEnv } from '../child.ts'
import { placedSource } from '../job-modules.ts'
import { checkChildren } from '../own-files.ts'

export interface PoolOptions {
  /** Modules that the children load: URLs, paths, globs. Functions are refused: they have no module. */
  readonly jobs: readonly unknown[]
  /** What plugins put around the functions of the jobs. Default: nothing. */
  readonly around?: readonly AroundSource[]
  /** By which time limits are counted. Default: the real clock. */
  readonly clock?: Clock
  /** The environment of children. Default: that of this process. */
  readonly env?: ChildEnv
  /** The children that queues share. Default: the CPUs that this process may use. */
  readonly size?: number
  /** An attempt that cannot begin for this long is returned. Default: it waits. */
  readonly maxWaitMs?: number
  /** Is called when several starts in a row have failed; null: one has succeeded again. */
  readonly onTrouble?: (error: SerializedError | null) => void
  /** What is printed while no job runs, or more than one. Default: dropped. */
  readonly log?: Logger
}

/** The modules as text; a path is resolved in the working directory of now. */
export function modulesOf(sources: readonly unknown[], executor: string): string[] {
  checkChildren(executor)
  return sources.map((source) => {
    if (source instanceof URL) return source.href
    if (typeof source === 'string') return placedSource(source)
    throw new ConfigError(
      `The executor "${executor}" runs jobs in a child, which has to load them from a module, and got ${inspect(source)}. Write the jobs option as a module, jobs: new URL('./jobs.js', import.meta.url), or declare the queue with the executor "inline".`,
    )
  })
}
