import { ChancyError } from '../../core/errors.ts'
import { FAILURE_STATES, type FailureDetails, type FailureGroup } from '../../core/failure-group.ts'
import { actionOf, type Call } from '../call.ts'
import type { Masks } from '../masks.ts'
import { type Route, route } from '../route.ts'
import { oneOf, text } from '../schema.ts'
import {
  failureActionShape,
  failureDetailShape,
  failurePageShape,
  type WireFailure,
  type WireFailureDetail,
} from '../shapes/failure.ts'
import { iso } from './cut-json.ts'
import { limitOf, pageQuery } from './query.ts'

const ACTS = ['mute', 'unmute', 'resolve'] as const

export const failureRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/failures',
    verb: 'failures.view',
    about: 'all-queues',
    summary: 'a page of groups of failures that are alike',
    query: {
      ...pageQuery,
      order: oneOf(['last', 'most', 'new']),
      state: oneOf(FAILURE_STATES),
      name: text({ maxBytes: 200 }),
      kind: text({ maxBytes: 50 }),
      version: text({ maxBytes: 200 }),
    },
    answer: failurePageShape,
    work: (call) => readFailures(call, call.query),
  }),
  route({
    method: 'GET',
    path: '/failures/:fingerprint',
    verb: 'failures.view',
    about: 'all-queues',
    summary: 'one group, with its hours of 30 days and its queues',
    answer: failureDetailShape,
    work: (call) => readFailure(call, call.reads, call.params.fingerprint),
  }),
  ...ACTS.map((act) =>
    route({
      method: 'POST',
      path: `/failures/:fingerprint/${act}`,
      verb: 'failures.act',
      about: 'all-queues',
      summary: `${act}s a group of failures`,
      body: failureActionShape,
      answer: failureDetailShape,
      work: async (call) => {
        const { fingerprint } = call.params as { readonly fingerprint: string }
        const { reason, note } = call.body
        const by = actionOf(call, reason)
        await call.chancy.failures[act](fingerprint, by)
        if (note !== undefined) await call.chancy.failures.note(fingerprint, note, by)
        return readFailure(call, call.chancy, fingerprint)
      },
    }),
  ),
]

type FailureQuery = NonNullable<Parameters<Call['reads']['failures']['list']>[0]>

export async function readFailures(
  call: Call,
  query: { readonly limit?: number; readonly [name: string]: unknown },
) {
  const { reads, permit } = call
  const asked = { ...query, limit: limitOf(call, query.limit) } as FailureQuery
  const { items, next } = await reads.failures.list(asked)
  const shown = items.map((one) => failureJson(one, permit.masks))
  return { items: shown, next, complete: true, reached: null }
}

async function readFailure(
  { permit }: Call,
  chancy: Call['chancy'],
  fingerprint: string,
): Promise<WireFailureDetail> {
  const found = await chancy.failures.get(fingerprint)
  if (found !== null) return detailJson(found, permit.masks)
  throw new ChancyError('FAILURE_NOT_FOUND', 'No group of failures has this fingerprint.', {
    details: { fingerprint },
  })
}

function failureJson(found: FailureGroup, masks: Masks): WireFailure {
  const { fingerprint, name, kind, error, state, isNew, again, total } = found
  return {
    ...{ fingerprint, name, kind, error, state, isNew, again, total },
    message: masks.message(found.message),
    firstAt: iso(found.firstAt),
    lastAt: iso(found.lastAt),
    firstVersion: found.firstVersion,
    lastVersion: found.lastVersion,
    hours: found.hours.map(({ at, failures }) => ({ at: iso(at), count: failures })),
  }
}

function detailJson(found: FailureDetails, masks: Masks): WireFailureDetail {
  return {
    ...failureJson(found, masks),
    frames: found.frames,
    samples: found.samples,
    queues: found.queues.map(({ queue, failures }) => ({ queue, count: failures })),
    note: found.note,
    stateBy: found.stateBy,
    stateAt: iso(found.stateAt),
  }
}
