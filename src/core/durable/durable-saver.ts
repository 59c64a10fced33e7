import type {
  DurableHost,
  DurableSave,
  OpenWait,
  SentSignal,
  StepRecord,
  StepResult,
} from '../durable-record.ts'
import type { PushRow } from '../push-row.ts'

/** What a save answers to. */
export interface SaveListener {
  onSaved(records: readonly StepRecord[], waits: readonly OpenWait[]): void
  /** Another attempt has the job. */
  onLost(): void
  /** The database refused what was to be saved. */
  onRefused(error: unknown): void
}

/** Calls back after a turn of the event loop. */
export type Turn = (next: () => void) => void

/**
 * Gathers what an attempt of a durable job has to save. There is one save at a time; what comes meanwhile goes together
 * into the next.
 */
export class DurableSaver {
  readonly #host: Pick<DurableHost, 'save'>
  readonly #listener: SaveListener
  readonly #turn: Turn
  #records: StepResult[] = []
  #waits: OpenWait[] = []
  #push: PushRow[] = []
  #signals: SentSignal[] = []
  #values: Record<string, string | null> = {}
  #hasValues = false
  #isSaving = false
  #isScheduled = false
  #isOver = false
  #whenIdle: (() => void)[] = []

  constructor(host: Pick<DurableHost, 'save'>, listener: SaveListener, turn: Turn) {
    this.#host = host
    this.#listener = listener
    this.#turn = turn
  }

  /** Whether everything that it was given is saved. */
  get isIdle(): boolean {
    return !this.#isSaving && !this.#hasWork
  }

  /** Results of records that are not saved yet, in number: they count against the limits of the history. */
  get unsaved(): number {
    return this.#records.length
  }

  record(result: StepResult): void {
    this.#records.push(result)
    this.#schedule()
  }

  push(result: StepResult, row: PushRow): void {
    this.#push.push(row)
    this.record(result)
  }

  send(result: StepResult, signal: SentSignal): void {
    this.#signals.push(signal)
    this.record(result)
  }

  wait(wait: OpenWait): void {
    this.#waits.push(wait)
    this.#schedule()
  }

  set(key: string, value: string | null): void {
    this.#values[key] = value
    this.#hasValues = true
    this.#schedule()
  }

  /** Calls back when everything is saved. */
  whenIdle(done: () => void): void {
    if (this.isIdle) done()
    else this.#whenIdle.push(done)
  }

  /** Nothing more is saved. */
  end(): void {
    this.#isOver = true
    this.#whenIdle = []
  }

  get #hasWork(): boolean {
    return this.#records.length > 0 || this.#waits.length > 0 || this.#hasValues
  }

  /** After a turn, so that what ends in the same one is saved together. */
  #schedule(): void {
    if (this.#isSaving || this.#isScheduled || this.#isOver) return
    this.#isScheduled = true
    this.#turn(() => {
      this.#isScheduled = false
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    if (this.#isSaving || this.#isOver || !this.#hasWork) return
    const save: DurableSave = {
      records: this.#records,
      waits: this.#waits,
      push: this.#push,
      signals: this.#signals,
      values: this.#values,
    }
    this.#records = []
    this.#waits = []
    this.#push = []
    this.#signals = []
    this.#values = {}
    this.#hasValues = false
    this.#isSaving = true
    try {
      const answer = await this.#host.save(save)
      this.#isSaving = false
      if (this.#isOver) return
      if (answer.kind === 'lost') return this.#listener.onLost()
      this.#listener.onSaved(numbered(save.records, answer.last, answer.changed), save.waits)
    } catch (error) {
      this.#isSaving = false
      if (!this.#isOver) this.#listener.onRefused(error)
      return
    }
    if (this.#hasWork) return this.#flush()
    const idle = this.#whenIdle
    this.#whenIdle = []
    for (const done of idle) done()
  }
}

function numbered(
  results: readonly StepResult[],
  last: number,
  changed: readonly StepRecord[],
): StepRecord[] {
  const others = new Map(changed.map((record) => [record.n, record]))
  return results.map((result, index) => {
    const n = last - results.length + 1 + index
    return others.get(n) ?? { ...result, n }
  })
}
