import { ChancyError, ConfigError } from '../core/errors.ts'
import { checkBasePath, type Settings } from './options.ts'

/** Where a request is, of what the browser sees. */
export interface Address {
  /** What the browser sees in front of every path, without a slash at its end. */
  readonly basePath: string
  /** What the path is below that; begins with a slash; of the base itself it is empty. */
  readonly path: string
  /** Such as `https://example.com`. */
  readonly origin: string
  readonly query: URLSearchParams
}

type Addressing = Pick<Settings, 'basePath' | 'isStripped' | 'trustsProxy'>

/** @throws {ChancyError} `ROUTE_NOT_FOUND` outside of the base path */
export function addressOf(request: Request, settings: Addressing): Address {
  const url = new URL(request.url)
  const { basePath, isStripped } = settings
  const forwarded = settings.trustsProxy ? forwardedBy(request.headers) : null
  const origin = `${forwarded?.proto ?? url.protocol.slice(0, -1)}://${forwarded?.host ?? url.host}`
  const seen = `${forwarded?.prefix ?? ''}${basePath}`
  const { pathname, searchParams: query } = url
  if (isStripped) return { basePath: seen, path: pathname, origin, query }
  if (pathname === basePath || pathname.startsWith(`${basePath}/`))
    return { basePath: seen, path: pathname.slice(basePath.length), origin, query }
  throw new ChancyError(
    'ROUTE_NOT_FOUND',
    `The path does not begin with ${basePath}. Give createHandler() the path that the browser sees as basePath, or stripped: true where the host takes it away.`,
  )
}

interface Forwarded {
  readonly prefix: string
  readonly host: string | null
  readonly proto: string | null
}

/** A value of a proxy that is none is left out. */
function forwardedBy(headers: Headers): Forwarded {
  const first = (name: string) => headers.get(name)?.split(',')[0]?.trim() ?? ''
  const host = first('x-forwarded-host')
  const proto = first('x-forwarded-proto').toLowerCase()
  return {
    prefix: prefixOf(first('x-forwarded-prefix')),
    host: /^[A-Za-z0-9.-]+(?::\d{1,5})?$|^\[[0-9a-fA-F:]+\](?::\d{1,5})?$/.test(host) ? host : null,
    proto: proto === 'http' || proto === 'https' ? proto : null,
  }
}

function prefixOf(given: string): string {
  try {
    return given === '' ? '' : checkBasePath(given)
  } catch (error) {
    if (error instanceof ConfigError) return ''
    throw error
  }
}
