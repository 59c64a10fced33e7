import { setMaxListeners } from 'node:events'
import type { Clock } from '../core/clock.ts'
import { durationMs } from '../core/duration.ts'
import type { Logger } from '../core/logger.ts'
import { loggedError } from '../database/logged-error.ts'
import { isConnectionLoss } from '../database/sql-state.ts'
import type { Hub } from '../events/hub.ts'
import type { PluginContext } from '../plugin/access/plugin-access.ts'
import { cleanupLoop } from '../plugin/cleanup-loop.ts'
import { ELECTION_LOOP, LEADERSHIP, type Leadership } from '../plugin/parts/leadership.ts'
import type { PluginLoop } from '../plugin/parts/plugin-loop.ts'
import type { Plugin } from '../plugin/plugin.ts'
import type { PluginSet } from '../plugin/plugin-set.ts'
import { Loop } from '../services/loop.ts'
import type { Service } from '../services/service.ts'
import { joinedSignal } from './joined-signal.ts'

export interface PluginLoopsOptions {
  readonly plugins: PluginSet
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  readonly contextFor: (plugin: Plugin, signal: AbortSignal) => PluginContext
}

/** The wait after a pass that failed, in milliseconds. */
const RETRY = { leastMs: 1_000, mostMs: 60_000 }
/** The wait of a loop of the leader where no lead can be had, in milliseconds. */
const NO_LEAD_MS = 60_000
/** How long passes have to end before the lead is given up, in milliseconds: another worker waits for it. */
const LAST_PASS_MS = 500

/** The loops of the plugins in one worker, and the lead that some of them wait for. */
export class PluginLoops implements Service {
  readonly #options: PluginLoopsOptions
  readonly #loops = new Map<string, Loop>()
  /** By the loops of the leader: the term in which it passed last. */
  readonly #terms = new Map<string, AbortSignal>()
  readonly #stopping = new AbortController()
  #unlisten: (() => void)[] = []
  #leadership: Leadership | null = null

  constructor(options: PluginLoopsOptions) {
    this.#options = options
    for (const plugin of options.plugins.plugins) {
      const own = plugin.cleanup === undefined ? [] : [cleanupLoop(plugin)]
      for (const loop of [...(plugin.loops ?? []), ...own]) {
        this.#loops.set(`${plugin.name}/${loop.name}`, this.#loopOf(plugin, loop))
      }
    }
  }

  start(): void {
    const { hub } = this.#options
    this.#leadership ??= this.#lead()
    this.#unlisten = [
      hub.on('plugin.woken', ({ plugin, loop }) => {
        if (plugin === LEADERSHIP && loop === ELECTION_LOOP) this.#leadership?.wake?.()
        else this.#loops.get(`${plugin}/${loop}`)?.wake()
      }),
      // A call of `wake` in another process may have been missed.
      hub.on('notifier.reconnected', () => {
        this.#leadership?.wake?.()
        for (const loop of this.#loops.values()) {
          loop.wake()
          loop.hasten()
        }
      }),
    ]
    for (const loop of this.#loops.values()) loop.start()
  }

  async stop(): Promise<void> {
    for (const unlisten of this.#unlisten.splice(0)) unlisten()
    this.#stopping.abort()
    const ended = Promise.all([...this.#loops.values()].map((loop) => loop.stop()))
    const over = new AbortController()
    const { clock } = this.#options
    await Promise.race([ended, clock.sleep(LAST_PASS_MS, over.signal)])
    over.abort()
    await Promise.all([this.#leadership?.stop(), ended])
  }

  #lead(): Leadership | null {
    const { plugins, contextFor } = this.#options
    const plugin = plugins.get(LEADERSHIP)
    if (plugin === null) return null
    try {
      return plugin.lead?.(contextFor(plugin, this.#stopping.signal)) ?? null
    } catch (error) {
      plugins.calls.failed(plugin.name, 'lead', error)
      return null
    }
  }

  #loopOf(plugin: Plugin, loop: PluginLoop): Loop {
    const { clock, log } = this.#options
    return new Loop({
      clock,
      retry: RETRY,
      pass: (signal, isWoken) =>
        loop.on === 'leader'
          ? this.#passAsLeader(plugin, loop, signal, isWoken)
          : this.#pass(plugin, loop, signal, isWoken),
      onError: (error, inARow) => {
        // That the database is away is logged once, and not by each loop of each plugin.
        const level = isConnectionLoss(error) || inARow > 1 ? 'debug' : 'error'
        const fields = { plugin: plugin.name, loop: loop.name, ...loggedError(error) }
        log[level](fields, 'plugin loop failed')
      },
    })
  }

  async #passAsLeader(
    plugin: Plugin,
    loop: PluginLoop,
    stopping: AbortSignal,
    isWoken: boolean,
  ): Promise<number> {
    const held = await this.#leadership?.opened(stopping).catch((error) => {
      if (stopping.aborted) return undefined
      throw error
    })
    if (held === undefined) return NO_LEAD_MS
    this.#beginTerm(`${plugin.name}/${loop.name}`, held)
    const joined = joinedSignal(stopping, held)
    try {
      return await this.#pass(plugin, loop, joined.signal, isWoken)
    } catch (error) {
      // Ended with the lead: nothing failed.
      if (held.aborted && joined.signal.reason === error) return 0
      throw error
    } finally {
      joined.end()
    }
  }

  /** The wait of the loop ends with the term, so that the next term begins with a pass. */
  #beginTerm(key: string, term: AbortSignal): void {
    if (this.#terms.get(key) === term) return
    this.#terms.set(key, term)
    // One for each loop of the leader: Node.js warns at the eleventh of a signal.
    setMaxListeners(0, term)
    term.addEventListener('abort', () => this.#loops.get(key)?.wake(), { once: true })
  }

  async #pass(
    plugin: Plugin,
    loop: PluginLoop,
    signal: AbortSignal,
    isWoken: boolean,
  ): Promise<number> {
    const { hub, contextFor } = this.#options
    const isOpen = (): boolean => this.#leadership?.isOpen ?? false
    const passed = { plugin: plugin.name, loop: loop.name, isWoken }
    const context = Object.defineProperties(contextFor(plugin, signal), {
      isWoken: { value: isWoken, enumerable: true },
      isLeader: { get: isOpen, enumerable: true },
    }) as PluginContext & { readonly isWoken: boolean; readonly isLeader: boolean }
    try {
      const wait = await loop.pass(context)
      const nextMs = durationMs(wait, `${plugin.name}: the loop "${loop.name}"`)
      hub.emit('plugin.passed', { ...passed, isLeader: isOpen(), nextMs, error: null })
      return nextMs
    } catch (error) {
      hub.emit('plugin.passed', { ...passed, isLeader: isOpen(), nextMs: null, error })
      throw error
    }
  }
}
