import type { What } from './rows.ts'

export interface System {
  readonly name: string
  readonly label: string
  /** The module of its adapter, beside this one; no extension. */
  readonly adapter: string
  /** The package in bench/peers, whose `engines` say which Node it needs. */
  readonly package?: string
  readonly store: 'postgres' | 'redis' | 'redis-fsync'
  /** Why it has no such row, or null when it has. */
  lacks(what: What): string | null
  /** Its configuration, for the footnote. */
  readonly configuration: string
}

const bullmq = {
  adapter: '../peers/bullmq',
  package: 'bullmq',
  lacks: (what: What) =>
    what.what === 'drain' && what.groups !== undefined ? 'groups are part of BullMQ Pro' : null,
}
const bullmqConfiguration =
  'Worker concurrency 100 (2 with sandboxes, useWorkerThreads for threads), four calls of addBulk with 1,000 each concurrently, all ' +
  'completed jobs kept, the default (docs.bullmq.io: Concurrency, Sandboxed processors, Going to production)'

export const systems: readonly System[] = [
  {
    name: 'chancy',
    label: 'Chancy',
    adapter: './chancy',
    store: 'postgres',
    lacks: () => null,
    configuration:
      'defaults (durable claims, fences, history of 7 days, notifications); one call of pushMany; executor inline with its ' +
      '100 concurrently; process and thread with concurrency 2 and maximumJobsPerChild 0, since BullMQ ' +
      'keeps its children forever too.',
  },
  {
    name: 'pg-boss',
    label: 'pg-boss',
    adapter: '../peers/pg-boss',
    package: 'pg-boss',
    store: 'postgres',
    lacks: (what) => lacksChildren(what),
    configuration:
      'useListenNotify, and notify on the queue in the rows of latency (else a lone job waits for a ' +
      'poll of 0.5 s or more) and not in the others (it slows down each push, and is off by default), ' +
      'batchSize 1,000 with burstWhenBatchFull, localConcurrency 2, four calls of insert with 1,000 each concurrently, a pool of 20; ' +
      'a batch succeeds or fails as one (the default; pgboss.io, Workers). ' +
      'Completed jobs kept for 7 days (the default). Groups: groupConcurrency 1, which its ' +
      'documentation says may briefly be exceeded.',
  },
  {
    name: 'graphile',
    label: 'graphile-worker',
    adapter: '../peers/graphile-worker',
    package: 'graphile-worker',
    store: 'postgres',
    lacks: (what) => lacksChildren(what),
    configuration:
      'the preset of worker.graphile.org/docs/performance: concurrentJobs 24, maxPoolSize 25, localQueue of 500, ' +
      'completeJobBatchDelay and failJobBatchDelay 0; four calls of addJobs with 1,000 each concurrently, a pool of 20. It deletes ' +
      'finished jobs, so it keeps no history. Groups: queue names, of which it advises against many.',
  },
  {
    ...bullmq,
    name: 'bullmq',
    label: 'BullMQ, Redis in memory',
    store: 'redis',
    configuration: `${bullmqConfiguration}. Redis with --save '' --appendonly no: a restart loses every job.`,
  },
  {
    ...bullmq,
    name: 'bullmq-fsync',
    label: 'BullMQ, Redis with fsync',
    store: 'redis-fsync',
    configuration: `${bullmqConfiguration}. Redis with --appendonly yes --appendfsync always, as durable as PostgreSQL here.`,
  },
  {
    ...bullmq,
    name: 'bullmq-postgres',
    label: 'BullMQ, PostgreSQL',
    store: 'postgres',
    configuration: `createPostgresBackend of BullMQ 6 (docs.bullmq.io/guide/postgresql) with a pool of 20. ${bullmqConfiguration}.`,
  },
]

function lacksChildren(what: What): string | null {
  return what.what === 'drain' && what.kind !== 'inline'
    ? 'runs jobs in its own process only'
    : null
}
