import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const compress = promisify(gzip)
/** Smaller answers are sent as they are. */
const MIN_COMPRESSED_BYTES = 1_024

/** Of every answer, whatever it is. */
export function securityHeaders(
  frameAncestors: readonly string[],
): Readonly<Record<string, string>> {
  const ancestors = frameAncestors.length === 0 ? "'none'" : ["'self'", ...frameAncestors].join(' ')
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'self'",
    "form-action 'self'",
    `frame-ancestors ${ancestors}`,
    "require-trusted-types-for 'script'",
    'trusted-types chancy',
  ]
  return {
    'content-security-policy': policy.join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'x-robots-tag': 'noindex',
  }
}

/** An answer that is a whole text. */
export interface TextAnswer {
  readonly status: number
  readonly type: string
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
}

/** The answer to a request for a text: 304 where its state is known, compressed where that is asked for. */
export async function textResponse(
  request: Request,
  { status, type, text, headers }: TextAnswer,
): Promise<Response> {
  const sent = new Headers(headers)
  sent.set('content-type', type)
  const isRead = status === 200 && (request.method === 'GET' || request.method === 'HEAD')
  if (isRead) {
    if (!sent.has('cache-control')) sent.set('cache-control', 'private, no-cache')
    if (!sent.has('etag')) sent.set('etag', `W/"${hashOf(text)}"`)
    if (matches(request.headers.get('if-none-match'), sent.get('etag'))) {
      sent.delete('content-type')
      return new Response(null, { status: 304, headers: sent })
    }
  } else if (!sent.has('cache-control')) {
    sent.set('cache-control', 'no-store')
  }
  sent.set('vary', 'Accept-Encoding')
  const bytes = Buffer.byteLength(text)
  const isCompressed = bytes > MIN_COMPRESSED_BYTES && takes(request, 'gzip')
  const body = isCompressed ? await compress(text) : Buffer.from(text)
  if (isCompressed) sent.set('content-encoding', 'gzip')
  sent.set('content-length', String(body.byteLength))
  return new Response(request.method === 'HEAD' ? null : new Uint8Array(body), {
    status,
    headers: sent,
  })
}

/** Whether the request takes an encoding: `gzip`, `br`. */
export function takes(request: Request, encoding: string): boolean {
  const given = (request.headers.get('accept-encoding') ?? '').slice(0, 500).toLowerCase()
  return given.split(',').some((one) => {
    const [name = '', ...parameters] = one.split(';').map((part) => part.trim())
    return (
      (name === encoding || name === '*') && !parameters.some((part) => /^q=0(\.0*)?$/.test(part))
    )
  })
}

export function hashOf(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}

/** Whether one of the tags of `If-None-Match` is this one, weak or not. */
function matches(given: string | null, etag: string | null): boolean {
  if (given === null || etag === null) return false
  const bare = (tag: string) => tag.trim().replace(/^W\//, '')
  return (
    given === '*' ||
    given
      .slice(0, 2_000)
      .split(',')
      .some((one) => bare(one) === bare(etag))
  )
}
