import type { InvokedPlan } from '../durable-record.ts'

/** A plan as the database takes it: the arguments of its jobs stand in the templates. */
export function sentPlan(plan: InvokedPlan): object {
  const steps = plan.steps.map(({ job, ...step }) => {
    if (job === null) return { ...step, job: null }
    const { id, queue, name, priority, maxAttempts, extras } = job
    return { ...step, job: { id, queue, name, priority, maxAttempts, extras } }
  })
  return { ...plan, steps }
}
