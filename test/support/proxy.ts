import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { type Faults, ProxyConnection } from './proxy/connection.ts'

/** Which statements a fault is for: those whose text holds a string, or of which a function says so. */
export type Which = string | ((text: string) => boolean)

export interface FaultOptions {
  /** How many statements it hits. Default: 1. */
  readonly times?: number
}

/** A fault that waits for its statement. */
export interface Fault {
  /** Resolves at the first hit. */
  readonly hit: Promise<void>
  /** How often it has hit. */
  readonly hits: number
  /** No more hits. */
  stop(): void
}

/** A proxy before `targetUrl`. Its `url` is the same address except for host and port. */
export async function startProxy(targetUrl: string): Promise<TestProxy> {
  const proxy = new TestProxy(new URL(targetUrl))
  await proxy.listen()
  return proxy
}

/**
 * A TCP proxy for PostgreSQL connections that understands just enough of the protocol to lose what a
 * test wants lost. Encryption is refused, since it could not be read.
 */
export class TestProxy implements AsyncDisposable {
  url = ''
  readonly #target: URL
  readonly #server: Server
  readonly #connections = new Set<ProxyConnection>()
  readonly #replies: WaitingFault[] = []
  readonly #requests: WaitingFault[] = []
  #delay: () => number = () => 0
  #isBlackHole = false
  #isRefusing = false
  #isSilent = false

  constructor(target: URL) {
    this.#target = target
    this.#server = createServer((client) => this.#welcome(client))
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const url = new URL(this.#target)
    url.hostname = '127.0.0.1'
    url.port = String((this.#server.address() as AddressInfo).port)
    this.url = url.href
  }

  /** How many connections there are. */
  get connections(): number {
    return this.#connections.size
  }

  /** Cuts the connection after the server has executed the statement, before its reply arrives. */
  cutReplies(which: Which = '', options: FaultOptions = {}): Fault {
    return add(this.#replies, which, options)
  }

  /**
   * Loses a statement before it reaches the server: by cutting the connection (the default), or, with
   * `isSilent`, by swallowing it and all that the client sends after it.
   */
  dropRequests(which: Which, options: FaultOptions & { readonly isSilent?: boolean } = {}): Fault {
    return add(this.#requests, which, options)
  }

  /** Nothing passes any more, in either direction, and new connections get no reply. `resume` ends it. */
  blackHole(): void {
    this.#isBlackHole = true
    for (const connection of this.#connections) connection.pause()
  }

  resume(): void {
    this.#isBlackHole = false
    for (const connection of this.#connections) connection.resume()
  }

  /**
   * The open connections die without a FIN or RST: nothing passes any more, and neither side sees an
   * end. So do new ones, until `endSilence`; those that died stay dead.
   */
  silence(): void {
    this.#isSilent = true
    for (const connection of this.#connections) connection.silence()
  }

  endSilence(): void {
    this.#isSilent = false
  }

  /** Everything passes that much later, in each direction. A function is asked for each message. */
  delay(ms: number | (() => number)): void {
    this.#delay = typeof ms === 'number' ? () => ms : ms
  }

  /** Cuts all connections immediately. New ones are accepted. */
  cut(): void {
    for (const connection of this.#connections) connection.cut()
  }

  /** While refused, new connections are closed immediately, as those to a server that is down. */
  refuse(isRefusing = true): void {
    this.#isRefusing = isRefusing
  }

  /** New connections are refused by the system. Open ones stay open. */
  stopListening(): void {
    this.#server.close()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #welcome(client: Socket): void {
    client.on('error', () => {})
    if (this.#isRefusing) {
      client.destroy()
      return
    }
    const host = this.#target.hostname
    const server = connect({ host, port: Number(this.#target.port || 5432) })
    const connection = new ProxyConnection(client, server, this.#faults())
    this.#connections.add(connection)
    client.on('close', () => this.#connections.delete(connection))
    if (this.#isBlackHole) connection.pause()
    if (this.#isSilent) connection.silence()
  }

  #faults(): Faults {
    return {
      mayLoseReply: (text) => this.#replies.some((fault) => fault.isFor(text)),
      losesReply: (text) => this.#replies.find((fault) => fault.isFor(text))?.strike() ?? false,
      onRequest: (text) => {
        const fault = this.#requests.find((one) => one.isFor(text))
        if (!fault?.strike()) return 'forward'
        return fault.isSilent ? 'swallow' : 'cut'
      },
      delayMs: () => this.#delay(),
    }
  }
}

function add(
  faults: WaitingFault[],
  which: Which,
  options: FaultOptions & { readonly isSilent?: boolean },
): Fault {
  const fault = new WaitingFault(which, options.times ?? 1, options.isSilent ?? false)
  faults.push(fault)
  return fault
}

class WaitingFault implements Fault {
  readonly hit: Promise<void>
  readonly isSilent: boolean
  hits = 0
  readonly #which: Which
  #left: number
  #resolve: () => void = () => {}

  constructor(which: Which, times: number, isSilent: boolean) {
    this.#which = which
    this.#left = times
    this.isSilent = isSilent
    this.hit = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  isFor(text: string): boolean {
    if (this.#left === 0 || text === '') return false
    return typeof this.#which === 'string' ? text.includes(this.#which) : this.#which(text)
  }

  strike(): boolean {
    this.#left--
    this.hits++
    this.#resolve()
    return true
  }

  stop(): void {
    this.#left = 0
  }
}
