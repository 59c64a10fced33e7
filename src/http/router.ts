import { ChancyError } from '../core/errors.ts'
import { nameOf } from './path-name.ts'
import type { Method, Route } from './route.ts'

export interface Match {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

interface Node {
  readonly fixed: Map<string, Node>
  /** What stands for any segment: the names differ by method. */
  any: Node | null
  readonly routes: Map<Method, Route>
}

const EMPTY = (): Node => ({ fixed: new Map(), any: null, routes: new Map() })

/** Finds the route of a path, segment by segment; a fixed one comes before one that stands for something. */
export class Router {
  readonly #root = EMPTY()

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      let node = this.#root
      for (const segment of segments(route.path)) {
        if (segment.startsWith(':')) {
          node.any ??= EMPTY()
          node = node.any
        } else {
          const next = node.fixed.get(segment) ?? EMPTY()
          node.fixed.set(segment, next)
          node = next
        }
      }
      node.routes.set(route.method, route)
    }
  }

  /** @throws {ChancyError} `ROUTE_NOT_FOUND`, `METHOD_NOT_ALLOWED`, `CONFIG_INVALID` for a segment that is none */
  match(method: string, path: string): Match {
    const given = segments(path)
    const node = find(this.#root, given, 0)
    if (node === null) throw notFound(path)
    // A HEAD is answered as a GET without its body.
    const found = node.routes.get((method === 'HEAD' ? 'GET' : method) as Method)
    if (found === undefined) throw notAllowed(method, [...node.routes.keys()])
    const params: Record<string, string> = {}
    for (const [at, segment] of segments(found.path).entries())
      if (segment.startsWith(':')) params[segment.slice(1)] = nameOf(given[at] ?? '')
    return { route: found, params }
  }
}

function segments(path: string): string[] {
  return path.split('/').slice(1)
}

function find(node: Node, given: readonly string[], at: number): Node | null {
  if (at === given.length) return node.routes.size > 0 ? node : null
  const segment = given[at] ?? ''
  const fixed = node.fixed.get(segment)
  const found = fixed === undefined ? null : find(fixed, given, at + 1)
  if (found !== null || node.any === null || segment === '') return found
  return find(node.any, given, at + 1)
}

export function notFound(path: string): ChancyError {
  return new ChancyError(
    'ROUTE_NOT_FOUND',
    `There is no route ${JSON.stringify(path.slice(0, 200))}. Look at /api/v1/openapi.json.`,
  )
}

export function notAllowed(method: string, methods: readonly string[]): ChancyError {
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ')
  return new ChancyError('METHOD_NOT_ALLOWED', `${method} is not taken here. Taken are ${allow}.`, {
    details: { allow },
  })
}
