import { inspect } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'
import type { Chancy } from '../index.ts'
import { pluginsOf } from '../plugin/index.ts'

/** A tick of a schedule whose job was pushed. */
export interface Fired {
  /** The time of the tick. */
  readonly at: Date
  /** The id of the job. */
  readonly job: string
}

/** The ticks that the plugin `cron` has fired in this test. */
export class FiredTicks {
  readonly #ticks = new Map<string, Fired[]>()
  readonly #hasCron: boolean

  constructor(chancy: Chancy) {
    this.#hasCron = pluginsOf(chancy).some(({ events }) => events?.includes('cron.fired') === true)
    if (!this.#hasCron) return
    chancy.on('cron.fired', ({ key, at, job }) => {
      const ticks = this.#ticks.get(key) ?? []
      ticks.push({ at, job })
      this.#ticks.set(key, ticks)
    })
  }

  of(key: string): Fired[] {
    if (!this.#hasCron)
      throw new ConfigError(
        'fired: this test has no schedules. Give it the plugin: testChancy({ plugins: [cron()] }).',
      )
    if (typeof key !== 'string')
      throw new ConfigError(`fired: expected the key of a schedule, got ${inspect(key)}.`)
    return [...(this.#ticks.get(key) ?? [])]
  }

  clear(): void {
    this.#ticks.clear()
  }
}
