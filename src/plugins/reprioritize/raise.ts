import { checkInteger, checkOptions, inspect } from '../../core/check.ts'
import { type Duration, durationMs } from '../../core/duration.ts'
import { ConfigError } from '../../core/errors.ts'
import { parseRule, type Rule } from '../../core/rule/rule.ts'
import { parseRuleNode, type RuleNode } from '../../core/rule/rule-node.ts'

/** By how much waiting jobs rise. */
export interface PriorityRaise {
  /** Which waiting jobs. */
  readonly where: Rule
  /** What each full `per` of waiting adds up to: 1 or more. */
  readonly by: number
  /** 1 s or more. */
  readonly per: Duration
  /** The highest priority that it leads to. */
  readonly to: number
}

/** One that was checked. */
export interface Raise {
  readonly node: RuleNode
  readonly by: number
  readonly perMs: number
  readonly to: number
}

const MAX_RAISES = 100
const MIN_PER_MS = 1_000
const MAX_INT = 2 ** 31 - 1

/** @throws {ConfigError} */
export function parseRaises(value: unknown): readonly Raise[] {
  const isList = Array.isArray(value) && value.length > 0 && value.length <= MAX_RAISES
  if (!isList)
    throw new ConfigError(
      `reprioritize: expected an array of 1 to ${MAX_RAISES} of { where, by, per, to }, got ${inspect(value)}.`,
    )
  return value.map((one, n) => parseRaise(one, `reprioritize[${n}]`))
}

function parseRaise(value: unknown, what: string): Raise {
  const { where, by, per, to } = checkOptions(value ?? {}, ['where', 'by', 'per', 'to'], what)
  const perMs = durationMs(per, `${what}.per`)
  if (perMs < MIN_PER_MS)
    throw new ConfigError(`${what}.per: expected at least 1s, got ${inspect(per)}.`)
  return {
    node: parseRuleNode(parseRule(where).toJSON()),
    by: checkInteger(by, `${what}.by`, { min: 1, max: MAX_INT }),
    perMs,
    to: checkInteger(to, `${what}.to`, { min: -MAX_INT - 1, max: MAX_INT }),
  }
}
