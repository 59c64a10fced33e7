import type { DurableHost } from '../../core/durable-record.ts'
import { serializeError } from '../../core/serialize-error.ts'
import type { Attempt } from '../executor.ts'
import type { ChildAnswer, ChildRequest } from '../request-lines.ts'

/** What the child of an attempt asks of the worker, passed on to the worker's side of the attempt. */
export class ChildRequests {
  readonly #attempt: Attempt
  readonly #answer: (id: number, answer: ChildAnswer) => void
  readonly #resumes = new Map<number, AbortController>()
  #isOver = false

  /** @param answer Is called once for each request, until `end`. */
  constructor(attempt: Attempt, answer: (id: number, answer: ChildAnswer) => void) {
    this.#attempt = attempt
    this.#answer = answer
  }

  /** @throws {TypeError} when no job of this kind asks for it */
  take(id: number, request: ChildRequest): void {
    switch (request.kind) {
      case 'outputs': {
        const { job, report } = this.#attempt
        void this.#pass(id, report.outputs(job, request.step, request.after))
        return
      }
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

  get #host(): DurableHost {
    const { durable } = this.#attempt
    if (durable === undefined) throw new TypeError('no durable job')
    return durable
  }

  async #pass(id: number, asked: Promise<unknown>): Promise<void> {
    let answer: ChildAnswer
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
