import { isChancyError, UniqueKeyError } from '../../core/errors.ts'
import { showSize } from '../../core/size.ts'
import type { FlowPlan } from '../../core/workflow/flow-plan.ts'
import { sentPlan } from '../../core/workflow/sent-plan.ts'
import type { Workflow } from '../../core/workflow/workflow.ts'
import { planOf } from '../../core/workflow/workflow-plan.ts'
import { WorkflowReference } from '../../core/workflow-reference.ts'
import type { Database } from '../../database/database.ts'
import { asSession } from '../../database/session.ts'
import { LOCK_NOT_AVAILABLE } from '../../database/sql-state.ts'
import { pushFlows } from '../../database/statements/flows.ts'
import type { Hub } from '../../events/hub.ts'
import type { PluginSet } from '../../plugin/plugin-set.ts'
import type { NotifyThrottle, WakeEvent } from '../push/notify-throttle.ts'
import type { StatementRunner } from '../statement-runner.ts'
import { planTooLarge } from './workflow-rows.ts'

/** How much one workflow may take of a statement. */
const MAX_PLAN_BYTES = 64 * 1_024 ** 2
/** How long one try waits for a unique key that an open transaction holds, in milliseconds. */
const KEY_WAIT_MS = 1_000

export interface WorkflowPusherOptions {
  readonly database: Database
  readonly hub: Hub
  readonly plugins: PluginSet
  readonly statements: StatementRunner
  /** Null: no notifications at all. */
  readonly throttle: NotifyThrottle | null
  readonly deadlineMs: number
}

interface Wake {
  readonly event: WakeEvent
  readonly queue: string
}

/** Writes workflows, each in a transaction of its own or in a caller's. */
export class WorkflowPusher {
  readonly #options: WorkflowPusherOptions

  constructor(options: WorkflowPusherOptions) {
    this.#options = options
  }

  /** Its ids are made before the first try, so one whose answer was lost is made again without doing anything twice. */
  async push<O>(workflow: Workflow<O>, session: unknown): Promise<WorkflowReference<O>> {
    const { database, plugins, hub } = this.#options
    const plan = await planOf(workflow, database.clock.now(), (row) =>
      plugins.hasPush ? plugins.onPush(row) : row,
    )
    const text = planText(plan)
    const wakes = wakesOf(plan)
    if (session !== undefined) {
      const [pushed] = await database.run(pushFlows, [text, this.#options.throttle !== null, 0], {
        session: asSession(session),
      })
      return new WorkflowReference<O>(pushed?.id ?? plan.id, pushed?.created ?? true)
    }
    const isNotifying = this.#take(wakes)
    const [pushed] = await this.#run(text, isNotifying, plan)
    for (const { event, queue } of wakes) {
      hub.emit(event, { queue })
      if (!isNotifying) this.#options.throttle?.announce(event, queue)
    }
    return new WorkflowReference<O>(pushed?.id ?? plan.id, pushed?.created ?? true)
  }

  async #run(text: string, isNotifying: boolean, plan: FlowPlan) {
    const { statements, deadlineMs } = this.#options
    const lockMs = plan.uniqueKey === null ? 0 : Math.min(KEY_WAIT_MS, deadlineMs)
    try {
      return await statements.engine(pushFlows, [text, isNotifying, lockMs])
    } catch (error) {
      if (!isChancyError(error) || error.details.sqlState !== LOCK_NOT_AVAILABLE) throw error
      throw new UniqueKeyError(
        'UNIQUE_KEY_BUSY',
        `An open transaction elsewhere holds the unique key "${plan.uniqueKey}" and did not end within ${deadlineMs} ms. Push again later, or shorten that transaction.`,
        { details: { keys: [plan.uniqueKey] }, cause: error },
      )
    }
  }

  /** Whether a notification travels with the commit: one of its queues had none in this moment. */
  #take(wakes: readonly Wake[]): boolean {
    const { throttle } = this.#options
    if (throttle === null) return false
    return wakes.filter(({ event, queue }) => throttle.take(event, queue) !== null).length > 0
  }
}

function planText(plan: FlowPlan): string {
  const text = JSON.stringify([sentPlan(plan)])
  const bytes = text.length * 3 < MAX_PLAN_BYTES ? 0 : Buffer.byteLength(text)
  if (bytes > MAX_PLAN_BYTES) throw planTooLarge(plan.name, bytes, showSize(MAX_PLAN_BYTES))
  return text
}

/** What workers are woken for: the steps that wait for none. */
function wakesOf({ steps }: FlowPlan): Wake[] {
  const wakes = new Map<string, Wake>()
  for (const { job, deps, delayMs } of steps) {
    if (job === null || deps.length > 0) continue
    const event = delayMs > 0 ? 'job.scheduled' : 'queue.pushed'
    wakes.set(`${event} ${job.queue}`, { event, queue: job.queue })
  }
  return [...wakes.values()]
}
