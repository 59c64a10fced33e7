/** One message of the PostgreSQL protocol. `type` is empty for the untyped ones that open a connection. */
export interface Message {
  readonly type: string
  readonly body: Buffer
  readonly raw: Buffer
}

/** Cuts a stream of bytes into messages. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0)
  /** False until the startup message was read: what comes before has a length but no type. */
  isTyped: boolean

  constructor(isTyped: boolean) {
    this.isTyped = isTyped
  }

  /** A message at a time, so that the caller can switch `isTyped` in between. */
  *read(chunk: Buffer): Generator<Message> {
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (;;) {
      const head = this.isTyped ? 1 : 0
      if (this.#rest.length < head + 4) return
      const end = head + this.#rest.readInt32BE(head)
      if (this.#rest.length < end) return
      const raw = this.#rest.subarray(0, end)
      this.#rest = this.#rest.subarray(end)
      yield { type: raw.toString('latin1', 0, head), body: raw.subarray(head + 4), raw }
    }
  }
}

/** The zero-terminated string at `start`, and where the next field begins. */
function text(body: Buffer, start = 0): [value: string, next: number] {
  const end = body.indexOf(0, start)
  return [body.toString('utf8', start, end), end + 1]
}

/**
 * Follows what a client sends, so as to know the text of every statement that runs: immediately (`Query`),
 * or prepared under a name and run much later (`Parse`, `Bind`, `Execute`).
 */
export class StatementTracker {
  readonly #statements = new Map<string, string>()
  readonly #portals = new Map<string, string>()

  /** The text of the statement that this message runs, if it runs one. */
  follow({ type, body }: Message): string | undefined {
    if (type === 'Q') return text(body)[0]
    if (type === 'P') {
      const [name, next] = text(body)
      this.#statements.set(name, text(body, next)[0])
    }
    if (type === 'B') {
      const [portal, next] = text(body)
      this.#portals.set(portal, this.#statements.get(text(body, next)[0]) ?? '')
    }
    return type === 'E' ? this.#portals.get(text(body)[0]) : undefined
  }
}
