/** One line of a chart; null is a gap. */
export interface ChartLine {
  readonly label: string
  readonly values: readonly (number | null)[]
  /** Of the eight colours of series; by default its place. */
  readonly tone?: number
  readonly isDashed?: boolean
}

export interface ChartMark {
  readonly at: number
  readonly text: string
}

export interface ChartProps {
  readonly label: string
  /** In milliseconds, one a point. */
  readonly times: readonly number[]
  readonly lines: readonly ChartLine[]
  readonly format: (value: number) => string
  /** Of the steps of the axis. By default as `format`. */
  readonly axisFormat?: (value: number) => string
  /** Whether its values are milliseconds: the axis steps by seconds and minutes then. */
  readonly isTime?: boolean
  /** Whether its name stands above it. Default: only a screen reader has it. */
  readonly hasTitle?: boolean
  readonly height?: number
  readonly marks?: readonly ChartMark[]
  /** A range was drawn with the pointer. */
  readonly onZoom?: (from: number, to: number) => void
}
