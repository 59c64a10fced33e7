import type { ExecutorSettings } from './executor.ts'
import { launchProcess } from './launch/process-child.ts'
import { PoolExecutor } from './pool/pool-executor.ts'
import type { PoolOptions } from './pool/pool-options.ts'

/**
 * Runs jobs in child processes. Limits of time and memory hold against any code: also against code
 * that blocks its loop, ignores signals, starts processes of its own or allocates outside of the
 * V8 heap.
 */
export class ProcessExecutor extends PoolExecutor {
  /** @throws {ConfigError} when a job has no module */
  constructor(options: PoolOptions & ExecutorSettings) {
    super('process', launchProcess, options)
  }
}
