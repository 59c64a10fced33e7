import { ChancyError } from '../core/errors.ts'

/** How a request was addressed, as the browser sees it. */
export interface Addressed {
  /** Such as `https://example.com`. */
  readonly origin: string
  /** Origins that may write besides. */
  readonly origins: readonly string[]
}

/**
 * A page of another site can make a browser send a request with its cookies. It can neither add a header of its own
 * nor hide where it comes from.
 *
 * @throws {ChancyError} `ORIGIN_REFUSED`
 */
export function checkOrigin(headers: Headers, { origin, origins }: Addressed): void {
  const site = headers.get('sec-fetch-site')
  const from = headers.get('origin')
  // What a browser calls the same origin is one, also where a proxy has changed the scheme or the host.
  const isOwn =
    from === null || site === 'same-origin' || ownOrigins(headers, origin).includes(from)
  const found =
    headers.get('x-chancy') !== '1'
      ? 'it has no header "X-Chancy: 1"'
      : site !== null && site !== 'same-origin' && site !== 'none'
        ? `a browser sent it from another site (${site})`
        : !isOwn && !origins.includes(from)
          ? 'its Origin is another one'
          : null
  if (found === null) return
  throw new ChancyError(
    'ORIGIN_REFUSED',
    `A request that changes something was refused: ${found}. Send the header "X-Chancy: 1" and, from a browser, an Origin of this server; where a proxy changes the host, name it in the option origins.`,
  )
}

/** Of the URL, and of the header `Host`: Next.js makes URLs of the name that it listens on. */
function ownOrigins(headers: Headers, origin: string): string[] {
  const host = headers.get('host')
  return host === null ? [origin] : [origin, `${origin.split('//', 1)[0]}//${host}`]
}
