import { MEMORY_NOT_ENFORCED } from '../core/limit.ts'
import type { Logger } from '../index.ts'

/** What is not so in production: the test itself moves the time. */
const OF_THE_TEST = /^database clock stepped/

/** The log of the engine in a test: dropped, or handed on. Notes the jobs whose memory limit was not enforced. */
export class TestLog {
  readonly #unlimited = new Set<string>()
  readonly #logger: Logger | null

  constructor(logger: Logger | null) {
    this.#logger = logger
  }

  /** Names of those jobs since the last call. */
  takeUnlimited(): readonly string[] {
    const names = [...this.#unlimited]
    this.#unlimited.clear()
    return names
  }

  get logger(): Logger {
    const to = (level: 'info' | 'warn' | 'error') => (fields: object, message?: string) => {
      if (!OF_THE_TEST.test(message ?? '')) this.#logger?.[level](fields, message)
    }
    const debug: Logger['debug'] = (fields: object, message?: string) => {
      const { name } = fields as { readonly name?: unknown }
      if (message === MEMORY_NOT_ENFORCED && typeof name === 'string') this.#unlimited.add(name)
      this.#logger?.debug(fields, message)
    }
    return { debug, info: to('info'), warn: to('warn'), error: to('error') }
  }
}
