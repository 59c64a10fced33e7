import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import { DatabaseError } from '../../core/errors.ts'
import { parse, readJsonLines, toJsonLine } from './json-lines.ts'
import type { StopMode } from './postmaster.ts'

/**
 * Requests of a process that uses an embedded server to the supervisor of the server, by a connection on
 * 127.0.0.1 with one JSON value a line. Each has one answer. The kernel closes the connection however the
 * process ends, so the supervisor knows which clients are left.
 */
export type ControlRequest =
  | { readonly do: 'join'; readonly nonce: string; readonly proof: string }
  | { readonly do: 'leave' }
  | { readonly do: 'restart'; readonly mode: StopMode; readonly downMs: number }

export interface ControlAnswer {
  /** The address of the server. */
  readonly url?: string
  /** The process id of the server. */
  readonly pid?: number
  /** Why the request failed. */
  readonly error?: string
  /** Of `join`: that this is the supervisor, and not another process on the port of one that has ended. */
  readonly proof?: string
}

/** How to connect to a supervisor, in a file that only its user can read. */
export interface ControlFile {
  readonly port: number
  readonly token: string
}

/** The server that a supervisor is started for, as JSON in its first argument. */
export interface SupervisorCommand {
  readonly directory: string
  readonly isTemporary: boolean
  readonly port: number | null
  readonly settings: Readonly<Record<string, string>>
}

/** What a supervisor prints when it has started. `busy`: another process is starting or stopping this server; try again. */
export type SupervisorStatus =
  | { readonly kind: 'ready' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'failed'; readonly isConfig: boolean; readonly message: string }

/** How long a supervisor may take to answer `join`. Another program on its port may never answer. */
const JOIN_MS = 5_000

/** Proves that a side knows the token, without revealing it. */
export function proofOf(side: 'client' | 'supervisor', token: string, nonce: string): string {
  return createHmac('sha256', token).update(`${side} ${nonce}`).digest('base64url')
}

export function isProof(given: unknown, expected: string): boolean {
  if (typeof given !== 'string' || given.length !== expected.length) return false
  return timingSafeEqual(Buffer.from(given), Buffer.from(expected))
}

export const controlFile = (directory: string): string => join(directory, 'supervisor.json')

/** Connects to the supervisor of `directory`. Null: there is none that answers. */
export async function connectToSupervisor(directory: string): Promise<SupervisorLink | null> {
  const text = await readFile(controlFile(directory), 'utf8').catch(() => null)
  if (text === null) return null
  const file = parse<ControlFile>(text)
  if (file === null) return null
  const { port, token } = file
  const nonce = randomBytes(24).toString('base64url')
  const link = new SupervisorLink(connect({ host: '127.0.0.1', port }))
  const timeout = new AbortController()
  void systemClock.sleep(JOIN_MS, timeout.signal).then(() => {
    if (!timeout.signal.aborted) link.destroy()
  })
  try {
    const proof = proofOf('client', token, nonce)
    link.server = await link.ask({ do: 'join', nonce, proof })
    if (isProof(link.server.proof, proofOf('supervisor', token, nonce))) return link
  } catch {
    // There is none, or it is stopping.
  } finally {
    timeout.abort()
  }
  link.destroy()
  return null
}

/** The connection of this process to a supervisor. */
export class SupervisorLink {
  /** The server as it was when this process joined. */
  server: ControlAnswer = {}
  /** Is called once when the connection is lost, unless this process has ended it. */
  onLost: () => void = () => {}
  readonly #socket: Socket
  readonly #waiting: { resolve(answer: ControlAnswer): void; reject(error: Error): void }[] = []
  #isLeaving = false

  constructor(socket: Socket) {
    this.#socket = socket
    // Only a request in flight keeps the process alive, not the link.
    socket.unref()
    socket.on('error', () => {})
    socket.on('close', () => this.#closed())
    readJsonLines<ControlAnswer>(socket, {
      take: (answer) => this.#answered(answer),
      refuse: () => void socket.destroy(),
    })
  }

  ask(request: ControlRequest): Promise<ControlAnswer> {
    this.#socket.ref()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      if (this.#socket.destroyed) return this.#closed()
      this.#socket.write(toJsonLine(request))
    })
  }

  /** Resolves when the supervisor has answered; if this was its last client, the server is stopped. */
  async leave(): Promise<void> {
    this.#isLeaving = true
    await this.ask({ do: 'leave' }).catch(() => {})
    this.#socket.destroy()
  }

  destroy(): void {
    this.#isLeaving = true
    this.#socket.destroy()
  }

  #answered(answer: ControlAnswer): void {
    const waiting = this.#waiting.shift()
    if (this.#waiting.length === 0) this.#socket.unref()
    if (answer.error === undefined) waiting?.resolve(answer)
    else waiting?.reject(new DatabaseError(answer.error))
  }

  #closed(): void {
    const error = new DatabaseError('The supervisor of the embedded PostgreSQL has ended.', {
      code: 'DATABASE_UNREACHABLE',
    })
    for (const { reject } of this.#waiting.splice(0)) reject(error)
    if (!this.#isLeaving) this.onLost()
    this.#isLeaving = true
  }
}
