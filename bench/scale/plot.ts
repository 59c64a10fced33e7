import { shown } from '../support/stats.ts'

export interface PlotPoint {
  readonly label: string
  readonly rate: { readonly median: number; readonly min: number; readonly max: number }
  readonly claimMs: { readonly p50: number; readonly p99: number }
}

const WIDTH = 900
const PANEL_HEIGHT = 220
const LEFT = 90
const RIGHT = 30
const TOP = 60
const GAP = 70
const COLOURS = { first: '#1f5fa8', second: '#b4541a' } as const

interface Series {
  readonly name: string
  readonly colour: string
  readonly values: readonly number[]
  /** From and to, drawn as a bar through each point. */
  readonly ranges?: readonly (readonly [from: number, to: number])[]
}

/**
 * A curve as SVG: the rate above, with the smallest and largest run, and the claim latency below. The
 * sample points stand side by side at equal distances, since they lie decades apart; both scales begin at
 * zero, so that a fall looks as large as it is.
 */
export function plot(title: string, axis: string, points: readonly PlotPoint[]): string {
  const labels = points.map(({ label }) => label)
  const rates: Series = {
    name: 'median',
    colour: COLOURS.first,
    values: points.map(({ rate }) => rate.median),
    ranges: points.map(({ rate }) => [rate.min, rate.max]),
  }
  const p50 = points.map(({ claimMs }) => claimMs.p50)
  const p99 = points.map(({ claimMs }) => claimMs.p99)
  const height = TOP + 2 * PANEL_HEIGHT + GAP + 70
  const claims: readonly Series[] = [
    { name: 'p50', colour: COLOURS.first, values: p50 },
    { name: 'p99', colour: COLOURS.second, values: p99 },
  ]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    text(LEFT, 22, title, { size: 16 }),
    ...panel('jobs per second, median with the smallest and the largest', TOP, labels, [rates]),
    ...panel('claim of one job, ms', TOP + PANEL_HEIGHT + GAP, labels, claims),
    text(WIDTH / 2, height - 12, axis, { anchor: 'middle' }),
    '</svg>',
    '',
  ].join('\n')
}

function panel(
  title: string,
  top: number,
  labels: readonly string[],
  all: readonly Series[],
): string[] {
  const finite = all
    .flatMap(({ values, ranges }) => [...values, ...(ranges ?? []).flat()])
    .filter(Number.isFinite)
  const step = roundStep(Math.max(...finite, 0) / 4)
  const highest = step * Math.max(1, Math.ceil(Math.max(...finite, 0) / step))
  const bottom = top + PANEL_HEIGHT
  const x = (index: number): number =>
    LEFT + ((index + 0.5) * (WIDTH - LEFT - RIGHT)) / Math.max(1, labels.length)
  const y = (value: number): number => bottom - (value / highest) * PANEL_HEIGHT
  const lines = [text(LEFT, top - 10, title)]
  for (let value = 0; value <= highest + step / 2; value += step) {
    lines.push(line(LEFT, y(value), WIDTH - RIGHT, y(value), '#dddddd'))
    lines.push(text(LEFT - 8, y(value) + 4, shown(value, step < 1 ? 2 : 0), { anchor: 'end' }))
  }
  labels.forEach((label, index) => {
    lines.push(text(x(index), bottom + 18, label, { anchor: 'middle' }))
  })
  all.forEach((series, index) => {
    lines.push(...drawn(series, x, y))
    if (all.length > 1) {
      const at = WIDTH - RIGHT - (all.length - index) * 60
      lines.push(text(at, top - 10, `● ${series.name}`, { colour: series.colour }))
    }
  })
  return lines
}

function drawn(
  { values, ranges, colour }: Series,
  x: (index: number) => number,
  y: (value: number) => number,
): string[] {
  // A sample point without a figure leaves a gap in the points, not in the line.
  const indexes = values.flatMap((value, index) => (Number.isFinite(value) ? [index] : []))
  const points = indexes.map((index) => `${tenth(x(index))},${tenth(y(values[index] as number))}`)
  const bars = (ranges ?? []).map(([from, to], index) =>
    line(x(index), y(from), x(index), y(to), colour),
  )
  return [
    `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...bars,
    ...points.map((point) => {
      const [cx, cy] = point.split(',')
      return `<circle cx="${cx}" cy="${cy}" r="4" fill="${colour}"/>`
    }),
  ]
}

/** 1, 2 or 5 times a power of ten, not below what is given. */
function roundStep(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10)
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string): string {
  return `<line x1="${tenth(x1)}" y1="${tenth(y1)}" x2="${tenth(x2)}" y2="${tenth(y2)}" stroke="${colour}"/>`
}

interface TextStyle {
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly size?: number
  readonly colour?: string
}

function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { anchor = 'start', size = 12, colour = '#222222' } = style
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${tenth(x)}" y="${tenth(y)}" text-anchor="${anchor}" font-size="${size}" fill="${colour}">${escaped}</text>`
}

function tenth(value: number): string {
  return value.toFixed(1)
}
