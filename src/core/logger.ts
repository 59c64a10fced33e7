/**
 * Where the engine writes what no caller receives: pino's shape, so that a pino logger fits.
 */
export interface Logger {
  debug(fields: object, message?: string): void
  info(fields: object, message?: string): void
  warn(fields: object, message?: string): void
  error(fields: object, message?: string): void
}

export type LogLevel = keyof Logger

/** A logger that never throws: a full disk under a log file must not end a worker. */
export function safeLogger(logger: Logger): Logger {
  const guarded =
    (level: LogLevel) =>
    (fields: object, message?: string): void => {
      try {
        logger[level](fields, message)
      } catch {
        // There is nowhere left to say it.
      }
    }
  return {
    debug: guarded('debug'),
    info: guarded('info'),
    warn: guarded('warn'),
    error: guarded('error'),
  }
}
