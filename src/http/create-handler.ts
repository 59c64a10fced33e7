import { Chancy } from '../app/chancy.ts'
import { inspect } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'
import { type HandlerOptions, parseHandlerOptions } from './options.ts'
import { Server } from './server.ts'

/**
 * Answers requests of the HTTP API and of the dashboard. The second argument says where a request comes from: a
 * `Peer`, `info` of Deno or the `server` of Bun.
 */
export interface Handler {
  (request: Request, peer?: unknown): Promise<Response>
  /** Itself, for hosts that take an object. */
  readonly fetch: (request: Request, peer?: unknown) => Promise<Response>
  /** Where the browser sees it, without a slash at its end. */
  readonly basePath: string
  /** Whether who may do what is decided by an `access` function. */
  readonly hasAccess: boolean
  /** Ends the streams, and what waits. The `Chancy` stays open. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Makes the handler of the HTTP API and of the dashboard. It opens nothing and starts no timer until a request comes.
 *
 * @throws {ConfigError} when an option is wrong
 */
export function createHandler(chancy: Chancy, options?: HandlerOptions): Handler {
  if (!(chancy instanceof Chancy))
    throw new ConfigError(`createHandler: expected a Chancy, got ${inspect(chancy)}.`)
  const reads = options?.reads ?? chancy
  if (!(reads instanceof Chancy))
    throw new ConfigError(`createHandler: reads: expected a Chancy, got ${inspect(reads)}.`)
  const settings = parseHandlerOptions(options)
  const server = new Server({ chancy, reads, settings })
  const answer = (request: Request, peer?: unknown) => server.answer(request, peer)
  const close = () => server.close()
  return Object.assign(answer, {
    fetch: answer,
    basePath: settings.basePath,
    hasAccess: settings.access !== null,
    close,
    [Symbol.asyncDispose]: close,
  })
}
