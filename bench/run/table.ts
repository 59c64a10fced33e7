import type { Row } from './rows.ts'
import type { System } from './systems.ts'

/** What came out for one row of one system, over all rounds. */
export interface Cell {
  readonly values: readonly number[]
  /** Why there is nothing, or why it stopped. */
  readonly reason?: string
}

export type Cells = (system: System, row: Row) => Cell

/** Ratios first, figures second, and the reasons of what is missing. */
export function printTable(systems: readonly System[], rows: readonly Row[], cells: Cells): string {
  const [first, ...peers] = systems
  const notes = new Map<string, number>()
  const lines: string[] = []
  if (first?.name === 'chancy' && peers.length > 0) {
    const compared = rows.filter(({ figure }) => figure !== 'growth')
    lines.push(
      'Times Chancy is ahead, medians: jobs/s of Chancy / of the peer, ms and MiB of the peer / of Chancy.',
      '',
      ...aligned([
        ['', ...peers.map(({ label }) => label)],
        ...compared.map((row) => [
          row.label,
          ...peers.map((peer) => ratio(row, cells(first, row), cells(peer, row))),
        ]),
      ]),
      '',
    )
  }
  lines.push(
    'Figures: median (min to max).',
    '',
    ...aligned([
      ['', 'unit', ...systems.map(({ label }) => label)],
      ...rows.map((row) => [
        row.label,
        row.unit,
        ...systems.map((system) => figure(cells(system, row))),
      ]),
    ]),
  )
  if (notes.size > 0) lines.push('', ...[...notes].map(([reason, mark]) => `[${mark}] ${reason}`))
  return lines.join('\n')

  function figure({ values, reason }: Cell): string {
    let mark = ''
    if (reason !== undefined) {
      notes.set(reason, notes.get(reason) ?? notes.size + 1)
      mark = ` [${notes.get(reason)}]`
    }
    if (values.length === 0) return `–${mark}`
    const [low, high] = [Math.min(...values), Math.max(...values)]
    return `${shown(median(values))} (${shown(low)} to ${shown(high)})${mark}`
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle]!
  return (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function shown(number: number): string {
  const digits = Math.abs(number) >= 100 ? 0 : Math.abs(number) >= 10 ? 1 : 2
  return number.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

function ratio(row: Row, own: Cell, peer: Cell): string {
  if (own.values.length === 0 || peer.values.length === 0) return '–'
  const [mine, theirs] = [median(own.values), median(peer.values)]
  return `${shown(row.unit === 'jobs/s' ? mine / theirs : theirs / mine)} ×`
}

function aligned(cells: readonly (readonly string[])[]): string[] {
  const widths = cells[0]!.map((_, column) =>
    Math.max(3, ...cells.map((line) => line[column]?.length ?? 0)),
  )
  const line = (texts: readonly string[]) =>
    `| ${texts.map((text, column) => (column === 0 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!))).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(cells[0]!), rule, ...cells.slice(1).map(line)]
}
