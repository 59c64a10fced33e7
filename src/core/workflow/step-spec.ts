import type { JobSpec } from '../job-options.ts'
import type { FlowStep } from './flow-plan.ts'

/** A step of a built workflow: as it is pushed, except for the row of its job, which each push makes. */
export interface StepSpec extends Omit<FlowStep, 'job' | 'groupBy'> {
  /** Null: the begin or the end of an included workflow. */
  readonly job: JobSpec | null
  /** Null: its job has no concurrency limit. */
  readonly group: StepGroup | null
  /** Whether it is inside of an included workflow: then the end of that one stands for it. */
  readonly isInner: boolean
}

/** The concurrency group of a step: its key, or the argument that makes the key when the step is ready. */
export type StepGroup = { readonly key: string } | { readonly by: string }

/** The same step in a workflow in which that many others come before it. */
export function shifted(step: StepSpec, by: number): StepSpec {
  if (by === 0) return step
  const { runIf, map, args } = step
  return {
    ...step,
    deps: step.deps.map((dep) => dep + by),
    runIf: runIf === null ? null : { ...runIf, step: runIf.step + by },
    map: map === null ? null : { ...map, over: { ...map.over, step: map.over.step + by } },
    args: shiftedTemplate(args, by),
    begin: step.begin === null ? null : step.begin + by,
    failsWith: step.failsWith.map((one) => one + by),
  }
}

/** The same template in a workflow in which that many other steps come before its own. */
export function shiftedTemplate(template: FlowStep['args'], by: number): FlowStep['args'] {
  const holes = template.holes.map((hole) =>
    typeof hole.from === 'number' ? { ...hole, from: hole.from + by } : hole,
  )
  return { value: template.value, holes }
}
