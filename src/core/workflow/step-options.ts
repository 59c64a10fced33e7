import { checkFlag, checkInteger, checkOneOf, checkOptions, inspect } from '../check.ts'
import { durationMs } from '../duration.ts'
import { ConfigError } from '../errors.ts'
import type { JobSpec } from '../job-options.ts'
import type { RunWhen } from './flow-plan.ts'

const RUN_WHEN: readonly RunWhen[] = [
  'all-succeeded',
  'none-failed',
  'all-ended',
  'any-succeeded',
  'any-failed',
]
const NAMES = ['after', 'runWhen', 'runIf', 'mayFail', 'delay']
const ALLOWED = { step: ['args', ...NAMES], map: ['args', 'concurrency', ...NAMES], include: NAMES }

/** The options of a step; what refers to other steps is left to the builder, which knows them. */
export interface ParsedStep {
  readonly args: unknown
  readonly after: readonly unknown[]
  readonly runWhen: RunWhen
  /** Undefined: it has none. */
  readonly runIf: unknown
  readonly mayFail: boolean
  readonly delayMs: number
  readonly concurrency: number | null
}

/** @throws {ConfigError} */
export function parseStepOptions(
  kind: keyof typeof ALLOWED,
  value: unknown,
  job: JobSpec | null,
  what: string,
): ParsedStep {
  const given = checkOptions(value, ALLOWED[kind], what)
  const { args, after = [], runIf, concurrency } = given
  if (!Array.isArray(after)) {
    throw new ConfigError(`${what}: after: expected an array of steps, got ${inspect(after)}.`)
  }
  return {
    args: args ?? job?.args,
    after,
    runWhen: checkOneOf(given.runWhen ?? 'all-succeeded', RUN_WHEN, `${what}: runWhen`),
    runIf,
    mayFail: checkFlag(given.mayFail ?? false, `${what}: mayFail`),
    delayMs:
      given.delay === undefined ? (job?.delayMs ?? 0) : durationMs(given.delay, `${what}: delay`),
    concurrency:
      concurrency === undefined
        ? null
        : checkInteger(concurrency, `${what}: concurrency`, { min: 1, max: 1_000_000 }),
  }
}
