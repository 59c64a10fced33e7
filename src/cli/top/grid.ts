import type { Style } from '../terminal/style.ts'
import { cutText, padText, printable, textWidth } from '../terminal/text-width.ts'

export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => string
  /** Stands to the right. */
  readonly isNumber?: boolean
  /** Is cut where there is no room, and shares what is left of the width. */
  readonly isFlexible?: boolean
  /** Is left out where there is no room, before others are. */
  readonly isOptional?: boolean
  readonly format?: (row: Row) => Parameters<Style>[0] | null
}

export interface GridOptions {
  readonly columns: number
  /** Rows that are drawn, without the head; the last one says how many more there are. */
  readonly height: number
  readonly style: Style
  readonly hasMore?: boolean
}

const GAP = '  '
const MIN_FLEXIBLE = 5

/** A head and rows of columns, in exactly as much width as there is, at most. */
export function gridLines<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: GridOptions,
): string[] {
  const { height, style, hasMore = false } = options
  const isCut = rows.length > height
  const shown = rows.slice(0, isCut ? height - 1 : height)
  const { fitted, widths, cells } = fitColumns(columns, shown, options.columns)
  const text = (column: Column<Row>, value: string, width: number): string =>
    padText(cutText(value, width), width, column.isNumber === true ? 'start' : 'end')
  const head = fitted.map((one, at) => text(one, one.title, widths[at] ?? 0)).join(GAP)
  const lines = shown.map((row, line) =>
    fitted
      .map((one, at) => {
        const value = text(one, cells[line]?.[at] ?? '', widths[at] ?? 0)
        const format = one.format?.(row) ?? null
        return format === null ? value : style(format, value)
      })
      .join(GAP),
  )
  const rest = isCut ? `… ${rows.length - shown.length}${hasMore ? ' or' : ''} more` : null
  const none = rows.length === 0 ? 'none' : null
  const last = [rest, none].filter((line) => line !== null).map((line) => style('dim', line))
  return [style('bold', cutText(head.trimEnd(), options.columns)), ...lines, ...last]
}

interface Fitted<Row> {
  readonly fitted: readonly Column<Row>[]
  readonly widths: readonly number[]
  readonly cells: readonly (readonly string[])[]
}

/** The columns that there is room for: optional ones go first, then the last ones. */
function fitColumns<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  total: number,
): Fitted<Row> {
  const cells = rows.map((row) => columns.map(({ cell }) => printable(cell(row))))
  const widths = widthsOf(columns, cells, total)
  if (lineWidth(widths) <= total) return { fitted: columns, widths, cells }
  if (columns.length === 1) return { fitted: columns, widths: [Math.max(1, total)], cells }
  const optional = columns.findLastIndex(({ isOptional }) => isOptional === true)
  const gone = optional < 0 ? columns.length - 1 : optional
  return fitColumns(columns.toSpliced(gone, 1), rows, total)
}

function lineWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1))
}

function widthsOf<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly string[])[],
  total: number,
): number[] {
  const wanted = columns.map(({ title }, at) =>
    Math.max(textWidth(title), ...cells.map((row) => textWidth(row[at] ?? ''))),
  )
  const flexible = columns.flatMap(({ isFlexible }, at) => (isFlexible === true ? [at] : []))
  let over = lineWidth(wanted) - total
  while (over > 0) {
    const widest = flexible.reduce(
      (best, at) => ((wanted[at] ?? 0) > (wanted[best] ?? 0) ? at : best),
      flexible[0] ?? -1,
    )
    if ((wanted[widest] ?? 0) <= MIN_FLEXIBLE) break
    wanted[widest] = (wanted[widest] ?? 0) - 1
    over -= 1
  }
  return wanted
}
