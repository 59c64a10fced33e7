import type {
  DurableHistory,
  DurableHost,
  DurableSave,
  OpenWait,
  SaveAnswer,
  StepRecord,
  TransactionSql,
} from '../../core/durable-record.ts'
import { restoreError } from '../../core/restore-error.ts'
import type { DurableAnswer, DurableRequest, DurableStart } from '../durable-lines.ts'

interface Asked {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  /** Of a call that was called off: what it rejects with. */
  readonly signal: AbortSignal | null
}

/** The worker of a durable job, as a child reaches it: requests and answers, by their numbers. */
export class ChildHost implements DurableHost {
  readonly history: DurableHistory
  readonly sql: TransactionSql
  /** Only its worker counts. */
  readonly hasRecorded = false
  readonly #send: (id: number, request: DurableRequest) => void
  readonly #asked = new Map<number, Asked>()
  #last = 0

  constructor(start: DurableStart, send: (id: number, request: DurableRequest) => void) {
    this.history = start.history
    this.sql = start.sql
    this.#send = send
  }

  save(save: DurableSave): Promise<SaveAnswer> {
    return this.#ask({ kind: 'save', save }) as Promise<SaveAnswer>
  }

  resume(waits: readonly OpenWait[], signal: AbortSignal): Promise<readonly StepRecord[]> {
    const id = this.#last + 1
    const abort = (): void => this.#send(0, { kind: 'abort', of: id })
    signal.addEventListener('abort', abort, { once: true })
    const answer = this.#ask({ kind: 'resume', waits }, signal)
    return answer.finally(() => signal.removeEventListener('abort', abort)) as Promise<
      readonly StepRecord[]
    >
  }

  take(waits: readonly OpenWait[]): Promise<readonly StepRecord[] | 'lost'> {
    return this.#ask({ kind: 'take', waits }) as Promise<readonly StepRecord[] | 'lost'>
  }

  recorded(): void {
    this.#send(0, { kind: 'recorded' })
  }

  /** Takes an answer of the worker. */
  answer(id: number, answer: DurableAnswer): void {
    const asked = this.#asked.get(id)
    if (asked === undefined) return
    this.#asked.delete(id)
    if ('value' in answer) asked.resolve(answer.value)
    else asked.reject(answer.isAborted ? asked.signal?.reason : restoreError(answer.error))
  }

  #ask(request: DurableRequest, signal: AbortSignal | null = null): Promise<unknown> {
    const id = ++this.#last
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject, signal })
      this.#send(id, request)
    })
  }
}
