import { Logger, makeWorkerUtils, run, type WorkerUtils } from 'graphile-worker'
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

const SCHEMA = 'bench_graphile'
const TASK = 'bench'
const BULK_SIZE = 1_000
const BULKS_AT_ONCE = 4

const logger = new Logger(() => (level, message) => {
  if (level === 'error') console.error(message)
})

export async function open({ postgres }: Stores): Promise<Peer> {
  if (postgres === undefined) throw new Error('needs PostgreSQL')
  return new GraphilePeer(postgres)
}

class GraphilePeer implements Peer {
  readonly #url: string
  readonly #pool: pg.Pool
  #made: Promise<WorkerUtils> | null = null

  constructor(url: string) {
    this.#url = url
    this.#pool = new pg.Pool({ connectionString: url, max: 20 })
  }

  async reset(): Promise<void> {
    await query(this.#url, `DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`)
    await (await this.#utils()).migrate()
  }

  async push(payload: Payload): Promise<unknown> {
    const utils = await this.#utils()
    return utils.addJob(TASK, payload)
  }

  async pushMany(payloads: readonly Payload[]): Promise<void> {
    const utils = await this.#utils()
    await inBulks(payloads, BULK_SIZE, BULKS_AT_ONCE, (part) =>
      utils.addJobs(
        part.map((payload) => ({
          identifier: TASK,
          payload,
          ...(payload.group !== undefined && { queueName: `group-${payload.group}` }),
        })),
      ),
    )
  }

  async work({ kind, ran }: WorkPlan): Promise<PeerWorker> {
    if (kind !== 'inline') throw new Error(`graphile-worker has no ${kind} workers`)
    const done = new Tally()
    const runner = await run({
      preset: {
        worker: {
          connectionString: this.#url,
          schema: SCHEMA,
          concurrentJobs: 24,
          maxPoolSize: 25,
          localQueue: { size: 500 },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
          logger,
        },
      },
      noHandleSignals: true,
      taskList: {
        [TASK]: async (payload) => {
          ran(payload as Payload)
          done.add()
        },
      },
    })
    let stopping: Promise<void> | undefined
    const stop = () => {
      stopping ??= runner.stop()
      return stopping
    }
    return {
      // Completions are gathered: a runner that has stopped has stored them.
      stored: async (jobs) => {
        await done.reaches(jobs)
        await stop()
      },
      stop,
    }
  }

  async count(): Promise<Count> {
    const [row] = await query(
      this.#url,
      `SELECT count(*)::int AS unfinished FROM ${SCHEMA}._private_jobs`,
    )
    return { unfinished: Number(row?.unfinished), finished: null }
  }

  async close(): Promise<void> {
    if (this.#made !== null) await (await this.#made).release()
    await this.#pool.end()
  }

  #utils(): Promise<WorkerUtils> {
    this.#made ??= makeWorkerUtils({ pgPool: this.#pool, schema: SCHEMA, logger })
    return this.#made
  }
}
