import type { Explanation, QueueExplanation, WaitReason } from '../../core/explanation.ts'
import type {
  WireExplanation,
  WireQueueExplanation,
  WireWaitReason,
} from '../shapes/explanation.ts'
import { iso } from './cut-json.ts'

export function explanationJson(found: Explanation): WireExplanation {
  const { state, runnable, reasons, earliestStart } = found
  return {
    state,
    runnable,
    reasons: reasons.map(reasonJson),
    earliestStart: iso(earliestStart ?? null),
  }
}

function reasonJson(reason: WaitReason): WireWaitReason {
  switch (reason.kind) {
    case 'scheduled':
      return { ...reason, at: iso(reason.at) }
    case 'backoff':
      return { ...reason, until: iso(reason.until) }
    case 'queue-paused':
      return { ...reason, resumeAt: iso(reason.resumeAt) }
    case 'no-worker':
      return { ...reason, refusals: reason.refusals ?? [] }
    case 'rate-limit':
      return { ...reason, nextStart: iso(reason.nextStart) }
    case 'signal':
      return { ...reason, until: iso(reason.until) }
    default:
      return reason
  }
}

export function queueExplanationJson(found: QueueExplanation): WireQueueExplanation {
  const counts = Object.entries(found.counts).map(([name, { jobs, hasMore }]) => [
    name,
    { jobs, more: hasMore },
  ])
  const { queue, state } = found
  return { queue, state, counts: Object.fromEntries(counts) as WireQueueExplanation['counts'] }
}
