import { mayBegin } from '../../core/stop-request.ts'
import type { AttemptBacklog } from './attempt-backlog.ts'
import { chooseChild, type QueueSlots } from './child-choice.ts'
import type { ChildGroup } from './child-group.ts'
import type { PooledAttempt } from './pooled-attempt.ts'
import type { PooledChild } from './pooled-child.ts'
import type { Demand } from './start-policy.ts'

/** A queue, as its attempts are given to children. */
export interface DispatchedQueue {
  readonly backlogs: ReadonlyMap<string, AttemptBacklog>
  readonly concurrency: number
  /** Children that it may have of those that queues share. */
  readonly share: number
}

type Slots = { -readonly [Key in keyof QueueSlots]: QueueSlots[Key] }
type SlotsOf = Map<AttemptBacklog, Slots>

/**
 * Gives attempts to children, the oldest first. All that a child is given in one call is one message.
 * Returns what the groups lack.
 *
 * @param onRefused Is called with an attempt that may not begin any more.
 */
export function dispatch(
  queues: Iterable<DispatchedQueue>,
  now: number,
  onRefused: (attempt: PooledAttempt) => void,
): ReadonlyMap<ChildGroup, readonly Demand[]> {
  const slotsOf = slotsOfBacklogs(queues)
  const open: SlotsOf = new Map(slotsOf)
  const touched = new Set<PooledChild>()
  for (let backlog = oldest(open); backlog !== null; backlog = oldest(open)) {
    const attempt = backlog.next!
    if (!mayBegin(attempt.spec)) {
      backlog.shift()
      onRefused(attempt)
      continue
    }
    const slots = open.get(backlog)!
    const choice = chooseChild<PooledChild>(backlog, slots)
    if (choice.kind === 'none' || choice.kind === 'no-slot') {
      if (choice.kind === 'no-slot') slots.isStarving = true
      open.delete(backlog)
      continue
    }
    if (choice.kind === 'free') slots.used++
    choice.child.give(attempt, backlog)
    backlog.shift()
    touched.add(choice.child)
  }
  for (const child of touched) child.flush()
  return demandsOf(slotsOf, now)
}

/** The slots of each queue, for all of its backlogs with attempts that wait. */
function slotsOfBacklogs(queues: Iterable<DispatchedQueue>): SlotsOf {
  const slotsOf: SlotsOf = new Map()
  for (const queue of queues) {
    let slots: Slots | null = null
    for (const backlog of queue.backlogs.values()) {
      if (backlog.next === null) continue
      slots ??= slotsOfQueue(queue)
      slotsOf.set(backlog, slots)
    }
  }
  return slotsOf
}

function slotsOfQueue({ backlogs, concurrency, share }: DispatchedQueue): Slots {
  let used = 0
  for (const backlog of backlogs.values()) {
    const { width } = backlog
    for (const { attempts } of backlog.busyChildren) used += Math.min(width, attempts.size)
  }
  return { share, concurrency, used, isStarving: false }
}

function oldest(open: SlotsOf): AttemptBacklog | null {
  let best: AttemptBacklog | null = null
  let position = Number.POSITIVE_INFINITY
  for (const backlog of open.keys()) {
    const { next } = backlog
    if (next === null || next.position >= position) continue
    best = backlog
    position = next.position
  }
  return best
}

function demandsOf(slotsOf: SlotsOf, now: number): Map<ChildGroup, Demand[]> {
  const demands = new Map<ChildGroup, Demand[]>()
  for (const [backlog, { share, used, concurrency }] of slotsOf) {
    const { next, isAlone, group } = backlog
    const busy = backlog.busyChildren.length
    const free = Math.min(concurrency - used, isAlone ? concurrency : share - busy)
    if (next === null || free <= 0) continue
    const lacks = Math.min(backlog.waiting, free)
    const demand = { lacks, hasChild: busy > 0, isAlone, waitedMs: now - next.waitingSince }
    const others = demands.get(group)
    if (others === undefined) demands.set(group, [demand])
    else others.push(demand)
  }
  return demands
}
