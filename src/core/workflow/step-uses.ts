import { inspect } from '../check.ts'
import { ConfigError } from '../errors.ts'
import { checkRecord } from '../job-options.ts'
import type { Step } from './flow.ts'
import type { OutputPath, RunWhen, Template } from './flow-plan.ts'
import { type Origin, originOf, placeholder, showOrigin } from './placeholder.ts'
import type { StepGraph } from './step-graph.ts'
import type { ParsedStep } from './step-options.ts'
import { templateOf } from './template.ts'

const STEP = Symbol.for('chancy.step')

/** Where placeholders can be used: those of steps in their workflow, those of an item in the arguments of its map. */
export interface Scope {
  readonly owner: string
}

/** What `flow.step` returns. */
export function stepHandle(scope: Scope, name: string, step: number): Step<unknown> {
  const output = (key: string, isNullable: boolean): unknown =>
    placeholder({ scope, from: step, root: `${name}.${key}`, isNullable, path: [] })
  return Object.freeze({
    name,
    output: output('output', false),
    outputOrNull: output('outputOrNull', true),
    [STEP]: { scope, from: step, root: name, isNullable: true, path: [] },
  }) as unknown as Step<unknown>
}

/** What one step uses of the steps before it; those are its dependencies. */
export class StepUses {
  readonly #graph: StepGraph
  readonly #scope: Scope
  readonly #what: string
  readonly #runWhen: RunWhen
  readonly #deps = new Set<number>()

  constructor(graph: StepGraph, scope: Scope, what: string, runWhen: RunWhen) {
    this.#graph = graph
    this.#scope = scope
    this.#what = what
    this.#runWhen = runWhen
  }

  /** Ordinals, in ascending order. */
  get deps(): readonly number[] {
    return [...this.#deps].sort((a, b) => a - b)
  }

  /** Takes the steps that are waited for without their output. */
  after(steps: ParsedStep['after']): void {
    for (const one of steps) {
      const origin = originOf(one) ?? originOfStep(one)
      if (origin === null) {
        throw new ConfigError(`${this.#what}: after: expected a step, got ${inspect(one)}.`)
      }
      this.#take(origin, 'after')
    }
  }

  /** The condition of a step, where it has one. */
  runIf(value: unknown): OutputPath | null {
    if (value === undefined) return null
    const origin = originOf(value)
    if (origin !== null) return this.#read(origin, 'runIf')
    throw new ConfigError(
      `${this.#what}: runIf: expected an output of a step, got ${inspect(value)}. What is known when the workflow is built is decided by an if.`,
    )
  }

  /** The list of a map. One that is missing fails the map, so it is read by `output` whatever `runWhen` says. */
  list(value: unknown): OutputPath {
    const origin = originOf(value)
    if (origin !== null) return this.#take(origin, 'its list')
    throw new ConfigError(
      `${this.#what}: expected an output of a step as the list, got ${inspect(value)}. For a list that is known, call flow.step() in a loop.`,
    )
  }

  /** Arguments; `item` is where the placeholders of a map's item can be used. */
  args(value: unknown, item: Scope | null = null): Template {
    const what = `${this.#what}: args`
    return templateOf(originOf(value) === null ? checkRecord(value, what) : value, {
      what,
      check: refuseStep,
      holeOf: (origin) => {
        const { scope, from, path } = origin
        if (item !== null && scope === item) return { from, path }
        const used = this.#read(origin, 'args')
        return { from: used.step, path: used.path }
      },
    })
  }

  #read(origin: Origin, where: string): OutputPath {
    const path = this.#take(origin, where)
    if (this.#runWhen === 'all-succeeded' || origin.isNullable) return path
    throw new ConfigError(
      `${this.#what}: ${where}: with runWhen: '${this.#runWhen}' it can run although ${this.#graph.shown(path.step)} has not succeeded, ` +
        `so ${showOrigin(origin)} may be missing. Read ${orNull(origin)}, which is null then.`,
    )
  }

  #take(origin: Origin, where: string): OutputPath {
    const path = pathIn(this.#scope, origin, `${this.#what}: ${where}`)
    this.#deps.add(path.step)
    return path
  }
}

/** What a workflow gives, from what its build returned. @throws {ConfigError} */
export function outputOf(graph: StepGraph, scope: Scope, returned: unknown): Template {
  const what = `${graph.what}: its output`
  return templateOf(returned, {
    what,
    check: refuseStep,
    holeOf: (origin) => {
      const { step, path } = pathIn(scope, origin, what)
      if (origin.isNullable || graph.isSure(step)) return { from: step, path }
      throw new ConfigError(
        `${what}: the workflow can succeed without ${graph.shown(step)}, so ${showOrigin(origin)} may be missing. Read ${orNull(origin)}, which is null then.`,
      )
    },
  })
}

function pathIn(scope: Scope, origin: Origin, what: string): OutputPath {
  const { from, path } = origin
  if (typeof from === 'number' && origin.scope === scope) return { step: from, path }
  const { owner } = origin.scope as Scope
  const place = owner.charAt(0).toLowerCase() + owner.slice(1)
  throw new ConfigError(
    typeof from === 'string'
      ? `${what}: ${showOrigin(origin)} can be used in the args of its map only: ${place}.`
      : `${what}: ${showOrigin(origin)} belongs to another workflow: ${place}. Describe its steps here, by a function that takes flow, or include that workflow.`,
  )
}

function originOfStep(value: unknown): Origin | null {
  if (typeof value !== 'object' || value === null || !(STEP in value)) return null
  return value[STEP] as Origin
}

function refuseStep(value: object, path: string): void {
  const origin = originOfStep(value)
  if (origin === null) return
  throw new ConfigError(`${path} is the step ${inspect(origin.root)} itself: pass its output.`)
}

function orNull(origin: Origin): string {
  return showOrigin({ ...origin, root: origin.root.replace(/\.output$/, '.outputOrNull') })
}
