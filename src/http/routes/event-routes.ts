import { ChancyError } from '../../core/errors.ts'
import type { Call, Topic } from '../call.ts'
import { type Route, route } from '../route.ts'
import { flag, text } from '../schema.ts'
import { topicListShape } from '../shapes/topic.ts'
import { stateOf } from '../streams.ts'
import { topicsOf } from './topic-list.ts'

export const eventRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/events',
    verb: 'session',
    summary: 'the states of topics as server-sent events, or once',
    query: { topics: text({ maxBytes: 8_000 }), once: flag() },
    takesTime: true,
    answer: topicListShape,
    work: async (call) => {
      const topics = topicsOf(call.query.topics ?? 'overview')
      for (const topic of topics) checkTopic(call, topic)
      if (call.query.once !== true && call.settings.live === 'sse') return call.stream(topics)
      if (call.query.once !== true)
        throw new ChancyError('ROUTE_NOT_FOUND', 'This server sends no streams. Poll with once=1.')
      const items = []
      for (const topic of topics) items.push(await stateOf(call, topic))
      return { items }
    },
  }),
]

/** @throws {ChancyError} `ACCESS_DENIED` */
function checkTopic({ permit }: Call, { verb, needsAllQueues }: Topic): void {
  if (permit.allows(verb) && (!needsAllQueues || permit.scope.isWhole)) return
  throw new ChancyError(
    'ACCESS_DENIED',
    `The role ${permit.role} may not do this: it lacks ${verb}.`,
    {
      details: { verb, role: permit.role },
    },
  )
}
