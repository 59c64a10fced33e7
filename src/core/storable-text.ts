/**
 * What PostgreSQL can keep in `text` and `jsonb`: UTF-8, which has no lone surrogates, and no NUL.
 */

// In every Node from 20 on, but typed only from ES2024.
interface Utf16 {
  isWellFormed(): boolean
  toWellFormed(): string
}

/** Stands at the end of a text that was cut. */
export const CUT_MARK = '… [cut]'
const CUT_MARK_BYTES = Buffer.byteLength(CUT_MARK)

/** True when PostgreSQL takes the text as it is: well-formed UTF-16 without NUL. */
export function isStorable(text: string): boolean {
  return (text as unknown as Utf16).isWellFormed() && !text.includes('\0')
}

/**
 * Changes a text so that it can be stored: lone surrogates and NUL become U+FFFD, and what is longer
 * than `maxBytes` of UTF-8 is cut and marked. For errors, logs and progress, which must never be
 * the reason that a finished job cannot be saved. Never throws.
 */
export function storableText(text: string, maxBytes: number): string {
  // UTF-8 is never shorter than the number of UTF-16 units: the rest cannot fit, and a text of
  // 50 MB is not walked through to find that out.
  const head = text.length > maxBytes ? text.slice(0, maxBytes) : text
  const storable = (head as unknown as Utf16).toWellFormed().replaceAll('\0', '\uFFFD')
  if (head === text && Buffer.byteLength(storable) <= maxBytes) return storable
  if (maxBytes < CUT_MARK_BYTES) return cutBytes(storable, maxBytes)
  return cutBytes(storable, maxBytes - CUT_MARK_BYTES) + CUT_MARK
}

function cutBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return text
  let end = Math.max(0, maxBytes)
  // 0b10xxxxxx continues a character that began before: never cut inside one.
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}
