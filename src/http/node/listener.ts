import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Handler } from '../create-handler.ts'

/** What a framework may have added to a request. */
type Incoming = IncomingMessage & {
  /** The whole path, where a framework takes the one of a mount away. */
  readonly originalUrl?: string
  /** What was read of the body by a parser that came first. */
  readonly body?: unknown
  readonly rawBody?: unknown
}

/** A listener of node:http, and a middleware of Express and Connect. */
export type NodeListener = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => Promise<void>

/**
 * A handler on node:http, Express, Connect or NestJS. As a middleware it passes on what is outside of its base path. A
 * body that `express.json()` has read is taken from `request.body`.
 */
export function toNode(handler: Handler): NodeListener {
  const listener = getRequestListener(
    (request, env) => {
      const incoming = env.incoming as Incoming
      return handler(wholeRequest(request, incoming), {
        remoteAddress: incoming.socket.remoteAddress,
      })
    },
    { overrideGlobalObjects: false },
  )
  return async (request, response, next) => {
    if (next !== undefined && !isBelow(pathOf(request), handler.basePath)) next()
    else await listener(request, response)
  }
}

function pathOf(incoming: Incoming): string {
  const url = incoming.originalUrl ?? incoming.url ?? '/'
  return url.replace(/^https?:\/\/[^/]*/i, '').split('?', 1)[0] ?? '/'
}

function isBelow(path: string, basePath: string): boolean {
  return path === basePath || path.startsWith(`${basePath}/`)
}

/** With its whole path, and with the body that a parser has read. */
function wholeRequest(request: Request, incoming: Incoming): Request {
  const body = readBody(incoming)
  const { originalUrl, url } = incoming
  const isWhole = originalUrl === undefined || originalUrl === url
  if (isWhole && body === undefined) return request
  const whole = isWhole ? request.url : new URL(originalUrl, request.url).href
  const { method, headers, signal } = request
  if (method === 'GET' || method === 'HEAD') return new Request(whole, { method, headers, signal })
  if (body === undefined) {
    const stream = { body: request.body, duplex: 'half' } as RequestInit
    return new Request(whole, { method, headers, signal, ...stream })
  }
  const sent = new Headers(headers)
  sent.delete('content-length')
  return new Request(whole, { method, headers: sent, signal, body })
}

/** What is gone from the request itself; undefined: nothing is. */
function readBody(incoming: Incoming): string | Uint8Array<ArrayBuffer> | undefined {
  if (!incoming.readableDidRead) return undefined
  const { rawBody, body } = incoming
  if (rawBody instanceof Uint8Array) return new Uint8Array(rawBody)
  if (body === undefined || body === null) return undefined
  if (typeof body === 'string') return body
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body)
}
