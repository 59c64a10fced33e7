import { brandClass } from '../brand.ts'
import { checkFlag, checkOneOf, checkOptions, checkText, inspect } from '../check.ts'
import { DEFAULT_RETENTION_MS } from '../definition.ts'
import { type Duration, durationMs } from '../duration.ts'
import { ConfigError } from '../errors.ts'
import { MAX_NAME_BYTES } from '../job-name.ts'
import {
  checkPriority,
  checkRecord,
  checkRetention,
  checkUniqueKey,
  NO_DATA,
} from '../job-options.ts'
import { encodeJson, MAX_META_BYTES } from '../json.ts'
import type { Template } from './flow-plan.ts'
import type { StepSpec } from './step-spec.ts'

declare const RESULT: unique symbol

/** Where a `Workflow` keeps what it is made of; the same symbol in every copy of the package. */
export const WORKFLOW_SPEC: unique symbol = Symbol.for('chancy.workflow')

/** Options of `workflow()` and `chain()`. */
export interface WorkflowOptions {
  /** What it is listed by; 1 to 200 bytes. */
  readonly name: string
  /** Of the steps whose job has the priority 0. Default: 0. */
  readonly priority?: number
  /** How long it may take from the push; then what is open is cancelled and it has failed. Default: none. */
  readonly deadline?: Duration
  /** How long it is kept after its end, at least 10 minutes. Default: `'7d'`. */
  readonly retention?: Duration
  /**
   * Once a step has failed: `'finish'` runs what does not depend on it, `'cancel'` cancels the others.
   * Default: `'finish'`.
   */
  readonly onFailure?: 'finish' | 'cancel'
  /** JSON of at most 64 KiB that is kept with it. Default: `{}`. */
  readonly meta?: Readonly<Record<string, unknown>>
}

/** What the options of a workflow say, and its unique key. */
export interface WorkflowTerms {
  readonly name: string
  readonly priority: number
  readonly deadlineMs: number | null
  readonly retentionMs: number
  readonly onFailure: 'finish' | 'cancel'
  readonly meta: Readonly<Record<string, unknown>>
  readonly uniqueKey: string | null
  readonly once: boolean
}

/** Everything a `Workflow` is made of. */
export interface WorkflowSpec extends WorkflowTerms {
  readonly steps: readonly StepSpec[]
  readonly output: Template
}

const OPTIONS = ['name', 'priority', 'deadline', 'retention', 'onFailure', 'meta']

/** @throws {ConfigError} */
export function parseWorkflowOptions(value: unknown, maker: string): WorkflowTerms {
  const given = checkOptions(value ?? {}, OPTIONS, maker)
  const rule = { what: `${maker}: the option "name"`, maxBytes: MAX_NAME_BYTES }
  const name = checkText(given.name, rule)
  const what = `Workflow ${inspect(name)}`
  const onFailure = given.onFailure ?? 'finish'
  return {
    name,
    priority: checkPriority(given.priority ?? 0, what),
    deadlineMs: given.deadline == null ? null : checkDeadline(given.deadline, what),
    retentionMs: checkRetention(given.retention ?? DEFAULT_RETENTION_MS, what),
    onFailure: checkOneOf(onFailure, ['finish', 'cancel'], `${what}: onFailure`),
    meta: checkMeta(given.meta ?? NO_DATA, what),
    uniqueKey: null,
    once: false,
  }
}

export function checkDeadline(value: unknown, what: string): number {
  const ms = durationMs(value, `${what}: deadline`)
  if (ms > 0) return ms
  throw new ConfigError(`${what}: deadline: expected at least 1ms, got ${inspect(value)}.`)
}

export function checkMeta(value: unknown, what: string): Readonly<Record<string, unknown>> {
  const meta = checkRecord(value, `${what}: meta`)
  metaText(meta, what)
  return meta
}

/** JSON text of the meta of a workflow. */
export function metaText(meta: Readonly<Record<string, unknown>>, what: string): string {
  return encodeJson(meta, {
    what: `${what}: meta`,
    maxBytes: MAX_META_BYTES,
    error: (message, details) => new ConfigError(message, { details }),
  })
}

/**
 * An immutable description of a graph of jobs that is not in the database yet: made by `workflow()` or `chain()`,
 * pushed by `chancy.push`. Each `with…` gives a new one.
 */
export class Workflow<out O = unknown> {
  readonly name: string
  readonly priority: number
  readonly uniqueKey: string | null
  /** Whether its unique key stays taken while an ended workflow with it is kept. */
  readonly once: boolean
  /** From the push. Null: none. */
  readonly deadlineMs: number | null
  readonly retentionMs: number
  readonly onFailure: 'finish' | 'cancel'
  readonly meta: Readonly<Record<string, unknown>>
  /** @internal */
  readonly [WORKFLOW_SPEC]: WorkflowSpec
  /** What it gives; exists for the compiler only. */
  declare readonly [RESULT]?: O

  /** @internal Use `workflow()` or `chain()`. */
  constructor(spec: WorkflowSpec) {
    this.name = spec.name
    this.priority = spec.priority
    this.uniqueKey = spec.uniqueKey
    this.once = spec.once
    this.deadlineMs = spec.deadlineMs
    this.retentionMs = spec.retentionMs
    this.onFailure = spec.onFailure
    this.meta = spec.meta
    this[WORKFLOW_SPEC] = spec
    Object.freeze(this)
  }

  /** The names of its steps, in the order in which they were described. */
  get stepNames(): readonly string[] {
    return this[WORKFLOW_SPEC].steps.map(({ name }) => name)
  }

  /**
   * At most one workflow with this key is open; a second push gives the reference of the first.
   *
   * @param key 1 to 1,000 bytes.
   * @param options.once Whether the key stays taken while an ended workflow with it is kept. Default: false.
   * @throws {ConfigError}
   */
  withUniqueKey(key: string, options?: { readonly once?: boolean }): Workflow<O> {
    const { once = false } = checkOptions(options, ['once'], `${this.#what}: withUniqueKey`)
    return this.#with({
      uniqueKey: checkUniqueKey(key, this.#what),
      once: checkFlag(once, `${this.#what}: once`),
    })
  }

  /** Of the steps whose job has the priority 0. Higher runs sooner. @throws {ConfigError} */
  withPriority(priority: number): Workflow<O> {
    return this.#with({ priority: checkPriority(priority, this.#what) })
  }

  /** How long it may take from the push. @throws {ConfigError} */
  withDeadline(deadline: Duration): Workflow<O> {
    return this.#with({ deadlineMs: checkDeadline(deadline, this.#what) })
  }

  /** Replaces all of it. JSON of at most 64 KiB. @throws {ConfigError} */
  withMeta(meta: Readonly<Record<string, unknown>>): Workflow<O> {
    return this.#with({ meta: checkMeta(meta, this.#what) })
  }

  get #what(): string {
    return `Workflow ${inspect(this.name)}`
  }

  #with(changed: Partial<WorkflowSpec>): Workflow<O> {
    return new Workflow({ ...this[WORKFLOW_SPEC], ...changed })
  }
}

brandClass(Workflow, 'Workflow')

/** Says whether a value is a `Workflow`, also of another copy of the package. */
export function isWorkflow(value: unknown): value is Workflow {
  return typeof value === 'object' && value !== null && WORKFLOW_SPEC in value
}
