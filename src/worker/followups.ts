import type { Clock } from '../core/clock.ts'
import { nextDelayMs } from '../core/retry-delay.ts'
import type { EndedWorkflowState } from '../core/workflow-state.ts'
import { plainArray } from '../database/array-literal.ts'
import type { Database } from '../database/database.ts'
import type { FlowRow } from '../database/statements/flow-row.ts'
import { followFlows } from '../database/statements/flows.ts'
import type { Hub } from '../events/hub.ts'

export interface FollowUpsOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  /** Jobs of this queue are ready. */
  readonly onReady: (queue: string) => void
}

/** Owners of one statement: it holds the locks of all of them until its commit. */
const MAX_OWNERS = 100

/**
 * Follows up ends of steps that could not be counted in the transaction of their finish: another transaction held the
 * workflow, or there was too much to do. One statement at a time, which waits for the lock and holds nothing else
 * meanwhile. What a worker loses at its death is found by the sweep of another.
 */
export class FollowUps {
  readonly #options: FollowUpsOptions
  readonly #owners = new Set<string>()
  readonly #stopping = new AbortController()
  #running: Promise<void> | null = null

  constructor(options: FollowUpsOptions) {
    this.#options = options
  }

  /** Acts on a row that a statement about workflows has returned. */
  take({ verdict, owner, name }: FlowRow): void {
    const { hub, onReady } = this.#options
    switch (verdict) {
      case 'left':
        if (owner !== null) this.#add(owner)
        return
      case 'ready':
        if (name !== null) onReady(name)
        return
      case 'scheduled':
        if (name !== null) hub.emit('job.scheduled', { queue: name })
        return
      case 'asked':
        if (owner !== null) hub.emit('job.cancelled', { id: owner })
        return
      case 'ended':
        // A skipped job is a cancelled one.
        if (owner === null) return
        hub.emit('job.finished', { id: owner, state: name === 'failed' ? 'failed' : 'cancelled' })
        if (name === 'skipped') hub.emit('step.skipped', { id: owner })
        return
      case 'finished':
        if (owner !== null && name !== null)
          hub.emit('workflow.finished', { id: owner, state: name as EndedWorkflowState })
        return
      case 'batch':
        if (owner !== null && name !== null)
          hub.emit('batch.finished', { id: owner, state: name as EndedWorkflowState })
        return
      default:
    }
  }

  /** Begins nothing more; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  #add(owner: string): void {
    this.#owners.add(owner)
    if (this.#stopping.signal.aborted) return
    this.#running ??= this.#run().finally(() => {
      this.#running = null
    })
  }

  async #run(): Promise<void> {
    const { database, hub, clock } = this.#options
    const { signal } = this.#stopping
    let delayMs = 0
    while (this.#owners.size > 0 && !signal.aborted) {
      const owners = [...this.#owners].slice(0, MAX_OWNERS)
      for (const owner of owners) this.#owners.delete(owner)
      try {
        for (const row of await database.engine(followFlows, [plainArray(owners)])) this.take(row)
        delayMs = 0
      } catch (error) {
        // Ends are rows: called again, it finds what is left of them.
        for (const owner of owners) this.#owners.add(owner)
        hub.emit('database.error', { what: 'counting ends of steps', error })
        delayMs = nextDelayMs(delayMs)
        await clock.sleep(delayMs, signal)
      }
    }
  }
}
