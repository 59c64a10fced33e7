import { inspect } from '../check.ts'
import { Mistaken } from './mistake.ts'

/** A value as it is written: its text without quotes, and where it stands. */
export interface Written {
  readonly text: string
  /** Quotes make text of what they hold. */
  readonly isQuoted: boolean
  /** A star behind the quotes: what begins with the text. */
  readonly isOpen: boolean
  readonly at: number
  readonly end: number
}

/** A term as it is written. A word without a key has the key null. */
export interface WrittenTerm {
  readonly not: boolean
  readonly key: Written | null
  /** The names behind the key: `args.user.id` has two. */
  readonly path: readonly Written[]
  readonly values: readonly Written[]
  readonly at: number
  readonly end: number
}

const SPACE = /\s/
/** Ends a bare value. */
const VALUE_END = /[\s,"]/
/** Ends a bare name of a path, or a key. */
const NAME_END = /[\s,":.]/

/** Reads the terms of a text one by one. What they say is checked elsewhere. */
export class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** The next term, or null at the end. @throws {Mistaken} */
  next(): WrittenTerm | null {
    while (this.#at < this.#text.length && SPACE.test(this.#here)) this.#at += 1
    if (this.#at >= this.#text.length) return null
    const at = this.#at
    const not = this.#take('-')
    const named = this.#name()
    const { key, path, values } = named ?? { key: null, path: [], values: [this.#value()] }
    if (this.#at < this.#text.length && !SPACE.test(this.#here)) this.#refuseRest()
    return { not, key, path, values, at, end: this.#at }
  }

  /** Moves behind what cannot be read: to the next space that is in no quotes. */
  skip(): void {
    let isQuoted = false
    for (; this.#at < this.#text.length; this.#at++) {
      if (this.#here === '"') isQuoted = !isQuoted
      else if (isQuoted && this.#here === '\\') this.#at += 1
      else if (!isQuoted && SPACE.test(this.#here)) return
    }
    this.#at = this.#text.length
  }

  get #here(): string {
    return this.#text[this.#at] ?? ''
  }

  #take(sign: string): boolean {
    if (this.#here !== sign) return false
    this.#at += 1
    return true
  }

  /** What stands before a colon, with the values behind it; null where there is no key. */
  #name(): Pick<WrittenTerm, 'key' | 'path' | 'values'> | null {
    const start = this.#at
    const key = this.#bare(NAME_END)
    if (key.text === '') return null
    const path: Written[] = []
    while (this.#take('.')) path.push(this.#here === '"' ? this.#quoted() : this.#bare(NAME_END))
    if (!this.#take(':')) {
      this.#at = start
      return null
    }
    const values = [this.#value()]
    while (this.#take(',')) values.push(this.#value())
    return { key, path, values }
  }

  #value(): Written {
    if (this.#here === '"') return this.#quoted()
    const value = this.#bare(VALUE_END)
    if (value.text !== '') return value
    const found = this.#here === '' || SPACE.test(this.#here) ? 'nothing' : inspect(this.#here)
    throw new Mistaken(
      this.#at,
      Math.min(this.#at + 1, this.#text.length),
      `expected a value, got ${found}.`,
    )
  }

  #bare(end: RegExp): Written {
    const at = this.#at
    while (this.#at < this.#text.length && !end.test(this.#here)) this.#at += 1
    const text = this.#text.slice(at, this.#at)
    return { text, isQuoted: false, isOpen: false, at, end: this.#at }
  }

  #quoted(): Written {
    const at = this.#at
    let text = ''
    for (this.#at += 1; this.#at < this.#text.length; this.#at++) {
      if (this.#here === '"') {
        this.#at += 1
        const isOpen = this.#take('*')
        return { text, isQuoted: true, isOpen, at, end: this.#at }
      }
      if (this.#here === '\\') this.#at += 1
      text += this.#here
    }
    throw new Mistaken(at, this.#text.length, 'expected " at the end of a quoted text.')
  }

  #refuseRest(): never {
    const at = this.#at
    this.skip()
    const rest = inspect(this.#text.slice(at, this.#at))
    throw new Mistaken(at, this.#at, `expected a space or a comma, got ${rest}.`)
  }
}
