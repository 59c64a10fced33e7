import type { OpenWait } from '../core/durable-record.ts'
import type { PushRow } from '../core/push-row.ts'
import { storedJobOf } from '../core/stored-job.ts'
import { sentPlan } from '../core/workflow/sent-plan.ts'

/** A job as it is pushed together with the records of a durable job. */
export function storedPush(row: PushRow): { readonly id: string; readonly job: object } {
  return { id: row.id, job: storedJobOf(row) }
}

/** Open waits as the row of a durable job keeps them, once the function `open_waits` has set their times. */
export function storedWaits(waits: readonly OpenWait[]): readonly object[] {
  return waits.map(({ kind, name, untilMs, afterMs, startedMs, signals, children }) => ({
    kind,
    name,
    signals,
    since_ms: startedMs,
    ...(untilMs === null ? {} : { until_ms: untilMs }),
    ...(afterMs === null ? {} : { after_ms: afterMs }),
    ...(children === null
      ? {}
      : {
          count: children.count,
          settle: children.settle,
          ...(children.concurrency === null ? {} : { concurrency: children.concurrency }),
          ...(children.push.length === 0 ? {} : { push: children.push.map(storedPush) }),
          ...(children.workflow === undefined ? {} : { workflow: sentPlan(children.workflow) }),
        }),
  }))
}
