import { inspect } from '../check.ts'
import { ConfigError } from '../errors.ts'
import { type EachPushable, type Pushable, type ResultOfPushable, toJob } from '../job.ts'
import type { Flow, Step } from './flow.ts'
import { FlowBuilder } from './flow-builder.ts'
import type { Resolved } from './flow-types.ts'
import { parseWorkflowOptions, Workflow, type WorkflowOptions } from './workflow.ts'

// biome-ignore lint/complexity/noBannedTypes: {} asks "can it be left out?", which no other type does
type Nothing = {}
type Last<J extends readonly unknown[]> = J extends readonly [...unknown[], infer L] ? L : J[number]

/**
 * Makes a function that describes a graph of jobs. Called, it runs `build` once, here and now, and gives an immutable
 * `Workflow` to push. `build` describes the steps by `flow`; none of them has run, so their outputs are placeholders.
 *
 * ```ts
 * const order = workflow({ name: 'order' }, (flow, { orderId }: { orderId: string }) => {
 *   const paid = flow.step('pay', charge, { args: { orderId } })
 *   flow.step('mail', mail, { args: { to: paid.output.email } })
 *   return { charge: paid.output.id }
 * })
 * await chancy.push(order({ orderId: '7' }))
 * ```
 *
 * @param build Returns what the workflow gives: outputs of steps, in plain data or alone.
 * @throws {ConfigError} when an option is wrong; the function throws it when a step is
 */
export function workflow<A = Nothing, O = void>(
  options: WorkflowOptions,
  build: (flow: Flow, args: A) => O,
): (...args: Nothing extends A ? [args?: A] : [args: A]) => Workflow<Resolved<O>> {
  const terms = parseWorkflowOptions(options, 'workflow()')
  if (typeof build !== 'function') {
    throw new ConfigError(
      `workflow(): expected a function as the second argument, got ${inspect(build)}.`,
    )
  }
  return (...given) => {
    const builder = new FlowBuilder(terms.name)
    const [args = {}] = given
    return new Workflow({ ...terms, ...builder.end(build(builder.flow, args as A)) })
  }
}

/**
 * A workflow whose jobs run one after the other. It gives what the last one gives. The steps have the names of their
 * jobs; of two with the same name the second is `name-2`.
 *
 * @param options The name, or all options of a workflow.
 * @throws {ConfigError} when an option is wrong, or there is no job
 */
export function chain<const J extends readonly unknown[]>(
  options: string | WorkflowOptions,
  jobs: J & { readonly [K in keyof J]: EachPushable<J[K]> },
): Workflow<ResultOfPushable<Last<J>>> {
  const terms = parseWorkflowOptions(
    typeof options === 'string' ? { name: options } : options,
    'chain()',
  )
  if (!Array.isArray(jobs) || jobs.length === 0) {
    throw new ConfigError(`chain(): expected an array of jobs, got ${inspect(jobs)}.`)
  }
  const builder = new FlowBuilder(terms.name)
  const names = new Set<string>()
  let last: Step<unknown> | undefined
  for (const given of jobs as readonly Pushable<unknown, unknown>[]) {
    const { name } = toJob(given)
    const step = freeName(name, names)
    names.add(step)
    last = builder.flow.step(step, given, { after: last === undefined ? [] : [last] })
  }
  return new Workflow({ ...terms, ...builder.end(last?.output) })
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  for (let count = 1; ; count++) {
    const step = count === 1 ? name : `${name}-${count}`
    if (!taken.has(step)) return step
  }
}
