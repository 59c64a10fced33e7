import type { StepRecord } from '../durable-record.ts'
import { recordBytes } from './durable-limits.ts'

/**
 * The records of a run in the order of their numbers: those that it starts with, and those that come while it runs. A
 * record has its turn when all before it were given to the code.
 */
export class RecordLine {
  readonly #byName = new Map<string, StepRecord>()
  /** Record `n` at `n - 1`. One may come before another with a lower number. */
  readonly #records: (StepRecord | undefined)[] = []
  readonly #replayed: number
  #passed = 0
  #bytes = 0

  constructor(history: readonly StepRecord[]) {
    for (const record of history) this.add(record)
    this.#replayed = this.#records.length
  }

  /** The record whose turn it is. */
  get next(): StepRecord | undefined {
    return this.#records[this.#passed]
  }

  /** Whether all records that the run started with were given. */
  get isLive(): boolean {
    return this.#passed >= this.#replayed
  }

  /** How many there are. */
  get size(): number {
    return this.#byName.size
  }

  /** The JSON of their results. */
  get bytes(): number {
    return this.#bytes
  }

  add(record: StepRecord): void {
    this.#records[record.n - 1] = record
    this.#byName.set(record.name, record)
    this.#bytes += recordBytes(record)
  }

  /** The turn of the next one is over. */
  pass(): void {
    this.#passed++
  }

  /** Whether the turn of a record is over. */
  isPassed({ n }: StepRecord): boolean {
    return n <= this.#passed
  }

  find(name: string): StepRecord | undefined {
    return this.#byName.get(name)
  }

  /** Those that have not had their turn. */
  *left(): Generator<StepRecord> {
    for (let at = this.#passed; at < this.#records.length; at++) {
      const record = this.#records[at]
      if (record !== undefined) yield record
    }
  }
}

/** A version that does not count in the order of the records. */
export function isOldVersion({ kind, result }: StepRecord): boolean {
  return kind === 'version' && result === '0'
}
