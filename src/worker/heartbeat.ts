import { Worker as Thread } from 'node:worker_threads'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Database } from '../database/database.ts'
import type { Address } from '../database/driver.ts'
import type { HeartbeatData, HeartbeatOrder } from './heartbeat-thread.ts'
import type { LeaseClock } from './lease-clock.ts'
import { type RenewalNews, type RenewalSettings, renewOnce } from './lease-renewal.ts'
import { Loop } from './loop.ts'
import type { Service } from './service.ts'

export interface HeartbeatOptions {
  readonly database: Database
  readonly schema: string
  readonly clock: Clock
  readonly lease: LeaseClock
  readonly log: Logger
  readonly settings: RenewalSettings
  /** Where the thread reaches the server. Default: what the driver says. */
  readonly url: string | null
  readonly onNews: (news: RenewalNews) => void
}

/** The loop says this often that it lives. */
const TICK_MS = 250

/**
 * Says that this worker is alive: from a thread of its own with its own connection where the server
 * can be reached from one, else from the loop.
 */
export class Heartbeat implements Service {
  readonly #options: HeartbeatOptions
  #workerId: string
  #thread: Thread | null = null
  #ended: Promise<void> = Promise.resolve()
  #loop: Loop | null = null
  #ticking: NodeJS.Timeout | null = null
  #isStopping = false

  constructor(workerId: string, options: HeartbeatOptions) {
    this.#workerId = workerId
    this.#options = options
  }

  async start(): Promise<void> {
    const { lease, database, url, log } = this.#options
    lease.tick()
    this.#ticking = setInterval(() => lease.tick(), TICK_MS)
    this.#ticking.unref()
    const address = url ?? (await database.driver.address?.()) ?? null
    if (address !== null) {
      this.#startThread(address)
      return
    }
    log.warn(
      {},
      'The heartbeat runs in the loop of this worker, since the driver cannot say where a thread would reach the server: jobs that block the loop for longer than the lease will be started again elsewhere. Give the worker a heartbeatUrl to mend it.',
    )
    this.#loop = new Loop({
      clock: this.#options.clock,
      pass: () => this.#renew(),
      onError: (error) => log.error({ err: error }, 'the heartbeat failed'),
    })
    this.#loop.start()
  }

  /** Renews another id from now on. */
  renew(workerId: string): void {
    this.#workerId = workerId
    this.#thread?.postMessage({ kind: 'renew', workerId } satisfies HeartbeatOrder)
    this.#loop?.wake()
  }

  /** Renews now: after a suspension, or when something looked revoked. */
  hurry(): void {
    this.renew(this.#workerId)
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    clearInterval(this.#ticking ?? undefined)
    this.#thread?.postMessage({ kind: 'stop' } satisfies HeartbeatOrder)
    await this.#loop?.stop()
    await this.#ended
  }

  #renew(): Promise<number> {
    const { database, lease, settings, onNews } = this.#options
    return renewOnce(database, this.#workerId, lease, settings, onNews)
  }

  #startThread(address: Address): void {
    const { schema, lease, settings, log, onNews, clock, database } = this.#options
    const thread = new Thread(new URL('./heartbeat-thread.js', import.meta.url), {
      name: 'chancy-heartbeat',
      // Not the process's own flags: a loader or an inspector there is not meant for this thread.
      execArgv: [],
      workerData: {
        address,
        schema,
        buffer: lease.buffer,
        workerId: this.#workerId,
        settings,
        isPooled: database.isPooled,
      } satisfies HeartbeatData,
    })
    this.#thread = thread
    thread.unref()
    thread.on('message', onNews)
    thread.on('error', (error) => log.error({ err: error }, 'the heartbeat thread failed'))
    this.#ended = new Promise((resolve) => thread.once('exit', () => resolve()))
    thread.once('exit', () => {
      this.#thread = null
      if (this.#isStopping) return
      // Without it the lease runs out, so it is started again; the pause keeps a broken one from spinning.
      void clock.sleep(settings.heartbeatMs).then(() => {
        if (!this.#isStopping) this.#startThread(address)
      })
    })
  }
}
