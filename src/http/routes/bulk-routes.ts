import { BULK_STATES, type BulkAction, type BulkRequest } from '../../core/bulk-action.ts'
import { ChancyError } from '../../core/errors.ts'
import { actionOf, type Call } from '../call.ts'
import { Reply, type Route, route } from '../route.ts'
import { object, oneOf, optional, text } from '../schema.ts'
import {
  bulkPageShape,
  bulkPreviewShape,
  bulkRateShape,
  bulkRequestShape,
  bulkShape,
  type WireBulk,
  type WireBulkRequest,
} from '../shapes/bulk.ts'
import type { Verb } from '../verbs.ts'
import { carryOn } from './bulk-carrying.ts'
import { iso } from './cut-json.ts'
import { jobRowJson } from './job-json.ts'
import { limitOf, pageQuery } from './query.ts'

/** What each action needs besides `bulk.run`. */
const NEEDED: Readonly<Record<string, Verb>> = {
  cancel: 'jobs.cancel',
  retry: 'jobs.retry',
  delete: 'jobs.delete',
  'run-now': 'jobs.edit',
  reprioritise: 'jobs.edit',
  move: 'jobs.edit',
}
const CONTROLS = ['pause', 'resume', 'stop', 'undo'] as const
const reasonShape = object({ reason: optional(text({ maxBytes: 1_000 })) })

export const bulkRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/bulk/preview',
    verb: 'bulk.run',
    summary: 'what a bulk action would do; changes nothing',
    body: bulkRequestShape,
    answer: bulkPreviewShape,
    work: async (call) => {
      const found = await call.chancy.bulk.preview(requestOf(call, call.body), rateOf(call.body))
      const { masks } = call.permit
      return {
        action: found.action,
        filter: found.filter,
        jobs: found.jobs,
        more: found.hasMore,
        samples: found.samples.map((job) => jobRowJson(job, masks)),
        states: found.states.map(({ state, jobs, what, isSkipped }) => ({
          ...{ state, jobs, what, isSkipped },
        })),
        takesMs: found.takesMs,
        undo: found.undo,
        canUndo: found.canUndo,
      }
    },
  }),
  route({
    method: 'POST',
    path: '/bulk',
    verb: 'bulk.run',
    summary: 'starts a bulk action',
    body: bulkRequestShape,
    answer: bulkShape,
    statuses: [201],
    work: async (call) => {
      const { body } = call
      const started = await call.chancy.bulk.start(requestOf(call, body), {
        ...rateOf(body),
        ...(body.undoWindowMs !== undefined && { undoWindow: body.undoWindowMs }),
        ...actionOf(call, body.reason),
      })
      carryOn(call)
      return new Reply(bulkJson(started), { status: 201 })
    },
  }),
  route({
    method: 'GET',
    path: '/bulk',
    verb: 'bulk.view',
    summary: 'a page of bulk actions, newest first',
    query: { ...pageQuery, state: oneOf(BULK_STATES) },
    answer: bulkPageShape,
    work: async (call) => {
      const { state, cursor, limit } = call.query
      const { items, next } = await call.reads.bulk.list({
        limit: limitOf(call, limit),
        ...(state !== undefined && { state }),
        ...(cursor !== undefined && { cursor }),
      })
      const seen = items.filter((one) => isSeen(call, one))
      // What a process has left that is gone is carried on while it is looked at.
      if (!call.settings.isReadOnly && seen.some(({ finishedAt }) => finishedAt === null))
        carryOn(call)
      return { items: seen.map(bulkJson), next, complete: true, reached: null }
    },
  }),
  route({
    method: 'GET',
    path: '/bulk/:id',
    verb: 'bulk.view',
    summary: 'one bulk action',
    answer: bulkShape,
    work: async (call) => bulkJson(await findBulk(call, call.reads, call.params.id)),
  }),
  route({
    method: 'PATCH',
    path: '/bulk/:id',
    verb: 'bulk.run',
    summary: 'changes the rate of a bulk action',
    body: bulkRateShape,
    answer: bulkShape,
    work: async (call) => {
      const { id } = call.params
      const { ratePerSecond, reason } = call.body
      await findBulk(call, call.chancy, id)
      return bulkJson(await call.chancy.bulk.setRate(id, ratePerSecond, actionOf(call, reason)))
    },
  }),
  ...CONTROLS.map((control) =>
    route({
      method: 'POST',
      path: `/bulk/:id/${control}`,
      verb: 'bulk.run',
      summary: `${control}: of a bulk action`,
      body: reasonShape,
      answer: bulkShape,
      work: async (call) => {
        const { id } = call.params as { readonly id: string }
        const found = await findBulk(call, call.chancy, id)
        if (control === 'undo') checkAction(call, found.action)
        const changed = await call.chancy.bulk[control](id, actionOf(call, call.body.reason))
        carryOn(call)
        return bulkJson(changed)
      },
    }),
  ),
]

function requestOf(call: Call, body: WireBulkRequest): BulkRequest {
  checkAction(call, body.action)
  const { action, filter, ids, args, everything } = body
  const queue = args?.queue
  const { scope } = call.permit
  if (queue !== undefined && !scope.sees(queue))
    throw new ChancyError('ACCESS_DENIED', 'This access does not see the queue of the move.', {
      details: { verb: 'jobs.edit' },
    })
  return {
    action,
    ...(filter !== undefined && { where: filter }),
    ...(ids !== undefined && { ids }),
    ...(args?.priority !== undefined && { priority: args.priority }),
    ...(queue !== undefined && { queue }),
    ...(everything !== undefined && { everything }),
    ...(scope.patterns !== null && { queues: scope.patterns }),
  }
}

function rateOf({ ratePerSecond }: WireBulkRequest) {
  return ratePerSecond === undefined ? {} : { ratePerSecond }
}

/** @throws {ChancyError} `ACCESS_DENIED` */
function checkAction({ permit }: Call, action: string): void {
  const verb = NEEDED[action]
  if (verb === undefined || permit.allows(verb)) return
  throw new ChancyError(
    'ACCESS_DENIED',
    `The role ${permit.role} may not do this: it lacks ${verb}.`,
    {
      details: { verb, role: permit.role },
    },
  )
}

/** Who sees some queues sees its own actions alone. */
function isSeen({ permit }: Call, { actor }: BulkAction): boolean {
  return permit.scope.isWhole || actor?.id === permit.actor.id
}

/** @throws {ChancyError} `BULK_NOT_FOUND` */
export async function findBulk(
  call: Call,
  chancy: Call['chancy'],
  id: string,
): Promise<BulkAction> {
  const found = await chancy.bulk.get(id)
  if (found !== null && isSeen(call, found)) return found
  throw new ChancyError('BULK_NOT_FOUND', `No bulk action has the id ${id}.`, { details: { id } })
}

export function bulkJson(found: BulkAction): WireBulk {
  const { id, action, filter, ids, priority, queue, reason, actor, state } = found
  const { ratePerSecond, done, skipped, failed, reasons, undoOf, undoneBy } = found
  return {
    ...{ id, action, filter, ids, priority, queue, reason, state },
    ...{ ratePerSecond, done, skipped, failed, reasons, undoOf, undoneBy },
    actor: actor === null ? null : { id: actor.id, name: actor.name ?? null },
    createdAt: iso(found.createdAt),
    startsAt: iso(found.startsAt),
    finishedAt: iso(found.finishedAt),
    undoUntil: iso(found.undoUntil),
  }
}
