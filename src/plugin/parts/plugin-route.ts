import type { PluginAccess } from '../access/plugin-access.ts'

export const ROUTE_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
export const ROUTE_RIGHTS = ['view', 'operate', 'admin'] as const

/** What a request brings. */
export interface RouteRequest {
  /** The parts of the path that stand for something: `/entries/:id` gives `id`. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  /** The JSON of the request, or undefined. */
  readonly body: unknown
}

/** A route of the HTTP API, under the name of its plugin. What `handle` returns is answered as JSON. */
export interface PluginRoute {
  readonly method: (typeof ROUTE_METHODS)[number]
  /** Begins with a slash: `/entries/:id`. */
  readonly path: string
  /** Who may call it. */
  readonly may: (typeof ROUTE_RIGHTS)[number]
  handle(access: PluginAccess, request: RouteRequest): unknown
}
