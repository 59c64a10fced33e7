import { setTimeout as sleep } from 'node:timers/promises'
import type { TestProcess } from '../../support/process.ts'
import { startProxy, type TestProxy } from '../../support/proxy.ts'
import { WorkerFleet } from '../../support/worker-fleet.ts'

/** A worker process, and the proxy between it and the server. */
export interface Member {
  readonly process: TestProcess
  readonly proxy: TestProxy
}

export interface FleetOptions {
  readonly url: string
  readonly schema: string
  readonly leaseMs: number
  /** What each worker runs. Default: `fleet-worker.mjs`. */
  readonly script?: URL
  /** How long a worker may take until it claims, in milliseconds. Default: a minute. */
  readonly readyMs?: number
}

/** Workers that can be killed, stopped and cut off, each by itself. */
export class Fleet implements AsyncDisposable {
  readonly workers: WorkerFleet
  readonly alive = new Set<Member>()
  /** Those that are stopped or cut off right now: a second fault of theirs would explain nothing. */
  readonly busy = new Set<Member>()
  /** How long the slowest start has taken, in milliseconds. */
  slowestStartMs = 0
  readonly #url: string
  readonly #starting = new Set<Promise<unknown>>()
  readonly #proxies: TestProxy[] = []

  constructor({ url, schema, leaseMs, script, readyMs }: FleetOptions) {
    this.#url = url
    this.workers = new WorkerFleet({
      schema,
      url,
      ...(script === undefined ? {} : { script }),
      ...(readyMs === undefined ? {} : { readyMs }),
      worker: { lease: `${leaseMs}ms`, heartbeat: `${Math.round(leaseMs / 5)}ms` },
    })
  }

  async start(): Promise<Member> {
    const proxy = await startProxy(this.#url)
    this.#proxies.push(proxy)
    const startedAt = performance.now()
    const process = await this.workers.start({}, proxy.url)
    this.slowestStartMs = Math.max(this.slowestStartMs, performance.now() - startedAt)
    const member = { process, proxy }
    this.alive.add(member)
    return member
  }

  /** Starts another one in place of `member`, which has ended. */
  replace(member: Member): void {
    this.alive.delete(member)
    const start = this.start()
    this.#starting.add(start)
    void start.finally(() => this.#starting.delete(start))
  }

  /** Those that nothing is done to at the moment. */
  get idle(): Member[] {
    return [...this.alive].filter((member) => !this.busy.has(member))
  }

  /** Until nothing is done to any of them. */
  async settled(): Promise<void> {
    while (this.busy.size > 0) await sleep(50)
    await Promise.all(this.#starting)
  }

  /** SIGTERM to all. Resolves to what those said that did not end with status 0. */
  async stop(): Promise<string[]> {
    const errors: string[] = []
    for (const { process } of this.alive) process.kill('SIGTERM')
    for (const { process } of this.alive) {
      const { code, signal } = await process.exited
      if (code !== 0) errors.push(`worker ended with ${code ?? signal}: ${process.output}`)
    }
    return errors
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.workers[Symbol.asyncDispose]()
    await Promise.all(this.#proxies.map((proxy) => proxy.close()))
  }
}
