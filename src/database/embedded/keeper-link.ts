import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import { DatabaseError } from '../../core/errors.ts'
import { parse, readJsonLines, toJsonLine } from './json-lines.ts'
import type { StopMode } from './postmaster.ts'

/**
 * The line between a process that uses an embedded server and the keeper that holds it: a connection
 * on 127.0.0.1 with one JSON value a line, each request with one answer. The kernel closes it however
 * the process ends, so the keeper always knows who is left.
 */
export type KeeperRequest =
  | { readonly do: 'hello'; readonly nonce: string; readonly proof: string }
  | { readonly do: 'leave' }
  | { readonly do: 'restart'; readonly mode: StopMode; readonly downMs: number }

export interface KeeperAnswer {
  /** The address of the server. */
  readonly url?: string
  /** The process id of the server. */
  readonly pid?: number
  /** Why the request failed. */
  readonly error?: string
  /** To a hello: that this is the keeper, and not another process on the port of one that is gone. */
  readonly proof?: string
}

/** Where a keeper can be reached, in a file that only its user can read. */
export interface KeeperFile {
  readonly port: number
  readonly token: string
}

/** What a keeper is started with, as JSON in its first argument. */
export interface KeeperOrder {
  readonly directory: string
  readonly isTemporary: boolean
  readonly port: number | null
  readonly settings: Readonly<Record<string, string>>
}

/** `busy`: another process is starting or stopping this server; try again. */
export type KeeperReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'failed'; readonly isConfig: boolean; readonly message: string }

/** How long a keeper may take to say hello. Another program on its port may never answer. */
const HELLO_MS = 5_000

/** Shows that a side knows the token, without showing the token. */
export function proofOf(side: 'user' | 'keeper', token: string, nonce: string): string {
  return createHmac('sha256', token).update(`${side} ${nonce}`).digest('base64url')
}

export function isProof(given: unknown, expected: string): boolean {
  if (typeof given !== 'string' || given.length !== expected.length) return false
  return timingSafeEqual(Buffer.from(given), Buffer.from(expected))
}

export const keeperFile = (directory: string): string => join(directory, 'keeper.json')

/** The keeper of `directory`, or null when there is none that answers. */
export async function connectToKeeper(directory: string): Promise<KeeperLink | null> {
  const text = await readFile(keeperFile(directory), 'utf8').catch(() => null)
  if (text === null) return null
  const file = parse<KeeperFile>(text)
  if (file === null) return null
  const { port, token } = file
  const nonce = randomBytes(24).toString('base64url')
  const link = new KeeperLink(connect({ host: '127.0.0.1', port }))
  const patience = new AbortController()
  void systemClock.sleep(HELLO_MS, patience.signal).then(() => {
    if (!patience.signal.aborted) link.destroy()
  })
  try {
    const hello = { do: 'hello', nonce, proof: proofOf('user', token, nonce) } as const
    link.server = await link.ask(hello)
    if (isProof(link.server.proof, proofOf('keeper', token, nonce))) return link
  } catch {
    // None, or one that is stopping.
  } finally {
    patience.abort()
  }
  link.destroy()
  return null
}

export class KeeperLink {
  /** The server as it was when this process came to it. */
  server: KeeperAnswer = {}
  /** Called once when the keeper is gone without having been asked. */
  onLost: () => void = () => {}
  readonly #socket: Socket
  readonly #waiting: { resolve(answer: KeeperAnswer): void; reject(error: Error): void }[] = []
  #isLeaving = false

  constructor(socket: Socket) {
    this.#socket = socket
    // Only a request in flight keeps the process alive, not the link.
    socket.unref()
    socket.on('error', () => {})
    socket.on('close', () => this.#closed())
    readJsonLines<KeeperAnswer>(socket, {
      take: (answer) => this.#answered(answer),
      refuse: () => void socket.destroy(),
    })
  }

  ask(request: KeeperRequest): Promise<KeeperAnswer> {
    this.#socket.ref()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      if (this.#socket.destroyed) return this.#closed()
      this.#socket.write(toJsonLine(request))
    })
  }

  /** Resolves when the keeper has let this process go; if it was the last, the server is stopped. */
  async leave(): Promise<void> {
    this.#isLeaving = true
    await this.ask({ do: 'leave' }).catch(() => {})
    this.#socket.destroy()
  }

  destroy(): void {
    this.#isLeaving = true
    this.#socket.destroy()
  }

  #answered(answer: KeeperAnswer): void {
    const waiting = this.#waiting.shift()
    if (this.#waiting.length === 0) this.#socket.unref()
    if (answer.error === undefined) waiting?.resolve(answer)
    else waiting?.reject(new DatabaseError(answer.error))
  }

  #closed(): void {
    const error = new DatabaseError('The keeper of the embedded PostgreSQL is gone.', {
      code: 'DATABASE_UNREACHABLE',
    })
    for (const { reject } of this.#waiting.splice(0)) reject(error)
    if (!this.#isLeaving) this.onLost()
    this.#isLeaving = true
  }
}
