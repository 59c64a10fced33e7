import 'reflect-metadata'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { getRequestListener, serve } from '@hono/node-server'
import type { Handler } from 'chancy/http'
import { chancyFastify } from 'chancy/http/fastify'
import { toNode } from 'chancy/http/node'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'

/** An application that listens, with a handler mounted in it. */
export interface Listening {
  readonly port: number
  close(): Promise<unknown>
}

/** One way to mount a handler. */
export interface Host {
  readonly name: string
  /** Whether it takes the path of the mount away from the URL. */
  readonly isStripping?: true
  /** Whether something else stands beside the mount, at `/beside`. */
  readonly hasOthers: boolean
  /** Whether it parses bodies itself, and so limits them. */
  readonly parses?: true
  /** Whether it refuses paths that are not percent-encoded, by an answer of its own. */
  readonly refusesPaths?: true
  /** Whether its packages are installed by the test. */
  readonly isInstalled?: true
  open(handler: Handler, base: string): Promise<Listening>
}

type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void

interface Express {
  (request: IncomingMessage, response: ServerResponse): void
  use(...given: unknown[]): unknown
  get(
    path: string,
    handle: (request: unknown, response: { send(text: string): void }) => void,
  ): void
}
interface ExpressModule {
  (): Express
  json(): unknown
}
interface NestApplication {
  use(...given: unknown[]): void
  register(plugin: unknown, options: object): Promise<void>
  listen(port: number, host: string): Promise<Server>
  close(): Promise<void>
}

const load = createRequire(new URL('./frameworks/package.json', import.meta.url))
const BESIDE = '/beside'

export const hosts: readonly Host[] = [
  {
    name: 'node:http',
    hasOthers: false,
    open: (handler) => listening(createServer(toNode(handler) as NodeHandler)),
  },
  onExpress('Express 5', () => express as unknown as ExpressModule, {}),
  onExpress('Express 5 behind express.json()', () => express as unknown as ExpressModule, {
    parses: true,
  }),
  onExpress('Express 4', () => load('express-4') as ExpressModule, { isInstalled: true }),
  onExpress('Express 4 behind express.json()', () => load('express-4') as ExpressModule, {
    parses: true,
    isInstalled: true,
  }),
  {
    name: 'Express 5 without a path',
    hasOthers: true,
    open: (handler, base) => {
      const app = express()
      app.use(base === '/' ? passing(handler) : toNode(handler))
      app.get(BESIDE, (_request, response) => void response.send('beside'))
      return listening(createServer(app))
    },
  },
  {
    name: 'Fastify 5',
    hasOthers: true,
    refusesPaths: true,
    open: async (handler, base) => {
      const app = fastify({ forceCloseConnections: true })
      app.get(BESIDE, async () => 'beside')
      const prefix = base === '/' ? '' : base
      await app.register(chancyFastify(handler) as never, { prefix })
      await app.listen({ port: 0, host: '127.0.0.1' })
      return { port: portOf(app.server), close: () => app.close() }
    },
  },
  {
    name: 'NestJS on Express',
    hasOthers: false,
    isInstalled: true,
    open: async (handler, base) => {
      const app = await nest('@nestjs/platform-express', 'ExpressAdapter')
      app.use(base, toNode(handler))
      return nestListening(app)
    },
  },
  {
    name: 'NestJS on Fastify',
    hasOthers: false,
    refusesPaths: true,
    isInstalled: true,
    open: async (handler, base) => {
      const app = await nest('@nestjs/platform-fastify', 'FastifyAdapter')
      await app.register(chancyFastify(handler), { prefix: base === '/' ? '' : base })
      return nestListening(app)
    },
  },
  {
    name: 'Hono',
    hasOthers: true,
    open: (handler, base) => {
      const app = new Hono().get(BESIDE, (context) => context.text('beside'))
      app.mount(base, handler, { replaceRequest: false })
      return onHono(app)
    },
  },
  {
    name: 'Hono, which takes the path away',
    isStripping: true,
    hasOthers: true,
    open: (handler, base) => {
      const app = new Hono().get(BESIDE, (context) => context.text('beside'))
      app.mount(base, handler)
      return onHono(app)
    },
  },
  {
    // As Next.js calls it: its packages are too many to be installed for a test.
    name: 'the handlers of a route of Next.js',
    hasOthers: false,
    open: (handler) => listening(createServer(asNext(handler))),
  },
]

function onExpress(
  name: string,
  find: () => ExpressModule,
  given: Pick<Host, 'parses' | 'isInstalled'>,
): Host {
  return {
    ...{ name, hasOthers: true, ...given },
    open: (handler, base) => {
      const module = find()
      const app = module()
      if (given.parses === true) app.use(module.json())
      app.get(BESIDE, (_request, response) => response.send('beside'))
      app.use(base, toNode(handler))
      return listening(createServer(app))
    },
  }
}

/** At the root it takes everything, so what stands behind it is reached around it. */
function passing(handler: Handler) {
  const listener = toNode(handler)
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    if (request.url === BESIDE) next()
    else void listener(request, response)
  }
}

async function nest(platform: string, adapter: string): Promise<NestApplication> {
  load('reflect-metadata')
  const { Module } = load('@nestjs/common') as { Module(of: object): (target: object) => void }
  const { NestFactory } = load('@nestjs/core') as {
    NestFactory: { create(...given: unknown[]): Promise<NestApplication> }
  }
  class Application {}
  Module({})(Application)
  const adapters = load(platform) as Record<string, new (options?: object) => unknown>
  return NestFactory.create(
    Application,
    new adapters[adapter]!(
      adapter === 'FastifyAdapter' ? { forceCloseConnections: true } : undefined,
    ),
    { logger: false },
  )
}

async function nestListening(app: NestApplication): Promise<Listening> {
  const server = await app.listen(0, '127.0.0.1')
  const close = () => {
    const closed = app.close()
    server.closeAllConnections()
    return closed
  }
  return { port: portOf(server), close }
}

async function onHono(app: Hono): Promise<Listening> {
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) =>
      resolve({ port, close: () => closed(server as Server) }),
    )
  })
}

/**
 * As Next.js calls a route handler: the URL has the host that the server listens on, whatever `Host` says; the second
 * argument is a context with a promise of the parameters; a HEAD is a GET.
 */
function asNext(handler: Handler): NodeHandler {
  const methods = { GET: handler, POST: handler, PUT: handler, PATCH: handler, DELETE: handler }
  const context = { params: Promise.resolve({ path: ['any'] }) }
  return getRequestListener(async (request) => {
    const url = new URL(request.url)
    url.hostname = 'localhost'
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const handle = methods[method as keyof typeof methods]
    if (handle === undefined) return new Response(null, { status: 405 })
    return handle(new Request(url, request), context)
  })
}

async function listening(server: Server): Promise<Listening> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: portOf(server), close: () => closed(server) }
}

function closed(server: Server): Promise<void> {
  const over = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  return over
}

function portOf(server: Pick<Server, 'address'>): number {
  return (server.address() as AddressInfo).port
}
