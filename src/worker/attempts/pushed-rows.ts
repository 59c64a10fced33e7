import type { DurableSave, InvokedPlan, OpenWait } from '../../core/durable-record.ts'
import type { PushRow } from '../../core/push-row.ts'

/** What is saved, with each job that it pushes as `change` makes it: those of a child have passed no hook of a plugin. */
export function withPushedRows(save: DurableSave, change: (row: PushRow) => PushRow): DurableSave {
  return {
    ...save,
    push: save.push.map(change),
    signals: save.signals.map((one) =>
      one.push === null ? one : { ...one, push: change(one.push) },
    ),
    waits: save.waits.map((wait) => withChildren(wait, change)),
  }
}

function withChildren(wait: OpenWait, change: (row: PushRow) => PushRow): OpenWait {
  const { children } = wait
  if (children === null) return wait
  const { workflow, push } = children
  const pushed = { ...children, push: push.map(change) }
  if (workflow === undefined) return { ...wait, children: pushed }
  return { ...wait, children: { ...pushed, workflow: changedPlan(workflow, change) } }
}

function changedPlan(plan: InvokedPlan, change: (row: PushRow) => PushRow): InvokedPlan {
  const steps = plan.steps.map((step) =>
    step.job === null ? step : { ...step, job: change(step.job) },
  )
  return { ...plan, steps }
}
