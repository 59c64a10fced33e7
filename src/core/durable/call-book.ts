import type { StepRecord } from '../durable-record.ts'
import { duplicate, type NamedCall } from './durable-fault.ts'

/** One call of the context of a durable job. */
export interface Call extends NamedCall {
  /** Which call of the run it is, from 1. */
  readonly place: number
  readonly give: (record: StepRecord) => void
  readonly refuse: (error: unknown) => void
  /** Null once it has begun, and for what was recorded. */
  begin: (() => void) | null
  isGiven: boolean
}

/** What the code of an attempt has asked for, by name, and what of it is held up until a replay is over. */
export class CallBook {
  readonly #calls = new Map<string, Call>()
  #places = 0
  #unbegun: Call[] = []
  #versions: Call[] = []

  get(name: string): Call | undefined {
    return this.#calls.get(name)
  }

  /** Those that were not given anything yet. */
  get open(): NamedCall[] {
    return [...this.#calls.values()].filter(({ isGiven }) => !isGiven)
  }

  /** Counts a call, and says why it is not allowed. */
  enter(asked: NamedCall): Error | null {
    this.#places++
    const first = this.#calls.get(asked.name)
    return first === undefined ? null : duplicate(first, asked, [first.place, this.#places])
  }

  add(call: Omit<Call, 'place' | 'isGiven'>): Call {
    const added = { ...call, place: this.#places, isGiven: false }
    this.#calls.set(call.name, added)
    return added
  }

  /** Until everything recorded was given. A version may be answered before: see `shiftVersion`. */
  holdUp(call: Call): void {
    if (call.kind === 'version') this.#versions.push(call)
    else this.#unbegun.push(call)
  }

  /** Takes all that was held up, in the order of the calls. */
  takeHeldUp(): Call[] {
    const calls = this.#versions.concat(this.#unbegun).sort((a, b) => a.place - b.place)
    this.#versions = []
    this.#unbegun = []
    return calls
  }

  shiftVersion(): Call | undefined {
    return this.#versions.shift()
  }
}
