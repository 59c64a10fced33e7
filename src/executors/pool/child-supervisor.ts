import type { Logger } from '../../core/logger.ts'
import { SLOW_MODULE } from '../job-modules.ts'
import type { ChildGroup } from './child-group.ts'
import type { PooledChild } from './pooled-child.ts'
import {
  BOOT_MS,
  isMemoryTight,
  type SupervisionStep,
  supervisionDue,
  UNRESPONSIVE_MS,
} from './supervision.ts'

/** Takes the steps that are due to children, and logs what their jobs have to change. */
export class ChildSupervisor {
  readonly #log: Logger | undefined

  constructor(log: Logger | undefined) {
    this.#log = log
  }

  /** @param isLast No other child would be there to begin the next attempt immediately. */
  check(child: PooledChild, now: number, isLast: boolean): void {
    child.observe(now)
    for (const step of supervisionDue(child, now, isLast)) this.#take(step, child, now)
  }

  /** Warns once when a child of a group is near its memory limit before it runs anything. */
  checkMemory(group: ChildGroup, { boot }: PooledChild): void {
    const { memoryBytes } = group
    if (!isMemoryTight(memoryBytes, boot.ready.bytes) || !group.reportMemory()) return
    this.#log?.warn(
      { memoryBytes, takenBytes: boot.ready.bytes },
      'a child takes most of the memory limit of a job before it begins: raise Limit.memory, load less in the job modules, or build TypeScript instead of loading it through tsx',
    )
  }

  #take(step: SupervisionStep, child: PooledChild, now: number): void {
    switch (step) {
      case 'report-slow-boot':
        child.reportBoot()
        this.#log?.warn({ module: child.boot.module, pid: child.pid }, `in a child, ${SLOW_MODULE}`)
        return
      case 'fail-boot':
        child.failBoot(slowBootError(child.boot.module))
        return
      case 'stalled':
        child.stalled(now - child.activeAt)
        return
      case 'give-up':
        child.giveUp(now)
        this.#log?.warn(
          { pid: child.pid, afterMs: UNRESPONSIVE_MS },
          'a child does not begin what it is sent and is replaced: look for code that a job leaves behind when it has ended, such as a timer whose callback does not return',
        )
        return
      case 'retire':
        child.retire()
        return
      case 'kill':
        child.kill()
        return
      default:
        step satisfies never
    }
  }
}

function slowBootError(module: string | null) {
  const message = `after ${BOOT_MS / 1_000} s in a child, ${SLOW_MODULE}: ${module ?? 'none has begun'}`
  return { name: 'ConfigError', message, stack: null }
}
