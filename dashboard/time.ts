import { computed, signal } from '@preact/signals'
import { stored } from './stored.ts'

/** How far the server's clock is ahead of the browser's, in milliseconds. */
const ahead = signal(0)
/** Moves once a second, while the page is visible. */
const ticking = signal(Date.now())
/** The zone of the option `timeZone`, or the browser's. */
const ownZone = signal(Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC')
const choice = stored<'own' | 'utc'>('zone', 'own')

export const zone = computed(() => (choice.value === 'utc' ? 'UTC' : ownZone.value))
export const otherZone = computed(() => (choice.value === 'utc' ? ownZone.value : 'UTC'))
/** The server's time, by the second. */
export const now = computed(() => ticking.value + ahead.value)

export function switchZone(): void {
  choice.value = choice.value === 'utc' ? 'own' : 'utc'
}

export function useZone(name: string | null): void {
  if (name !== null) ownZone.value = name
}

/** Takes the time of an answer. The least delayed answer is the best one, so a step back is always taken. */
export function noteServerTime(iso: string): void {
  const found = Date.parse(iso) - Date.now()
  if (!Number.isFinite(found)) return
  if (Math.abs(found - ahead.value) > 250) ahead.value = found
}

export function startClock(): void {
  setInterval(() => {
    if (document.visibilityState === 'visible') ticking.value = Date.now()
  }, 1_000)
  document.addEventListener('visibilitychange', () => {
    ticking.value = Date.now()
  })
}

const formats = new Map<string, Intl.DateTimeFormat>()

function formatted(at: number, kind: string, options: Intl.DateTimeFormatOptions): string {
  const key = `${kind} ${zone.value}`
  let format = formats.get(key)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      ...options,
      hourCycle: 'h23',
      timeZone: zone.value,
    })
    formats.set(key, format)
  }
  return format.format(at)
}

/** 14:02:33 */
export const clockText = (at: number): string =>
  formatted(at, 'clock', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** 14:02 */
export const minuteText = (at: number): string =>
  formatted(at, 'minute', { hour: '2-digit', minute: '2-digit' })

/** Sat 28 Mar */
export const dayText = (at: number): string =>
  formatted(at, 'day', { weekday: 'short', day: 'numeric', month: 'short' })

/** Sat 28 Mar 2026, 02:30:00.000 Europe/Berlin */
export function fullText(at: number): string {
  const date = formatted(at, 'full', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
  })
  const millis = String(((at % 1_000) + 1_000) % 1_000).padStart(3, '0')
  return `${date}, ${clockText(at)}.${millis} ${zone.value}`
}

/** The time of today, else the day with it, and of another year the day alone: 14:02:33, Sat 28 Mar 14:02. */
export function stampText(at: number): string {
  const day = dayText(at)
  const year = formatted(at, 'year', { year: 'numeric' })
  if (year !== formatted(now.value, 'year', { year: 'numeric' })) return `${day} ${year}`
  return day === dayText(now.value) ? clockText(at) : `${day} ${minuteText(at)}`
}

const STEPS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** 3.2 s, 4 min, 2 h 10 min, 3 d 4 h: two units at most. */
export function spanText(ms: number): string {
  const size = Math.abs(ms)
  if (size < 1_000) return `${size < 10 ? round(size, 1) : Math.round(size)} ms`
  if (size < 60_000) return `${round(size / 1_000, size < 10_000 ? 1 : 0)} s`
  const at = STEPS.findIndex(([, step]) => size >= step)
  const [unit, step] = STEPS[at]!
  const whole = Math.floor(size / step)
  const lower = STEPS[at + 1]
  const rest = lower === undefined || whole >= 10 ? 0 : Math.floor((size % step) / lower[1])
  return `${whole} ${unit}${rest > 0 && unit !== 'min' ? ` ${rest} ${lower![0]}` : ''}`
}

/** How long ago, or in how long, by the server's clock. */
export function agoText(at: number): string {
  const since = now.value - at
  if (since >= -1_500 && since < 1_500) return 'now'
  // Whole seconds: it is drawn again each second.
  const span = spanText(Math.abs(since) < 60_000 ? Math.round(since / 1_000) * 1_000 : since)
  return since > 0 ? `${span} ago` : `in ${span}`
}

function round(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.0+$/, '')
}
