import { Agent, type IncomingMessage, request } from 'node:http'

export interface Asked {
  readonly status: number
  readonly bytes: number
  readonly ms: number
  readonly text: string
}

/** A client of one page, which keeps its connections as a browser does. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 6 })
  readonly #base: string
  readonly #actor: string

  constructor(base: string, actor: string) {
    this.#base = base
    this.#actor = actor
  }

  get(path: string): Promise<Asked> {
    const begun = performance.now()
    return new Promise((resolve, reject) => {
      this.#open(path, reject, (response) => {
        const parts: Buffer[] = []
        response.on('error', reject)
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () => {
          const body = Buffer.concat(parts)
          const { statusCode: status = 0 } = response
          resolve({
            status,
            bytes: body.length,
            ms: performance.now() - begun,
            text: body.toString(),
          })
        })
      })
    })
  }

  /** Reads an event stream until it ends or the client closes. Calls back for each part. */
  stream(path: string, onPart: (bytes: number) => void, onEnd: () => void): void {
    this.#open(path, onEnd, (response) => {
      if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode}`)
      response.on('data', (part: Buffer) => onPart(part.length))
      response.on('error', onEnd)
      response.on('end', onEnd)
    })
  }

  close(): void {
    this.#agent.destroy()
  }

  #open(
    path: string,
    fail: (error: Error) => void,
    take: (response: IncomingMessage) => void,
  ): void {
    request(
      new URL(path, this.#base),
      { agent: this.#agent, headers: { 'x-actor': this.#actor } },
      take,
    )
      .on('error', fail)
      .end()
  }
}
