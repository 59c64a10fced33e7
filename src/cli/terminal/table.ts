/**
 * Tables and lists of fields. In a terminal no line is longer than it is wide: columns without a value are left
 * out, texts are cut, and where that is not enough each row becomes a list of fields. In a file or a pipe
 * everything stands there whole. Ids, numbers and times are never cut, since half of one is another.
 */

import { cellOf, type Fields, isFields, titleOf } from './cell.ts'
import { type Style, styledState } from './style.ts'
import { cutText, padText, textWidth, wrapText } from './text-width.ts'

export interface Layout {
  /** Null: lines may be of any length. */
  readonly columns: number | null
  readonly style: Style
}

interface Column {
  readonly name: string
  readonly title: string
  readonly cells: readonly string[]
  readonly isNumber: boolean
  /** It may be cut to fewer columns than its longest cell has. */
  readonly isText: boolean
  readonly width: number
}

const GAP = '  '
/** A text that is cut further says nothing. */
const MIN_TEXT = 10
const STATES = new Set(['state', 'level'])
const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/

/** A row each, with the names of the fields above. */
export function tableText(rows: readonly Fields[], layout: Layout): string {
  const all = columnsOfRows(rows)
  const fitted = fitColumns(all, layout.columns)
  if (fitted === null) return recordsText(rows, layout)
  const { style } = layout
  const titles = headLines(fitted).map((line) => style('bold', line))
  const lines = rows.map((_, at) =>
    joined(fitted, (one) => {
      const cell = padText(cutText(one.cells[at] ?? '', one.width), one.width, sideOf(one))
      return STATES.has(one.name) ? styledState(cell, style) : cell
    }),
  )
  return [...titles, ...lines].map((line) => `${line}\n`).join('')
}

/** A field a line; longer ones are wrapped, and a field that holds rows is a table below. */
export function fieldsText(fields: Fields, layout: Layout): string {
  const own = Object.entries(fields).filter(([, value]) => !isTable(value))
  const label = Math.max(0, ...own.map(([name]) => textWidth(titleOf(name))))
  const room = layout.columns === null ? null : Math.max(MIN_TEXT, layout.columns - label - 2)
  const lines = own.flatMap(([name, value]) =>
    linesOf(value, room).map((line, at) => {
      const title = padText(at === 0 ? titleOf(name) : '', label)
      const shown = STATES.has(name) ? styledState(line, layout.style) : line
      return `${layout.style('bold', title)}${GAP}${shown}`.trimEnd()
    }),
  )
  const tables = Object.entries(fields).flatMap(([name, value]) =>
    isTable(value) ? [`\n${layout.style('bold', titleOf(name))}\n${tableText(value, layout)}`] : [],
  )
  return lines.map((line) => `${line}\n`).join('') + tables.join('')
}

function isTable(value: unknown): value is readonly Fields[] {
  return Array.isArray(value) && value.length > 0 && value.every(isFields)
}

/** The lines of a text that has such, as a stack has, else one. */
function linesOf(value: unknown, room: number | null): string[] {
  const lines =
    typeof value === 'string' && value.trim() !== '' ? value.trimEnd().split(/\r?\n/) : [value]
  const cells = lines.map((line) => (line === '' ? '' : cellOf(line)))
  return room === null ? cells : cells.flatMap((cell) => wrapText(cell, room))
}

function recordsText(rows: readonly Fields[], layout: Layout): string {
  return rows.map((row) => fieldsText(row, layout)).join('\n')
}

function columnsOfRows(rows: readonly Fields[]): Column[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  return names.map((name) => {
    const values = rows.map((row) => row[name])
    const cells = values.map(cellOf)
    const title = titleOf(name)
    const isEmpty = values.every((one) => one === null || one === undefined)
    const isNumber =
      !isEmpty &&
      values.every((one) => typeof one === 'number' || one === null || one === undefined)
    const isText =
      !isEmpty && !isNumber && !values.every((one) => one instanceof Date || isWhole(one))
    const width = Math.max(textWidth(title), ...cells.map(textWidth))
    return { name, title, cells, isNumber, isText, width }
  })
}

function isWhole(value: unknown): boolean {
  return (
    value === null || typeof value === 'boolean' || (typeof value === 'string' && ID.test(value))
  )
}

/** The columns as wide as there is room, or null when they cannot be. */
function fitColumns(all: readonly Column[], columns: number | null): readonly Column[] | null {
  if (columns === null || widthOf(all) <= columns) return all
  const filled = all.filter(({ cells }) => cells.some((cell) => cell !== '-'))
  // A title of several words may take several lines.
  const narrow = filled.map((one) => ({ ...one, width: Math.max(...wordsOf(one), dataWidth(one)) }))
  let over = widthOf(narrow) - columns
  while (over > 0) {
    const widest = narrow
      .filter((one) => one.isText && one.width > Math.max(MIN_TEXT, ...wordsOf(one)))
      .reduce<(typeof narrow)[number] | null>(
        (best, one) => (one.width > (best?.width ?? 0) ? one : best),
        null,
      )
    if (widest === null) return null
    widest.width -= 1
    over -= 1
  }
  return narrow
}

const dataWidth = ({ cells }: Column): number => Math.max(0, ...cells.map(textWidth))
const wordsOf = ({ title }: Column): number[] => title.split(' ').map(textWidth)

function widthOf(all: readonly Column[]): number {
  return all.reduce((sum, { width }) => sum + width, 0) + GAP.length * Math.max(0, all.length - 1)
}

/** The titles, at the bottom of as many lines as the longest of them needs. */
function headLines(fitted: readonly Column[]): string[] {
  const titles = fitted.map(({ title, width }) => wrapText(title, width))
  const height = Math.max(1, ...titles.map(({ length }) => length))
  return Array.from({ length: height }, (_, line) =>
    joined(fitted, (one) => {
      const own = titles[fitted.indexOf(one)] ?? []
      return padText(own[line - height + own.length] ?? '', one.width, sideOf(one))
    }),
  )
}

const sideOf = ({ isNumber }: Column): 'start' | 'end' => (isNumber ? 'start' : 'end')

function joined(fitted: readonly Column[], cellOfColumn: (one: Column) => string): string {
  return fitted.map(cellOfColumn).join(GAP).trimEnd()
}
