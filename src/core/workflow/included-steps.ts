import { inspect } from '../check.ts'
import { ConfigError } from '../errors.ts'
import type { JobSpec } from '../job-options.ts'
import type { OutputPath } from './flow-plan.ts'
import type { StepGraph } from './step-graph.ts'
import type { ParsedStep } from './step-options.ts'
import { type StepSpec, shifted, shiftedTemplate } from './step-spec.ts'
import { isWorkflow, WORKFLOW_SPEC, type WorkflowSpec } from './workflow.ts'

/** Where a workflow is included. */
export interface Including {
  readonly name: string
  readonly options: ParsedStep
  readonly deps: readonly number[]
  readonly runIf: OutputPath | null
}

/** A begin or an end has no job, and its turn ends it. */
const WITHOUT_JOB = {
  ...{ job: null, group: null, delayMs: 0, map: null, failsWith: [], isInner: false },
}
const NOTHING = { value: 'null', holes: [] }

/**
 * Adds the steps of an included workflow, and a step of its own name that ends with them. Where something is waited for,
 * a begin stands before them: it is decided once for all of them.
 *
 * @returns the ordinal of the end
 */
export function addIncluded(graph: StepGraph, spec: WorkflowSpec, including: Including): number {
  const { name, options, deps, runIf } = including
  const { runWhen, delayMs, mayFail } = options
  const begin =
    deps.length === 0
      ? null
      : graph.add({
          ...WITHOUT_JOB,
          ...{ name: graph.checkName(`${name}:begin`), deps, runWhen, runIf },
          ...{ mayFail: false, args: NOTHING, begin: null },
        })
  const first = graph.steps.length
  const ends: number[] = []
  for (const step of spec.steps) {
    const inner = shifted(step, first)
    const isFirst = inner.deps.length === 0
    const ordinal = graph.add({
      ...inner,
      name: graph.checkName(`${name}.${step.name}`),
      job: inherited(inner.job, spec.priority),
      deps: isFirst && begin !== null ? [begin] : inner.deps,
      delayMs: inner.delayMs + (isFirst ? delayMs : 0),
      begin: inner.begin ?? begin,
      mayFail: true,
      isInner: true,
    })
    if (!step.isInner) ends.push(ordinal)
  }
  return graph.add({
    ...WITHOUT_JOB,
    ...{ name, mayFail, begin, runWhen: 'all-ended', runIf: null },
    deps: ends.length === 0 && begin !== null ? [begin] : ends,
    args: shiftedTemplate(spec.output, first),
    failsWith: ends.filter((ordinal) => spec.steps[ordinal - first]?.mayFail === false),
  })
}

/** What an included workflow is made of. @throws {ConfigError} when it has what only a pushed one can have */
export function includable(workflow: unknown, what: string): WorkflowSpec {
  if (!isWorkflow(workflow)) {
    const hint = typeof workflow === 'function' ? ' Call it first, with its arguments.' : ''
    throw new ConfigError(`${what}: expected a workflow, got ${inspect(workflow)}.${hint}`)
  }
  const spec = workflow[WORKFLOW_SPEC]
  const own = [
    spec.uniqueKey === null ? [] : ['a unique key'],
    spec.deadlineMs === null ? [] : ['a deadline'],
    spec.onFailure === 'finish' ? [] : [`onFailure: '${spec.onFailure}'`],
  ].flat()
  if (own.length === 0) return spec
  throw new ConfigError(
    `${what}: workflow ${inspect(spec.name)} has ${own.join(' and ')}, which only a workflow that is pushed can have. Give it to the whole one.`,
  )
}

function inherited(spec: JobSpec | null, priority: number): StepSpec['job'] {
  return spec === null || spec.priority !== 0 ? spec : { ...spec, priority }
}
