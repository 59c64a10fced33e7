import { VERSION } from '../../core/version.ts'
import { pluginsOf } from '../../plugin/index.ts'
import { type Route, route } from '../route.ts'
import { sessionShape } from '../shapes/session.ts'
import { VERBS } from '../verbs.ts'

/** How long one call of `findJobs` searches. */
const SEARCH_MS = 150

export const sessionRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/session',
    verb: 'session',
    summary: 'who asks, what is allowed, and how the server is set',
    answer: sessionShape,
    work: async ({ reads, permit, settings }) => {
      const { limits } = settings
      const facts = await (await reads.internals.boundedWork()).serverFacts()
      const versions = await reads.getSchemaVersions()
      const { actor, role, scope } = permit
      const isWritten = (verb: string) => !settings.isReadOnly || verb.endsWith('.view')
      return {
        actor: { id: actor.id, name: actor.name ?? null },
        role,
        verbs: VERBS.filter((verb) => permit.allows(verb) && isWritten(verb)),
        queues: scope.patterns,
        isReadOnly: settings.isReadOnly,
        requireReason: settings.requireReason,
        plugins: pluginsOf(reads).map(({ name }) => name),
        push: settings.push,
        live: settings.live,
        timeZone: settings.timeZone,
        serverTime: facts.now.toISOString(),
        versions: { chancy: VERSION, schema: versions[0]?.have ?? 0, postgres: facts.version },
        schema: reads.internals.database.names.plainSchema,
        limits: {
          list: limits.list,
          series: limits.series,
          points: limits.points,
          ids: limits.ids,
          bodyBytes: limits.bodyBytes,
          urlBytes: limits.urlBytes,
          searchMs: SEARCH_MS,
          statementMs: limits.readMs,
        },
      }
    },
  }),
]
