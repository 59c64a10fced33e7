import type { StepRecord, StepResult } from '../durable-record.ts'
import type { Call } from './call-book.ts'
import type { DurableSaver, Turn } from './durable-saver.ts'

/** A failure of a step. */
export interface StepFailure {
  readonly call: Call
  readonly result: StepResult
}

/** What the run of the failures does for them. */
export interface FailureRun {
  readonly saver: DurableSaver
  readonly turn: Turn
  /** Whether nothing is given any more. */
  readonly isDone: boolean
  /** Whether a record waits for its turn. */
  readonly hasNext: boolean
  readonly isListening: boolean
  stopListening(): void
  give(call: Call, record: StepRecord): void
  /** Calls back in the next turn, in which nothing else is given. */
  inTurn(give: () => void): void
  pump(): void
}

/**
 * Failures on their way to the code. One that the code was given is held back until the code has caught it: by another
 * call of the context, or since something else is given to it. One that it lets through is not recorded.
 */
export class HeldFailures {
  readonly #run: FailureRun
  #waiting: StepFailure[] = []
  #held: StepFailure | null = null
  /** Whether it was given in this turn: the code may still let it through. */
  #isFresh = false
  /** The step whose failure is being saved. */
  #saving: string | null = null
  /** Results that came in the turn of a failure. */
  #late: ((saver: DurableSaver) => void)[] = []
  #transactions = 0

  constructor(run: FailureRun) {
    this.#run = run
  }

  get areWaiting(): boolean {
    return this.#waiting.length > 0
  }

  get isHeld(): boolean {
    return this.#held !== null
  }

  /** Whether one was given in this turn. */
  get isFresh(): boolean {
    return this.#isFresh
  }

  /** Whether one is being saved: nothing begins before. */
  get isSaving(): boolean {
    return this.#saving !== null
  }

  add(failure: StepFailure): void {
    this.#waiting.push(failure)
  }

  /** A transaction of the user is under way, whose record is numbered at its commit. */
  transacting(isBegun: boolean): void {
    this.#transactions += isBegun ? 1 : -1
  }

  /** Gives the next one when nothing else is on its way, so that its number is as its turn. */
  giveNext(): void {
    if (!this.areWaiting || this.#isFresh) return
    const { hasNext, isListening } = this.#run
    if (this.isHeld) this.keep()
    else if (!hasNext && isListening) this.#run.stopListening()
    else if (this.#isClear) this.#run.inTurn(() => this.#giveClear())
  }

  /** Saves a result, behind a failure that the code was given before. */
  save(result: (saver: DurableSaver) => void): void {
    this.#late.push(result)
    if (this.#isFresh) return
    this.keep()
    this.saveLate()
  }

  /** The code has caught it. */
  keep(): void {
    const held = this.#held
    if (held === null) return
    this.#held = null
    this.#isFresh = false
    this.#saving = held.result.name
    this.#run.saver.record(held.result)
    this.saveLate()
  }

  saveLate(): void {
    const late = this.#late
    this.#late = []
    for (const save of late) save(this.#run.saver)
  }

  /** The code has let it through. */
  drop(): void {
    this.#held = null
    this.#isFresh = false
    this.saveLate()
  }

  saved({ name }: StepRecord): void {
    if (name === this.#saving) this.#saving = null
  }

  get #isClear(): boolean {
    const { hasNext, isListening, saver } = this.#run
    return !hasNext && !isListening && saver.isIdle && this.#transactions === 0
  }

  #giveClear(): void {
    // Something else may have ended meanwhile, and is recorded first.
    const failure = this.#isClear ? this.#waiting.shift() : undefined
    if (failure === undefined) return
    this.#held = failure
    this.#isFresh = true
    this.#run.give(failure.call, { ...failure.result, n: 0 })
    this.#run.turn(() => {
      if (this.#run.isDone || !this.#isFresh) return
      this.#isFresh = false
      if (this.#late.length > 0) this.keep()
      this.#run.pump()
    })
  }
}
