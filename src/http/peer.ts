/** Where a request comes from, as the server saw it. */
export interface Peer {
  readonly remoteAddress?: string
}

interface Connected {
  readonly socket?: { readonly remoteAddress?: string }
}

/**
 * What hosts hand over beside a request: a `Peer`, `info` of Deno, the `server` of Bun, or the bindings of Hono on
 * Node. Anything else, such as the context of a route of Next, says nothing.
 */
export function peerOf(given: unknown, request: Request): Peer {
  if (typeof given !== 'object' || given === null) return {}
  const host = given as {
    readonly remoteAddress?: unknown
    readonly remoteAddr?: { readonly hostname?: unknown }
    readonly requestIP?: (request: Request) => { readonly address?: unknown } | null
    readonly incoming?: Connected
  }
  if (typeof host.requestIP === 'function') return addressed(host.requestIP(request)?.address)
  return addressed(
    host.remoteAddress ?? host.remoteAddr?.hostname ?? host.incoming?.socket?.remoteAddress,
  )
}

function addressed(address: unknown): Peer {
  return typeof address === 'string' && address !== '' ? { remoteAddress: address } : {}
}

/** 127.0.0.0/8, ::1, and the former as the latter's kind. */
export function isLoopback(address: string | undefined): boolean {
  return (
    address !== undefined &&
    /^(?:127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/i.test(address)
  )
}
