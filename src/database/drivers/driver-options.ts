import { checkOneOf, checkOptions } from '../../core/check.ts'
import { checkClock } from '../../core/clock-option.ts'

/** Checks what a driver over connections of the caller was given beside them. */
export function checkDriverOptions(
  options: unknown,
  what: string,
  names: readonly string[] = ['pooler', 'clock'],
): void {
  const given = checkOptions(options, names, what)
  if (given.pooler !== undefined) checkOneOf(given.pooler, ['transaction'], `${what}: pooler`)
  checkClock(given.clock, `${what}: clock`)
}
