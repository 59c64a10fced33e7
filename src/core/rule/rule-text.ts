import { inspect } from '../check.ts'
import { ConfigError } from '../errors.ts'
import type { RuleData } from './rule-node.ts'

/**
 * The short form of a rule, for command lines and settings: `queue = mail and (age > 7d or attempts >= 3)`. What it
 * says is data as any rule; fields and operators are checked by the rule that is made of it.
 */

interface Token {
  readonly kind: 'word' | 'text' | 'sign'
  readonly text: string
  readonly at: number
}

const TOKEN = /\s*(?:([()=,]|!=|<>|<=|>=|<|>)|'((?:[^']|'')*)'|"((?:[^"]|"")*)"|([^\s()=,<>!'"]+))/y
const SIGNS: Readonly<Record<string, string>> = {
  ...{ '=': 'eq', '!=': 'ne', '<>': 'ne' },
  ...{ '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' },
}
/** Of these a bare word is a number, a boolean or null where it looks like one; elsewhere only null is no text. */
const NUMERIC = /^(?:priority|attempts|meta\..*)$/
const NUMBER = /^-?\d+(?:\.\d+)?$/
const WANTED = 'write it like "queue = mail and age > 7d"'
/** As deep as rules may stand inside each other. */
const MAX_DEPTH = 20

/** @throws {ConfigError} that says where it is not in this form */
export function ruleDataOf(text: string): RuleData {
  const reader = new Reader(tokensOf(text), text)
  const data = reader.any(0)
  reader.end()
  return data
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < text.trimEnd().length; ) {
    const at = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    if (match === null) {
      throw new ConfigError(`rule: ${inspect(text.slice(at).trim())} cannot be read; ${WANTED}.`)
    }
    const [, sign, single, double, word] = match
    if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, at })
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, at })
    else {
      const quoted = single?.replaceAll("''", "'") ?? double?.replaceAll('""', '"') ?? ''
      tokens.push({ kind: 'text', text: quoted, at })
    }
  }
  return tokens
}

class Reader {
  readonly #tokens: readonly Token[]
  readonly #text: string
  #at = 0

  constructor(tokens: readonly Token[], text: string) {
    this.#tokens = tokens
    this.#text = text
  }

  any(depth: number): RuleData {
    return this.#joined('or', () => this.#joined('and', () => this.#one(depth)))
  }

  end(): void {
    if (this.#at < this.#tokens.length) throw this.#expected('"and", "or" or the end')
  }

  #joined(word: 'and' | 'or', next: () => RuleData): RuleData {
    const all = [next()]
    while (this.#takeWord(word)) all.push(next())
    return all.length === 1 ? (all[0] as RuleData) : { [word]: all }
  }

  #one(depth: number): RuleData {
    if (depth > MAX_DEPTH)
      throw new ConfigError(`rule: rules may stand ${MAX_DEPTH} deep inside each other.`)
    if (this.#takeWord('not')) return { not: this.#one(depth + 1) }
    if (!this.#takeSign('(')) return this.#condition()
    const inner = this.any(depth + 1)
    if (!this.#takeSign(')')) throw this.#expected('")"')
    return inner
  }

  #condition(): RuleData {
    const given = this.#next('a field, such as queue or age')
    const field = given.text === 'created' ? 'createdAt' : given.text
    if (this.#takeWord('is')) {
      const isNull = !this.#takeWord('not')
      if (!this.#takeWord('null')) throw this.#expected('"null"')
      return { [field]: { isNull } }
    }
    if (this.#takeWord('starts')) {
      if (!this.#takeWord('with')) throw this.#expected('"with"')
      return { [field]: { startsWith: this.#next('a text').text } }
    }
    const isNegated = this.#takeWord('not')
    if (this.#takeWord('in'))
      return { [field]: { [isNegated ? 'notIn' : 'in']: this.#list(field) } }
    const op = isNegated ? undefined : SIGNS[this.#tokens[this.#at]?.text ?? '']
    if (op === undefined || this.#tokens[this.#at]?.kind !== 'sign')
      throw this.#expected('=, !=, <, <=, >, >=, "in", "not in", "starts with" or "is null"')
    this.#at += 1
    return { [field]: { [op]: this.#value(field) } }
  }

  #list(field: string): unknown[] {
    if (!this.#takeSign('(')) throw this.#expected('"("')
    const values = [this.#value(field)]
    while (this.#takeSign(',')) values.push(this.#value(field))
    if (!this.#takeSign(')')) throw this.#expected('"," or ")"')
    return values
  }

  #value(field: string): unknown {
    const { kind, text } = this.#next('a value')
    if (kind === 'text') return text
    if (text === 'null') return null
    if (field === 'createdAt' && /^\d{4}-\d\d-\d\d$/.test(text)) return `${text}T00:00:00Z`
    if (!NUMERIC.test(field)) return text
    if (NUMBER.test(text)) return Number(text)
    return text === 'true' ? true : text === 'false' ? false : text
  }

  #next(what: string): Token {
    const token = this.#tokens[this.#at]
    if (token === undefined || token.kind === 'sign') throw this.#expected(what)
    this.#at += 1
    return token
  }

  #takeWord(word: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'word' || token.text.toLowerCase() !== word) return false
    this.#at += 1
    return true
  }

  #takeSign(sign: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'sign' || token.text !== sign) return false
    this.#at += 1
    return true
  }

  #expected(what: string): ConfigError {
    const token = this.#tokens[this.#at]
    const found = token === undefined ? 'the end' : inspect(this.#text.slice(token.at).trim())
    return new ConfigError(`rule: expected ${what}, got ${found}; ${WANTED}.`)
  }
}
