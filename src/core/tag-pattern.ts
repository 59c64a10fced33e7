/**
 * Patterns for tags, matched whole in a time that grows with the length of the tag alone: the regular
 * part of regular expressions. A row can hold any pattern, and an engine that backtracks takes hours
 * for some of six characters.
 *
 * Literals, `.`, classes such as `[a-z]` and `\d`, groups, `|`, `*`, `+`, `?`, and `{m,n}`. `^` and `$`
 * are allowed at the ends, where they change nothing. Lookarounds, backreferences and `\b` are not.
 */

/** The steps that the automata of all patterns of one queue may have together. */
export const MAX_STEPS = 2_000

type Test = (code: number) => boolean

/** A state of the automaton: consumes a character and continues, or only continues, in one or two ways. */
interface State {
  test: Test | null
  next: number
  other: number
}

const NONE = -1

export class TagPattern {
  readonly #states: readonly State[]
  readonly #start: number
  readonly #end: number

  /** @throws {SyntaxError} with the reason, when the pattern is none of those above or too large */
  constructor(pattern: string, maxSteps = MAX_STEPS) {
    const parser = new Parser(pattern, maxSteps)
    const { start, end } = parser.parse()
    this.#states = parser.states
    this.#start = start
    this.#end = end
  }

  get steps(): number {
    return this.#states.length
  }

  /** Whether it matches all of a text. */
  matches(text: string): boolean {
    let current = this.#reached([this.#start])
    for (const character of text) {
      const code = character.codePointAt(0)!
      const next: number[] = []
      for (const index of current) {
        const { test, next: to } = this.#states[index]!
        if (test?.(code)) next.push(to)
      }
      if (next.length === 0) return false
      current = this.#reached(next)
    }
    return current.has(this.#end)
  }

  /** These states and what is reached from them without a character. */
  #reached(from: readonly number[]): ReadonlySet<number> {
    const reached = new Set<number>()
    const left = [...from]
    for (let index = left.pop(); index !== undefined; index = left.pop()) {
      if (reached.has(index)) continue
      reached.add(index)
      const { test, next, other } = this.#states[index]!
      if (test !== null) continue
      if (next !== NONE) left.push(next)
      if (other !== NONE) left.push(other)
    }
    return reached
  }
}

/** A part of an automaton: `end` is a state that goes nowhere yet. */
interface Part {
  readonly start: number
  readonly end: number
}

const MAX_REPEATS = 1_000
const SHORTHANDS: Readonly<Record<string, Test>> = {
  d: (code) => code >= 0x30 && code <= 0x39,
  w: (code) => /[A-Za-z0-9_]/.test(String.fromCodePoint(code)),
  s: (code) => /\s/.test(String.fromCodePoint(code)),
}
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v' }

class Parser {
  readonly states: State[] = []
  readonly #text: readonly string[]
  readonly #maxSteps: number
  #at = 0
  #depth = 0

  constructor(pattern: string, maxSteps: number) {
    this.#text = [...pattern]
    this.#maxSteps = maxSteps
  }

  parse(): Part {
    const part = this.#alternatives()
    if (this.#at < this.#text.length) throw new SyntaxError('has an unmatched ")"')
    return part
  }

  get #next(): string | undefined {
    return this.#text[this.#at]
  }

  #state(test: Test | null, next = NONE, other = NONE): number {
    if (this.states.length >= this.#maxSteps) throw new SyntaxError('repeats too much')
    return this.states.push({ test, next, other }) - 1
  }

