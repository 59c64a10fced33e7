import { Worker as Thread } from 'node:worker_threads'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Database } from '../database/database.ts'
import type { Address } from '../database/driver.ts'
import { renewLease } from '../database/statements/workers.ts'
import { foundFile, ownFile, UNBUNDLED } from '../executors/own-files.ts'
import type { HeartbeatData, HeartbeatOrder } from './heartbeat-thread.ts'
import type { LeaseClock } from './lease-clock.ts'
import {
  LeaseRenewal,
  type RenewalNews,
  type RenewalRoute,
  type RenewalSettings,
  type RenewalTarget,
} from './lease-renewal.ts'
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
/** How long the thread may take to end by itself. */
const END_MS = 500

/**
 * Says that this worker is alive: from a thread of its own with its own connection where the server
 * can be reached from one, else from the loop. When the thread cannot renew the lease, because the
 * server has no connection left for it or its address is wrong, the loop does so through the pool.
 */
export class Heartbeat implements Service {
  readonly #options: HeartbeatOptions
  readonly #throughPool: LeaseRenewal
  #workerId: string
  #thread: Thread | null = null
  #ended: Promise<void> = Promise.resolve()
  #loop: Loop | null = null
  #ticking: NodeJS.Timeout | null = null
  #isFallingBack = false
  /** Renewals through the pool since the thread's last one. */
  #poolRenewals = 0
  #isStopping = false

  constructor(workerId: string, options: HeartbeatOptions) {
    const { database, lease, settings } = options
    this.#workerId = workerId
    this.#options = options
    this.#throughPool = new LeaseRenewal({ open: () => poolRoute(database), lease, settings })
  }

  async start(): Promise<void> {
    const { lease, database, url, log } = this.#options
    lease.tick()
    this.#ticking = setInterval(() => lease.tick(), TICK_MS)
    this.#ticking.unref()
    const address = url ?? (await database.driver.address?.()) ?? null
    const file = ownFile('worker/heartbeat-thread')
    if (address !== null && file !== null) {
      this.#startThread(address)
      return
    }
    const why =
      file === null
        ? `the file chancy/dist/worker/heartbeat-thread.js was not found. ${UNBUNDLED}`
        : 'the driver cannot say where a thread would reach the server. Give the worker a heartbeatUrl.'
    log.warn(
      {},
      `heartbeat runs in the loop, jobs that block it for longer than the lease are started again elsewhere: ${why}`,
    )
    this.#loop = new Loop({
      clock: this.#options.clock,
      pass: () => this.#throughPool.once(this.#target, this.#options.onNews),
      onError: (error) => log.error({ err: error }, 'the heartbeat failed'),
    })
    this.#loop.start()
  }

  /** Renews another id from now on. */
  renew(workerId: string): void {
    this.#workerId = workerId
    this.#order({ kind: 'renew', target: this.#target })
    this.#loop?.wake()
  }

  /** Renews now: after a suspension, or when something looked revoked. */
  hurry(): void {
    this.renew(this.#workerId)
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    clearInterval(this.#ticking ?? undefined)
    const thread = this.#thread
    this.#order({ kind: 'stop' })
    // Where the network swallows everything it waits for an answer.
    const timer = setTimeout(() => void thread?.terminate(), END_MS)
    await Promise.all([this.#loop?.stop(), this.#ended])
    clearTimeout(timer)
  }

  get #target(): RenewalTarget {
    return { workerId: this.#workerId, term: this.#options.lease.term }
  }

  #order(order: HeartbeatOrder): void {
    this.#thread?.postMessage(order)
  }

  /** Without it the lease runs out, so it is started again; the pause keeps a broken one from spinning. */
  #startAgain(address: Address): void {
    const { clock, settings } = this.#options
    void clock.sleep(settings.heartbeatMs).then(() => {
      if (!this.#isStopping) this.#startThread(address)
    })
  }

  #startThread(address: Address): void {
    // Outside: a file that is missing is missing for good.
    const file = foundFile('worker/heartbeat-thread')
    try {
      this.#makeThread(file, address)
    } catch (error) {
      // The system has no thread left to give.
      this.#options.log.error({ err: error }, 'the heartbeat thread cannot start')
      this.#startAgain(address)
    }
  }

  #makeThread(file: URL, address: Address): void {
    const { schema, lease, settings, log, database } = this.#options
    const thread = new Thread(file, {
      name: 'chancy-heartbeat',
      // Not the process's own flags: a loader or an inspector there is not meant for this thread.
      execArgv: [],
      workerData: {
        address,
        schema,
        buffer: lease.buffer,
        target: this.#target,
        settings,
        isPooled: database.isPooled,
      } satisfies HeartbeatData,
    })
    this.#thread = thread
    thread.unref()
    thread.on('message', (news: RenewalNews) => this.#hear(news))
    thread.on('error', (error) => log.error({ err: error }, 'the heartbeat thread failed'))
    this.#ended = new Promise((resolve) => thread.once('exit', () => resolve()))
    thread.once('exit', () => {
      this.#thread = null
      if (!this.#isStopping) this.#startAgain(address)
    })
  }

  #hear(news: RenewalNews): void {
    const { onNews, log } = this.#options
    if (news.kind === 'failed') {
      void this.#fallBack(news)
      return
    }
    if (news.kind === 'renewed') {
      if (this.#poolRenewals > 1) {
        log.info({}, 'heartbeat connection restored')
      }
      this.#poolRenewals = 0
    }
    onNews(news)
  }

  /** Renews through the pool what the thread could not. */
  async #fallBack(failed: RenewalNews & { readonly kind: 'failed' }): Promise<void> {
    const { onNews, log, lease, settings } = this.#options
    if (this.#isFallingBack || this.#isStopping) return
    // By the pool, a moment ago.
    if (lease.ageMs() < settings.heartbeatMs) return
    this.#isFallingBack = true
    await this.#throughPool.once(this.#target, (news) => {
      // One of them only means that the pool was the first to come back.
      if (news.kind === 'renewed' && ++this.#poolRenewals === 2) {
        log.warn(
          { reason: failed.message },
          'heartbeat has no connection of its own, the lease is renewed through the pool: a job that blocks the loop for longer than the lease is started again elsewhere. Allow the server more connections, or check the heartbeatUrl',
        )
      }
      onNews(news.kind === 'failed' ? failed : news)
    })
    this.#isFallingBack = false
  }
}

/** Any connection of the pool: another statement is another connection where one is dead. */
function poolRoute(database: Database): RenewalRoute {
  return {
    renew: async (workerId, leaseMs, deadlineMs) =>
      (await database.run(renewLease, [workerId, leaseMs], { deadlineMs }))[0],
    close: () => {},
  }
}
