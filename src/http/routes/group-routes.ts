import type { ConcurrencyGroup } from '../../core/concurrency-group.ts'
import { ChancyError } from '../../core/errors.ts'
import type { Call } from '../call.ts'
import { type Route, route } from '../route.ts'
import { text } from '../schema.ts'
import { groupPageShape, groupShape, type WireGroup } from '../shapes/group.ts'
import { iso } from './cut-json.ts'
import { KeyedList } from './keyed-list.ts'
import { limitOf, pageQuery } from './query.ts'

export const groupRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/groups',
    verb: 'queues.view',
    about: 'all-queues',
    summary:
      'a page of concurrency groups with jobs, by key, with the first jobs that hold their slots',
    query: { ...pageQuery, prefix: text({ maxBytes: 1_000 }) },
    answer: groupPageShape,
    work: (call) => readGroups(call, call.query),
  }),
  route({
    method: 'GET',
    path: '/groups/:key',
    verb: 'queues.view',
    about: 'all-queues',
    summary: 'one concurrency group, with the jobs that hold its slots',
    answer: groupShape,
    work: async ({ reads, params, clock }) => {
      const found = await reads.getGroup(params.key)
      if (found !== null) return groupJson(found, clock.now())
      throw new ChancyError('GROUP_NOT_FOUND', 'No concurrency group with this key has a job.', {
        details: { key: params.key },
      })
    },
  }),
]

export async function readGroups(
  call: Call,
  query: { readonly limit?: number; readonly cursor?: string; readonly prefix?: string },
) {
  const limit = limitOf(call, query.limit)
  const { prefix } = query
  const list = new KeyedList('groups', prefix)
  const cursor = list.keyOf(query.cursor)
  const found = await call.reads.getGroups({
    limit,
    ...(prefix !== undefined && { prefix }),
    ...(cursor !== undefined && { cursor }),
  })
  const next = found.next === null ? null : list.cursor(found.next)
  const items = found.items.map((one) => groupJson(one, call.clock.now()))
  return { items, next, complete: true, reached: null }
}

function groupJson(
  { key, running, max, blocked, hasMore, holders }: ConcurrencyGroup,
  nowMs: number,
): WireGroup {
  const first = holders[0]?.startedAt
  return {
    key,
    running,
    max,
    blocked: { jobs: blocked, more: hasMore },
    heldLongestMs: first === undefined ? null : Math.max(0, nowMs - first.getTime()),
    holders: holders.map(({ id, name, queue, workerId, startedAt }) => ({
      ...{ id, name, queue, workerId },
      startedAt: iso(startedAt),
    })),
  }
}
