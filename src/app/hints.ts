import { type Clock, callAfter } from '../core/clock.ts'
import type { NotifierEvents } from '../database/notifier.ts'
import type { Hub } from '../events/hub.ts'
import type { NotifyThrottle } from './push/notify-throttle.ts'

/**
 * Hints of one kind that are passed on without a pause, and how many a second after that. Every login
 * role of the database may send notifications, and each hint causes one query.
 */
const BURST = 50
const PER_SECOND = 200
/** Kinds that are counted. The least recent one is dropped, since a subject may be any text. */
const MAX_KINDS = 1_000

interface Budget {
  left: number
  /** When `left` was counted, in monotonic milliseconds. */
  atMs: number
  /** The timer of the next hint: one stands for all that arrived meanwhile. */
  isWaiting: boolean
}

/**
 * Turns notifications of other processes into events of this one. A notification is not authenticated:
 * it can only cause a query, and a flood of them a bounded number of queries.
 */
export class Hints implements NotifierEvents {
  readonly #hub: Hub
  readonly #clock: Clock
  readonly #throttle: NotifyThrottle | null
  readonly #budgets = new Map<string, Budget>()
  readonly #onCancel = new Set<(id: string) => void>()

  constructor(hub: Hub, clock: Clock, throttle: NotifyThrottle | null) {
    this.#hub = hub
    this.#clock = clock
    this.#throttle = throttle
  }

  /** Calls `listener` when a job may have been asked to stop: the row says whether it was. */
  onCancel(listener: (id: string) => void): () => void {
    this.#onCancel.add(listener)
    return () => this.#onCancel.delete(listener)
  }

  onConnected(): void {
    this.#hub.emit('notifier.connected', {})
  }

  onLost(error: unknown): void {
    this.#hub.emit('notifier.lost', { error })
  }

  onReconnected(): void {
    this.#hub.emit('notifier.reconnected', {})
  }

  onEvent(full: string, subject: string): void {
    const [name, origin] = full.split('/')
    // This process has woken its own queue runners directly.
    if (origin !== undefined && origin === this.#throttle?.origin) return
    // Listeners to a change of a queue, or to a new time, read all queues, whatever the subject.
    if (name === 'queue.pushed') {
      this.#pass(`${name} ${subject}`, () => this.#hub.emit(name, { queue: subject }))
    } else if (name === 'queue.changed' || name === 'job.scheduled') {
      this.#pass(name, () => this.#hub.emit(name, { queue: subject }))
    } else if (name === 'job.cancelled') {
      // Listeners to this and the next know which jobs concern them, and bound their own queries.
      for (const listener of this.#onCancel) listener(subject)
    } else if (name === 'job.signaled' || name === 'signal.left') {
      this.#pass(`${name} ${subject}`, () => this.#hub.emit(name, { id: subject }))
    } else if (name === 'plugin.woken') {
      const [plugin = '', loop = ''] = subject.split('/')
      this.#pass(`${name} ${subject}`, () => this.#hub.emit(name, { plugin, loop }))
    } else if (name === 'job.finished') {
      this.#hub.emit(name, { id: subject, state: null })
    }
  }

  #pass(kind: string, emit: () => void): void {
    const now = this.#clock.monotonic()
    const budget = this.#budgets.get(kind) ?? { left: BURST, atMs: now, isWaiting: false }
    // Again at the end of the map, which is in the order of use.
    this.#budgets.delete(kind)
    this.#budgets.set(kind, budget)
    if (this.#budgets.size > MAX_KINDS) this.#dropOldest()
    if (budget.isWaiting) return
    const earned = ((now - budget.atMs) * PER_SECOND) / 1_000
    budget.left = Math.min(BURST, budget.left + earned)
    budget.atMs = now
    if (budget.left >= 1) {
      budget.left--
      emit()
      return
    }
    budget.isWaiting = true
    const again = (): void => {
      budget.isWaiting = false
      this.#pass(kind, emit)
    }
    callAfter(this.#clock, 1_000 / PER_SECOND, again, 'lets-process-end')
  }

  #dropOldest(): void {
    for (const kind of this.#budgets.keys()) {
      this.#budgets.delete(kind)
      return
    }
  }
}
