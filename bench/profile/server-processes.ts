import { readFileSync } from 'node:fs'
import { BENCH_APPLICATION, type BenchServer } from '../support/server.ts'
import { KINDS, type Kind } from './kinds.ts'

/** Sessions of one kind are called so in `pg_stat_activity`. */
export const applicationOf = (kind: Kind): string => `chancy-profile-${kind}`

/** Whose processor time it is; `background` writes the log and the pages, and cleans up. */
export const OWNERS = [...KINDS, 'background'] as const
export type Owner = (typeof OWNERS)[number]

/** How often the processes are looked at: one that comes and goes in between is missed. */
const LOOK_MS = 500

interface Seen {
  readonly owner: Owner
  readonly cpuMs: number
}

/**
 * The processor time of the server's processes, by what they did. A process counts from its start,
 * and one that has ended with what it was last seen with. The sessions of the bench itself, and
 * of others on the same server, are left out.
 */
export class ServerProcesses {
  readonly #server: BenchServer
  readonly #seen = new Map<number, Seen>()
  #timer: NodeJS.Timeout | undefined
  #sampling: Promise<void> = Promise.resolve()

  private constructor(server: BenchServer) {
    this.#server = server
  }

  /** Null when the server's processes are not on this machine, or there is no `/proc`. */
  static async watch(server: BenchServer): Promise<ServerProcesses | null> {
    const [row] = await server.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    if (!isPostgres(row!.pid)) return null
    const processes = new ServerProcesses(server)
    processes.#timer = setInterval(() => {
      // The next sample makes up for one that failed.
      void processes.read().catch(() => {})
    }, LOOK_MS)
    return processes
  }

  /** Totals since each process began, in milliseconds: take the difference of two. */
  async read(): Promise<Readonly<Record<Owner, number>>> {
    this.#sampling = this.#sampling.catch(() => {}).then(() => this.#sample())
    await this.#sampling
    const totals = Object.fromEntries(OWNERS.map((owner) => [owner, 0])) as Record<Owner, number>
    for (const { owner, cpuMs } of this.#seen.values()) totals[owner] += cpuMs
    return totals
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#sampling.catch(() => {})
  }

  async #sample(): Promise<void> {
    const rows = await this.#server.query<{ pid: number; type: string; application: string }>(
      `SELECT pid, coalesce(backend_type, '') AS type, coalesce(application_name, '') AS application
         FROM pg_stat_activity
        WHERE application_name IS DISTINCT FROM '${BENCH_APPLICATION}'
          AND (backend_type <> 'client backend' OR application_name LIKE 'chancy%')`,
    )
    for (const { pid, type, application } of rows) {
      const cpuMs = cpuMsOf(pid)
      if (cpuMs !== null) this.#seen.set(pid, { owner: ownerOf(type, application), cpuMs })
    }
  }
}

function ownerOf(type: string, application: string): Owner {
  if (type !== 'client backend') return 'background'
  return KINDS.find((kind) => application === applicationOf(kind)) ?? 'rest'
}

function isPostgres(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('postgres')
  } catch {
    return false
  }
}

/** A tick of `/proc/<pid>/stat`: a hundredth of a second on every Linux that Node runs on. */
const TICK_MS = 10

/** Null for a process that has ended. */
function cpuMsOf(pid: number): number | null {
  try {
    // Nanoseconds on a processor, and more fields; not every kernel keeps it.
    const [ran = '0'] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')
    if (Number(ran) > 0) return Number(ran) / 1e6
  } catch {
    // The ticks do.
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Behind the name, which may hold anything: the 12th and 13th are user and system time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return null
  }
}
