import type { Chancy } from 'chancy'
import { type PassContext, type PluginAccess, type PluginLoop, pluginAccess } from 'chancy/plugin'
import { cron } from 'chancy/plugins/cron'

/** What becomes of a worker at its first statement that fires schedules. */
export type Fate = 'lives' | 'dies before it' | 'dies before its commit' | 'dies after its commit'

const FIRE = 'cron_fire'

class Killed extends Error {}

/** Workers without a process: each pass is one of a new worker, whose end the test decides. */
export class MortalWorkers {
  readonly #access: PluginAccess
  readonly #loop: PluginLoop
  #count = 0

  constructor(chancy: Chancy) {
    this.#access = pluginAccess(chancy, 'chancy.cron')
    const loop = cron().loops?.find(({ name }) => name === 'fire')
    if (loop === undefined) throw new Error('the plugin has no loop that fires')
    this.#loop = loop
  }

  /** When something is due next, or null. */
  async dueAt(): Promise<number | null> {
    return (await this.#loop.dueAt?.(this.#access))?.getTime() ?? null
  }

  /** One pass of a new worker. Whether it lived to its end. */
  async pass(isLeader: boolean, fate: Fate = 'lives'): Promise<boolean> {
    this.#count += 1
    try {
      await this.#loop.pass(this.#context(`worker ${this.#count}`, isLeader, fate))
      return true
    } catch (error) {
      if (error instanceof Killed) return false
      throw error
    }
  }

  #context(workerId: string, isLeader: boolean, fate: Fate): PassContext {
    const { database } = this.#access
    const run: typeof database.run = async (what, values, options) => {
      if (what.name !== FIRE || fate === 'lives') return database.run(what, values, options)
      if (fate === 'dies after its commit') await database.run(what, values, options)
      if (fate === 'dies before its commit') {
        await database.driver.transaction(async (session) => {
          await database.run(what, values, { session })
          throw new Killed()
        })
      }
      throw new Killed()
    }
    const signal = new AbortController().signal
    return {
      ...this.#access,
      database: { ...database, run },
      workerId,
      version: null,
      signal,
      isLeader,
      isWoken: false,
    }
  }
}
