import { Chancy, job, Queue, Worker } from 'chancy'
import {
  type Count,
  type Payload,
  type Peer,
  type PeerWorker,
  type Stores,
  Tally,
  type WorkPlan,
} from './peer.ts'
import { query } from './postgres.ts'
import { sibling } from './sibling.ts'

const SCHEMA = 'bench_chancy'
const CHILDREN = 2

export async function open({ postgres }: Stores): Promise<Peer> {
  if (postgres === undefined) throw new Error('needs PostgreSQL')
  return new ChancyPeer(postgres)
}

class ChancyPeer implements Peer {
  readonly #url: string
  /** The functions of an inline worker; a worker of children has a Chancy of its own. */
  readonly #chancy: Chancy
  #ran: (payload: Payload) => void = () => {}

  readonly #empty = job({ name: 'empty' }, (args: { at?: number; group?: number }) => {
    this.#ran(args)
  })

  constructor(url: string) {
    this.#url = url
    this.#chancy = new Chancy(url, { schema: SCHEMA, jobs: this.#empty })
  }

  async reset(): Promise<void> {
    await query(this.#url, `DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`)
    await this.#chancy.migrate()
  }

  push(payload: Payload): Promise<unknown> {
    return this.#chancy.push(this.#jobOf(payload))
  }

  async pushMany(payloads: readonly Payload[]): Promise<void> {
    await this.#chancy.pushMany(payloads.map((payload) => this.#jobOf(payload)))
  }

  async work({ kind, ran }: WorkPlan): Promise<PeerWorker> {
    this.#ran = ran
    const isInline = kind === 'inline'
    const chancy = isInline
      ? this.#chancy
      : new Chancy(this.#url, {
          schema: SCHEMA,
          jobs: sibling('./chancy-jobs'),
        })
    await chancy.declare(
      new Queue(
        'default',
        isInline
          ? { executor: 'inline' }
          : { executor: kind, concurrency: CHILDREN, executorOptions: { maximumJobsPerChild: 0 } },
      ),
      { upsert: true },
    )
    const saved = new Tally()
    chancy.on('outcomes.saved', (batch) => saved.add(batch.saved))
    const worker = new Worker(chancy, { signals: false })
    await worker.start()
    return {
      stored: (jobs) => saved.reaches(jobs),
      stop: async () => {
        await worker.stop()
        if (!isInline) await chancy.close()
      },
    }
  }

  async count(): Promise<Count> {
    const [row] = await query(
      this.#url,
      `SELECT (SELECT count(*)::int FROM ${SCHEMA}.jobs) AS unfinished,
              (SELECT count(*)::int FROM ${SCHEMA}.finished_jobs WHERE state = 'succeeded') AS finished`,
    )
    return row as unknown as Count
  }

  async close(): Promise<void> {
    await this.#chancy.close()
  }

  #jobOf(payload: Payload) {
    const made = this.#empty.job.withArgs({ ...payload })
    return payload.group === undefined ? made : made.withConcurrency(1, ({ group }) => group!)
  }
}
