import { inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

/** Longer than every second, minute and hour by name: what is longer is no expression. */
const MAX_LENGTH = 1_000

const NICKNAMES: Readonly<Record<string, string>> = {
  '@YEARLY': '0 0 1 1 *',
  '@ANNUALLY': '0 0 1 1 *',
  '@MONTHLY': '0 0 1 * *',
  '@WEEKLY': '0 0 * * 0',
  '@DAILY': '0 0 * * *',
  '@MIDNIGHT': '0 0 * * *',
  '@HOURLY': '0 * * * *',
}

interface Field {
  readonly name: string
  readonly min: number
  readonly max: number
  /** Names of values, the first one of `firstName`. */
  readonly names?: readonly string[]
  readonly firstName?: number
  /** Values beyond numbers and ranges. */
  special?(item: string): boolean
}

const within = (text: string | undefined, min: number, max: number): boolean =>
  text !== undefined && Number(text) >= min && Number(text) <= max

const FIELDS: readonly Field[] = [
  { name: 'second', min: 0, max: 59 },
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  {
    name: 'day of month',
    min: 1,
    max: 31,
    special: (item) => item === 'L' || within(/^(\d{1,2})W$/.exec(item)?.[1], 1, 31),
  },
  { name: 'month', min: 1, max: 12, names: MONTHS, firstName: 1 },
  {
    name: 'day of week',
    min: 0,
    max: 7,
    names: WEEKDAYS,
    firstName: 0,
    special: (item) => {
      const nth = /^([0-7]|[A-Z]{3})(?:L|#[1-5])$/.exec(item)?.[1]
      return nth !== undefined && (/\d/.test(nth) || WEEKDAYS.includes(nth))
    },
  },
]

/** What an expression says, after every check of its text. */
export interface CronFields {
  /** Six fields, in capitals, separated by one space. */
  readonly text: string
  /** The seconds, minutes and hours that it names, ascending. */
  readonly seconds: readonly number[]
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  /** Day of month, month and day of week, as they stand in `text`. */
  readonly date: string
  /** Whether seconds, minutes and hours have neither a wildcard nor a step. */
  readonly isFixedTime: boolean
}

/**
 * Reads the text of an expression. It does not know whether the dates that it names ever come.
 *
 * @throws {ConfigError} with the field and the reason
 */
export function readFields(value: unknown, what: string): CronFields {
  const refuse: Refuse = (reason) => {
    throw new ConfigError(`${what}: ${reason}, got ${inspect(value)}.`, {
      details: {
        expression: typeof value === 'string' ? value.slice(0, MAX_LENGTH) : null,
        reason,
      },
    })
  }
  if (typeof value !== 'string') return refuse('expected the text of a cron expression')
  if (value.length > MAX_LENGTH) return refuse(`expected at most ${MAX_LENGTH} characters`)
  const parts = split(value.trim().toUpperCase(), refuse)
  const values = parts.map((part, index) => readField(part, FIELDS[index]!, refuse))
  const [seconds, minutes, hours] = values as [number[], number[], number[]]
  return {
    text: parts.join(' '),
    seconds,
    minutes,
    hours,
    date: parts.slice(3).join(' '),
    isFixedTime: !parts.slice(0, 3).some((part) => /[*?/]/.test(part)),
  }
}

/** The times that it names from one time of day to before another, in milliseconds since midnight. */
export function timesOfDay(fields: CronFields, from: number, to: number): number[] {
  const { seconds, minutes, hours } = fields
  const times = hours.flatMap((hour) =>
    minutes.flatMap((minute) =>
      seconds.map((second) => ((hour * 60 + minute) * 60 + second) * 1_000),
    ),
  )
  return times.filter((time) => time >= from && time < to)
}

/** How many times it names from midnight to before a time of day, in milliseconds since midnight. */
export function countBefore({ seconds, minutes, hours }: CronFields, time: number): number {
  const second = time / 1_000
  const minute = Math.floor(second / 60)
  const hour = Math.floor(minute / 60)
  const below = (values: readonly number[], bound: number) =>
    values.filter((value) => value < bound).length
  let count = below(hours, hour) * minutes.length * seconds.length
  if (hours.includes(hour)) {
    count += below(minutes, minute % 60) * seconds.length
    if (minutes.includes(minute % 60)) count += below(seconds, second % 60)
  }
  return count
}

type Refuse = (reason: string) => never

function split(text: string, refuse: Refuse): readonly string[] {
  if (text.startsWith('@')) {
    const full = Object.hasOwn(NICKNAMES, text) ? NICKNAMES[text] : undefined
    if (full !== undefined) return ['0', ...full.split(' ')]
    if (text === '@REBOOT')
      return refuse('@reboot is no time; push the job where the program starts')
    return refuse(`expected one of ${Object.keys(NICKNAMES).join(', ').toLowerCase()}`)
  }
  if (/^\d{4}-\d|:/.test(text)) {
    return refuse('a date is no expression; push one job with withScheduledAt, or use startsAt')
  }
  const parts = text.split(/[ \t\r\n]+/)
  if (parts.length === 7) {
    return refuse('a seventh field, for years, is not supported; use startsAt and endsAt')
  }
  if (text === '' || parts.length < 5 || parts.length > 6) {
    return refuse(
      'expected five fields (minute, hour, day of month, month, day of week) or six (second first)',
    )
  }
  return parts.length === 5 ? ['0', ...parts] : parts
}

function readField(part: string, field: Field, refuse: Refuse): number[] {
  const found = new Set<number>()
  const items = (field.name === 'day of week' ? part.replace(/^\+/, '') : part).split(',')
  if (field.name === 'day of month' && part === 'LW') return []
  for (const item of items) {
    if (field.special?.(item)) continue
    for (const value of readItem(item, field, refuse)) found.add(value)
  }
  return [...found].sort((a, b) => a - b)
}

const ITEM = /^(?:([*?])|([A-Z]+|\d+)(?:-([A-Z]+|\d+))?)(?:\/(\d+))?$/

function readItem(item: string, field: Field, refuse: Refuse): number[] {
  const { name, min, max } = field
  const match = ITEM.exec(item)
  if (match === null) return refuse(`${name}: ${hintFor(item, name)}`)
  const [, wildcard, first, last, stepText] = match
  const step = stepText === undefined ? 1 : Number(stepText)
  const size = name === 'day of week' ? 7 : max - min + 1
  if (step < 1 || step > size)
    return refuse(`${name}: expected a step from 1 to ${size} in "${item}"`)
  if (wildcard === '?' && stepText !== undefined) {
    return refuse(`${name}: "${item}" has a step without a range; write "*/${step}"`)
  }
  if (wildcard !== undefined) return sequence(min, min + size - 1, step)
  const from = readValue(first!, field, false, item, refuse)
  if (last === undefined) {
    if (stepText === undefined) return [from]
    return refuse(
      `${name}: "${item}" has a step without a range; write "${first}-${max === 7 ? 6 : max}/${step}"`,
    )
  }
  const to = readValue(last, field, true, item, refuse)
  if (to < from) return refuse(wraps(item, first!, last, field))
  return sequence(from, to, step)
}

function readValue(
  text: string,
  field: Field,
  isEnd: boolean,
  item: string,
  refuse: Refuse,
): number {
  const { name, min, max, names, firstName = 0 } = field
  if (/^\d+$/.test(text)) {
    if (text.length <= 2 && within(text, min, max)) return Number(text)
    return refuse(`${name}: expected ${min} to ${max} in "${item}"`)
  }
  const index = names?.indexOf(text) ?? -1
  // Sunday ends a week too: SAT-SUN is 6-7.
  if (index >= 0) return text === 'SUN' && isEnd ? 7 : index + firstName
  return refuse(`${name}: ${hintFor(item, name)}`)
}

function hintFor(item: string, name: string): string {
  if (item === '') return 'one of its values is empty'
  if (name === 'day of month')
    return `"${item}" is not known; expected 1 to 31, ranges, steps, L, LW or 15W`
  if (name === 'day of week') {
    return `"${item}" is not known; expected 0 to 7, SUN to SAT, ranges, steps, 5L or 5#2`
  }
  if (name === 'month')
    return `"${item}" is not known; expected 1 to 12, JAN to DEC, ranges or steps`
  return `"${item}" is not known; expected numbers, ranges or steps`
}

function wraps(item: string, first: string, last: string, field: Field): string {
  const end = field.names === undefined ? field.max : field.names.at(-1)
  const start = field.names === undefined ? field.min : field.names[0]
  return `${field.name}: the range "${item}" wraps; write "${first}-${end},${start}-${last}"`
}

function sequence(from: number, to: number, step: number): number[] {
  const values = []
  for (let value = from; value <= to; value += step) values.push(value)
  return values
}
