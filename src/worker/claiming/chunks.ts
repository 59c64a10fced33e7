import { type ChunkRule, chunkKey, encodeChunk } from '../../core/chunk.ts'
import type { ClaimedJob } from '../../core/claimed-job.ts'
import { type Clock, callAfter } from '../../core/clock.ts'
import { lowerLimits } from '../../core/limit.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Usage } from '../../core/queued-job.ts'
import { StopRequest } from '../../core/stop-request.ts'
import type { Attempt, Executor } from '../../executors/executor.ts'

/** Arguments of one chunk, in characters: a line to a child has all of them. */
const MAX_CHARS = 16 * 1_024 ** 2

interface Member {
  readonly attempt: Attempt
  readonly stop: StopRequest
  readonly resolve: (outcome: Outcome) => void
}

export interface ChunksOptions {
  readonly clock: Clock
  readonly executor: () => Pick<Executor, 'run'>
  readonly ruleOf: (name: string) => ChunkRule | null
}

/**
 * Gathers jobs that run together. A chunk holds one slot from its first job on, and the others join it without one. It
 * is given to the executor as one attempt when it is full, or when its first job has waited long enough.
 */
export class Chunks {
  readonly #options: ChunksOptions
  readonly #open = new Map<string, Chunk>()

  constructor(options: ChunksOptions) {
    this.#options = options
  }

  /** How many more jobs could join the chunks that are open. */
  get room(): number {
    let room = 0
    for (const chunk of this.#open.values()) room += chunk.room
    return room
  }

  /** A place in an open chunk, or null: there is none for this job. */
  join(job: ClaimedJob): Chunk | null {
    if (this.#open.size === 0) return null
    const rule = this.#options.ruleOf(job.name)
    const chunk = rule === null ? undefined : this.#open.get(chunkKey(job, rule))
    if (chunk === undefined) return null
    chunk.reserve()
    return chunk
  }

  /** A new chunk with a place for this job, or null: it runs alone. Its slot is free when `onEnded` is called. */
  begin(job: ClaimedJob, onEnded: () => void): Chunk | null {
    const rule = this.#options.ruleOf(job.name)
    if (rule === null) return null
    const key = chunkKey(job, rule)
    const chunk: Chunk = new Chunk(rule, this.#options, {
      onClosed: () => {
        if (this.#open.get(key) === chunk) this.#open.delete(key)
      },
      onEnded,
    })
    chunk.reserve()
    if (chunk.room > 0) this.#open.set(key, chunk)
    return chunk
  }

  /** Ends what is gathered and has not begun: it goes back before all that are ready, without using an attempt. */
  release(): void {
    for (const chunk of [...this.#open.values()]) chunk.release()
  }
}

interface ChunkEvents {
  /** Nothing joins it any more. */
  readonly onClosed: () => void
  readonly onEnded: () => void
}

/** One call of a function for many jobs. To each of them it is what runs it. */
export class Chunk implements Pick<Executor, 'run'> {
  readonly #rule: ChunkRule
  readonly #options: ChunksOptions
  readonly #events: ChunkEvents
  readonly #endWait: () => void
  #waiting: Member[] = []
  #chars = 0
  /** Places that were given away. */
  #reserved = 0
  #held = 0
  #isOpen = true

  constructor(rule: ChunkRule, options: ChunksOptions, events: ChunkEvents) {
    this.#rule = rule
    this.#options = options
    this.#events = events
    this.#endWait = callAfter(options.clock, rule.waitMs, () => this.#begin())
  }

  get room(): number {
    return this.#isOpen ? this.#rule.size - this.#reserved : 0
  }

  reserve(): void {
    this.#reserved++
    this.#held++
    if (this.#reserved === this.#rule.size) this.#events.onClosed()
  }

  /** One of its jobs has been settled. */
  left(): void {
    this.#held--
    if (this.#held > 0) return
    this.#close()
    this.#events.onEnded()
  }

  run(attempt: Attempt, stop: StopRequest): Promise<Outcome> {
    return new Promise((resolve) => {
      const member = { attempt, stop, resolve }
      // It came too late, since a hook took long.
      if (!this.#isOpen) return void this.#send([member])
      this.#waiting.push(member)
      this.#chars += attempt.job.args.length
      stop.onAsk((reason) => {
        if (!this.#waiting.includes(member)) return
        this.#waiting = this.#waiting.filter((one) => one !== member)
        resolve({ kind: reason === 'cancelled' ? 'cancelled' : 'interrupted' })
      })
      if (this.#waiting.length === this.#rule.size || this.#chars >= MAX_CHARS) this.#begin()
    })
  }

  release(): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#close()
    for (const { resolve } of waiting) resolve({ kind: 'interrupted' })
  }

  #close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#endWait()
    this.#events.onClosed()
  }

  #begin(): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#close()
    if (waiting.length > 0) void this.#send(waiting)
  }

  /** One attempt for all of them, which is asked to stop when each of them is. */
  async #send(members: readonly Member[]): Promise<void> {
    const stop = new StopRequest()
    let asked = 0
    for (const member of members) {
      member.stop.onAsk((reason) => {
        if (++asked === members.length) stop.ask(reason)
      })
    }
    const { attempt } = members[0]!
    const job = { ...attempt.job, args: encodeChunk(members.map((one) => one.attempt.job)) }
    const limits = members.map((one) => one.attempt.limits).reduce(lowerLimits)
    const outcome = await this.#options.executor().run({ ...attempt, job, limits }, stop)
    const outcomes = outcomesOf(outcome, members.length)
    for (const [i, member] of members.entries()) {
      // A cancel of one does not stop the call for the others.
      const isCancelled = member.stop.reason === 'cancelled'
      member.resolve(isCancelled ? { kind: 'cancelled' } : outcomes[i]!)
    }
  }
}

/** What came of each job. The processor time is shared among them. */
function outcomesOf(outcome: Outcome, count: number): readonly Outcome[] {
  const usage = outcome.usage === undefined ? {} : { usage: shareOf(outcome.usage, count) }
  if (outcome.kind !== 'returned') {
    return Array.from({ length: count }, () => ({ ...outcome, ...usage }))
  }
  const each = JSON.parse(outcome.result ?? '[]') as readonly Outcome[]
  return each.map((one) => ({ ...one, ...usage }))
}

function shareOf({ wallMs, cpuMs, peakBytes }: Usage, count: number): Usage {
  return { wallMs, cpuMs: cpuMs === null ? null : cpuMs / count, peakBytes }
}
