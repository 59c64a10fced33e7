import { fileURLToPath } from 'node:url'
import { createPostgresBackend, Queue, runMigrations, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import pg from 'pg'
import { inBulks } from '../run/bulks.ts'
import {
  type Count,
  type Payload,
  type Peer,
  type PeerWorker,
  type Stores,
  Tally,
  type WorkPlan,
} from '../run/peer.ts'
import { query } from '../run/postgres.ts'

const SCHEMA = 'bench_bullmq'
const QUEUE = 'bench'
const NAME = 'empty'
const BULK_SIZE = 1_000
const BULKS_AT_ONCE = 4
const CONCURRENCY = 100
const CHILDREN = 2
const processor = fileURLToPath(new URL('./bullmq-processor.mjs', import.meta.url))

export async function open({ postgres, redis }: Stores): Promise<Peer> {
  if (redis !== undefined) return new BullPeer(onRedis(redis))
  if (postgres !== undefined) return new BullPeer(onPostgres(postgres))
  throw new Error('needs Redis or PostgreSQL')
}

/** How the two backends differ. */
interface Backend {
  reset(): Promise<void>
  queue(): Queue
  worker(process: string | (() => Promise<void>), options: object): Worker
}

function onRedis(port: number): Backend {
  const connection = { host: '127.0.0.1', port }
  return {
    reset: async () => {
      const client = new Redis(port)
      await client.flushall()
      client.disconnect()
    },
    queue: () => new Queue(QUEUE, { connection }),
    // Workers must wait for Redis to come back: "Going to production" in the documentation.
    worker: (process, options) =>
      new Worker(QUEUE, process as never, {
        connection: { ...connection, maxRetriesPerRequest: null },
        ...options,
      }),
  }
}

function onPostgres(url: string): Backend {
  const connection = { connectionString: url, schema: SCHEMA, max: 20 }
  return {
    reset: async () => {
      await query(url, `DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`)
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      await runMigrations(client, SCHEMA)
      await client.end()
    },
    queue: () => new Queue(QUEUE, { connection }, createPostgresBackend) as unknown as Queue,
    worker: (process, options) =>
      new Worker(
        QUEUE,
        process as never,
        { connection, ...options },
        createPostgresBackend,
      ) as unknown as Worker,
  }
}

class BullPeer implements Peer {
  readonly #backend: Backend
  #opened: Queue | null = null

  constructor(backend: Backend) {
    this.#backend = backend
  }

  async reset(): Promise<void> {
    await this.#backend.reset()
  }

  push(payload: Payload): Promise<unknown> {
    return this.#queue().add(NAME, payload)
  }

  async pushMany(payloads: readonly Payload[]): Promise<void> {
    await inBulks(payloads, BULK_SIZE, BULKS_AT_ONCE, (part) =>
      this.#queue().addBulk(part.map((data) => ({ name: NAME, data }))),
    )
  }

  async work({ kind, grouped, ran }: WorkPlan): Promise<PeerWorker> {
    if (grouped) throw new Error('groups are part of BullMQ Pro')
    const run = async (job?: { data: Payload }) => ran(job!.data)
    const worker = this.#backend.worker(
      kind === 'inline' ? (run as () => Promise<void>) : processor,
      kind === 'inline'
        ? { concurrency: CONCURRENCY }
        : { concurrency: CHILDREN, useWorkerThreads: kind === 'thread' },
    )
    const done = new Tally()
    worker.on('completed', () => done.add())
    worker.on('failed', (_job, error) => console.error(error))
    worker.on('error', (error) => console.error(error))
    await worker.waitUntilReady()
    return { stored: (jobs) => done.reaches(jobs), stop: () => worker.close() }
  }

  async count(): Promise<Count> {
    const counts = await this.#queue().getJobCounts(
      'wait',
      'active',
      'delayed',
      'prioritized',
      'failed',
      'completed',
    )
    const { completed = 0, ...rest } = counts
    return {
      unfinished: Object.values(rest).reduce((sum, count) => sum + count, 0),
      finished: completed,
    }
  }

  async close(): Promise<void> {
    await this.#opened?.close()
  }

  #queue(): Queue {
    if (this.#opened === null) {
      this.#opened = this.#backend.queue()
      this.#opened.on('error', (error) => console.error(error))
    }
    return this.#opened
  }
}
