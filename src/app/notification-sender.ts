import type { Database } from '../database/database.ts'
import { notifyChannel } from '../database/statements/queues.ts'
import type { Hub } from '../events/hub.ts'

/** Sends notifications that belong to no statement. One that cannot be sent costs time only. */
export class NotificationSender {
  readonly #database: Database
  readonly #hub: Hub
  readonly #underWay = new Set<Promise<void>>()

  constructor(database: Database, hub: Hub) {
    this.#database = database
    this.#hub = hub
  }

  /** Sends it in the background: `settled` waits for it. */
  post(payload: string): void {
    const sent = this.send(payload).finally(() => this.#underWay.delete(sent))
    this.#underWay.add(sent)
  }

  /** Resolves when it was sent, or could not be. */
  async send(payload: string): Promise<void> {
    try {
      await this.#database.run(notifyChannel, [this.#database.names.channel, payload])
    } catch (error) {
      this.#hub.emit('database.error', { what: 'sending a notification', error })
    }
  }

  /** Resolves when all that was posted has been sent. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay)
  }
}
