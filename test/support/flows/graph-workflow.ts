import { defineJob, type Step, type Workflow, workflow } from 'chancy'
import type { FlowPlan, FlowStep } from '../../../src/core/workflow/flow-plan.ts'

/** What `task` of `processes/flow-worker.mjs` takes. */
interface TaskArgs {
  readonly n: number
  /** How long it runs, in milliseconds. */
  readonly ms: number
  /** How many of its first attempts throw. */
  readonly fails: number
  /** How long its list is. */
  readonly items: number
  readonly item?: unknown
  readonly given?: unknown
}

interface TaskResult {
  readonly n: number
  readonly yes: boolean
  readonly list: number[]
}

const task = defineJob<TaskArgs, TaskResult>({ name: 'task', queue: 'flows' })

/**
 * The workflow of a plan, made by the builder that applications use. What each step does is drawn by `random`; `slow` of
 * them work for a while.
 */
export function workflowOf(plan: FlowPlan, random: () => number, slow = 0.03): Workflow {
  const build = workflow({ name: 'trial', onFailure: plan.onFailure }, (flow) => {
    const steps: Step<TaskResult>[] = []
    for (const [n, { name, deps, runWhen, runIf, mayFail, map, args }] of plan.steps.entries()) {
      const terms = { after: deps.map((dep) => steps[dep]!), runWhen, mayFail }
      const one = task.job.withMaxAttempts(random() < 0.2 ? 3 : 1)
      const given = workOf(n, args, random, slow)
      if (map !== null) {
        const { concurrency } = map
        const items = flow.map(name, steps[map.over.step]!.output.list, one, {
          ...terms,
          ...(concurrency === null ? {} : { concurrency }),
          args: (item) => ({ ...given, item }),
        })
        // What a map gives has none of the parts that others read: that fails those that are maps themselves.
        steps.push(items as unknown as Step<TaskResult>)
        continue
      }
      const from = args.holes[0]?.from
      const read = typeof from === 'number' ? { given: steps[from]!.outputOrNull.n } : {}
      const condition = runIf === null ? {} : { runIf: steps[runIf.step]!.outputOrNull.yes }
      steps.push(flow.step(name, one, { ...terms, ...condition, args: { ...given, ...read } }))
    }
  })
  return build()
}

/** One in fifteen fails, for ever or until it is tried again. */
function workOf(
  n: number,
  { value }: FlowStep['args'],
  random: () => number,
  slow: number,
): TaskArgs {
  const { items = Math.floor(random() * 6) } = JSON.parse(value) as { items?: number }
  const ms = random() < slow ? Math.ceil(random() * 150) : 0
  const fails = random() < 0.06 ? Math.ceil(random() * 3) : 0
  return { n, ms, fails, items }
}
