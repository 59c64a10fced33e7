import type { DurableHost } from '../../core/durable-record.ts'
import { serializeError } from '../../core/serialize-error.ts'
import type { DurableAnswer, DurableRequest } from '../durable-lines.ts'

/** What the child of a durable job asks of the worker, passed on to the host of its attempt. */
export class DurableRequests {
  readonly #host: DurableHost
  readonly #answer: (id: number, answer: DurableAnswer) => void
  readonly #resumes = new Map<number, AbortController>()
  #isOver = false

  /** @param answer Is called once for each request, until `end`. */
  constructor(host: DurableHost, answer: (id: number, answer: DurableAnswer) => void) {
    this.#host = host
    this.#answer = answer
  }

  take(id: number, request: DurableRequest): void {
    switch (request.kind) {
      case 'save':
        void this.#pass(id, this.#host.save(request.save))
        return
      case 'take':
        void this.#pass(id, this.#host.take(request.waits))
        return
      case 'resume': {
        const controller = new AbortController()
        this.#resumes.set(id, controller)
        void this.#pass(id, this.#host.resume(request.waits, controller.signal))
        return
      }
      case 'abort':
        this.#resumes.get(request.of)?.abort()
        return
      case 'recorded':
        this.#host.recorded()
        return
      default:
        request satisfies never
    }
  }

  /** The attempt has ended: nothing is answered any more. */
  end(): void {
    this.#isOver = true
    for (const controller of this.#resumes.values()) controller.abort()
  }

  async #pass(id: number, asked: Promise<unknown>): Promise<void> {
    let answer: DurableAnswer
    try {
      answer = { value: await asked }
    } catch (error) {
      const isAborted = this.#resumes.get(id)?.signal.aborted === true
      answer = { error: serializeError(error), isAborted }
    }
    this.#resumes.delete(id)
    if (!this.#isOver) this.#answer(id, answer)
  }
}
