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

/** What pino writes of itself: the same key given by a job would stand in its line twice. */
const OWN_KEYS = new Set(['level', 'time', 'pid', 'hostname', 'msg'])

/**
 * Readable lines on a terminal, JSON elsewhere; on the standard error, since the standard output is the
 * program's. One for the process, made when first needed.
 */
function defaultLogger(): Logger {
  const options = { formatters: { log: withoutOwnKeys } }
  shared ??= process.stderr.isTTY
    ? pino(options, quiet(pretty(PRETTY)))
    : pino(options, quiet(pino.destination({ dest: STDERR, sync: true })))
  return shared
}

const STDERR = 2
/** The name, which is that of the job, stands before the message. */
const PRETTY = { sync: true, destination: STDERR, ignore: 'pid,hostname', singleLine: true }

/** Fields of a line, an own key of pino as `msg_`. */
export function withoutOwnKeys(fields: Record<string, unknown>): Record<string, unknown> {
  if (!Object.keys(fields).some((key) => OWN_KEYS.has(key))) return fields
  const entries = Object.entries(fields)
  return Object.fromEntries(
    entries.map(([key, value]) => [OWN_KEYS.has(key) ? `${key}_` : key, value]),
  )
}

/** A closed pipe or a full disk must not end the process by an event that nobody listens to. */
function quiet<Stream extends { on(event: 'error', listener: () => void): unknown }>(
  stream: Stream,
): Stream {
  stream.on('error', () => {})
  return stream
}
