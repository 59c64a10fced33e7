import { VERSION } from '../core/version.ts'
import type { Route } from './route.ts'
import { namedSchemas, reference } from './schema.ts'
import { problemShape } from './shapes/session.ts'

/** The OpenAPI 3.1 document of routes: made of what routes them. */
export function openApiOf(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) }
  }
  reference(problemShape)
  return {
    openapi: '3.1.0',
    info: { title: 'Chancy', version: VERSION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '.' }],
    security: [{ host: [] }],
    paths,
    components: {
      schemas: namedSchemas(),
      securitySchemes: {
        host: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: 'What the option access of the handler looks at.',
        },
      },
    },
  }
}

function operationOf(route: Route): object {
  const { method, path, summary, verb, query, body, answer, statuses } = route
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
  const inPath = names.map((name) => ({
    ...{ name, in: 'path', required: true, schema: { type: 'string' } },
  }))
  const inQuery = Object.entries(query).map(([name, shape]) => ({
    ...{ name, in: 'query', required: false, schema: reference(shape) },
    ...('items' in shape.json && { style: 'form', explode: false }),
  }))
  const content = (schema: object, type = 'application/json') => ({
    content: { [type]: { schema } },
  })
  const successes = statuses.map((status) => [
    String(status),
    { description: summary, ...(answer !== null && content(reference(answer))) },
  ])
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9]+(\w?)/g, (_, next: string) => next.toUpperCase())}`,
    summary,
    description: `Needs \`${verb}\`.`,
    parameters: [...inPath, ...inQuery],
    ...(body !== null && { requestBody: { required: false, ...content(reference(body)) } }),
    responses: {
      ...Object.fromEntries(successes),
      default: {
        description: 'a failure',
        ...content(reference(problemShape), 'application/problem+json'),
      },
    },
  }
}
