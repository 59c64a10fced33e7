import type { Queue } from '../core/queue.ts'
import type { Executor } from '../executors/executor.ts'

/** The most jobs of one claim. */
export const MAX_CLAIM = 1_000

type QueueLimits = Pick<Queue, 'concurrency' | 'rateLimit'>
type ExecutorLimits = Pick<Executor, 'ahead' | 'capacity' | 'defaultConcurrency'>

/** Attempts of a queue that may run at once in one worker, as it says. */
export function concurrencyOf(queue: QueueLimits, executor: ExecutorLimits): number {
  return queue.concurrency ?? executor.defaultConcurrency
}

/**
 * Attempts that the executor takes now: those that can run at once, and what its children need ahead.
 * `held` slots belong to attempts of an earlier runner of the queue.
 */
export function slotsOf(queue: QueueLimits, executor: ExecutorLimits, held: number): number {
  const slots = Math.min(concurrencyOf(queue, executor), executor.capacity)
  return Math.max(0, slots + aheadOf(queue, executor) - held)
}

/** Whether one job runs at a time, so that the order of two claims would be seen. */
export function isOneByOne(queue: QueueLimits, executor: ExecutorLimits): boolean {
  return concurrencyOf(queue, executor) + aheadOf(queue, executor) === 1
}

/** Whether the executor can run fewer attempts now than the queue says. */
export function lacksCapacity(queue: QueueLimits, executor: ExecutorLimits): boolean {
  return executor.capacity < concurrencyOf(queue, executor)
}

/**
 * How many jobs to claim for these slots, with `readAhead` beyond them. Short jobs free their slots
 * one by one faster than a claim goes there and back, so a claim waits until it is worth its while: a
 * third of the read-ahead.
 */
export function claimSize(slots: number, readAhead: number, held: number): number {
  const free = slots + readAhead - held
  const isWorthIt = held === 0 || free > readAhead / 3
  return isWorthIt ? Math.min(MAX_CLAIM, Math.max(0, free)) : 0
}

/** A start is a claim, so a queue with a rate limit has nothing ahead. */
function aheadOf({ rateLimit }: QueueLimits, { ahead }: ExecutorLimits): number {
  return rateLimit === null ? ahead : 0
}
