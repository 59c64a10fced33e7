import { Worker as Thread } from 'node:worker_threads'
import { type Clock, callAfter, callEvery, systemClock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { Database } from '../../database/database.ts'
import type { Address } from '../../database/driver.ts'
import { loggedError } from '../../database/logged-error.ts'
import { renewLease } from '../../database/statements/workers.ts'
import { foundFile, ownFile, UNBUNDLED } from '../../executors/own-files.ts'
import { Loop } from '../../services/loop.ts'
import type { Service } from '../../services/service.ts'
import type { FigureSampler } from './figure-sampler.ts'
import type { HeartbeatCommand, HeartbeatData } from './heartbeat-thread.ts'
import {
  LeaseRenewal,
  type RenewalResult,
  type RenewalRoute,
  type RenewalSettings,
  type RenewalTarget,
} from './lease-renewal.ts'
import type { LeaseState } from './lease-state.ts'

export interface HeartbeatOptions {
  readonly database: Database
  readonly schema: string
  readonly clock: Clock
  readonly lease: LeaseState
  readonly log: Logger
  readonly settings: RenewalSettings
  /** Where the thread reaches the server. Default: what the driver says. */
  readonly url: string | null
  readonly onResult: (result: RenewalResult) => void
  readonly figures: FigureSampler
}

/** How often the loop shows that it is not blocked, in milliseconds. */
const TICK_MS = 250
/** The thread is given the figures of the worker with one of this many ticks. */
const TICKS_A_SAMPLE = 4
/** How long the thread may take to end by itself, in milliseconds. */
const END_MS = 500

/**
 * Renews the lease of a worker: in a thread with a connection of its own where the server can be reached
 * from one, else in the event loop. When the thread cannot renew it, because the server is out of
 * connections or the address is wrong, the loop does so through the pool.
 */
export class Heartbeat implements Service {
  readonly #options: HeartbeatOptions
  readonly #throughPool: LeaseRenewal
  #workerId: string
  #thread: Thread | null = null
  #ended: Promise<void> = Promise.resolve()
  #loop: Loop | null = null
  #endTicks: () => void = () => {}
  #isFallingBack = false
  /** Renewals through the pool since the thread's last one. */
  #poolRenewals = 0
  #isStopping = false
  #ticks = 0
  #figures: string | null = null

  constructor(workerId: string, options: HeartbeatOptions) {
    const { database, lease, settings } = options
    this.#workerId = workerId
    this.#options = options
    this.#throughPool = new LeaseRenewal({ open: () => poolRoute(database), lease, settings })
  }

  async start(): Promise<void> {
    const { lease, database, url, log, clock } = this.#options
    lease.tick()
    // A thread knows no time but the real one.
    if (clock !== systemClock) return this.#startLoop()
    const address = url ?? (await database.driver.address?.()) ?? null
    const file = ownFile('worker/lease/heartbeat-thread')
    if (address !== null && file !== null) {
      this.#endTicks = callEvery(systemClock, TICK_MS, () => this.#tick(), 'lets-process-end')
      this.#startThread(address)
      return
    }
    const why =
      file === null
        ? `the file chancy/dist/worker/lease/heartbeat-thread.js was not found. ${UNBUNDLED}`
        : 'the driver cannot say where a thread would reach the server. Give the worker a heartbeatUrl.'
    log.warn(
      {},
      `heartbeat runs in the loop, jobs that block it for longer than the lease are started again elsewhere: ${why}`,
    )
    this.#startLoop()
  }

  /** Renews the lease of this id from now on, the first time immediately. */
  renewNow(workerId: string): void {
    this.#workerId = workerId
    this.#command({ kind: 'renew', target: this.#target })
    this.#loop?.wake()
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#endTicks()
    const thread = this.#thread
    this.#command({ kind: 'stop' })
    // On a network that drops every packet it still waits for an answer.
    const cancel = callAfter(systemClock, END_MS, () => void thread?.terminate())
    await Promise.all([this.#loop?.stop(), this.#ended])
    cancel()
  }

  get #target(): RenewalTarget {
    return { workerId: this.#workerId, term: this.#options.lease.term, figures: this.#figures }
  }

  /** The loop runs. */
  #tick(): void {
    this.#options.lease.tick()
    if (this.#ticks++ % TICKS_A_SAMPLE !== 0) return
    this.#figures = this.#options.figures.sample()
    this.#command({ kind: 'figures', figures: this.#figures })
  }

  #command(command: HeartbeatCommand): void {
    this.#thread?.postMessage(command)
  }

  /** Without a thread the lease expires, so it is started again; the pause keeps a broken one from spinning. */
  #startAgain(address: Address): void {
    const { clock, settings } = this.#options
    void clock.sleep(settings.heartbeatMs).then(() => {
      if (!this.#isStopping) this.#startThread(address)
    })
  }

  #startLoop(): void {
    const { clock, lease, log, onResult } = this.#options
    this.#loop = new Loop({
      clock,
      pass: () => {
        // The loop runs, as this shows.
        lease.tick()
        this.#figures = this.#options.figures.sample()
        return this.#throughPool.once(this.#target, onResult)
      },
      onError: (error) => log.error(loggedError(error), 'the heartbeat failed'),
    })
    this.#loop.start()
  }

  #startThread(address: Address): void {
    // Outside: a file that is missing stays missing.
    const file = foundFile('worker/lease/heartbeat-thread')
    try {
      this.#makeThread(file, address)
    } catch (error) {
      // The system is out of threads.
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
    thread.on('message', (result: RenewalResult) => this.#received(result))
    thread.on('error', (error) => log.error({ err: error }, 'the heartbeat thread failed'))
    this.#ended = new Promise((resolve) => thread.once('exit', () => resolve()))
    thread.once('exit', () => {
      this.#thread = null
      if (!this.#isStopping) this.#startAgain(address)
    })
  }

  #received(result: RenewalResult): void {
    const { onResult, log } = this.#options
    if (result.kind === 'failed') {
      void this.#fallBack(result)
      return
    }
    if (result.kind === 'renewed') {
      if (this.#poolRenewals > 1) {
        log.info({}, 'heartbeat connection restored')
      }
      this.#poolRenewals = 0
    }
    onResult(result)
  }

  /** Renews through the pool what the thread could not. */
  async #fallBack(failed: RenewalResult & { readonly kind: 'failed' }): Promise<void> {
    const { onResult, log, lease, settings } = this.#options
    if (this.#isFallingBack || this.#isStopping) return
    // The pool renewed it a moment ago.
    if (lease.ageMs() < settings.heartbeatMs) return
    this.#isFallingBack = true
    await this.#throughPool.once(this.#target, (result) => {
      // A single one only means that the pool was the first to reconnect.
      if (result.kind === 'renewed' && ++this.#poolRenewals === 2) {
        log.warn(
          { reason: failed.message },
          'heartbeat has no connection of its own, the lease is renewed through the pool: a job that blocks the loop for longer than the lease is started again elsewhere. Allow the server more connections, or check the heartbeatUrl',
        )
      }
      onResult(result.kind === 'failed' ? failed : result)
    })
    this.#isFallingBack = false
  }
}

/** Any connection of the pool: another statement is another connection where one is dead. */
function poolRoute(database: Database): RenewalRoute {
  return {
    renew: async ({ workerId, figures }, leaseMs, deadlineMs) =>
      (await database.run(renewLease, [workerId, leaseMs, figures], { deadlineMs }))[0],
    close: () => {},
  }
}