  #empty(): Part {
    const end = this.#state(null)
    return { start: end, end }
  }

  #join(one: Part, other: Part): Part {
    this.states[one.end]!.next = other.start
    return { start: one.start, end: other.end }
  }

  #alternatives(): Part {
    let part = this.#sequence()
    while (this.#next === '|') {
      this.#at++
      const other = this.#sequence()
      const end = this.#state(null)
      this.states[part.end]!.next = end
      this.states[other.end]!.next = end
      part = { start: this.#state(null, part.start, other.start), end }
    }
    return part
  }

  #sequence(): Part {
    let part = this.#empty()
    while (this.#next !== undefined && this.#next !== '|' && this.#next !== ')') {
      part = this.#join(part, this.#repeated())
    }
    return part
  }

  #repeated(): Part {
    const from = this.#at
    let part = this.#atom()
    const to = this.#at
    const range = this.#quantifier()
    if (range === null) return part
    if (this.#next === '?') this.#at++
    if (isQuantifier(this.#next)) throw new SyntaxError('repeats a repetition')
    const rest = this.#at
    const [min, max] = range
    // Read again for each repetition: an automaton has no counters.
    const again = (): Part => {
      this.#at = from
      const copy = this.#atom()
      this.#at = rest
      return copy
    }
    if (to === from) throw new SyntaxError('repeats nothing')
    if (max === Number.POSITIVE_INFINITY) {
      let whole = min === 0 ? this.#optional(this.#loop(part)) : null
      for (let count = 1; count <= min; count++) {
        const copy = count === 1 ? part : again()
        const one = count === min ? this.#loop(copy) : copy
        whole = whole === null ? one : this.#join(whole, one)
      }
      return whole!
    }
    if (max === 0) return this.#empty()
    part = min === 0 ? this.#optional(part) : part
    for (let count = 2; count <= max; count++) {
      const copy = again()
      part = this.#join(part, count > min ? this.#optional(copy) : copy)
    }
    return part
  }

  #loop(part: Part): Part {
    const end = this.#state(null)
    const back = this.#state(null, part.start, end)
    this.states[part.end]!.next = back
    return { start: part.start, end }
  }

  #optional(part: Part): Part {
    const end = this.#state(null)
    this.states[part.end]!.next = end
    return { start: this.#state(null, part.start, end), end }
  }

  #quantifier(): readonly [min: number, max: number] | null {
    const simple = { '*': [0, Infinity], '+': [1, Infinity], '?': [0, 1] } as const
    const next = this.#next
    if (next === '*' || next === '+' || next === '?') {
      this.#at++
      return simple[next]
    }
    if (next !== '{') return null
    const match = /^\{(\d{1,4})(?:(,)(\d{0,4}))?\}/.exec(this.#text.slice(this.#at).join(''))
    if (match === null) throw new SyntaxError('has a "{" that is no repetition; write "\\{"')
    this.#at += match[0].length
    const min = Number(match[1])
    const max = match[2] === undefined ? min : match[3] === '' ? Infinity : Number(match[3])
    if (min > MAX_REPEATS || (max !== Infinity && max > MAX_REPEATS) || min > max) {
      throw new SyntaxError('has a repetition out of range')
    }
    return [min, max]
  }

  #atom(): Part {
    const character = this.#text[this.#at++]!
    switch (character) {
      case '(':
        return this.#group()
      case '[':
        return this.#one(this.#class())
      case '.':
        return this.#one(() => true)
      case '\\':
        return this.#one(this.#escape())
      case '^':
        if (this.#at !== 1) throw new SyntaxError('has a "^" that is not at its start')
        return this.#empty()
      case '$':
        if (this.#at !== this.#text.length)
          throw new SyntaxError('has a "$" that is not at its end')
        return this.#empty()
      case '*':
      case '+':
      case '?':
      case '{':
        throw new SyntaxError('repeats nothing')
      default:
        return this.#one(isCode(character))
    }
  }

  #one(test: Test): Part {
    const end = this.#state(null)
    return { start: this.#state(test, end), end }
  }

  #group(): Part {
    if (this.#next === '?') {
      if (this.#text[this.#at + 1] !== ':') throw new SyntaxError('looks around, or names a group')
      this.#at += 2
    }
    if (++this.#depth > 50) throw new SyntaxError('has groups nested more than 50 deep')
    const part = this.#alternatives()
    this.#depth--
    if (this.#next !== ')') throw new SyntaxError('has an unmatched "("')
    this.#at++
    return part
  }

  #class(): Test {
    const isNegated = this.#next === '^'
    if (isNegated) this.#at++
    const tests: Test[] = []
    while (this.#next !== ']') {
      const [first, low] = this.#member()
      if (this.#next !== '-' || this.#text[this.#at + 1] === ']') {
        tests.push(first)
        continue
      }
      this.#at++
      const [, high] = this.#member()
      if (low === null || high === null || low > high) {
        throw new SyntaxError('has a range out of order')
      }
      tests.push((code) => code >= low && code <= high)
    }
    this.#at++
    return (code) => tests.some((test) => test(code)) !== isNegated
  }

  /** One member of a class, and its code when it is a single character. */
  #member(): readonly [Test, number | null] {
    const character = this.#text[this.#at++]
    if (character === undefined) throw new SyntaxError('has an unmatched "["')
    if (character !== '\\') return [isCode(character), character.codePointAt(0)!]
    const escaped = this.#text[this.#at]
    const test = this.#escape()
    const isShorthand = escaped !== undefined && escaped.toLowerCase() in SHORTHANDS
    return [test, isShorthand ? null : (CONTROLS[escaped!] ?? escaped!).codePointAt(0)!]
  }

  #escape(): Test {
    const character = this.#text[this.#at++]
    if (character === undefined) throw new SyntaxError('ends with "\\"')
    const shorthand = SHORTHANDS[character.toLowerCase()]
    if (shorthand !== undefined) {
      return character === character.toLowerCase() ? shorthand : (code) => !shorthand(code)
    }
    const control = CONTROLS[character]
    if (control !== undefined) return isCode(control)
    if (/[A-Za-z0-9]/.test(character)) throw new SyntaxError(`has "\\${character}"`)
    return isCode(character)
  }
}

function isQuantifier(character: string | undefined): boolean {
  return character === '*' || character === '+' || character === '?' || character === '{'
}

function isCode(character: string): Test {
  const wanted = character.codePointAt(0)!
  return (code) => code === wanted
}
