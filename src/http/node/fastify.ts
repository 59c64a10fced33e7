import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Handler } from '../create-handler.ts'
import { toNode } from './listener.ts'

/** What the plugin uses of Fastify, whose types are those of the application. */
interface FastifyScope {
  removeAllContentTypeParsers(): void
  addContentTypeParser(
    type: string,
    parse: (request: never, payload: never, done: (error: null) => void) => void,
  ): void
  all(path: string, handle: (request: Raw<IncomingMessage>, reply: Reply) => void): unknown
}

interface Raw<T> {
  readonly raw: T
}

interface Reply extends Raw<ServerResponse> {
  hijack(): unknown
}

/**
 * A handler as a plugin of Fastify: `app.register(chancyFastify(handler), { prefix: '/admin/jobs' })`, with the base path
 * of the handler as its prefix. It reads bodies by itself, whatever the parsers of the application are.
 */
export function chancyFastify(
  handler: Handler,
): (scope: FastifyScope, options: unknown, done: () => void) => void {
  const listener = toNode(handler)
  return (scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    // Nothing is read here.
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null))
    const answer = ({ raw }: Raw<IncomingMessage>, reply: Reply): void => {
      reply.hijack()
      void listener(raw, reply.raw)
    }
    scope.all('/', answer)
    scope.all('/*', answer)
    done()
  }
}
