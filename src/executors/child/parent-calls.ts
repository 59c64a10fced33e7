import { restoreError } from '../../core/restore-error.ts'
import type { ChildAnswer, ChildRequest } from '../request-lines.ts'

interface Asked {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  /** Of a call that can be called off: what it rejects with. */
  readonly signal: AbortSignal | null
}

/** What one attempt asks of the worker, and the answers, by their numbers. */
export class ParentCalls {
  readonly #send: (id: number, request: ChildRequest) => void
  readonly #asked = new Map<number, Asked>()
  #last = 0

  constructor(send: (id: number, request: ChildRequest) => void) {
    this.#send = send
  }

  /** @param signal Calls the request off. */
  ask(request: ChildRequest, signal: AbortSignal | null = null): Promise<unknown> {
    const id = ++this.#last
    const answer = new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject, signal })
      this.#send(id, request)
    })
    if (signal === null) return answer
    const abort = (): void => this.#send(0, { kind: 'abort', of: id })
    signal.addEventListener('abort', abort, { once: true })
    return answer.finally(() => signal.removeEventListener('abort', abort))
  }

  /** Sends what has no answer. */
  tell(request: ChildRequest): void {
    this.#send(0, request)
  }

  /** Takes an answer of the worker. */
  answer(id: number, answer: ChildAnswer): void {
    const asked = this.#asked.get(id)
    if (asked === undefined) return
    this.#asked.delete(id)
    if ('value' in answer) asked.resolve(answer.value)
    else asked.reject(answer.isAborted ? asked.signal?.reason : restoreError(answer.error))
  }
}
