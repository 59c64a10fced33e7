import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Chancy } from '../support/chancy.ts'
import type { Conditions } from './curves.ts'
import { type Fixture, NOWHERE, QUEUE, SCHEMA } from './fixture.ts'

/** How long all waits may take to be registered, in milliseconds. */
const PATIENCE_MS = 30_000

/** Calls of `waitForJob` in the process of the bench, each by itself, over a connection pool of its own. */
export class Waiters {
  readonly #chancy: Chancy
  readonly #end = new AbortController()
  readonly #answers: Promise<number>[] = []

  private constructor(fixture: Fixture) {
    this.#chancy = new Chancy(fixture.server.url, { schema: SCHEMA })
  }

  /** Resolves when all of them are registered with the database. */
  static async begin(fixture: Fixture, conditions: Conditions, jobs: number): Promise<Waiters> {
    const waiters = new Waiters(fixture)
    // Each wait listens to the end.
    setMaxListeners(0, waiters.#end.signal)
    waiters.#wait(await fixture.waitingIds(QUEUE, conditions.waiters, jobs))
    waiters.#wait(await fixture.waitingIds(NOWHERE, conditions.standing, conditions.standing))
    const count = waiters.#answers.length
    const deadline = performance.now() + PATIENCE_MS
    while ((await fixture.countWaits()) < count) {
      if (performance.now() > deadline) throw new Error(`${count} waits were not registered.`)
      await sleep(50)
    }
    return waiters
  }

  /** When the last of them was answered, in milliseconds since 1970. All of them have to be. */
  async answeredAtMs(): Promise<number> {
    return Math.max(...(await Promise.all(this.#answers)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    await Promise.allSettled(this.#answers)
    await this.#chancy.close()
  }

  #wait(ids: readonly string[]): void {
    for (const id of ids) {
      const answer = this.#chancy
        .waitForJob(id, { signal: this.#end.signal })
        .then(() => performance.timeOrigin + performance.now())
      // Those that stand are ended by the signal.
      answer.catch(() => {})
      this.#answers.push(answer)
    }
  }
}
