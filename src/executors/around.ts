import { inspect } from '../core/check.ts'
import { callAfter, machineMs, systemClock } from '../core/clock.ts'
import type { Context } from '../core/context.ts'
import { endingOf } from '../core/ending.ts'
import { AttemptError } from '../core/errors.ts'

/** A module that wraps the function of each job, and whose it is. */
export interface AroundSource {
  readonly plugin: string
  /** A URL. */
  readonly module: string
  readonly options: unknown
}

/** What its default export has made. */
export interface LoadedAround {
  readonly plugin: string
  readonly around: ((context: Context, run: () => Promise<unknown>) => unknown) & {
    readonly isIdle?: () => boolean
    readonly flush?: () => void | Promise<void>
  }
}

export type AroundFailure = (plugin: string, error: unknown) => void

/** How long a module may take beside the function of the job, in milliseconds. */
const TIMEOUT_MS = 10_000

/** Loads the modules in their order. One that cannot be loaded is reported and left out. */
export async function loadAround(
  sources: readonly AroundSource[],
  onFailure: AroundFailure,
): Promise<readonly LoadedAround[]> {
  const loaded: LoadedAround[] = []
  for (const { plugin, module, options } of sources) {
    try {
      const { default: make } = (await import(module)) as { readonly default?: unknown }
      if (typeof make !== 'function')
        throw new Error(
          `expected the default export of ${module} to be a function, got ${inspect(make)}`,
        )
      const around: unknown = make(options)
      if (typeof around !== 'function')
        throw new Error(`expected (context, run) => Promise of ${module}, got ${inspect(around)}`)
      loaded.push({ plugin, around: around as LoadedAround['around'] })
    } catch (error) {
      onFailure(plugin, error)
    }
  }
  return loaded
}

/** How long the flushes of all modules may take, in milliseconds: less than a child has to end. */
const FLUSH_MS = 500

/** How often the failures of one plugin are logged, in milliseconds. */
const LOG_MS = 60_000

/** The modules that are loaded here, the first outermost. */
export class AroundChain {
  readonly #wrappers: readonly LoadedAround[]
  readonly #loggedAt = new Map<string, number>()

  constructor(wrappers: readonly LoadedAround[]) {
    this.#wrappers = wrappers
  }

  /**
   * Calls a function through what wraps it. What the function comes to is the outcome, whatever the
   * wrappers do after it. A wrapper that is idle is left out; without any, it is a plain call. `log` is called at
   * most once a minute for each plugin.
   */
  call(context: Context, fn: () => unknown, log: AroundFailure): unknown {
    const active = this.#wrappers.some((one) => !isIdle(one))
    return active ? this.#wrapped(context, fn, log) : fn()
  }

  /** Lets each wrapper write what it gathered. Never rejects, and resolves after half a second at the latest. */
  async flush(): Promise<void> {
    const flushes = this.#wrappers.flatMap(({ around }) => around.flush ?? [])
    if (flushes.length === 0) return
    const over = new AbortController()
    const flushed = Promise.allSettled(flushes.map(async (flush) => flush()))
    await Promise.race([flushed, systemClock.sleep(FLUSH_MS, over.signal)])
    over.abort()
  }

  #wrapped(context: Context, fn: () => unknown, log: AroundFailure): Promise<unknown> {
    const wrappers = this.#wrappers.filter((one) => !isIdle(one))
    const onFailure: AroundFailure = (plugin, error) => {
      const now = machineMs()
      if (now - (this.#loggedAt.get(plugin) ?? Number.NEGATIVE_INFINITY) < LOG_MS) return
      this.#loggedAt.set(plugin, now)
      log(plugin, error)
    }
    const from = (index: number): Promise<unknown> => {
      const wrapper = wrappers[index]
      return wrapper === undefined
        ? new Promise((resolve) => resolve(fn()))
        : wrapped(wrapper, context, () => from(index + 1), onFailure)
    }
    return from(0)
  }
}

function isIdle({ around }: LoadedAround): boolean {
  try {
    return around.isIdle?.() === true
  } catch {
    // What it has to say is logged where it is called.
    return false
  }
}

async function wrapped(
  { plugin, around }: LoadedAround,
  context: Context,
  inner: () => Promise<unknown>,
  onFailure: AroundFailure,
): Promise<unknown> {
  let running: Promise<unknown> | null = null
  let isOver = false
  const run = (): Promise<unknown> => {
    if (running !== null || isOver)
      return Promise.reject(new Error('run was called a second time, or too late'))
    running = inner()
    // It may not be awaited by the wrapper, and its rejection is the outcome in any case.
    running.catch(() => {})
    return running
  }
  const wrapping = new Promise<unknown>((resolve) => resolve(around(context, run)))
  const ended = await inTime(wrapping, () => running)
  isOver = true
  // It ends the attempt in the place of the function, such as by a SnoozeJob.
  if (running === null && endingOf(ended.error) !== null) throw ended.error
  if (ended.error !== undefined && !(await isOutcome(running, ended.error)))
    onFailure(plugin, ended.error)
  if (running !== null) return running
  if (ended.error !== undefined) return inner()
  const message = `The "around" of the plugin "${plugin}" ended without calling run, so the job was not run. Correct the plugin, or remove it.`
  throw new AttemptError('AROUND_NOT_RUN', message, { details: { plugin } })
}

/**
 * The end of a wrapper, with its error. It has its time before it calls `run` and after that has ended; how
 * long the function takes is not counted.
 */
async function inTime(
  wrapping: Promise<unknown>,
  running: () => Promise<unknown> | null,
): Promise<{ readonly error: unknown }> {
  const done = wrapping.then(
    () => ({ error: undefined }),
    (error: unknown) => ({ error: error ?? new Error(`it threw ${inspect(error)}`) }),
  )
  const first = await Promise.race([done, late()(done)])
  if (first !== null) return first
  const called = running()
  if (called === null) return tooLate()
  await Promise.race([done, called.catch(() => {})])
  return (await Promise.race([done, late()(done)])) ?? tooLate()
}

/** Resolves with null after the time, unless `done` comes before. */
function late(): (done: Promise<unknown>) => Promise<null> {
  return (done) =>
    new Promise((resolve) => {
      const callOff = callAfter(systemClock, TIMEOUT_MS, () => resolve(null))
      void done.then(callOff)
    })
}

function tooLate(): { readonly error: Error } {
  return { error: new Error(`it has not answered within ${TIMEOUT_MS} ms`) }
}

/** A wrapper passes on what the function threw. */
async function isOutcome(running: Promise<unknown> | null, error: unknown): Promise<boolean> {
  if (running === null) return false
  return running.then(
    () => false,
    (thrown) => thrown === error,
  )
}
