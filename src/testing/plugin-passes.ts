import { durationMs } from '../core/duration.ts'
import { ChancyError } from '../core/errors.ts'
import type { Chancy, Plugin, Worker } from '../index.ts'
import { type PluginLoop, pluginAccess } from '../plugin/index.ts'
import type { Point } from './point.ts'

interface OwnLoop {
  readonly plugin: string
  readonly loop: PluginLoop
  /** When it is due next, as far as is known, in milliseconds; null: never. */
  nextMs: number | null
  isWoken: boolean
}

/** Rows that a call of `cleanup` removes, and how long after one the next comes, as in a worker. */
const [CLEANUP_ROWS, CLEANUP_EVERY] = [1_000, '1m'] as const
/** How long the loop of a plugin waits in the worker, which makes no pass of it. */
const NEVER = '3650d'
/** A loop that has not passed yet. */
const NOW = Number.NEGATIVE_INFINITY

/** The plugin as the worker of a test has it: its loops are there and make no pass. */
export function withoutPasses(plugin: Plugin): Plugin {
  const loops = plugin.loops?.map((loop) => ({ ...loop, pass: async () => NEVER }))
  return Object.create(plugin, {
    ...(loops === undefined ? {} : { loops: { value: loops, enumerable: true } }),
    cleanup: { value: undefined },
  }) as Plugin
}

/**
 * The loops of the plugins, which pass inside of `drain` and `advance` only, one after the other: those that say when
 * they are due at their time, the others when an advance has arrived.
 */
export class PluginPasses {
  readonly #chancy: Chancy
  readonly #worker: Worker
  readonly #loops: OwnLoop[]
  #life = new AbortController()

  constructor(chancy: Chancy, worker: Worker, plugins: readonly Plugin[]) {
    this.#chancy = chancy
    this.#worker = worker
    this.#loops = plugins.flatMap((plugin) =>
      loopsOf(plugin).map((loop) => ({ plugin: plugin.name, loop, nextMs: NOW, isWoken: false })),
    )
    chancy.on('plugin.woken', ({ plugin, loop }) => {
      for (const one of this.#loops) {
        if (one.plugin === plugin && one.loop.name === loop) one.isWoken = true
      }
    })
  }

  /** As in a worker that has just started: each loop passes at the next drain. */
  begin(): void {
    this.#life.abort()
    this.#life = new AbortController()
    for (const one of this.#loops) one.nextMs = NOW
  }

  end(): void {
    this.#life.abort()
  }

  /** Asks the loops that can say it when they are due. */
  async look(): Promise<void> {
    for (const one of this.#loops) {
      const { plugin, loop, nextMs } = one
      if (loop.dueAt === undefined || nextMs === NOW) continue
      const at = await loop.dueAt(pluginAccess(this.#chancy, plugin))
      one.nextMs = at === null ? null : Math.ceil(at.getTime())
    }
  }

  /** Passes the loops that are due. `hasArrived`: also those that cannot say when they are. */
  async pass(nowMs: number, hasArrived: boolean): Promise<void> {
    for (const one of this.#loops) {
      const { loop, nextMs } = one
      const isDue = nextMs !== null && nextMs <= nowMs && (hasArrived || loop.dueAt !== undefined)
      if (isDue || nextMs === NOW || one.isWoken) await this.#pass(one, nowMs)
    }
  }

  /** The time at which a loop is due next that can say it: not after the present when one has to pass again. */
  get next(): Point | null {
    let next: Point | null = null
    for (const { plugin, loop, nextMs } of this.#loops) {
      if (loop.dueAt === undefined || nextMs === null) continue
      if (next === null || nextMs < next.atMs)
        next = { atMs: nextMs, what: `the loop ${plugin}/${loop.name}` }
    }
    return next
  }

  async #pass(one: OwnLoop, nowMs: number): Promise<void> {
    const { plugin, loop, isWoken } = one
    const worker = this.#worker
    one.isWoken = false
    const context = {
      ...pluginAccess(this.#chancy, plugin),
      signal: this.#life.signal,
      isWoken,
      isLeader: true,
      version: null,
      get workerId(): string {
        return worker.id
      },
    }
    try {
      const wait = await loop.pass(context)
      one.nextMs = nowMs + Math.max(1, durationMs(wait, `${plugin}: the loop "${loop.name}"`))
    } catch (cause) {
      const message = `The loop "${loop.name}" of the plugin "${plugin}" failed: ${cause instanceof Error ? cause.message : String(cause)}`
      throw new ChancyError('TEST_LOOP_FAILED', message, {
        cause,
        details: { plugin, loop: loop.name },
      })
    }
  }
}

function loopsOf(plugin: Plugin): readonly PluginLoop[] {
  if (plugin.cleanup === undefined) return plugin.loops ?? []
  const cleanup: PluginLoop = {
    name: 'cleanup',
    on: 'leader',
    pass: async (context) => {
      while (((await plugin.cleanup?.(context, CLEANUP_ROWS)) ?? 0) >= CLEANUP_ROWS);
      return CLEANUP_EVERY
    },
  }
  return [...(plugin.loops ?? []), cleanup]
}
