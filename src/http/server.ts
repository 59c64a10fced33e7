import { randomUUID } from 'node:crypto'
import type { Chancy } from '../app/chancy.ts'
import type { Clock } from '../core/clock.ts'
import { ChancyError } from '../core/errors.ts'
import { type Permit, permitOf } from './access.ts'
import { addressOf } from './address.ts'
import { Api } from './api.ts'
import type { Arrival } from './arrival.ts'
import { securityHeaders, textResponse } from './headers.ts'
import { checkLocal } from './host-rule.ts'
import { localPermit } from './local-access.ts'
import type { Settings } from './options.ts'
import { PageServer } from './page.ts'
import { type Peer, peerOf } from './peer.ts'
import { problemOf } from './problem.ts'
import { Rates } from './rates.ts'
import { notAllowed, notFound } from './router.ts'
import { signInOf } from './sign-in.ts'

export interface ServerOptions {
  readonly chancy: Chancy
  readonly reads: Chancy
  readonly settings: Settings
}

const API = '/api/v1'
/** What has come with the headers: the host reads it to its end. */
const DRAINED_BYTES = 65_536
/** As the audit log keeps it. */
const REQUEST_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Takes requests: host → route → access → origin → limits → verb → work → headers. */
export class Server {
  readonly #options: ServerOptions
  readonly #clock: Clock
  readonly #api: Api
  readonly #pages: PageServer
  readonly #headers: Readonly<Record<string, string>>
  readonly #strangers: Rates
  readonly #over = new AbortController()

  constructor(options: ServerOptions) {
    const { settings, chancy } = options
    this.#options = options
    this.#clock = chancy.internals.clock
    this.#headers = securityHeaders(settings.frameAncestors)
    this.#api = new Api({ ...options, clock: this.#clock, closed: this.#over.signal })
    this.#pages = new PageServer()
    const { strangersPerSecond } = settings.limits
    this.#strangers = new Rates(this.#clock, strangersPerSecond, strangersPerSecond)
  }

  async answer(request: Request, given: unknown): Promise<Response> {
    const asked = request.headers.get('x-request-id')
    const requestId = asked !== null && REQUEST_ID.test(asked) ? asked : randomUUID()
    let response: Response
    try {
      response = await this.#answer(request, peerOf(given, request), requestId)
    } catch (error) {
      response = await this.#refuse(request, error, requestId)
    }
    if (response.status >= 400 && leavesBody(request)) response.headers.set('connection', 'close')
    return this.#withHeaders(response, requestId)
  }

  async close(): Promise<void> {
    this.#over.abort()
  }

  async #answer(request: Request, peer: Peer, requestId: string): Promise<Response> {
    const { settings } = this.#options
    if (this.#over.signal.aborted) throw new ChancyError('CLOSED', 'This handler is closed.')
    const { urlBytes } = settings.limits
    if (request.url.length > urlBytes) {
      throw new ChancyError(
        'TOO_LARGE',
        `The URL is too long. At most ${urlBytes} bytes are taken.`,
        {
          details: { maxBytes: urlBytes },
        },
      )
    }
    const address = addressOf(request, settings)
    const arrival: Arrival = { request, peer, requestId, address }
    const { path } = address
    if (settings.health && path.startsWith('/health/'))
      return this.#api.health(arrival, () => this.#permit(arrival))
    if (settings.access === null) checkLocal(request, peer)
    if (path === API || path.startsWith(`${API}/`))
      return this.#api.answer(arrival, path.slice(API.length), () => this.#permit(arrival))
    if (path === '/api' || path.startsWith('/api/')) throw notFound(path)
    if (path === '/metrics' && !settings.metrics) throw notFound(path)
    if (path === '/metrics' && request.method !== 'GET' && request.method !== 'HEAD')
      throw notAllowed(request.method, ['GET'])
    if (path === '/metrics') return this.#api.prometheus(arrival, await this.#permit(arrival))
    if (!settings.dashboard) throw notFound(path)
    return this.#page(arrival)
  }

  async #page(arrival: Arrival): Promise<Response> {
    const { request, address } = arrival
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw notAllowed(request.method, ['GET'])
    const asset = await this.#pages.asset(request, address.path)
    if (asset !== null) return asset
    const { access } = this.#options.settings
    const signIn = access === null ? null : signInOf(access)
    const signedIn = signIn?.(request, address) ?? null
    if (signedIn !== null) return signedIn
    const refusal = await this.#refusalOfPage(arrival)
    if (refusal === null) return this.#pages.page(request, address.basePath)
    const { login, challenge } = refusal
    if (typeof login === 'string') {
      const headers = { location: login, 'cache-control': 'no-store' }
      return new Response(null, { status: 302, headers })
    }
    // The page shows that it needs a session; it holds no data.
    return this.#pages.page(request, address.basePath, {
      status: 401,
      headers: typeof challenge === 'string' ? { 'www-authenticate': challenge } : {},
    })
  }

  /** The details of `ACCESS_NEEDED`, or null where the request has an access. */
  async #refusalOfPage(arrival: Arrival): Promise<Readonly<Record<string, unknown>> | null> {
    try {
      await this.#permit(arrival)
      return null
    } catch (error) {
      if (error instanceof ChancyError && error.code === 'ACCESS_NEEDED') return error.details
      throw error
    }
  }

  /** What the request may do. Addresses that may do nothing are answered less often than actors. */
  async #permit({ request, peer }: Arrival): Promise<Permit> {
    const { access, masks } = this.#options.settings
    if (access === null) {
      checkLocal(request, peer)
      return localPermit(masks)
    }
    try {
      return await permitOf(access, request, peer, masks)
    } catch (error) {
      if (error instanceof ChancyError && error.code === 'ACCESS_NEEDED')
        this.#strangers.take(peer.remoteAddress ?? 'unknown')
      throw error
    }
  }

  async #refuse(request: Request, error: unknown, requestId: string): Promise<Response> {
    const { status, headers, body, isFault } = problemOf(error, requestId)
    if (isFault) {
      const { log } = this.#options.chancy.internals
      log.error({ err: error, requestId, method: request.method }, 'http request failed')
    }
    const text = JSON.stringify(body)
    return textResponse(request, { status, type: 'application/problem+json', text, headers })
  }

  #withHeaders(response: Response, requestId: string): Response {
    for (const [name, value] of Object.entries(this.#headers))
      if (!response.headers.has(name)) response.headers.set(name, value)
    response.headers.set('x-request-id', requestId)
    return response
  }
}

/** Whether more of a body comes than is read: a client must not wait for its end, nor use the connection again. */
function leavesBody({ headers }: Request): boolean {
  const length = Number(headers.get('content-length') ?? '0')
  return length > DRAINED_BYTES || headers.has('transfer-encoding')
}
