import type {
  DurableHistory,
  DurableHost,
  DurableSave,
  OpenWait,
  SaveAnswer,
  StepRecord,
  TransactionSql,
} from '../../core/durable-record.ts'
import type { DurableStart } from '../request-lines.ts'
import type { ParentCalls } from './parent-calls.ts'

/** The worker of a durable job, as a child reaches it. */
export class ChildHost implements DurableHost {
  readonly history: DurableHistory
  readonly sql: TransactionSql
  /** Only its worker counts. */
  readonly hasRecorded = false
  readonly #calls: ParentCalls

  constructor(start: DurableStart, calls: ParentCalls) {
    this.history = start.history
    this.sql = start.sql
    this.#calls = calls
  }

  save(save: DurableSave): Promise<SaveAnswer> {
    return this.#calls.ask({ kind: 'save', save }) as Promise<SaveAnswer>
  }

  resume(waits: readonly OpenWait[], signal: AbortSignal): Promise<readonly StepRecord[]> {
    return this.#calls.ask({ kind: 'resume', waits }, signal) as Promise<readonly StepRecord[]>
  }

  take(waits: readonly OpenWait[]): Promise<readonly StepRecord[] | 'lost'> {
    return this.#calls.ask({ kind: 'take', waits }) as Promise<readonly StepRecord[] | 'lost'>
  }

  recorded(): void {
    this.#calls.tell({ kind: 'recorded' })
  }
}
