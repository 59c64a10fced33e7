import type { StepRecord, StepResult } from '../durable-record.ts'
import { AskPatience } from './ask-patience.ts'
import type { Call, CallBook } from './call-book.ts'
import { PATIENCE_MS } from './durable-limits.ts'
import type { Turn } from './durable-saver.ts'
import { isOldVersion, type RecordLine } from './record-line.ts'
import type { RunTimes } from './run-times.ts'

/** What the giver needs of the attempt. */
export interface GivenRun {
  readonly line: RecordLine
  readonly calls: CallBook
  readonly times: RunTimes
  readonly turn: Turn
  /** No record is given any more. */
  readonly isDone: boolean
  /** Whether the code may wait: the attempt is not over, and there are open waits or records that were not given. */
  readonly isWatched: boolean
  /** Everything recorded was given. */
  onLive(): void
  /** Nothing happened for a turn after that. */
  onQuiet(): void
  /** The code does not ask for the next record. */
  onStuck(next: StepRecord): void
  record(result: StepResult): void
}

/**
 * Gives the code of a durable job what is recorded: in the order of the numbers, and a turn of the event loop apart, so
 * that a replay takes the path of the first run.
 */
export class RecordGiver {
  readonly #run: GivenRun
  readonly #patience: AskPatience
  /** Counts what happens, so that a turn in which nothing did is known. */
  #activity = 0
  #isTurning = false
  #isWatching = false

  constructor(run: GivenRun, patienceMs: number = PATIENCE_MS) {
    this.#run = run
    this.#patience = new AskPatience(patienceMs, () => {
      const seen = this.#activity
      // A loop that was blocked runs its timers before anything else.
      run.turn(() => run.turn(() => this.#outOfPatience(seen)))
    })
  }

  /** Something has happened. */
  touch(): void {
    this.#activity++
  }

  endPatience(): void {
    this.#patience.end()
  }

  /** Gives the next record, and then, a turn later, the one after it. */
  pump(): void {
    const { line, calls } = this.#run
    if (this.#run.isDone || this.#isTurning) return
    for (let next = line.next; next !== undefined; next = line.next) {
      const call = calls.get(next.name)
      if (call === undefined && !isOldVersion(next)) {
        // Its patience begins after a turn: most code asks in the same one.
        this.watch()
        return
      }
      if (call !== undefined && !call.isGiven) {
        this.#giveInTurn(call, next)
        return
      }
      line.pass()
    }
    this.#patience.end()
    this.#run.onLive()
    this.watch()
  }

  inTurn(give: () => void): void {
    this.#isTurning = true
    this.#run.turn(() => {
      this.#isTurning = false
      if (this.#run.isDone) return
      give()
      this.pump()
    })
  }

  give(call: Call, record: StepRecord): void {
    this.#activity++
    call.isGiven = true
    this.#run.times.given(record.endedMs)
    call.give(record)
  }

  /** A version that is known does not wait for its turn, which may be behind what the code does next, or over. */
  giveEarly(call: Call, record: StepRecord): void {
    const isLate = isOldVersion(record) || this.#run.line.isPassed(record)
    if (!isLate) return
    this.#run.turn(() => {
      if (this.#run.isDone || call.isGiven) return
      this.give(call, record)
      this.pump()
    })
  }

  /** Sees to what is next after a turn in which nothing happened. */
  watch(): void {
    if (this.#isWatching || !this.#run.isWatched) return
    this.#isWatching = true
    const seen = this.#activity
    this.#run.turn(() => {
      this.#isWatching = false
      if (this.#run.isDone || this.#isTurning) return
      if (seen === this.#activity) this.#onQuiet()
      else this.watch()
    })
  }

  #giveInTurn(call: Call, record: StepRecord): void {
    this.#patience.end()
    this.inTurn(() => {
      this.#run.line.pass()
      this.give(call, record)
    })
  }

  #outOfPatience(seen: number): void {
    if (this.#run.isDone) return
    const { next } = this.#run.line
    if (seen !== this.#activity || next === undefined) this.pump()
    else this.#run.onStuck(next)
  }

  #onQuiet(): void {
    const { next } = this.#run.line
    if (next === undefined) this.#run.onQuiet()
    else this.#unblock(next)
  }

  /** The code waits for a version that was not recorded: the run has passed it before there was one. */
  #unblock(next: StepRecord): void {
    const { line, calls, times } = this.#run
    if (next.kind === 'version') {
      line.pass()
      this.pump()
      return
    }
    const call = calls.shiftVersion()
    if (call === undefined) {
      this.#patience.begin()
      return
    }
    const { nowMs } = times
    const { kind, name } = call
    const record = { kind, name, result: '0', error: null, startedMs: nowMs, endedMs: nowMs }
    this.#run.record(record)
    this.give(call, { ...record, n: 0 })
    this.pump()
  }
}
