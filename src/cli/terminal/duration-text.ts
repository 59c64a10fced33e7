const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** A time in its two largest units, such as `2h 5m`, `12s` or `350ms`. */
export function durationText(ms: number): string {
  const whole = Math.max(0, Math.round(ms))
  const at = UNITS.findIndex(([, size]) => whole >= size)
  const [unit, size] = UNITS[at] ?? ['ms', 1]
  const first = `${Math.floor(whole / size)}${unit}`
  const next = UNITS[at + 1]
  const rest = next === undefined ? 0 : Math.floor((whole % size) / next[1])
  return rest === 0 || next === undefined ? first : `${first} ${rest}${next[0]}`
}

/** How long ago, or how far ahead: `5m 3s ago`, `in 2h`. */
export function relativeText(at: Date | null, nowMs: number): string | null {
  if (at === null) return null
  const ms = nowMs - at.getTime()
  return ms >= 0 ? `${durationText(ms)} ago` : `in ${durationText(-ms)}`
}
