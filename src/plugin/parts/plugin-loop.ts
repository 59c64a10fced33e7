import type { Duration } from '../../core/duration.ts'
import type { PassContext, PluginAccess } from '../access/plugin-access.ts'

/** A pass that is repeated while a worker runs. */
export interface PluginLoop {
  readonly name: string
  /**
   * `leader`: in one worker of all, as far as that can be known, with a pass when that worker begins to lead;
   * `worker`: in every worker.
   */
  readonly on: 'leader' | 'worker'
  /**
   * One round. Returns how long to wait for the next, unless `wake` ends the wait. One that throws is
   * made again after 1 to 60 seconds. It may last as long as its signal does not abort.
   */
  pass(context: PassContext): Promise<Duration>
  /** When the loop has something to do next, for a test that moves time; null: never. */
  dueAt?(access: PluginAccess): Promise<Date | null>
}
