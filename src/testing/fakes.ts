import { randomUUID } from 'node:crypto'
import { checkInteger, checkOptions, inspect } from '../core/check.ts'
import { AttemptError, ConfigError } from '../core/errors.ts'
import type { Plugin } from '../index.ts'
import { definePlugin } from '../plugin/index.ts'
import { KIT } from './own-schema.ts'

/** How often a failure that a test asks for happens. */
export interface Failing {
  /** How many attempts. Default: 1. */
  readonly times?: number
}

/** What is to happen in the place of a function: an error, or the death of the process that runs it. */
export interface Fake {
  readonly kind: 'fail' | 'crash'
  readonly error: Error
  left: number
}

/** What the row of an attempt says to where its function runs. The error itself is known in the test's process alone. */
export interface FakeMeta {
  readonly token: string
  readonly kind: Fake['kind']
  readonly name: string
  readonly message: string
  readonly code?: string
}

const META_KEY = 'testing.fake'

/** The errors of attempts that are under way, for the module around the functions of this process. */
const shared = globalThis as { chancyTestFakes?: Map<string, Error> }
shared.chancyTestFakes ??= new Map<string, Error>()
const underWay = shared.chancyTestFakes

/** The failures that a test has asked for. */
export class Fakes {
  readonly #fakes = new Map<string, Fake[]>()

  /** @throws {ConfigError} */
  fail(name: string, given: unknown, options: Failing | undefined): void {
    const error = typeof given === 'string' ? new Error(given) : given
    if (!(error instanceof Error))
      throw new ConfigError(
        `failNext: expected an error, such as new Error('smtp is down'), got ${inspect(given)}.`,
      )
    this.#add(name, { kind: 'fail', error, left: timesOf(options, 'failNext') })
  }

  /** @throws {ConfigError} */
  crash(name: string, options: Failing | undefined): void {
    const error = new AttemptError(
      'CHILD_EXITED',
      'The process of the job died, as crashNext() asked for.',
    )
    this.#add(name, { kind: 'crash', error, left: timesOf(options, 'crashNext') })
  }

  #add(name: string, fake: Fake): void {
    this.#fakes.set(name, [...(this.#fakes.get(name) ?? []), fake])
  }

  clear(): void {
    this.#fakes.clear()
    underWay.clear()
  }

  /** Puts itself in the place of a function by the meta of an attempt, which is not stored. */
  plugin(): Plugin {
    return definePlugin({
      name: KIT,
      isIdle: () => this.#fakes.size === 0,
      beforeAttempt: (job) => {
        const fake = this.#take(job.name)
        return fake === null ? job : { ...job, meta: { ...job.meta, [META_KEY]: metaOf(fake) } }
      },
      around: { module: new URL('./around.js', import.meta.url) },
    })
  }

  #take(name: string): Fake | null {
    const list = this.#fakes.get(name)
    const fake = list?.[0]
    if (list === undefined || fake === undefined) return null
    fake.left--
    if (fake.left <= 0) list.shift()
    if (list.length === 0) this.#fakes.delete(name)
    return fake
  }
}

function timesOf(given: Failing | undefined, call: string): number {
  const { times = 1 } = checkOptions(given, ['times'], call) as Failing
  return checkInteger(times, `${call}: times`, { min: 1, max: Number.MAX_SAFE_INTEGER })
}

function metaOf({ kind, error }: Fake): FakeMeta {
  const token = randomUUID()
  underWay.set(token, error)
  const { code } = error as { readonly code?: unknown }
  return {
    token,
    kind,
    name: error.name,
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
  }
}
