import { inspect } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'

const PLAIN = /^[A-Za-z0-9._-]+$/
const BASE64URL = /^[A-Za-z0-9_-]+$/
/** A path of these is one step up, or nothing, to whatever reads it. */
const DOTS = /^\.{1,2}$/

/** A name as a segment of a path, which no proxy changes. */
export function segmentOf(name: string): string {
  if (PLAIN.test(name) && !DOTS.test(name)) return name
  return `~${Buffer.from(name).toString('base64url')}`
}

/**
 * The name of a segment: percent-encoded, or `~` and base64url.
 *
 * @throws {ConfigError} when it is neither
 */
export function nameOf(segment: string): string {
  try {
    if (!segment.startsWith('~')) return decodeURIComponent(segment)
    const encoded = segment.slice(1)
    if (BASE64URL.test(encoded))
      return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64url'))
  } catch {
    // Said below.
  }
  throw new ConfigError(
    `The path has ${inspect(segment)}, which is neither percent-encoded nor "~" and base64url.`,
  )
}
