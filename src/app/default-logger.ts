import type { Logger, LogLevel } from '../core/logger.ts'
import { EarlyLines } from './early-lines.ts'
import type { PinoLogger } from './pino-logger.ts'

let shared: PinoLogger | null = null
let loading: Promise<void> | null = null
const early = new EarlyLines()

/**
 * The default one, one for the process. What it writes with is loaded with the first line: most producers log
 * none.
 */
export function lazyLogger(): Logger {
  const line =
    (level: LogLevel): Logger['info'] =>
    (fields, message) => {
      if (shared !== null) return shared[level](fields, message)
      early.add({ level, fields, message })
      void loadDefaultLogger()
    }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

/** Lines are written immediately afterwards. A worker loads it before it starts. */
export function loadDefaultLogger(): Promise<void> {
  loading ??= import('./pino-logger.ts').then(({ pinoLogger }) => {
    const logger = pinoLogger()
    for (const { level, fields, message } of early.take()) logger[level](fields, message)
    shared = logger
  })
  return loading
}
