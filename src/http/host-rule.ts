import { ChancyError } from '../core/errors.ts'
import { isLoopback, type Peer } from './peer.ts'

const LOCAL = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']

/**
 * Without `access`, only this machine is served: the peer is loopback, the host is a name of it, which a page of another
 * site that rebinds its own name does not have, and no proxy is in between.
 *
 * @throws {ChancyError} `HOST_REFUSED`
 */
export function checkLocal(request: Request, peer: Peer): void {
  const host = request.headers.get('host') ?? new URL(request.url).host
  const forwarded = FORWARDED.find((name) => request.headers.has(name))
  const found = !isLoopback(peer.remoteAddress)
    ? `the request comes from ${peer.remoteAddress ?? 'an unknown address'}`
    : !LOCAL.test(host) || !LOCAL.test(new URL(request.url).host)
      ? 'its host is no name of this machine'
      : forwarded === undefined
        ? null
        : `it has the header ${forwarded} of a proxy`
  if (found === null) return
  throw new ChancyError(
    'HOST_REFUSED',
    `Without the option access only this machine is served, and ${found}. Say who may do what: createHandler(chancy, { access: (request) => … }).`,
  )
}
