import { show } from './check.ts'
import type { Explanation, WaitReason } from './explanation.ts'

/** What an explanation says, as the end of a sentence about the job: `waits: its queue is paused`. */
export function explanationInWords({ state, runnable, reasons }: Explanation): string {
  if (state !== 'pending' && state !== 'retrying') return `is ${state}`
  if (reasons.length === 0) return 'waits for a free slot of a worker'
  const words = reasons.map(inWords).join('; ')
  return runnable ? `is next in line: ${words}` : `waits: ${words}`
}

function inWords(reason: WaitReason): string {
  switch (reason.kind) {
    case 'scheduled':
      return `it is scheduled for ${reason.at.toISOString()}`
    case 'backoff':
      return `its next attempt is due at ${reason.until.toISOString()}`
    case 'queue-paused':
      return `its queue ${show(reason.queue)} is paused${until(reason.resumeAt)}`
    case 'queue-undeclared':
      return `its queue ${show(reason.queue)} is not declared. Call chancy.declare(new Queue(${show(reason.queue)})), or start a worker whose jobs name it`
    case 'no-worker':
      return `no worker runs its queue ${show(reason.queue)}, for workers with the tags ${reason.tags.map(show).join(', ')}${because(reason.refusals)}`
    case 'function-unknown':
      return `no worker of its queue knows a function named ${show(reason.name)}. Look at the option "jobs" of the workers`
    case 'concurrency':
      return `${reason.running} of at most ${reason.max} jobs of its group ${show(reason.group)} run`
    case 'rate-limit':
      return `its queue has used its ${reason.max} starts; the next is at ${reason.nextStart.toISOString()}`
    case 'behind':
      return `${reason.ahead}${reason.more ? ' or more' : ''} jobs are ahead of it`
    default:
      // Another release may know more reasons.
      return String((reason satisfies never as { readonly kind: string }).kind)
  }
}

function because(refusals: readonly string[] = []): string {
  return refusals.length === 0 ? '' : `: ${refusals.join(' ')}`
}

function until(date: Date | null): string {
  return date === null ? '' : ` until ${date.toISOString()}`
}
