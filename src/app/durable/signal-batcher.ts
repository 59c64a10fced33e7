import { plainArray, textArray } from '../../database/array-literal.ts'
import { type SentSignalRow, sendSignals } from '../../database/statements/durable.ts'
import type { StatementRunner } from '../statement-runner.ts'

/** A signal as it is stored. */
export interface OutgoingSignal {
  readonly jobId: string
  readonly name: string
  /** JSON text. */
  readonly content: string
  /** What tells it from a second one when it is sent again. */
  readonly key: string
}

interface Waiting {
  readonly signal: OutgoingSignal
  readonly resolve: (row: SentSignalRow) => void
  readonly reject: (error: unknown) => void
}

/** Signals of one statement. */
const MAX_SIGNALS = 500
/** What they may carry together, in characters. */
const MAX_TEXT = 8 * 1_024 ** 2

/** Sends signals: while one statement is under way, further ones gather for the next. */
export class SignalBatcher {
  readonly #statements: StatementRunner
  readonly #notifying: boolean
  #waiting: Waiting[] = []
  #isSending = false

  constructor(statements: StatementRunner, notifying: boolean) {
    this.#statements = statements
    this.#notifying = notifying
  }

  send(signal: OutgoingSignal): Promise<SentSignalRow> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ signal, resolve, reject })
      if (this.#isSending) return
      this.#isSending = true
      void this.#sendAll()
    })
  }

  /** In a statement of its own: it may wait for an open transaction that uses the same key. */
  async alone(signal: OutgoingSignal): Promise<SentSignalRow> {
    const [row] = await this.#ask([signal])
    return row as SentSignalRow
  }

  async #sendAll(): Promise<void> {
    // Calls of the same turn share a statement.
    await null
    while (this.#waiting.length > 0) {
      let text = 0
      const size = this.#waiting.findIndex(({ signal }, at) => {
        text += signal.content.length
        return at >= MAX_SIGNALS || (at > 0 && text > MAX_TEXT)
      })
      const batch = size < 0 ? this.#waiting : this.#waiting.slice(0, size)
      this.#waiting = this.#waiting.slice(batch.length)
      await this.#send(batch)
    }
    this.#isSending = false
  }

  /** A statement that is refused is sent again by halves: one of its signals is the reason. */
  async #send(batch: readonly Waiting[]): Promise<void> {
    try {
      const rows = await this.#ask(batch.map(({ signal }) => signal))
      for (const [at, { resolve }] of batch.entries()) resolve(rows[at] as SentSignalRow)
    } catch (error) {
      if (batch.length === 1) return batch[0]?.reject(error)
      const middle = batch.length >> 1
      await this.#send(batch.slice(0, middle))
      await this.#send(batch.slice(middle))
    }
  }

  #ask(signals: readonly OutgoingSignal[]): Promise<SentSignalRow[]> {
    const isOfOneJob = new Set(signals.map(({ jobId }) => jobId)).size === 1
    return this.#statements.engine(sendSignals, [
      plainArray(signals.map(({ jobId }) => jobId)),
      textArray(signals.map(({ name }) => name)),
      textArray(signals.map(({ content }) => content)),
      textArray(signals.map(({ key }) => key)),
      isOfOneJob,
      this.#notifying,
    ])
  }
}
