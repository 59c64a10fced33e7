import { inspect } from './check.ts'
import { ConfigError } from './errors.ts'

const UNIT_BYTES = {
  B: 1,
  KB: 1_000,
  MB: 1_000 ** 2,
  GB: 1_000 ** 3,
  KiB: 1_024,
  MiB: 1_024 ** 2,
  GiB: 1_024 ** 3,
} as const

/** A number of bytes, or a number with a unit: `'512MiB'`, `'1GiB'`, `'200MB'`. */
export type Size = number | `${number}${keyof typeof UNIT_BYTES}`

const SHAPE = /^(\d+(?:\.\d+)?)(B|KB|MB|GB|KiB|MiB|GiB)$/

/**
 * A size in whole bytes.
 *
 * @throws {ConfigError} on anything else, showing what was given
 */
export function sizeBytes(value: unknown, what: string): number {
  const bytes = Math.round(parse(value))
  if (bytes >= 0 && Number.isSafeInteger(bytes)) return bytes
  throw new ConfigError(
    `${what}: expected a size, as a number of bytes or like "512MiB", "1GiB", "200MB", got ${inspect(value)}.`,
  )
}

/** A size as people read it: in the largest binary unit of which it is at least one, such as `1.5 GiB`. */
export function showSize(bytes: number): string {
  const unit = (['GiB', 'MiB', 'KiB'] as const).find((name) => bytes >= UNIT_BYTES[name])
  if (unit === undefined) return `${bytes} bytes`
  return `${Math.round((bytes / UNIT_BYTES[unit]) * 10) / 10} ${unit}`
}

function parse(value: unknown): number {
  if (typeof value === 'number') return value < 0 ? Number.NaN : value
  const match = typeof value === 'string' ? SHAPE.exec(value) : null
  return match === null
    ? Number.NaN
    : Number(match[1]) * UNIT_BYTES[match[2] as keyof typeof UNIT_BYTES]
}
