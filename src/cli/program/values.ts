import { InvalidArgumentError } from 'commander'
import { systemClock } from '../../core/clock.ts'
import { durationMs } from '../../core/duration.ts'
import { isChancyError } from '../../index.ts'

/** What options take, from the text of the command line. Each refuses it in one sentence, for commander to print. */

const MAX_INTEGER = 2_147_483_647

export function wholeNumber(min: number, max = MAX_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^-?\d+$/.test(text) && value >= min && value <= max) return value
    const range = max === MAX_INTEGER ? `from ${min}` : `from ${min} to ${max}`
    throw new InvalidArgumentError(`It takes a whole number ${range}.`)
  }
}

/** In milliseconds. */
export function durationValue(text: string): number {
  return refusing('It takes a duration like 250ms, 60s, 5m, 2h or 1d.', () => durationMs(text, ''))
}

/** An instant such as 2027-01-31T08:00:00Z, or a duration from now. */
export function instantValue(text: string): Date {
  const wanted = 'It takes an instant like 2027-01-31T08:00:00Z, or a duration from now like 2h.'
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) {
    return new Date(systemClock.now() + refusing(wanted, () => durationMs(text, '')))
  }
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? new Date(text) : new Date(Number.NaN)
  if (Number.isNaN(at.getTime())) throw new InvalidArgumentError(wanted)
  return at
}

/** Values with commas between them, and the option again for more. */
export function listValue(text: string, before: readonly string[] = []): readonly string[] {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.includes(''))
    throw new InvalidArgumentError('It takes values with commas between them.')
  return [...before, ...parts]
}

export function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InvalidArgumentError(`It takes JSON: ${(error as Error).message}.`)
  }
}

function refusing<T>(message: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (isChancyError(error)) throw new InvalidArgumentError(message)
    throw error
  }
}
