import { cellOf, isFields } from './cell.ts'
import { fieldsText, type Layout, tableText } from './table.ts'
import { printableLines } from './text-width.ts'

/** What a function makes for the terminal, a text as it is, a list of objects as a table, one object as its fields, anything else as a line. */
export function answerText(value: unknown, layout: Layout): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'function') return (value as (layout: Layout) => string)(layout)
  if (typeof value === 'string') return value === '' ? '' : `${printableLines(value)}\n`
  if (Array.isArray(value)) {
    if (value.length === 0) return 'none\n'
    return value.every(isFields)
      ? tableText(value, layout)
      : value.map((one) => `${cellOf(one)}\n`).join('')
  }
  return isFields(value) ? fieldsText(value, layout) : `${cellOf(value)}\n`
}
