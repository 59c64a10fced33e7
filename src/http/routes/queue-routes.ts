import { ChancyError } from '../../core/errors.ts'
import { Queue, type QueueOptions } from '../../core/queue.ts'
import { actionOf, type Call } from '../call.ts'
import { type Route, route } from '../route.ts'
import { oneOf, text } from '../schema.ts'
import { queueExplanationShape } from '../shapes/explanation.ts'
import {
  pauseShape,
  queueListShape,
  queueOptionsShape,
  queueShape,
  type WireQueue,
  type WireQueueOptions,
} from '../shapes/queue.ts'
import { queueExplanationJson } from './explanation-json.ts'
import { readQueue, readQueues } from './queue-state.ts'

export const queueRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/queues',
    verb: 'queues.view',
    summary: 'all queues, with counts and their age',
    answer: queueListShape,
    work: async ({ reads, permit }) => ({
      items: (await readQueues(reads, permit.scope)).queues,
    }),
  }),
  route({
    method: 'GET',
    path: '/queues/:name',
    verb: 'queues.view',
    about: 'queue',
    summary: 'one queue',
    answer: queueShape,
    work: ({ reads, permit, params }) => readQueue(reads, permit.scope, params.name),
  }),
  route({
    method: 'GET',
    path: '/queues/:name/explain',
    verb: 'jobs.view',
    about: 'queue',
    summary: 'the waiting jobs of a queue by what keeps them',
    answer: queueExplanationShape,
    work: async ({ reads, params }) => queueExplanationJson(await reads.explainQueue(params.name)),
  }),
  route({
    method: 'PUT',
    path: '/queues/:name',
    verb: 'queues.edit',
    about: 'queue',
    summary: 'declares a queue, or replaces what it is declared as',
    body: queueOptionsShape,
    answer: queueShape,
    work: (call) => declare(call, call.body),
  }),
  route({
    method: 'PATCH',
    path: '/queues/:name',
    verb: 'queues.edit',
    about: 'queue',
    summary: 'changes some options of a queue',
    body: queueOptionsShape,
    answer: queueShape,
    work: async (call) => {
      const stored = await call.chancy.getQueue(call.params.name)
      const body = call.body
      const isSameExecutor = body.executor === undefined || body.executor === stored.executor
      const { maximumJobsPerChild, killAfterMs } = isSameExecutor ? stored.executorOptions : {}
      const kept: WireQueueOptions = {
        concurrency: stored.concurrency,
        executor: stored.executor,
        executorOptions: {
          ...(maximumJobsPerChild !== undefined && { maximumJobsPerChild }),
          ...(killAfterMs !== undefined && { killAfterMs }),
        },
        tags: stored.tags,
        pollingIntervalMs: stored.pollingIntervalMs,
        rateLimit: stored.rateLimit,
      }
      return declare(call, { ...kept, ...body }, stored)
    },
  }),
  route({
    method: 'DELETE',
    path: '/queues/:name',
    verb: 'queues.delete',
    about: 'queue',
    summary: 'deletes the declaration of a queue; its jobs stay with jobs=keep',
    query: { jobs: oneOf(['keep']), reason: text({ maxBytes: 1_000 }) },
    answer: null,
    work: async (call) => {
      const { chancy, params, query } = call
      if (query.jobs === undefined) await checkEmpty(chancy, params.name)
      await chancy.deleteQueue(params.name, actionOf(call, query.reason))
      return null
    },
  }),
  route({
    method: 'POST',
    path: '/queues/:name/pause',
    verb: 'queues.pause',
    about: 'queue',
    summary: 'starts nothing more of a queue, until resumeAt or resume',
    body: pauseShape,
    answer: queueShape,
    work: async (call) => {
      const { resumeAt, reason } = call.body
      await call.chancy.pauseQueue(call.params.name, {
        ...(resumeAt !== undefined && { resumeAt }),
        ...actionOf(call, reason),
      })
      return after(call, call.params.name)
    },
  }),
  route({
    method: 'POST',
    path: '/queues/:name/resume',
    verb: 'queues.pause',
    about: 'queue',
    summary: 'makes a paused queue active',
    body: pauseShape,
    answer: queueShape,
    work: async (call) => {
      await call.chancy.resumeQueue(call.params.name, actionOf(call, call.body.reason))
      return after(call, call.params.name)
    },
  }),
]

async function declare(call: Call, given: WireQueueOptions, stored?: Queue): Promise<WireQueue> {
  const { name } = call.params as { readonly name: string }
  const { reason } = given
  const options = optionsOf(given)
  // What is wrong with it is found before anything is read.
  new Queue(name, options)
  const state = await stateOf(call, name, stored)
  await call.chancy.declare(new Queue(name, { ...options, ...state }), {
    upsert: true,
    ...actionOf(call, reason),
  })
  return after(call, name)
}

/** Pausing is another verb: a declaration leaves it as it is. */
async function stateOf({ chancy }: Call, name: string, given?: Queue): Promise<QueueOptions> {
  const stored = given ?? (await chancy.getQueues()).find((one) => one.name === name)
  if (stored?.state !== 'paused') return {}
  return { state: 'paused', ...(stored.resumeAt !== null && { resumeAt: stored.resumeAt }) }
}

function optionsOf(given: WireQueueOptions): QueueOptions {
  const { concurrency, executor, executorOptions, tags, pollingIntervalMs, rateLimit } = given
  const { maximumJobsPerChild, killAfterMs } = executorOptions ?? {}
  return {
    ...(concurrency != null && { concurrency }),
    ...(executor !== undefined && { executor }),
    executorOptions: {
      ...(maximumJobsPerChild !== undefined && { maximumJobsPerChild }),
      ...(killAfterMs !== undefined && { killAfter: killAfterMs }),
    },
    ...(tags !== undefined && { tags }),
    ...(pollingIntervalMs !== undefined && { pollingInterval: pollingIntervalMs }),
    ...(rateLimit != null && { rateLimit: { max: rateLimit.max, per: rateLimit.perMs } }),
  }
}

/** @throws {ChancyError} `JOB_STATE_CONFLICT` */
async function checkEmpty(chancy: Call['chancy'], queue: string): Promise<void> {
  for (const state of ['pending', 'retrying', 'running'] as const) {
    const [job] = await chancy.listJobs({ queue, state, limit: 1 })
    if (job === undefined) continue
    throw new ChancyError(
      'JOB_STATE_CONFLICT',
      'Jobs of this queue have not finished, and would wait until it is declared again. Add jobs=keep to delete it anyway.',
      { details: { queue, state, id: job.id } },
    )
  }
}

function after({ chancy, permit }: Call, name: string): Promise<WireQueue> {
  return readQueue(chancy, permit.scope, name)
}
