import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { checkInteger, checkOptions, checkText } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import type { Handler } from '../create-handler.ts'
import { isLoopback } from '../peer.ts'
import { toNode } from './listener.ts'

/** Options of `serve(handler, options)`. */
export interface ServeOptions {
  /** Another one than this machine's needs the option `access` of the handler. Default: `'127.0.0.1'`. */
  readonly host?: string
  /** 0: any free one. Default: 8000. */
  readonly port?: number
}

/** A server that listens. */
export interface RunningServer {
  /** Where a browser finds it. */
  readonly url: string
  readonly port: number
  /** Ends the streams of the handler and the connections. The `Chancy` stays open. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens on it. Choose another port, or end that process',
  EACCES: 'the system does not allow it. Choose a port from 1024 on',
  EADDRNOTAVAIL: 'this machine does not have the address',
  ENOTFOUND: 'the host is not known',
}
const HEADERS_MS = 10_000
const REQUEST_MS = 30_000
const MAX_HEADER_BYTES = 16_384

/**
 * Serves a handler by itself. Resolves when it listens.
 *
 * @throws {ConfigError} when it cannot listen, or would be reachable from elsewhere without `access`
 */
export async function serve(handler: Handler, options?: ServeOptions): Promise<RunningServer> {
  const given = checkOptions(options, ['host', 'port'], 'serve')
  const host = checkText(given.host ?? '127.0.0.1', { what: 'serve: host', maxBytes: 253 })
  const port = checkInteger(given.port ?? 8_000, 'serve: port', { min: 0, max: 65_535 })
  if (!handler.hasAccess && host !== 'localhost' && !isLoopback(host)) {
    throw new ConfigError(
      `serve: the host ${JSON.stringify(host)} can be reached from elsewhere, and the handler lets every request in. Give it access: createHandler(chancy, { access: basicAuth({ … }) }).`,
    )
  }
  const listener = toNode(handler)
  const server = createServer(
    {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    (request, response) => void listener(request, response),
  )
  await listening(server, host, port)
  // A failed accept, as when the process is out of descriptors, ends no server.
  server.on('error', () => {})
  const { port: bound } = server.address() as AddressInfo
  const shown = host.includes(':') ? `[${host}]` : host
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    await handler.close()
    server.closeAllConnections()
    await closed
  }
  return {
    url: `http://${shown}:${bound}${handler.basePath}/`,
    port: bound,
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, host }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    throw new ConfigError(`serve: port ${port} of ${host}: ${REASONS[code] ?? message}.`, {
      cause: error,
    })
  }
}
