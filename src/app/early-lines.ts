import { writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { systemClock } from '../core/clock.ts'
import type { LogLevel } from '../core/logger.ts'
import { withoutOwnKeys } from './own-keys.ts'

export interface EarlyLine {
  readonly level: LogLevel
  readonly fields: object
  readonly message: string | undefined
}

const STDERR = 2
const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50 }

/**
 * Lines of the default logger until it has loaded, a few milliseconds. A process that ends meanwhile writes them
 * itself, as JSON.
 */
export class EarlyLines {
  readonly #lines: EarlyLine[] = []
  readonly #onExit = (): void => {
    for (const line of this.#lines) if (line.level !== 'debug') write(line)
  }

  add(line: EarlyLine): void {
    if (this.#lines.length === 0) process.once('exit', this.#onExit)
    this.#lines.push(line)
  }

  take(): EarlyLine[] {
    process.removeListener('exit', this.#onExit)
    return this.#lines.splice(0)
  }
}

function write({ level, fields, message }: EarlyLine): void {
  const own = {
    level: LEVELS[level],
    time: systemClock.now(),
    pid: process.pid,
    hostname: hostname(),
  }
  const given = withoutOwnKeys({ ...fields })
  if (given.err instanceof Error) {
    const { name, message, stack } = given.err
    given.err = { type: name, message, stack }
  }
  const end = { msg: message }
  try {
    writeSync(STDERR, `${textOf({ ...own, ...given, ...end }) ?? textOf({ ...own, ...end })}\n`)
  } catch {
    // A closed pipe or a full disk: nothing more can be done at the end of a process.
  }
}

/** Null for what is no JSON. */
function textOf(line: object): string | null {
  try {
    return JSON.stringify(line)
  } catch {
    return null
  }
}
