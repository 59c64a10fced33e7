import type pg from 'pg'
import { systemClock } from '../../core/clock.ts'
import { DatabaseError } from '../../core/errors.ts'
import type { ClusterTimeline } from './cluster-timeline.ts'
import { withDeadline } from './deadline.ts'
import type { Dsn, DsnHost, TargetSession } from './dsn.ts'
import { askNode, type PgNode } from './pg-node.ts'
import { destroySocket } from './pg-shapes.ts'

/** How long the other hosts may take after the first that will do has answered. */
const GRACE_MS = 300

interface Found {
  readonly host: DsnHost
  /** Its place in the DSN. */
  readonly rank: number
  readonly node: PgNode | null
}

/** Makes a client of one host, not connected yet. */
export type ClientOf = (host: DsnHost) => pg.Client

/**
 * Finds which of the hosts of a DSN will do. All are asked at the same time, so that one that does not
 * answer costs nothing while another one does; what was found is kept until it fails. Of two
 * primaries the one of the newer timeline is taken.
 */
export class HostFinder {
  readonly #hosts: readonly DsnHost[]
  readonly #target: TargetSession
  readonly #isShuffled: boolean
  readonly #timeline: ClusterTimeline
  readonly #deadlineMs: number
  readonly #clientOf: ClientOf
  #found: Found | null = null
  #search: Promise<DsnHost> | null = null

  /** @param deadlineMs How long a host may take to say what it is. */
  constructor(dsn: Dsn, timeline: ClusterTimeline, deadlineMs: number, clientOf: ClientOf) {
    this.#hosts = dsn.hosts
    this.#target = dsn.target ?? 'read-write'
    this.#isShuffled = dsn.isShuffled
    this.#timeline = timeline
    this.#deadlineMs = deadlineMs
    this.#clientOf = clientOf
  }

  /** @throws {DatabaseError} `DATABASE_UNREACHABLE`, with the reason of each host */
  find(): Promise<DsnHost> {
    const found = this.#found
    if (found !== null && !this.#spreads && !this.#isLeftBehind(found))
      return Promise.resolve(found.host)
    this.#search ??= this.#look().finally(() => {
      this.#search = null
    })
    return this.#search
  }

  /** It could not be reached, or it is no longer what it was. */
  forget(host: DsnHost): void {
    if (this.#found?.host === host) this.#found = null
  }

  /**
   * Asks the server at the other end of a connection.
   *
   * @returns its timeline, 0 where that is not known
   * @throws {DatabaseError} `DATABASE_UNREACHABLE` when it will not do
   */
  async check(client: pg.Client, host: DsnHost): Promise<number> {
    if (this.#target === 'any') return 0
    const node = await this.#inTime(askNode(client))
    const reason = this.#refuses(node)
    if (reason !== null) throw unusable([`${nameOf(host)}: ${reason}`])
    return node.timeline?.number ?? 0
  }

  /** Any host will do, and the connections are to be spread over all of them. */
  get #spreads(): boolean {
    return this.#isShuffled && this.#target === 'any'
  }

  #isLeftBehind({ node }: Found): boolean {
    return node?.timeline != null && node.timeline.number < this.#timeline.newest
  }

  async #look(): Promise<DsnHost> {
    const order = this.#isShuffled ? shuffled(this.#hosts) : this.#hosts
    const found: Found[] = []
    const reasons: string[] = []
    const asked = order.map(async (host, rank) => {
      try {
        found.push({ host, rank, node: await this.#ask(host) })
      } catch (error) {
        reasons.push(`${nameOf(host)}: ${reasonOf(error)}`)
        throw error
      }
    })
    const all = Promise.allSettled(asked)
    // The first that will do, or none when all have answered.
    await Promise.any(asked).catch(() => {})
    if (found.length > 0) {
      const grace = new AbortController()
      await Promise.race([all, systemClock.sleep(GRACE_MS, grace.signal)])
      grace.abort()
    }
    const [best] = found.toSorted(byTimeline)
    if (best === undefined) throw unusable(reasons)
    this.#found = best
    return best.host
  }

  async #ask(host: DsnHost): Promise<PgNode | null> {
    const client = this.#clientOf(host)
    client.on('error', () => {})
    try {
      return await this.#inTime(this.#visit(client))
    } finally {
      // It may be in the middle of anything, also of being connected.
      destroySocket(client)
    }
  }

  async #visit(client: pg.Client): Promise<PgNode | null> {
    await client.connect()
    if (this.#target === 'any') return null
    const node = await askNode(client)
    const reason = this.#refuses(node)
    if (reason !== null) throw new Error(reason)
    return node
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    const late = () => new Error(`it did not answer within ${this.#deadlineMs} ms`)
    return withDeadline(work, this.#deadlineMs, late)
  }

  #refuses({ isStandby, isReadOnly, timeline }: PgNode): string | null {
    if (isStandby) return 'it is a standby'
    if (isReadOnly && this.#target === 'read-write') return 'its transactions are read-only'
    if (timeline === null) return null
    switch (this.#timeline.see(timeline.systemId, timeline.number)) {
      case 'older':
        return `it is a primary of timeline ${timeline.number}, and timeline ${this.#timeline.newest} has begun elsewhere`
      case 'foreign':
        return 'it belongs to another database cluster than the host that was used before. Start this process again if that is meant'
      default:
        return null
    }
  }
}

function byTimeline(one: Found, other: Found): number {
  const newer = (other.node?.timeline?.number ?? 0) - (one.node?.timeline?.number ?? 0)
  return newer || one.rank - other.rank
}

function unusable(reasons: readonly string[]): DatabaseError {
  return new DatabaseError(`No host of the DSN will do: ${reasons.join('; ')}`, {
    code: 'DATABASE_UNREACHABLE',
  })
}

function nameOf({ host, port }: DsnHost): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException
  return message || code || String(error)
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((value) => ({ value, key: Math.random() }))
    .sort((one, other) => one.key - other.key)
    .map(({ value }) => value)
}
