import { useEffect, useRef, useState } from 'preact/hooks'
import { theme } from '../theme.ts'
import { zone } from '../time.ts'
import type { Drawing } from './chart-drawing.ts'
import type { ChartLine, ChartProps } from './chart-shape.ts'

/** Lines over time. The library that draws them is loaded by the first one. */
export function Chart(props: ChartProps) {
  const host = useRef<HTMLDivElement>(null)
  const drawing = useRef<Drawing | null>(null)
  const latest = useRef(props)
  latest.current = props
  const [isFailed, setFailed] = useState(false)
  useEffect(() => {
    let isGone = false
    import('./chart-drawing.ts').then(
      ({ draw }) => {
        if (isGone || host.current === null) return
        drawing.current = draw(host.current, latest.current)
      },
      () => setFailed(true),
    )
    return () => {
      isGone = true
      drawing.current?.destroy()
    }
  }, [])
  useEffect(() => drawing.current?.update(props), [props.times, props.lines, props.marks])
  // Colours and the texts of the axis are painted, so they do not follow by themselves.
  useEffect(() => drawing.current?.repaint(latest.current), [theme.value, zone.value])
  return (
    <figure class="chart">
      {props.hasTitle === true && (
        <p class="chart-title" aria-hidden="true">
          {props.label}
        </p>
      )}
      <div
        ref={host}
        role="img"
        aria-label={`${props.label}: ${summary(props)}`}
        style={{ minHeight: `${props.height ?? 160}px` }}
      />
      <figcaption>
        {props.lines.map((line, at) => (
          <span key={line.label} class="key">
            <i class={`swatch s${line.tone ?? at + 1} ${line.isDashed === true ? 'dashed' : ''}`} />
            <span class="name">{line.label}</span>
            <b>{lastText(line, props.format)}</b>
          </span>
        ))}
        {isFailed && <span class="bad">The chart cannot be drawn: reload the page.</span>}
      </figcaption>
    </figure>
  )
}

function summary({ lines, format }: ChartProps): string {
  return lines.map((line) => `${line.label} last ${lastText(line, format)}`).join(', ')
}

function lastText({ values }: ChartLine, format: (value: number) => string): string {
  const last = values.findLast((value) => value !== null)
  return last == null ? '–' : format(last)
}
