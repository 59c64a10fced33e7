import pg from 'pg'
import { requireChannelBinding } from './channel-binding.ts'
import type { ClusterTimeline } from './cluster-timeline.ts'
import type { Dsn, DsnHost } from './dsn.ts'
import { HostFinder } from './host-finder.ts'

/** As the types of `pg` have it. */
type Connected = ((error: Error) => void) | ((error: null, client: pg.Client) => void)

/** How the clients of a DSN are made. */
export interface DsnClients {
  readonly Client: new (config: pg.ClientConfig) => pg.Client
  /** Whether a connection may still be used. */
  accepts(client: object): boolean
}

/**
 * Clients of a DSN. With one host they are those of `pg`. With several, or where the DSN says which
 * session it wants, each client finds its host when it connects, and is given up when a newer timeline
 * than its own has been seen.
 */
export function clientsOf(dsn: Dsn, timeline: ClusterTimeline, deadlineMs: number): DsnClients {
  class OneHostClient extends pg.Client {
    constructor(config: pg.ClientConfig) {
      super(config)
      if (dsn.channelBinding === 'require') requireChannelBinding(this)
    }
  }
  const [first] = dsn.hosts
  if (!findsHost(dsn)) {
    return {
      Client: class extends OneHostClient {
        constructor(config: pg.ClientConfig) {
          super({ ...config, ...settingsOf(dsn, first) })
        }
      },
      accepts: () => true,
    }
  }

  const finder = new HostFinder(dsn, timeline, deadlineMs, (host) => {
    return new OneHostClient({
      ...settingsOf(dsn, host),
      fallback_application_name: 'chancy',
      connectionTimeoutMillis: deadlineMs,
    })
  })
  const timelines = new WeakMap<object, number>()

  class FindingClient extends OneHostClient {
    constructor(config: pg.ClientConfig) {
      super({ ...config, ...settingsOf(dsn, first) })
    }

    override connect(): Promise<pg.Client>
    override connect(callback: Connected): void
    override connect(callback?: Connected): Promise<pg.Client> | undefined {
      const connected = this.#connect()
      if (callback === undefined) return connected
      const tell = callback as (error: Error | null, client?: pg.Client) => void
      connected.then(
        () => tell(null, this),
        (error: Error) => tell(error),
      )
      return undefined
    }

    async #connect(): Promise<pg.Client> {
      const host = await finder.find()
      this.host = host.host
      this.port = host.port
      try {
        await super.connect()
        timelines.set(this, await finder.check(this, host))
      } catch (error) {
        finder.forget(host)
        void this.end().catch(() => {})
        throw error
      }
      return this
    }
  }

  return {
    Client: FindingClient,
    accepts: (client) => (timelines.get(client) ?? 0) >= timeline.newest || isUnknown(client),
  }

  /** A server that does not say its timeline is not judged by it. */
  function isUnknown(client: object): boolean {
    return timelines.get(client) === 0
  }
}

/** Whether a client has to look for its host. */
export function findsHost({ hosts, target }: Dsn): boolean {
  return hosts.length > 1 || (target !== undefined && target !== 'any')
}

function settingsOf(dsn: Dsn, { host, port }: DsnHost): pg.ClientConfig {
  const { settings, channelBinding } = dsn
  return {
    ...settings,
    host,
    port,
    // A Unix socket is not encrypted, whatever is asked of a network.
    ...(host.startsWith('/') ? { ssl: false } : {}),
    ...(channelBinding === 'disable' ? {} : { enableChannelBinding: true }),
  }
}
