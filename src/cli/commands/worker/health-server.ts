import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { InvalidArgumentError } from 'commander'
import { ConfigError } from '../../../index.ts'
import type { HealthRoutes } from './health-routes.ts'

/** Where the addresses of a worker are served. Without a host: on all interfaces. */
export interface HealthAddress {
  readonly host: string | null
  readonly port: number
}

/** A request has this long to arrive, and an answer to be read, in milliseconds. */
const TIMEOUT_MS = 5_000
/** Of probes and scrapers there are few; more connections are closed. */
const MAX_CONNECTIONS = 50
const MAX_HEADER_BYTES = 8_192

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens on it. Choose another port, or end that process',
  EACCES: 'the system does not allow it. Choose a port from 1024 on',
  EADDRNOTAVAIL: 'this machine does not have the address. Leave out the host for all interfaces',
  ENOTFOUND: 'the host is not known. Leave it out for all interfaces',
}

/** `9000`, `127.0.0.1:9000` or `[::1]:9000`. */
export function healthAddress(text: string): HealthAddress {
  const [, host = null, digits = ''] = /^(?:(\[[^\]]+\]|[^:[\]]+):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === '' || port > 65_535) {
    throw new InvalidArgumentError(
      'It takes a port, or an address and a port, such as 9000 or 127.0.0.1:9000.',
    )
  }
  return { host: host?.replace(/^\[|\]$/g, '') ?? null, port }
}

/** Answers probes and scrapers, until it is closed. */
export class HealthServer {
  readonly #server: Server
  readonly port: number

  private constructor(server: Server) {
    this.#server = server
    const address = server.address()
    this.port = typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Resolves when it listens. @throws {ConfigError} when it cannot: the port is in use, or not allowed */
  static async listen(address: HealthAddress, routes: HealthRoutes): Promise<HealthServer> {
    // Most workers serve nothing.
    const { createServer } = await import('node:http')
    const server = createServer(
      {
        headersTimeout: TIMEOUT_MS,
        requestTimeout: TIMEOUT_MS,
        keepAliveTimeout: TIMEOUT_MS,
        connectionsCheckingInterval: 1_000,
        maxHeaderSize: MAX_HEADER_BYTES,
      },
      (request, response) => void respond(request, response, routes),
    )
    server.maxConnections = MAX_CONNECTIONS
    // A client that does not read its answer.
    server.timeout = 2 * TIMEOUT_MS
    const { host, port } = address
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen({ port, ...(host === null ? {} : { host }) }, resolve)
      })
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException
      const where = host === null ? `port ${port}` : `port ${port} of ${host}`
      throw new ConfigError(`--health-port: ${where}: ${REASONS[code] ?? message}.`, {
        cause: error,
      })
    }
    // A failed accept, as when the process is out of descriptors, ends no worker.
    server.on('error', () => {})
    return new HealthServer(server)
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  routes: HealthRoutes,
): Promise<void> {
  const [path = ''] = (request.url ?? '').split('?', 1)
  const { status, type, body, headers = {} } = await routes.answer(request.method ?? '', path)
  response.writeHead(status, {
    ...headers,
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}
