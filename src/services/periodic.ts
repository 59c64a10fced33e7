import type { Clock } from '../core/clock.ts'
import { type Duration, durationMs } from '../core/duration.ts'
import type { RetryRange } from '../core/retry-delay.ts'
import type { EventName } from '../events/event-map.ts'
import type { Hub } from '../events/hub.ts'
import { jittered, Loop } from './loop.ts'
import type { Service } from './service.ts'

/** What is repeated, and when. */
export interface PeriodicTask {
  /** What a pass does, such as "staging": by it errors are reported. */
  readonly name: string
  /** How long to wait after a pass that asks for no other time. */
  readonly every: Duration
  /** Whether that wait varies by 30 %, so that many workers do not act at the same time. Default: false. */
  readonly isJittered?: boolean
  /** Events of this process that end the wait. */
  readonly wakeOn?: readonly EventName[]
  /**
   * One pass. Returns how long to wait for the next, or nothing for `every`.
   *
   * The signal aborts at `stop`, which then waits for the pass. `isWoken`: `wake` was called, or an event
   * of `wakeOn` happened, since the last pass began. A pass that throws is repeated with backoff.
   */
  pass(signal: AbortSignal, isWoken: boolean): Promise<Duration | undefined>
}

export interface PeriodicOptions {
  readonly clock: Clock
  readonly hub: Hub
  /** Called with each failure of a pass. Default: the event `database.error`. */
  readonly onError?: (error: unknown, inARow: number) => void
  /** How long to wait after a failure. Default: 100 ms to 5 s. */
  readonly retry?: RetryRange
}

/** A task under way. */
export interface Periodic extends Service {
  /** Ends the present wait; during a pass, the wait after it. The wait after a failure continues. */
  wake(): void
  /** The database can be reached again: ends the wait after a failure. */
  hasten(): void
}

/**
 * Makes a service of a task. The first pass begins at `start`.
 *
 * @throws {ConfigError} when `every` is no duration
 */
export function periodic(task: PeriodicTask, options: PeriodicOptions): Periodic {
  const { clock, hub, retry } = options
  const everyMs = durationMs(task.every, `${task.name}: every`)
  const loop = new Loop({
    clock,
    retry,
    onError: options.onError ?? ((error) => hub.emit('database.error', { what: task.name, error })),
    pass: async (signal, isWoken) => {
      const wait = await task.pass(signal, isWoken)
      if (wait !== undefined) return durationMs(wait, `${task.name}: the wait for the next pass`)
      return task.isJittered ? jittered(everyMs) : everyMs
    },
  })
  let unlisten: (() => void)[] | null = null
  return {
    start: () => {
      unlisten ??= (task.wakeOn ?? []).map((name) => hub.on(name, () => loop.wake()))
      loop.start()
    },
    wake: () => loop.wake(),
    hasten: () => loop.hasten(),
    stop: () => {
      unlisten ??= []
      for (const end of unlisten.splice(0)) end()
      return loop.stop()
    },
  }
}
