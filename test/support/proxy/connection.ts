import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Message, MessageReader, StatementTracker } from './messages.ts'

/** What the proxy does to the connections that run through it. */
export interface Faults {
  /** Says whether the reply to this statement is to be lost. Asked once, when the reply is whole. */
  losesReply(text: string): boolean
  /** Says whether a statement's reply may have to be lost, so that it must be held until it is whole. */
  mayLoseReply(text: string): boolean
  /** What happens to this statement on its way to the server. */
  onRequest(text: string): 'forward' | 'cut' | 'swallow'
  delayMs(): number
}

const SSL_REQUEST = 80_877_103
const GSS_REQUEST = 80_877_104

/** One client's connection through the proxy to the server. */
export class ProxyConnection {
  readonly #client: Socket
  readonly #server: Socket
  readonly #faults: Faults
  readonly #requests = new MessageReader(false)
  readonly #replies = new MessageReader(true)
  readonly #tracker = new StatementTracker()
  /** The statements of each reply that is due: the server ends each with one ReadyForQuery. */
  readonly #due: string[][] = []
  #sinceSync: string[] = []
  #held: Buffer[] = []
  #isSwallowing = false
  #isSilent = false
  #toServer: Promise<unknown> = Promise.resolve()
  #toClient: Promise<unknown> = Promise.resolve()

  constructor(client: Socket, server: Socket, faults: Faults) {
    this.#client = client
    this.#server = server
    this.#faults = faults
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', () => {})
    }
    client.on('data', (chunk) => {
      for (const message of this.#requests.read(chunk)) this.#onRequest(message)
    })
    server.on('data', (chunk) => {
      for (const message of this.#replies.read(chunk)) this.#onReply(message)
    })
    // After what was said before is on its way, delayed or not.
    client.on('close', () => void this.#toServer.then(() => this.#end(server)))
    server.on('close', () => void this.#toClient.then(() => this.#end(client)))
  }

  cut(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  /** From now on nothing passes, and neither side sees when the other one ends. */
  silence(): void {
    this.#isSilent = true
  }

  /** Nothing is read any more, so nothing passes and no end is noticed. */
  pause(): void {
    this.#client.pause()
    this.#server.pause()
  }

  resume(): void {
    this.#client.resume()
    this.#server.resume()
  }

  #end(other: Socket): void {
    if (!this.#isSilent) other.destroy()
  }

  #onRequest(message: Message): void {
    if (this.#requests.isTyped) this.#onStatement(message)
    else this.#onStartup(message)
  }

  #onStatement(message: Message): void {
    const text = this.#tracker.follow(message)
    if (text !== undefined && !this.#isSwallowing) {
      const fate = this.#faults.onRequest(text)
      if (fate === 'cut') this.cut()
      this.#isSwallowing = fate !== 'forward'
    }
    if (this.#isSwallowing) return
    if (text !== undefined) this.#sinceSync.push(text)
    if (message.type === 'Q' || message.type === 'S') this.#due.push(this.#sinceSync.splice(0))
    this.#forward(this.#server, message.raw)
  }

  #onStartup({ body, raw }: Message): void {
    const code = body.readInt32BE(0)
    if (code === SSL_REQUEST || code === GSS_REQUEST) {
      // Refused, so that all that follows can be read.
      this.#forward(this.#client, Buffer.from('N'))
    } else {
      this.#requests.isTyped = true
      // The startup is answered like a statement, and ends with the same message.
      this.#due.push([])
      this.#forward(this.#server, raw)
    }
  }

  #onReply({ type, raw }: Message): void {
    const texts = this.#due[0] ?? []
    const isLast = type === 'Z'
    if (isLast) this.#due.shift()
    this.#held.push(raw)
    if (!isLast && texts.some((text) => this.#faults.mayLoseReply(text))) return
    const held = this.#held.splice(0)
    // A statement that failed has changed nothing: its reply is worth nothing to lose.
    const hasFailed = held.some((message) => message[0] === 'E'.charCodeAt(0))
    const isLost = isLast && !hasFailed && texts.some((text) => this.#faults.losesReply(text))
    if (isLost) this.cut()
    else for (const message of held) this.#forward(this.#client, message)
  }

  #forward(to: Socket, chunk: Buffer): void {
    const delayMs = this.#faults.delayMs()
    const due = performance.now() + delayMs
    const before = to === this.#server ? this.#toServer : this.#toClient
    const after = before.then(async () => {
      const wait = due - performance.now()
      if (delayMs > 0 && wait > 0) await sleep(wait)
      if (!to.destroyed && !this.#isSilent) to.write(chunk)
    })
    if (to === this.#server) this.#toServer = after
    else this.#toClient = after
  }
}
