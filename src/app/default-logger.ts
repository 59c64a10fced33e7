import { pino } from 'pino'
import pretty from 'pino-pretty'
import type { Logger } from '../core/logger.ts'

let shared: Logger | null = null

/** The default one, made when something is first logged: importing Chancy starts nothing. */
export function lazyLogger(): Logger {
  return {
    debug: (fields, message) => defaultLogger().debug(fields, message),
    info: (fields, message) => defaultLogger().info(fields, message),
    warn: (fields, message) => defaultLogger().warn(fields, message),
    error: (fields, message) => defaultLogger().error(fields, message),
  }
}

/** Readable lines on a terminal, JSON elsewhere. One for the process, made when first needed. */
function defaultLogger(): Logger {
  shared ??= process.stdout.isTTY
    ? pino({ name: 'chancy' }, quiet(pretty({ sync: true, ignore: 'pid,hostname,name' })))
    : pino({ name: 'chancy' }, quiet(pino.destination({ sync: true })))
  return shared
}

/** A closed pipe or a full disk must not end the process by an event that nobody listens to. */
function quiet<Stream extends { on(event: 'error', listener: () => void): unknown }>(
  stream: Stream,
): Stream {
  stream.on('error', () => {})
  return stream
}
