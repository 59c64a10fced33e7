import { printable } from './text-width.ts'

/** A row of a table, or an object of which each field is a line. */
export type Fields = Readonly<Record<string, unknown>>

/** A value as one line: `-` for none, times in UTC to the second, objects as JSON. */
export function cellOf(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? '-' : value.toISOString().replace(/\.\d{3}Z$/, 'Z')
  }
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) {
    return value.length === 0 ? '-' : printable(value.map(String).join(' '))
  }
  return printable(typeof value === 'object' ? JSON.stringify(value) : String(value))
}

/** `nextAt` as `next at`. */
export function titleOf(name: string): string {
  return printable(name).replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

export function isFields(value: unknown): value is Fields {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  )
}
