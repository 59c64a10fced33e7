import { ChancyError } from '../errors.ts'

/** What is wrong at a place in the text of a filter. */
export interface FilterMistake {
  /** The first character of it, from 0. */
  readonly at: number
  /** The character behind it. */
  readonly end: number
  /** What was expected, what was found, and what may have been meant. */
  readonly message: string
}

/** Thrown and caught by the readers, so that one term's mistake leaves the others readable. */
export class Mistaken extends Error {
  readonly at: number
  readonly end: number

  constructor(at: number, end: number, message: string) {
    super(message)
    this.at = at
    this.end = end
  }
}

/** `details.at` and `details.end`: where in the text; null for a filter that was given as a value. */
export function filterError(
  message: string,
  where: { readonly at: number; readonly end: number } | null,
): ChancyError {
  const place = where === null ? '' : ` at ${where.at + 1}`
  return new ChancyError('FILTER_INVALID', `filter${place}: ${message}`, {
    details: { at: where?.at ?? null, end: where?.end ?? null },
  })
}
