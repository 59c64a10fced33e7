import type { ExecutorSettings } from './executor.ts'
import { launchThread } from './launch/thread-child.ts'
import { PoolExecutor } from './pool/pool-executor.ts'
import type { PoolOptions } from './pool/pool-options.ts'

/**
 * Runs jobs in threads of this process: lighter than processes, and less apart. The limit of time
 * holds against any JavaScript; code in a native call is stopped when the call returns. The limit of
 * memory is one of the V8 heap: a `Buffer` and native code lie outside of it, and a large array that
 * does not fit into it makes V8 abort the whole process. So does a crash in native code.
 */
export class ThreadExecutor extends PoolExecutor {
  /** @throws {ConfigError} when a job has no module */
  constructor(options: PoolOptions & ExecutorSettings) {
    super('thread', launchThread, options)
  }
}
