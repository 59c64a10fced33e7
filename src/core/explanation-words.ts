import { inspect } from './check.ts'
import type { Explanation, WaitReason } from './explanation.ts'

/** What an explanation says, as the end of a sentence about the job: `waits: its queue is paused`. */
export function explanationInWords({ state, runnable, reasons }: Explanation): string {
  if (state !== 'pending' && state !== 'retrying') return `is ${state}`
  if (reasons.length === 0) return 'waits for a free slot of a worker'
  const words = reasons.map(reasonInWords).join('; ')
  return runnable ? `is next in line: ${words}` : `waits: ${words}`
}

/** One of the reasons, as a part of a sentence: `its queue "mail" is paused`. */
export function reasonInWords(reason: WaitReason): string {
  switch (reason.kind) {
    case 'scheduled':
      return `it is scheduled for ${reason.at.toISOString()}`
    case 'backoff':
      return `its next attempt is due at ${reason.until.toISOString()}`
    case 'queue-paused':
      return `its queue ${inspect(reason.queue)} is paused${until(reason.resumeAt)}`
    case 'queue-undeclared':
      return `its queue ${inspect(reason.queue)} is not declared. Call chancy.declare(new Queue(${inspect(reason.queue)})), or start a worker whose jobs name it`
    case 'no-worker':
      return `no worker runs its queue ${inspect(reason.queue)}, for workers with the tags ${reason.tags.map(inspect).join(', ')}${because(reason.refusals)}`
    case 'workers-paused':
      return workersPaused(reason)
    case 'function-unknown':
      return `no worker of its queue knows a function named ${inspect(reason.name)}. Look at the option "jobs" of the workers`
    case 'concurrency':
      return `${reason.running} of at most ${reason.max} jobs of its group ${inspect(reason.group)} run`
    case 'rate-limit':
      return `its queue has used its ${reason.max} starts; the next is at ${reason.nextStart.toISOString()}`
    case 'dependency':
      return waitsFor(reason)
    case 'batch':
      return `${reason.open} of ${reason.total} jobs of the batch have not ended${reason.isPushing ? ', and more are being pushed' : ''}`
    case 'signal':
      return `it waits for the signal ${reason.signals.map(inspect).join(' or ')}${until(reason.until)}`
    case 'job':
      return `it waits for the jobs of its step ${inspect(reason.step)}`
    case 'behind':
      return `${reason.ahead}${reason.hasMore ? ' or more' : ''} jobs are ahead of it`
    default:
      // Another release may know more reasons.
      return String((reason satisfies never as { readonly kind: string }).kind)
  }
}

/** Steps that are named; the rest is counted. */
const MAX_STEPS = 3

function waitsFor({ waitsFor: steps, hasMore }: WaitReason & { kind: 'dependency' }): string {
  const named = steps.slice(0, MAX_STEPS).map(({ step, state }) => `${inspect(step)}, ${state}`)
  const more = steps.length - named.length
  const rest = more === 0 ? '' : `; and ${more}${hasMore ? ' or more' : ''} others`
  return `it waits for steps of its workflow: ${named.join('; ')}${rest}`
}

/** How many paused workers are named. */
const NAMED_WORKERS = 3

function workersPaused({
  queue,
  workers,
  hasMore,
}: WaitReason & { kind: 'workers-paused' }): string {
  const named = workers
    .slice(0, NAMED_WORKERS)
    .map(({ id, label }) => (label === null ? id : `${inspect(label)} (${id})`))
  const isAll = workers.length <= NAMED_WORKERS && !hasMore
  const list = isAll ? named.join(', ') : `${named.join(', ')} and others`
  return workers.length === 1
    ? `the only worker of its queue ${inspect(queue)} that knows its function is paused: ${list}. Call resume() of it`
    : `all workers of its queue ${inspect(queue)} that know its function are paused: ${list}. Call resume() of one`
}

function because(refusals: readonly string[] = []): string {
  return refusals.length === 0 ? '' : `: ${refusals.join(' ')}`
}

function until(date: Date | null): string {
  return date === null ? '' : ` until ${date.toISOString()}`
}
