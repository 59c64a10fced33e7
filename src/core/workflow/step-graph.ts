import { checkText, inspect } from '../check.ts'
import { ChancyError, ConfigError } from '../errors.ts'
import { MAX_NAME_BYTES } from '../job-name.ts'
import type { StepSpec } from './step-spec.ts'

/** How many steps a workflow may have, those of its maps included. */
export const MAX_STEPS = 10_000
/** How many dependencies all steps of a workflow may have together. */
export const MAX_DEPENDENCIES = 100_000

/** The steps of a workflow that is being built. A step depends on earlier ones only, so there is no cycle. */
export class StepGraph {
  readonly steps: StepSpec[] = []
  readonly what: string
  readonly #names = new Set<string>()
  /** Whether a step has succeeded in every workflow that has. */
  readonly #isSure: boolean[] = []
  #dependencies = 0

  constructor(workflow: string) {
    this.what = `Workflow ${inspect(workflow)}`
  }

  /** @throws {ConfigError} when it is no name, or taken */
  checkName(name: unknown): string {
    const rule = { what: `${this.what}: the name of a step`, maxBytes: MAX_NAME_BYTES }
    const checked = checkText(name, rule)
    if (!this.#names.has(checked)) return checked
    throw new ConfigError(
      `${this.what}: it has a step ${inspect(checked)} already. Names of steps are unique in a workflow.`,
    )
  }

  /** Adds a step and returns its ordinal. @throws {ChancyError} `WORKFLOW_TOO_LARGE` */
  add(step: StepSpec): number {
    const ordinal = this.steps.length
    this.#dependencies += step.deps.length
    if (ordinal >= MAX_STEPS) throw this.#tooLarge(step.name, MAX_STEPS, 'steps')
    if (this.#dependencies > MAX_DEPENDENCIES) {
      throw this.#tooLarge(step.name, MAX_DEPENDENCIES, 'dependencies')
    }
    this.steps.push(step)
    this.#names.add(step.name)
    this.#isSure.push(this.#sureness(step))
    return ordinal
  }

  /** Whether a step has succeeded in every workflow that has, so that its output is there. */
  isSure(step: number): boolean {
    return this.#isSure[step] === true
  }

  /** The name of a step, for a message. */
  shown(step: number): string {
    return inspect(this.steps[step]?.name)
  }

  #sureness({ deps, runWhen, runIf, mayFail, begin }: StepSpec): boolean {
    if (mayFail || runIf !== null || (begin !== null && !this.isSure(begin))) return false
    switch (runWhen) {
      case 'all-succeeded':
        return deps.every((dep) => this.isSure(dep))
      case 'none-failed':
        return deps.every((dep) => this.steps[dep]?.mayFail === false)
      case 'all-ended':
        return true
      case 'any-succeeded':
        return deps.some((dep) => this.isSure(dep))
      case 'any-failed':
        return false
      default:
        return runWhen satisfies never
    }
  }

  #tooLarge(name: string, max: number, of: string): ChancyError {
    return new ChancyError(
      'WORKFLOW_TOO_LARGE',
      `${this.what}: step ${inspect(name)}: a workflow has at most ${max.toLocaleString('en-US')} ${of}. ` +
        'Split it, or let one of its steps push workflows.',
      { details: { max, of } },
    )
  }
}
