import { PgBoss } from 'pg-boss'
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

const SCHEMA = 'bench_pgboss'
const QUEUE = 'bench'
const BULK_SIZE = 1_000
const BULKS_AT_ONCE = 4

export async function open({ postgres }: Stores): Promise<Peer> {
  if (postgres === undefined) throw new Error('needs PostgreSQL')
  return new PgBossPeer(postgres)
}

class PgBossPeer implements Peer {
  readonly #url: string
  #started: Promise<PgBoss> | null = null

  constructor(url: string) {
    this.#url = url
  }

  async reset({ prompt }: { prompt: boolean }): Promise<void> {
    await query(this.#url, `DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`)
    await (await this.#boss()).createQueue(QUEUE, { notify: prompt })
  }

  async push(payload: Payload): Promise<unknown> {
    const boss = await this.#boss()
    return boss.send(QUEUE, payload)
  }

  async pushMany(payloads: readonly Payload[]): Promise<void> {
    const boss = await this.#boss()
    await inBulks(payloads, BULK_SIZE, BULKS_AT_ONCE, (part) =>
      boss.insert(
        QUEUE,
        part.map((data) => ({
          data,
          ...(data.group !== undefined && { group: { id: String(data.group) } }),
        })),
      ),
    )
  }

  async work({ kind, grouped, ran }: WorkPlan): Promise<PeerWorker> {
    if (kind !== 'inline') throw new Error(`pg-boss has no ${kind} workers`)
    const boss = await this.#boss()
    const done = new Tally()
    const options = {
      batchSize: 1_000,
      burstWhenBatchFull: true,
      localConcurrency: 2,
      ...(grouped && { groupConcurrency: 1 }),
    }
    await boss.work<Payload>(QUEUE, options, async (jobs) => {
      for (const { data } of jobs) ran(data)
      done.add(jobs.length)
    })
    const stop = () => boss.offWork(QUEUE, { wait: true })
    return {
      // A batch is completed after its handler: a worker that has stopped has stored what it ran.
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
      `SELECT count(*) FILTER (WHERE state < 'completed')::int AS unfinished,
              count(*) FILTER (WHERE state = 'completed')::int AS finished
       FROM ${SCHEMA}.job WHERE name = '${QUEUE}'`,
    )
    return row as unknown as Count
  }

  async close(): Promise<void> {
    if (this.#started !== null) await (await this.#started).stop({ graceful: true })
  }

  #boss(): Promise<PgBoss> {
    this.#started ??= (async () => {
      const boss = new PgBoss({
        connectionString: this.#url,
        schema: SCHEMA,
        useListenNotify: true,
        max: 20,
      })
      boss.on('error', (error) => console.error(error))
      await boss.start()
      return boss
    })()
    return this.#started
  }
}
