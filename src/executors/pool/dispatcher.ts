import { mayBegin } from '../../core/begin-permit.ts'
import type { Run } from '../run.ts'
import type { AttemptLine } from './attempt-line.ts'
import type { ChildGroup } from './child-group.ts'
import type { PooledChild } from './pooled-child.ts'
import type { Demand } from './staffing.ts'

/** A queue, as far as its attempts are handed to children. */
export interface DispatchedQueue {
  readonly lines: ReadonlyMap<string, AttemptLine>
  readonly concurrency: number
  /** Children that it may have of those that queues share. */
  readonly share: number
}

/** What a queue has of its concurrency, and of the pool, while attempts are handed out. */
interface Turn {
  readonly share: number
  readonly concurrency: number
  used: number
  /** A line waits for a slot and gets the next one: no other is kept busy before it. */
  isStarving: boolean
}

type Turns = Map<AttemptLine, Turn>

/**
 * Hands attempts to children, the oldest first, each to the child with the least to do. All that a
 * child is given at a time is one message. Returns what the groups lack.
 *
 * @param onRefused Called with an attempt that may not begin any more.
 */
export function dispatch(
  queues: Iterable<DispatchedQueue>,
  now: number,
  onRefused: (run: Run) => void,
): ReadonlyMap<ChildGroup, readonly Demand[]> {
  const turns = turnsOf(queues)
  const open: Turns = new Map(turns)
  const touched = new Set<PooledChild>()
  for (let line = oldest(open); line !== null; line = oldest(open)) {
    const run = line.head!
    if (!mayBegin(run.attempt)) {
      line.shift()
      onRefused(run)
      continue
    }
    const child = childFor(line, open.get(line)!)
    if (child === null) {
      open.delete(line)
      continue
    }
    child.give(run, line)
    line.shift()
    touched.add(child)
  }
  for (const child of touched) child.flush()
  return demandsOf(turns, now)
}

function turnsOf(queues: Iterable<DispatchedQueue>): Turns {
  const turns: Turns = new Map()
  for (const queue of queues) {
    let turn: Turn | null = null
    for (const line of queue.lines.values()) {
      if (line.head === null) continue
      turn ??= turnOf(queue)
      turns.set(line, turn)
    }
  }
  return turns
}

function turnOf({ lines, concurrency, share }: DispatchedQueue): Turn {
  let used = 0
  for (const line of lines.values()) {
    for (const { runs } of line.lent) used += Math.min(line.width, runs.size)
  }
  return { share, concurrency, used, isStarving: false }
}

function oldest(turns: Turns): AttemptLine | null {
  let best: AttemptLine | null = null
  for (const line of turns.keys()) {
    const { head } = line
    if (head !== null && (best === null || head.order < best.head!.order)) best = line
  }
  return best
}

/** The child that gets the next attempt of a line, or null: it has to wait. */
function childFor(line: AttemptLine, turn: Turn): PooledChild | null {
  const free = freeChild(line, turn.share)
  if (free !== null && turn.used < turn.concurrency) {
    turn.used++
    return free
  }
  const busy = turn.isStarving ? null : childWithRoom(line, turn.share)
  if (busy === null && free !== null) turn.isStarving = true
  return busy
}

/** A child that would begin an attempt at once: of its own, or an idle one where it may have more. */
function freeChild(line: AttemptLine, share: number): PooledChild | null {
  const own = ownChildren(line, share)
  let best: PooledChild | null = null
  for (const child of own) {
    if (child.takes(line) && child.runs.size < child.slots) best = lessBusy(best, child)
  }
  if (!line.isAlone && own.length >= share) return best
  for (const child of line.group.children) {
    if (!child.isIdle || !child.takes(line)) continue
    // It knows how long these jobs take.
    if (child.tenant === line) return child
    best = lessBusy(best, child)
  }
  return best
}

/** A child behind whose work there is room for more, since its jobs are short. */
function childWithRoom(line: AttemptLine, share: number): PooledChild | null {
  let best: PooledChild | null = null
  for (const child of ownChildren(line, share)) {
    const { ahead } = child
    if (ahead === 0 || child.runs.size >= line.width + ahead || !child.takes(line)) continue
    best = lessBusy(best, child)
  }
  return best
}

/** Those that it has, up to its share: the others finish what they have, and go to another queue. */
function ownChildren({ isAlone, lent }: AttemptLine, share: number): PooledChild[] {
  return isAlone || lent.length <= share ? lent : lent.slice(0, share)
}

function lessBusy(one: PooledChild | null, other: PooledChild): PooledChild {
  return one !== null && one.runs.size <= other.runs.size ? one : other
}

function demandsOf(turns: Turns, now: number): Map<ChildGroup, Demand[]> {
  const demands = new Map<ChildGroup, Demand[]>()
  for (const [line, { share, used, concurrency }] of turns) {
    const { head, isAlone, group } = line
    const lent = line.lent.length
    const room = Math.min(concurrency - used, isAlone ? concurrency : share - lent)
    if (head === null || room <= 0) continue
    const lacks = Math.min(line.waiting, room)
    const demand = { lacks, hasChild: lent > 0, isAlone, waitedMs: now - head.waitsSince }
    const others = demands.get(group)
    if (others === undefined) demands.set(group, [demand])
    else others.push(demand)
  }
  return demands
}
