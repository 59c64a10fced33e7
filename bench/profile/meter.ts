import type { EventLoopUtilization } from 'node:perf_hooks'
import type { BenchServer } from '../support/server.ts'
import type { Call } from '../support/timed-driver.ts'
import { KINDS, type Kind, kindOf } from './kinds.ts'
import { OWNERS, type Owner, type ServerProcesses } from './server-processes.ts'

/** What a phase took. Times in milliseconds. */
export interface Cost {
  jobs: number
  wallMs: number
  /** Of this process, with its garbage collection and the heartbeat's thread. */
  clientMs: number
  /** How long the event loop was not waiting. */
  loopMs: number
  /** Processor time of the server's processes; null when they cannot be seen. */
  serverMs: Record<Owner, number> | null
  /** From call to answer, as the client saw it; those under way side by side count each. */
  answeredMs: Record<Kind, number>
  statements: Record<Kind, number>
  walBytes: number
}

interface Reading {
  readonly atMs: number
  readonly client: NodeJS.CpuUsage
  readonly loop: EventLoopUtilization
  readonly server: Readonly<Record<Owner, number>> | null
  readonly walBytes: number
}

/** Reads everything that counts upwards before and after a phase. */
export class Meter {
  readonly #server: BenchServer
  readonly #processes: ServerProcesses | null
  #cost: Cost | null = null

  constructor(server: BenchServer, processes: ServerProcesses | null) {
    this.#server = server
    this.#processes = processes
  }

  /** A statement was answered. */
  onCall({ name, ms }: Call): void {
    if (this.#cost === null) return
    const kind = kindOf(name)
    this.#cost.answeredMs[kind] += ms
    this.#cost.statements[kind]++
  }

  /** Adds what `work` takes for that many jobs. */
  async measure(cost: Cost, jobs: number, work: () => Promise<void>): Promise<void> {
    const before = await this.#read()
    this.#cost = cost
    await work()
    this.#cost = null
    const after = await this.#read(before)
    cost.jobs += jobs
    cost.wallMs += after.atMs - before.atMs
    cost.clientMs += (after.client.user + after.client.system) / 1_000
    cost.loopMs += after.loop.active
    cost.walBytes += after.walBytes - before.walBytes
    if (before.server === null || after.server === null || cost.serverMs === null) {
      cost.serverMs = null
      return
    }
    for (const owner of OWNERS) cost.serverMs[owner] += after.server[owner] - before.server[owner]
  }

  /** The client's own figures last before a phase and first after it. */
  async #read(before?: Reading): Promise<Reading> {
    const early = before === undefined ? null : this.#readClient(before)
    const server = (await this.#processes?.read()) ?? null
    const [row] = await this.#server.query<{ bytes: number }>(
      `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS bytes`,
    )
    return { ...(early ?? this.#readClient()), server, walBytes: row!.bytes }
  }

  #readClient(before?: Reading): Pick<Reading, 'atMs' | 'client' | 'loop'> {
    return {
      atMs: performance.now(),
      client: process.cpuUsage(before?.client),
      loop: performance.eventLoopUtilization(before?.loop),
    }
  }
}

export function noCost(): Cost {
  const zero = <Name extends string>(names: readonly Name[]): Record<Name, number> =>
    Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>
  return {
    jobs: 0,
    wallMs: 0,
    clientMs: 0,
    loopMs: 0,
    serverMs: zero(OWNERS),
    answeredMs: zero(KINDS),
    statements: zero(KINDS),
    walBytes: 0,
  }
}
