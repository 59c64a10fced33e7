import { type Logger as PinoLogger, pino } from 'pino'
import pretty, { type PrettyOptions } from 'pino-pretty'
import { withoutOwnKeys } from './own-keys.ts'
import { terminalLine } from './terminal-line.ts'

export type { PinoLogger }

const STDERR = 2
/** The name, which is that of the job, stands before the message. */
const PRETTY: PrettyOptions = {
  sync: true,
  destination: STDERR,
  ignore: 'pid,hostname',
  // The fields are part of the message.
  hideObject: true,
  messageFormat: (fields, _key, _level, { colors }) => terminalLine(fields, colors.gray),
}

/**
 * Readable lines on a terminal, JSON elsewhere; on the standard error, since the standard output is the
 * program's.
 */
export function pinoLogger(): PinoLogger {
  const options = { formatters: { log: withoutOwnKeys } }
  return process.stderr.isTTY
    ? pino(options, quiet(pretty(PRETTY)))
    : pino(options, quiet(pino.destination({ dest: STDERR, sync: true })))
}

/** A closed pipe or a full disk must not end the process by an event without a listener. */
function quiet<Stream extends { on(event: 'error', listener: () => void): unknown }>(
  stream: Stream,
): Stream {
  stream.on('error', () => {})
  return stream
}
