import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { clockText, dayText, minuteText, stampText } from '../time.ts'
import type { ChartProps } from './chart-shape.ts'

export interface Drawing {
  update(props: ChartProps): void
  repaint(props: ChartProps): void
  destroy(): void
}

/** Draws a chart into an element, and again when its size changes. */
export function draw(host: HTMLElement, first: ChartProps): Drawing {
  let props = first
  let plot = make(host, () => props)
  const observer = new ResizeObserver(() => {
    plot.setSize({ width: Math.max(host.clientWidth, 120), height: first.height ?? 160 })
  })
  observer.observe(host)
  const repaint = (next: ChartProps) => {
    props = next
    plot.destroy()
    plot = make(host, () => props)
  }
  return {
    repaint,
    update(next) {
      const isSame = next.lines.length === props.lines.length
      props = next
      if (isSame) plot.setData(dataOf(next))
      else repaint(next)
    },
    destroy() {
      observer.disconnect()
      plot.destroy()
    },
  }
}

function make(host: HTMLElement, props: () => ChartProps): uPlot {
  const { lines, height = 160, onZoom } = props()
  const colour = (name: string) => colourOf(host, name)
  const soft = colour('--soft')
  const grid = { stroke: colour('--line'), width: 1 }
  const font = '11px system-ui, sans-serif'
  const tip = document.createElement('div')
  tip.className = 'chart-tip'
  tip.hidden = true
  const plot = new uPlot(
    {
      width: Math.max(host.clientWidth, 120),
      height,
      legend: { show: false },
      padding: [8, 26, 0, 0],
      cursor: {
        y: false,
        drag: { x: onZoom !== undefined, y: false, setScale: false },
        points: { size: 6 },
      },
      scales: { x: { time: true }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] } },
      axes: [
        {
          stroke: soft,
          grid: { show: false },
          ticks: grid,
          font,
          size: 26,
          space: 70,
          values: (self, splits) => splits.map((at) => tickText(self, at * 1_000)),
        },
        {
          stroke: soft,
          grid,
          ticks: { show: false },
          font,
          size: (_, values) =>
            Math.max(46, ...(values ?? []).map((value) => value.length * 6.6 + 12)),
          space: 32,
          ...(props().isTime === true ? { incrs: TIME_STEPS } : {}),
          values: (_, splits) =>
            splits.map((value) => (value === 0 ? '0' : axisText(value, props()))),
        },
      ],
      series: [
        {},
        ...lines.map((line, at) => ({
          label: line.label,
          stroke: colour(`--series-${line.tone ?? at + 1}`),
          width: 1.5,
          spanGaps: false,
          // A line of few points would be hardly seen.
          points: { show: line.values.filter((value) => value !== null).length < 8, size: 5 },
          ...(line.isDashed === true ? { dash: [4, 3] } : {}),
        })),
      ],
      hooks: {
        setCursor: [(self) => showTip(self, tip, props())],
        setSelect: [
          (self) => {
            if (self.select.width < 4) return
            const at = (left: number) => self.posToVal(left, 'x') * 1_000
            props().onZoom?.(at(self.select.left), at(self.select.left + self.select.width))
            self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          },
        ],
        drawClear: [(self) => hatchGaps(self, colour('--line'))],
        draw: [(self) => drawMarks(self, props(), colour('--warn'))],
      },
    },
    dataOf(props()),
    host,
  )
  plot.over.append(tip)
  return plot
}

function dataOf({ times, lines }: ChartProps): uPlot.AlignedData {
  return [
    times.map((at) => at / 1_000),
    ...lines.map(({ values }) => [...values]),
  ] as uPlot.AlignedData
}

function tickText(self: uPlot, at: number): string {
  const { min = 0, max = 0 } = self.scales.x ?? {}
  const span = (Number(max) - Number(min)) * 1_000
  if (span > 4 * 86_400_000) return dayText(at)
  if (span > 86_400_000 * 1.2) return stampText(at).replace(/:\d\d$/, '')
  return span < 600_000 ? clockText(at) : minuteText(at)
}

/** Built of nodes: names of jobs are text and never HTML. */
function showTip(self: uPlot, tip: HTMLElement, { times, lines, format }: ChartProps): void {
  const at = self.cursor.idx
  const left = self.cursor.left ?? -1
  tip.hidden = at == null || left < 0
  if (at == null || tip.hidden) return
  const rows = lines.map(({ label, values }) => {
    const row = document.createElement('div')
    const name = document.createElement('span')
    const value = document.createElement('b')
    name.textContent = label
    value.textContent = values[at] == null ? 'no data' : format(values[at])
    row.append(name, value)
    return row
  })
  const head = document.createElement('div')
  head.className = 'soft'
  head.textContent = stampText(times[at] ?? 0)
  tip.replaceChildren(head, ...rows)
  const isRight = left > self.over.clientWidth / 2
  tip.style.left = isRight ? 'auto' : `${left + 10}px`
  tip.style.right = isRight ? `${self.over.clientWidth - left + 10}px` : 'auto'
}

/** A minute and a half stands between two steps of an axis, where texts of one unit have "1 min" twice. */
function axisText(value: number, { axisFormat, format, isTime }: ChartProps): string {
  if (isTime === true && value >= 60_000 && value < 3_600_000) return `${value / 60_000} min`
  return (axisFormat ?? format)(value)
}

/** Steps of an axis of milliseconds, up to a day. */
const TIME_STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800].map((seconds) => seconds * 1_000),
  ...[1, 2, 4, 8, 12, 24, 48, 96].map((hours) => hours * 3_600_000),
]

/** Where no line has a value there are no figures: it is hatched, so that it is not taken for 0. */
function hatchGaps(self: uPlot, colour: string): void {
  const { ctx, bbox, data } = self
  const [times, ...lines] = data
  const half = times.length > 1 ? (times[1]! - times[0]!) / 2 : 0
  ctx.save()
  ctx.strokeStyle = colour
  ctx.lineWidth = 1
  for (let from = 0; from < times.length; from++) {
    if (lines.some((values) => values[from] != null)) continue
    let to = from
    while (to + 1 < times.length && lines.every((values) => values[to + 1] == null)) to++
    const [left, right] = [times[from]! - half, times[to]! + half].map((at) =>
      Math.min(bbox.left + bbox.width, Math.max(bbox.left, self.valToPos(at, 'x', true))),
    ) as [number, number]
    ctx.save()
    ctx.beginPath()
    ctx.rect(left, bbox.top, right - left, bbox.height)
    ctx.clip()
    ctx.beginPath()
    for (let x = left - bbox.height; x < right; x += 8 * devicePixelRatio) {
      ctx.moveTo(x, bbox.top + bbox.height)
      ctx.lineTo(x + bbox.height, bbox.top)
    }
    ctx.stroke()
    ctx.restore()
    from = to
  }
  ctx.restore()
}

/** Deploys, pauses and bulk actions: a line with a flag at its top. */
function drawMarks(self: uPlot, { marks = [] }: ChartProps, colour: string): void {
  const { ctx, bbox } = self
  ctx.save()
  ctx.strokeStyle = colour
  ctx.setLineDash([2, 3])
  for (const { at } of marks) {
    const x = Math.round(self.valToPos(at / 1_000, 'x', true))
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
  }
  ctx.restore()
}

/** The colour of a property of the style sheet, as the theme has it now. */
function colourOf(host: HTMLElement, name: string): string {
  const probe = document.createElement('i')
  probe.style.color = `var(${name})`
  host.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
