import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import {
  type Payload,
  type Peer,
  type PeerWorker,
  steadyNow,
  Tally,
  type WorkPlan,
} from './peer.ts'
import { sibling } from './sibling.ts'

/** A worker as a measurement sees it, in this process or in one of its own. */
export interface Consumer {
  /** Starts the worker. */
  start(): Promise<void>
  /** How many jobs began here; stays 0 when they run in children. */
  readonly ran: Tally
  /** Resolves when the outcomes of that many jobs are stored. */
  stored(jobs: number): Promise<void>
  report(): Promise<Report>
  stop(): Promise<void>
}

export interface Report {
  readonly ran: number
  /** Milliseconds from push to start, of the jobs that carried the time of their push. */
  readonly latencies: number[]
  /** Resident bytes of the process by jobs begun, where asked for. */
  readonly rss: number[]
}

export interface ConsumerPlan extends Omit<WorkPlan, 'ran'> {
  /** Reads the memory after every such number of jobs. */
  readonly rssEvery?: number
}

export class LocalConsumer implements Consumer {
  readonly ran = new Tally()
  readonly #latencies: number[] = []
  readonly #rss: number[] = []
  readonly #peer: Peer
  readonly #plan: ConsumerPlan
  #worker: PeerWorker | null = null

  constructor(peer: Peer, plan: ConsumerPlan) {
    this.#peer = peer
    this.#plan = plan
  }

  async start(): Promise<void> {
    const { rssEvery = 0 } = this.#plan
    const ran = ({ at }: Payload) => {
      if (at !== undefined) this.#latencies.push(steadyNow() - at)
      this.ran.add()
      if (rssEvery > 0 && this.ran.value % rssEvery === 0) {
        this.#rss.push(process.memoryUsage.rss())
      }
    }
    this.#worker = await this.#peer.work({ ...this.#plan, ran })
  }

  stored(jobs: number): Promise<void> {
    return this.#worker!.stored(jobs)
  }

  async report(): Promise<Report> {
    const rss = this.#plan.rssEvery ? [...this.#rss, process.memoryUsage.rss()] : []
    return { ran: this.ran.value, latencies: this.#latencies, rss }
  }

  async stop(): Promise<void> {
    await this.#worker?.stop()
  }
}

type Order = { do: 'start' } | { do: 'report' } | { do: 'stop' } | { do: 'stored'; jobs: number }
type Answer = { ran: number } | { done: Order['do']; report?: Report }
const REPORT_MS = 20

/** The same in another process, of this file's `serve`. */
export class RemoteConsumer implements Consumer {
  readonly ran = new Tally()
  readonly #child: ChildProcess
  readonly #lost: Promise<never>

  constructor(spec: object) {
    const file = fileURLToPath(sibling('./child'))
    this.#child = fork(file, [JSON.stringify(spec)], { serialization: 'advanced' })
    this.#lost = new Promise((_resolve, reject) => {
      this.#child.once('exit', (code, signal) => {
        reject(new Error(`the worker's process ended with ${signal ?? code}`))
      })
    })
    this.#lost.catch(() => {})
    this.#child.on('message', (answer: Answer) => {
      if ('ran' in answer) this.ran.add(answer.ran - this.ran.value)
    })
  }

  async start(): Promise<void> {
    await this.#ask({ do: 'start' })
  }

  async stored(jobs: number): Promise<void> {
    await this.#ask({ do: 'stored', jobs })
  }

  async report(): Promise<Report> {
    return (await this.#ask({ do: 'report' })) as Report
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.send({ do: 'stop' } satisfies Order)
    await ended
  }

  async #ask(order: Order): Promise<Report | undefined> {
    const answered = new Promise<Report | undefined>((resolve) => {
      const listener = (answer: Answer) => {
        if (!('done' in answer) || answer.done !== order.do) return
        this.#child.off('message', listener)
        resolve(answer.report)
      }
      this.#child.on('message', listener)
    })
    this.#child.send(order)
    return Promise.race([answered, this.#lost])
  }
}

/** The other end: runs the commands of the measuring process until it sends stop or ends. */
export async function serve(consumer: Consumer): Promise<void> {
  const say = (answer: Answer) => process.send?.(answer)
  let said = 0
  const progress = setInterval(() => {
    if (consumer.ran.value === said) return
    said = consumer.ran.value
    say({ ran: said })
  }, REPORT_MS)
  await new Promise<void>((resolve, reject) => {
    process.once('disconnect', resolve)
    process.on('message', (order: Order) => {
      answer(order).catch(reject)
    })
    async function answer(order: Order): Promise<void> {
      if (order.do === 'stop') return resolve()
      if (order.do === 'report')
        return void say({ done: 'report', report: await consumer.report() })
      if (order.do === 'start') await consumer.start()
      else await consumer.stored(order.jobs)
      say({ done: order.do })
    }
  })
  clearInterval(progress)
  await consumer.stop()
}
