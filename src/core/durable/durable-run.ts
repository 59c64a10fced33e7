import { systemClock } from '../clock.ts'
import type { OpenWait, StepKind, StepRecord, StepResult } from '../durable-record.ts'
import type { Outcome } from '../outcome.ts'
import type { StopRequest } from '../stop-request.ts'
import { CallBook } from './call-book.ts'
import type { DurableEnd, DurableRunOptions, StepScope } from './durable-end.ts'
import {
  attemptOver,
  described,
  historyFull,
  kindChanged,
  nested,
  stepsChanged,
} from './durable-fault.ts'
import { MAX_HISTORY_BYTES, MAX_STEPS } from './durable-limits.ts'
import { DurableSaver, type Turn } from './durable-saver.ts'
import { type FailureRun, HeldFailures } from './held-failures.ts'
import { type GivenRun, RecordGiver } from './record-giver.ts'
import { RecordLine } from './record-line.ts'
import { RunTimes } from './run-times.ts'
import { SlotWork } from './slot-work.ts'
import { WaitListener } from './wait-listener.ts'

/**
 * One attempt of a durable job: what its code asks for, in which order it is given what was recorded, and when it parks.
 *
 * A record is given when its turn comes, in the order of the numbers and a turn of the event loop apart, while the
 * attempt runs as at a replay: so what the code does next is the same each time. A new step begins only when all that
 * the attempt started with was given.
 */
export class DurableRun {
  readonly stop: StopRequest
  readonly scope: StepScope
  readonly times: RunTimes
  /** What holds the slot. */
  readonly work: SlotWork
  readonly #reached: ReadonlyMap<string, OpenWait>
  readonly #turn: Turn
  readonly #line: RecordLine
  readonly #saver: DurableSaver
  readonly #listener: WaitListener
  readonly #giver: RecordGiver
  readonly #calls = new CallBook()
  readonly #failures: HeldFailures
  readonly #open = new Map<string, OpenWait>()
  /** Whether there may be unread signals for the next wait. */
  #mayTake: boolean
  #isStopping = false
  /** How the function has ended, while what it leaves behind is seen to. */
  #last: DurableEnd | null = null
  #isOver = false
  #resolve: (end: DurableEnd) => void = () => {}

