/** A line without axes. A gap stays a gap: no data is not zero. */
export function Spark(props: {
  values: readonly (number | null)[]
  label: string
  tone?: string | undefined
}) {
  const { values, label, tone } = props
  const known = values.filter((value) => value !== null)
  if (known.length === 0) return <span class="soft">–</span>
  const top = Math.max(...known, 1e-9)
  const width = Math.max(values.length - 1, 1)
  const point = (value: number, at: number) =>
    `${at},${Math.round((1 - value / top) * 2_400 + 100) / 100}`
  const runs: string[][] = []
  values.forEach((value, at) => {
    if (value === null) return
    const isNext = at > 0 && values[at - 1] !== null
    if (!isNext) runs.push([])
    runs.at(-1)!.push(point(value, at))
  })
  const line = runs.map((run) => `M${run.join('L')}${run.length === 1 ? 'h.01' : ''}`).join('')
  const area = runs
    .map((run) => `M${run[0]!.split(',')[0]},26L${run.join('L')}L${run.at(-1)!.split(',')[0]},26Z`)
    .join('')
  return (
    <svg
      class={`spark ${tone ?? ''}`}
      viewBox={`0 0 ${width} 26`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path class="area" d={area} />
      <path d={line} />
    </svg>
  )
}
