import type { Tenant } from './tenant.ts'

/** A child, as an attempt may be given to it. */
export interface CandidateChild {
  readonly isIdle: boolean
  readonly tenant: Tenant | null
  readonly attempts: { readonly size: number }
  /** How many attempts of its tenant can run in it concurrently. */
  readonly slots: number
  /** How many it can use beyond those that run. */
  readonly ahead: number
  takes(tenant: Tenant): boolean
}

/** A backlog whose next attempt needs a child. */
export interface WaitingBacklog<C> extends Tenant {
  readonly busyChildren: readonly C[]
  readonly group: { readonly children: Iterable<C> }
}

/** What a queue has of its concurrency and of the pool. */
export interface QueueSlots {
  /** Children that it may have of those that queues share. */
  readonly share: number
  readonly concurrency: number
  /** Slots of its concurrency that are taken. */
  readonly used: number
  /** A backlog waits for a slot and gets the next one: no other is kept busy before it. */
  readonly isStarving: boolean
}

export type ChildChoice<C> =
  /** It begins the attempt immediately, which takes a slot. */
  | { readonly kind: 'free'; readonly child: C }
  /** It has attempts before this one, which are short. */
  | { readonly kind: 'busy'; readonly child: C }
  /** A child is free, and the queue has no slot. */
  | { readonly kind: 'no-slot' }
  | { readonly kind: 'none' }

/** The child that gets the next attempt of a backlog: the one with the least to do. */
export function chooseChild<C extends CandidateChild>(
  backlog: WaitingBacklog<C>,
  { share, concurrency, used, isStarving }: QueueSlots,
): ChildChoice<C> {
  const free = freeChild(backlog, share)
  if (free !== null && used < concurrency) return { kind: 'free', child: free }
  const busy = isStarving ? null : busyChild(backlog, share)
  if (busy !== null) return { kind: 'busy', child: busy }
  return { kind: free === null ? 'none' : 'no-slot' }
}

/** One of its own that has a slot, or an idle one where the backlog may have another. */
function freeChild<C extends CandidateChild>(backlog: WaitingBacklog<C>, share: number): C | null {
  const own = ownChildren(backlog, share)
  let best: C | null = null
  for (const child of own) {
    if (child.takes(backlog) && child.attempts.size < child.slots) best = lessBusy(best, child)
  }
  if (!backlog.isAlone && own.length >= share) return best
  for (const child of backlog.group.children) {
    if (!child.isIdle || !child.takes(backlog)) continue
    // It knows how long these jobs take.
    if (child.tenant === backlog) return child
    best = lessBusy(best, child)
  }
  return best
}

/** One of its own that can use more than it runs, since its jobs are short. */
function busyChild<C extends CandidateChild>(backlog: WaitingBacklog<C>, share: number): C | null {
  let best: C | null = null
  for (const child of ownChildren(backlog, share)) {
    const { ahead, attempts } = child
    const isFull = ahead === 0 || attempts.size >= backlog.width + ahead
    if (!isFull && child.takes(backlog)) best = lessBusy(best, child)
  }
  return best
}

/** Those that it has, up to its share: the others finish what they have, and go to another queue. */
function ownChildren<C>({ isAlone, busyChildren }: WaitingBacklog<C>, share: number): readonly C[] {
  return isAlone || busyChildren.length <= share ? busyChildren : busyChildren.slice(0, share)
}

function lessBusy<C extends CandidateChild>(one: C | null, other: C): C {
  return one !== null && one.attempts.size <= other.attempts.size ? one : other
}