  constructor(options: DurableRunOptions) {
    const { host, job, stop, scope, clock = systemClock, turn = setImmediate } = options
    const { history } = host
    this.stop = stop
    this.scope = scope
    this.#reached = new Map(history.waits.map((wait) => [wait.name, wait]))
    this.#turn = (next) => void turn(next)
    this.times = new RunTimes(clock, job.startedMs, history)
    this.work = new SlotWork(clock, () => this.#workEnded())
    this.#line = new RecordLine(history.steps)
    this.#mayTake = history.hasUnread
    this.#giver = new RecordGiver(this.#forGiver(), options.patienceMs)
    const ends = {
      onLost: () => this.lost(),
      onRefused: (thrown: unknown) => this.#end({ kind: 'threw', thrown }),
    }
    const onSaved = (records: readonly StepRecord[]): void => this.#saved(records)
    this.#saver = new DurableSaver(host, { onSaved, ...ends }, this.#turn)
    this.#failures = new HeldFailures(this.#forFailures())
    const onCame = (records: readonly StepRecord[]): void => this.#came(records)
    this.#listener = new WaitListener(host, { onCame, onIdle: () => this.#giver.pump(), ...ends })
  }

  /** Whether everything that the attempt started with was given. */
  get isLive(): boolean {
    return this.#line.isLive
  }

  get size(): { readonly steps: number; readonly bytes: number } {
    return { steps: this.#line.size, bytes: this.#line.bytes }
  }

  /** Calls the function and resolves with how the attempt ended. Never rejects. */
  run(fn: () => unknown): Promise<DurableEnd> {
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.stop.onAsk((reason) => this.#stopping(reason === 'lost'))
      if (this.#isOver) return
      void callOf(fn).then(
        (value) => this.#returned(value),
        (thrown) => this.#threw(thrown),
      )
      this.#giver.pump()
    })
  }

  /**
   * What was or will be recorded under a name. `begin` is called when it was not recorded and everything before was given;
   * then `done`, `fail`, `refuse`, `wait` or `end` is to follow. Rejects where the call is not allowed.
   */
  ask(kind: StepKind, name: string, begin: () => void): Promise<StepRecord> {
    return new Promise((resolve, reject) => {
      const asked = { kind, name }
      const refused = this.#misplaced(described(asked)) ?? this.#calls.enter(asked)
      if (refused !== null) return reject(refused)
      const recorded = this.#line.find(name)
      if (recorded !== undefined && recorded.kind !== kind) {
        this.#end({ kind: 'ended', outcome: kindChanged(recorded, asked) })
        return
      }
      const begins = recorded === undefined ? begin : null
      const call = this.#calls.add({ ...asked, give: resolve, refuse: reject, begin: begins })
      this.#touch()
      if (recorded === undefined) this.#calls.holdUp(call)
      else if (kind === 'version') this.#giver.giveEarly(call, recorded)
      this.#giver.pump()
    })
  }

  /** Whether there is a record of this name and kind. */
  hasRecord(kind: StepKind, name: string): boolean {
    return this.#line.find(name)?.kind === kind
  }

  /** For a call that is not recorded under a name. @throws {AttemptError} where it is not allowed */
  check(what: string): void {
    const refused = this.#misplaced(what)
    if (refused !== null) throw refused
    this.#touch()
  }

  /** A result to record, and then to give. */
  done(save: (saver: DurableSaver) => void): void {
    if (!this.#isOver) this.#failures.save(save)
  }

  /** A transaction of the user is under way, whose record is numbered at its commit. */
  transacting(isBegun: boolean): void {
    this.#failures.transacting(isBegun)
  }

  /** A record that was saved by another way. */
  recorded(record: StepRecord): void {
    if (!this.#isOver) this.#saved([record])
  }

  /** A failure to give. It is recorded when the code has caught it. */
  fail(result: StepResult): void {
    const call = this.#calls.get(result.name)
    if (!this.#isOver && call !== undefined) this.#failures.add({ call, result })
  }

  /** A call cannot be answered, and nothing is recorded of it. */
  refuse(name: string, error: unknown): void {
    const call = this.#calls.get(name)
    if (this.#isOver || call === undefined) return
    this.#giver.touch()
    call.isGiven = true
    call.refuse(error)
  }

  /** Something to wait for. */
  wait(wait: OpenWait): void {
    if (this.#isOver) return
    this.#giver.touch()
    this.#open.set(wait.name, wait)
    // Its children are pushed before the job parks.
    const { push = [], workflow } = wait.children ?? {}
    if (push.length > 0 || workflow !== undefined) this.#saver.wait(wait)
    this.#giver.watch()
  }

  /** A wait that was reached in an earlier attempt. */
  reached(name: string): OpenWait | undefined {
    return this.#reached.get(name)
  }

  /** Another attempt has the job. */
  lost(): void {
    this.#end({ kind: 'stopped' })
  }

  /** Ends the attempt, when what was to be saved is. */
  end(outcome: Outcome): void {
    if (this.#isOver || this.#last !== null) return
    this.#last = { kind: 'ended', outcome }
    this.#finish()
  }

  /** Whether the code has left a record out, as the function ends. */
  leftOut(): Outcome | null {
    for (const record of this.#line.left()) {
      if (this.#calls.get(record.name) !== undefined || record.kind === 'version') continue
      return stepsChanged('ended', record, this.#calls.open)
    }
    return null
  }

  #forGiver(): GivenRun {
    const run = this
    return {
      line: this.#line,
      calls: this.#calls,
      times: this.times,
      turn: this.#turn,
      get isDone() {
        return run.#isDone
      },
      get isWatched() {
        return !run.#isOver && (run.#open.size > 0 || run.#line.next !== undefined)
      },
      onLive: () => this.#live(),
      onQuiet: () => this.#quiet(),
      onStuck: (next) => this.end(stepsChanged('stuck', next, this.#calls.open)),
      record: (result) => this.#saver.record(result),
    }
  }

  #forFailures(): FailureRun {
    const run = this
    return {
      saver: this.#saver,
      turn: this.#turn,
      get isDone() {
        return run.#isDone
      },
      get hasNext() {
        return run.#line.next !== undefined
      },
      get isListening() {
        return !run.#listener.isIdle
      },
      stopListening: () => this.#listener.stop(),
      give: (call, record) => this.#giver.give(call, record),
      inTurn: (give) => this.#giver.inTurn(give),
      pump: () => this.#giver.pump(),
    }
  }

  #misplaced(what: string): Error | null {
    if (this.#isOver || this.#last !== null) return attemptOver(what)
    const { current } = this.scope
    return current === null ? null : nested(what, current)
  }

  /** The code calls its context: a failure that it was given is one that it has caught. */
  #touch(): void {
    this.#giver.touch()
    this.#failures.keep()
  }

  /** No record and no failure is given any more. */
  get #isDone(): boolean {
    return this.#isOver || this.#isStopping || this.#last !== null
  }

  /** Everything recorded was given. */
  #live(): void {
    this.#beginAll()
    this.#failures.giveNext()
  }

  /** Nothing happened for a turn, and nothing is recorded that was not given. */
  #quiet(): void {
    const isSettled = this.#saver.isIdle && !this.#failures.areWaiting && !this.#failures.isFresh
    if (isSettled && this.#open.size > 0) this.#seeToWaits([...this.#open.values()])
  }

  /** Begins what was held up, in the order of the calls. */
  #beginAll(): void {
    if (!this.isLive || this.#failures.isSaving) return
    for (const call of this.#calls.takeHeldUp()) {
      if (this.#isOver) return
      if (this.#isFull) {
        this.end(historyFull(call, this.size.steps, this.size.bytes))
        return
      }
      const { begin } = call
      call.begin = null
      begin?.()
    }
  }

  get #isFull(): boolean {
    const { steps, bytes } = this.size
    return steps + this.#open.size + this.#saver.unsaved >= MAX_STEPS || bytes >= MAX_HISTORY_BYTES
  }

  #saved(records: readonly StepRecord[]): void {
    this.#giver.touch()
    for (const record of records) {
      this.#failures.saved(record)
      this.#line.add(record)
    }
    this.#continue()
  }

  #came(records: readonly StepRecord[]): void {
    this.#giver.touch()
    this.#mayTake = true
    for (const record of records) {
      this.#open.delete(record.name)
      this.#line.add(record)
    }
    this.#giver.pump()
  }

  #workEnded(): void {
    this.#giver.touch()
    this.#continue()
  }

  #continue(): void {
    if (this.#isStopping || this.#last !== null) this.#finish()
    else this.#giver.pump()
  }

  #seeToWaits(waits: readonly OpenWait[]): void {
    if (this.#failures.isHeld) this.#failures.keep()
    else if (!this.work.isNone) this.#listener.listen(waits)
    else if (!this.#listener.isIdle) this.#listener.stop()
    else if (this.#mayTake && waits.some(({ signals }) => signals.length > 0)) {
      this.#mayTake = false
      this.#listener.take(waits)
    } else this.end({ kind: 'parked', waits })
  }

  #returned(value: unknown): void {
    if (this.#isOver || this.#last !== null) return
    const left = this.leftOut()
    if (left !== null) {
      // Asked to stop, it may return in the middle.
      if (this.#isStopping) this.#finish()
      else this.end(left)
      return
    }
    this.#failures.keep()
    this.#last = { kind: 'returned', value }
    this.#saver.whenIdle(() => this.#end({ kind: 'returned', value }))
  }

  /** What still runs is waited for: the next attempt must not run it concurrently. */
  #threw(thrown: unknown): void {
    if (this.#isOver || this.#last !== null) return
    this.#failures.drop()
    this.#last = { kind: 'threw', thrown }
    this.#finish()
  }

  /** Steps that run come to their end, and what they gave is saved. */
  #stopping(isLost: boolean): void {
    if (isLost) {
      this.lost()
      return
    }
    this.#isStopping = true
    this.#failures.saveLate()
    this.work.endWaits()
    this.#finish()
  }

  #finish(): void {
    this.#giver.endPatience()
    const last = this.#last
    if (last?.kind === 'returned') return
    if (last?.kind !== 'ended' && !this.work.isNone) return
    this.#saver.whenIdle(() =>
      this.#end(this.#isStopping || last === null ? { kind: 'stopped' } : last),
    )
  }

  #end(end: DurableEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#giver.endPatience()
    this.work.endWaits()
    this.#saver.end()
    this.#listener.end()
    this.#resolve(end)
  }
}

async function callOf(fn: () => unknown): Promise<unknown> {
  return fn()
}
