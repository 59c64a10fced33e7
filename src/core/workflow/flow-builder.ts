import { inspect } from '../check.ts'
import { ConfigError } from '../errors.ts'
import { JOB_SPEC, type Pushable, toJob } from '../job.ts'
import type { JobSpec } from '../job-options.ts'
import { isThenable } from '../thenable.ts'
import type { Flow, Step } from './flow.ts'
import type { FlowMap, Template } from './flow-plan.ts'
import { addIncluded, includable } from './included-steps.ts'
import { originOf, placeholder } from './placeholder.ts'
import { StepGraph } from './step-graph.ts'
import { stepGroup } from './step-group.ts'
import { type ParsedStep, parseStepOptions } from './step-options.ts'
import type { StepSpec } from './step-spec.ts'
import { outputOf, type Scope, StepUses, stepHandle } from './step-uses.ts'

/** Collects the steps that a build describes. */
export class FlowBuilder {
  readonly #graph: StepGraph
  readonly #scope: Scope
  #hasEnded = false

  constructor(workflow: string) {
    this.#graph = new StepGraph(workflow)
    this.#scope = Object.freeze({ owner: this.#graph.what })
  }

  /** What the build is called with: its methods need no `this`. */
  readonly flow: Flow = Object.freeze({
    step: (name: string, job: unknown, options?: unknown) => this.#step(name, job, options),
    map: (name: string, over: unknown, job: unknown, options?: unknown) =>
      this.#map(name, over, job, options),
    include: (name: string, workflow: unknown, options?: unknown) =>
      this.#include(name, workflow, options),
  }) as Flow

  /** Ends the build, with what it returned: the steps, and what the workflow gives. @throws {ConfigError} */
  end(returned: unknown): { readonly steps: readonly StepSpec[]; readonly output: Template } {
    this.#hasEnded = true
    if (originOf(returned) === null && isThenable(returned)) {
      throw new ConfigError(
        `${this.#graph.what}: its build returned a promise. It describes steps and runs none, so it is synchronous.`,
      )
    }
    const output = outputOf(this.#graph, this.#scope, returned)
    return { steps: Object.freeze(this.#graph.steps), output }
  }

  #step(name: string, given: unknown, options: unknown): Step<unknown> {
    const what = this.#begin(name)
    const job = specOf(given, what)
    const parsed = parseStepOptions('step', options, job, what)
    const uses = this.#uses(parsed, what)
    return this.#add({ name, what, job, parsed, uses, args: uses.args(parsed.args), map: null })
  }

  #map(name: string, over: unknown, given: unknown, options: unknown): Step<unknown> {
    const what = this.#begin(name)
    const job = specOf(given, what)
    const parsed = parseStepOptions('map', options, job, what)
    const uses = this.#uses(parsed, what)
    const map = { over: uses.list(over), concurrency: parsed.concurrency }
    if (typeof parsed.args !== 'function') {
      throw new ConfigError(
        `${what}: args: expected a function of an item and its index, got ${inspect(parsed.args)}.`,
      )
    }
    const scope: Scope = { owner: what }
    const part = (from: 'item' | 'index'): unknown =>
      placeholder({ scope, from, root: from, isNullable: false, path: [] })
    const args = uses.args(parsed.args(part('item'), part('index')), scope)
    return this.#add({ name, what, job, parsed, uses, args, map })
  }

  #include(name: string, workflow: unknown, options: unknown): Step<unknown> {
    const what = this.#begin(name)
    const spec = includable(workflow, what)
    const parsed = parseStepOptions('include', options, null, what)
    const uses = this.#uses(parsed, what)
    const runIf = uses.runIf(parsed.runIf)
    const { deps } = uses
    checkHasDeps(parsed, deps, what)
    const end = addIncluded(this.#graph, spec, { name, options: parsed, deps, runIf })
    return stepHandle(this.#scope, name, end)
  }

  #add(made: {
    readonly name: string
    readonly what: string
    readonly job: JobSpec
    readonly parsed: ParsedStep
    readonly uses: StepUses
    readonly args: Template
    readonly map: FlowMap | null
  }): Step<unknown> {
    const { name, what, job, parsed, uses, args, map } = made
    const { runWhen, mayFail, delayMs } = parsed
    const runIf = uses.runIf(parsed.runIf)
    const { deps } = uses
    checkHasDeps(parsed, deps, what)
    const step = this.#graph.add({
      ...{ name, job, deps, runWhen, runIf, mayFail, delayMs, args, map },
      group: stepGroup(job, args, what),
      begin: null,
      failsWith: [],
      isInner: false,
    })
    return stepHandle(this.#scope, name, step)
  }

  #uses(parsed: ParsedStep, what: string): StepUses {
    const uses = new StepUses(this.#graph, this.#scope, what, parsed.runWhen)
    uses.after(parsed.after)
    return uses
  }

  /** Checks that a step of this name may be added; returns what it is called in messages. */
  #begin(name: unknown): string {
    if (this.#hasEnded) {
      throw new ConfigError(`${this.#graph.what}: its build has ended, so no step can be added.`)
    }
    return `${this.#graph.what}: step ${inspect(this.#graph.checkName(name))}`
  }
}

/** A step that runs at the first success or failure of others never does when there are none. */
function checkHasDeps({ runWhen }: ParsedStep, deps: readonly number[], what: string): void {
  if (deps.length > 0 || !runWhen.startsWith('any-')) return
  throw new ConfigError(
    `${what}: runWhen: '${runWhen}' needs a step to wait for: name it in after.`,
  )
}

function specOf(given: unknown, what: string): JobSpec {
  const spec = jobIn(given, what)
  if (spec.scheduledAtMs !== null) {
    throw new ConfigError(
      `${what}: job ${inspect(spec.name)} has a scheduled time, which a step cannot have: it has a delay.`,
    )
  }
  if (spec.uniqueKey === null) return spec
  throw new ConfigError(
    `${what}: job ${inspect(spec.name)} has the unique key ${inspect(spec.uniqueKey)}, which a step cannot have. Give one to the workflow: withUniqueKey().`,
  )
}

function jobIn(given: unknown, what: string): JobSpec {
  try {
    return toJob(given as Pushable<unknown, unknown>)[JOB_SPEC]
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : inspect(cause)
    throw new ConfigError(`${what}: ${message}`, { cause })
  }
}
