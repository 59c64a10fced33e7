import type { Chancy } from '../../app/chancy.ts'
import { type PluginRoute, pluginAccess, pluginsOf } from '../../plugin/index.ts'
import { type Route, route } from '../route.ts'
import { json } from '../schema.ts'

/** The routes of all plugins of an application, each below the name of its plugin. */
export function pluginRoutes(chancy: Chancy): Route[] {
  return pluginsOf(chancy).flatMap(({ name, routes = [] }) =>
    routes.map((one) => pluginRoute(chancy, name, one)),
  )
}

function pluginRoute(chancy: Chancy, plugin: string, given: PluginRoute): Route {
  const { method, path, may, handle } = given
  const declared = route({
    method,
    path: `/plugins/${plugin}${path === '/' ? '' : path}`,
    verb: may,
    about: 'all-queues',
    summary: `a route of the plugin ${plugin}`,
    answer: json(),
    ...(method !== 'GET' && { body: json() }),
    work: async (call) => {
      const params = call.params as Readonly<Record<string, string>>
      const query = Object.fromEntries(new URL(call.request.url).searchParams)
      const answer = await handle(pluginAccess(chancy, plugin), { params, query, body: call.body })
      return answer ?? null
    },
  })
  return { ...declared, takesAnyQuery: true }
}
