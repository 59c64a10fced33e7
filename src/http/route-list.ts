import type { Chancy } from '../app/chancy.ts'
import { openApiOf } from './openapi.ts'
import type { Settings } from './options.ts'
import { type Route, route } from './route.ts'
import { auditRoutes } from './routes/audit-routes.ts'
import { bulkRoutes } from './routes/bulk-routes.ts'
import { eventRoutes } from './routes/event-routes.ts'
import { failureRoutes } from './routes/failure-routes.ts'
import { groupRoutes } from './routes/group-routes.ts'
import { jobActionRoutes } from './routes/job-actions.ts'
import { jobEditRoutes } from './routes/job-edits.ts'
import { jobPartRoutes } from './routes/job-parts.ts'
import { jobRoutes } from './routes/job-routes.ts'
import { metricsRoutes } from './routes/metrics-routes.ts'
import { pluginRoutes } from './routes/plugin-routes.ts'
import { pushRoutes, waitRoutes } from './routes/push-routes.ts'
import { queueRoutes } from './routes/queue-routes.ts'
import { scheduleRoutes } from './routes/schedule-routes.ts'
import { sessionRoutes } from './routes/session-routes.ts'
import { workerRoutes } from './routes/worker-routes.ts'
import { workflowRoutes } from './routes/workflow-routes.ts'
import { json } from './schema.ts'

/** Every route below `/api/v1` that a handler with these settings serves. */
export function routesOf(chancy: Chancy, settings: Settings): Route[] {
  const routes: Route[] = [
    ...sessionRoutes,
    ...jobRoutes,
    ...jobPartRoutes,
    ...jobActionRoutes,
    ...jobEditRoutes,
    ...queueRoutes,
    ...workflowRoutes,
    ...scheduleRoutes,
    ...workerRoutes,
    ...groupRoutes,
    ...failureRoutes,
    ...bulkRoutes,
    ...auditRoutes,
    ...eventRoutes,
    ...waitRoutes,
    ...(settings.push === null ? [] : pushRoutes),
    ...metricsRoutes,
    ...pluginRoutes(chancy),
  ]
  const served = settings.isReadOnly ? routes.filter(isRead) : routes
  const document: Route = route({
    method: 'GET',
    path: '/openapi.json',
    verb: 'session',
    summary: 'this API as OpenAPI 3.1',
    answer: json(),
    takesTime: true,
    work: async () => openApiOf([...served, document]),
  })
  return [...served, document]
}

/** A preview changes nothing, and needs a body. */
function isRead({ method, path }: Route): boolean {
  return method === 'GET' || path === '/bulk/preview'
}
