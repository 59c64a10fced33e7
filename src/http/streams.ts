import { type Clock, callAfter } from '../core/clock.ts'
import { ChancyError, isChancyError } from '../core/errors.ts'
import type { Call, Topic } from './call.ts'
import { hashOf } from './headers.ts'
import type { Limits } from './limits.ts'
import { problemOf } from './problem.ts'

/** A topic is read no more often than this share of the time that its last read took. */
const TIMES_TAKEN = 20
/** `access` of a stream is asked again this often, in milliseconds. */
const ACCESS_MS = 60_000

/** A topic as it is sent. */
export interface TopicState {
  readonly topic: string
  readonly at: string
  readonly data: unknown
  readonly problem: { readonly code: string; readonly detail: string | null } | null
}

type Listener = (text: string) => void

/** A topic that is read for all streams of this process with the same queues and masks. */
interface Watch {
  readonly listeners: Set<Listener>
  hash: string
  text: string | null
  cancel: () => void
}

/** The open event streams of this process. */
export class Streams {
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #watches = new Map<string, Watch>()
  readonly #open = new Map<string, number>()
  #total = 0

  constructor(clock: Clock, limits: Limits) {
    this.#clock = clock
    this.#limits = limits
  }

  /**
   * The answer that sends topics until the client leaves, the handler closes or its life is over.
   *
   * @param isStillAllowed asked every minute
   * @throws {ChancyError} `TOO_MANY_STREAMS`
   */
  open(call: Call, topics: readonly Topic[], isStillAllowed: () => Promise<boolean>): Response {
    const actor = call.permit.actor.id
    this.#enter(actor)
    const { streamMs, heartbeatMs, unreadBytes } = this.#limits
    const encoder = new TextEncoder()
    const ends: (() => void)[] = []
    let isOver = false
    const end = (controller?: ReadableStreamDefaultController<Uint8Array>): void => {
      if (isOver) return
      isOver = true
      for (const one of ends) one()
      this.#leave(actor)
      try {
        controller?.close()
      } catch {
        // The client has gone.
      }
    }
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          /** The newest state of each topic that the reader was too slow for. */
          const late = new Map<string, string>()
          const send = (text: string): void => controller.enqueue(encoder.encode(text))
          send(`retry: ${2_000 + Math.floor(Math.random() * 1_000)}\n\n`)
          for (const topic of topics) {
            ends.push(
              this.#watch(call, topic, (text) => {
                if ((controller.desiredSize ?? 0) > 0) return send(text)
                late.set(topic.name, text)
                const unread = [...late.values()].reduce((sum, one) => sum + one.length, 0)
                if (unread > unreadBytes) end(controller)
              }),
            )
          }
          const flush = (): void => {
            for (const [name, text] of late) {
              if ((controller.desiredSize ?? 0) <= 0) return
              late.delete(name)
              send(text)
            }
          }
          ends.push(
            this.#every(1_000, flush),
            this.#every(heartbeatMs, () => {
              if ((controller.desiredSize ?? 0) > 0) send(': alive\n\n')
            }),
            this.#every(ACCESS_MS, () => {
              void isStillAllowed().then((is) => {
                if (!is) end(controller)
              })
            }),
            callAfter(this.#clock, streamMs, () => end(controller), 'lets-process-end'),
          )
          const leave = (): void => end(controller)
          call.signal.addEventListener('abort', leave, { once: true })
          ends.push(() => call.signal.removeEventListener('abort', leave))
          if (call.signal.aborted) end(controller)
        },
        cancel: () => end(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: unreadBytes }),
    )
    return new Response(body, {
      headers: {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      },
    })
  }

  #enter(actor: string): void {
    const { streams, streamsOfActor } = this.#limits
    const own = this.#open.get(actor) ?? 0
    if (this.#total >= streams || own >= streamsOfActor) {
      throw new ChancyError(
        'TOO_MANY_STREAMS',
        'Too many streams are open. Close some, or poll with once=1.',
        { details: { retryAfterSeconds: 10 } },
      )
    }
    this.#total++
    this.#open.set(actor, own + 1)
  }

  #leave(actor: string): void {
    this.#total--
    const own = (this.#open.get(actor) ?? 1) - 1
    if (own === 0) this.#open.delete(actor)
    else this.#open.set(actor, own)
  }

  /** Sends the state of a topic now, where it is known, and each time that it changes. Returns what ends that. */
  #watch(call: Call, topic: Topic, listener: Listener): () => void {
    const key = `${topic.name} ${call.permit.key} ${call.permit.role}`
    let watch = this.#watches.get(key)
    if (watch === undefined) {
      watch = { listeners: new Set(), hash: '', text: null, cancel: () => {} }
      this.#watches.set(key, watch)
      void this.#read(watch, call, topic)
    } else if (watch.text !== null) {
      listener(watch.text)
    }
    const { listeners } = watch
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size > 0) return
      watch.cancel()
      if (this.#watches.get(key) === watch) this.#watches.delete(key)
    }
  }

  async #read(watch: Watch, call: Call, topic: Topic): Promise<void> {
    const startedAt = this.#clock.monotonic()
    const state = await stateOf(call, topic)
    if (watch.listeners.size === 0) return
    const hash = hashOf(JSON.stringify([state.data, state.problem]))
    if (hash !== watch.hash) {
      watch.hash = hash
      watch.text = `event: topic\ndata: ${JSON.stringify(state)}\n\n`
      for (const listener of watch.listeners) listener(watch.text)
    }
    const tookMs = this.#clock.monotonic() - startedAt
    const waitMs = Math.max(topic.intervalMs, tookMs * TIMES_TAKEN)
    const next = () => void this.#read(watch, call, topic)
    watch.cancel = callAfter(this.#clock, waitMs, next, 'lets-process-end')
  }

  #every(ms: number, work: () => void): () => void {
    let cancel = (): void => {}
    const next = (): void => {
      cancel = callAfter(
        this.#clock,
        ms,
        () => {
          next()
          work()
        },
        'lets-process-end',
      )
    }
    next()
    return () => cancel()
  }
}

/** A topic as it is now. What fails is a problem of that topic, and the others are read. */
export async function stateOf(call: Call, topic: Topic): Promise<TopicState> {
  const at = () => new Date(call.clock.now()).toISOString()
  try {
    const data = await call.read(() => topic.read({ ...call, read: (work) => work() }))
    return { topic: topic.name, at: at(), data, problem: null }
  } catch (error) {
    if (!isChancyError(error))
      call.chancy.internals.log.error(
        { err: error, requestId: call.requestId },
        'http request failed',
      )
    const { code, detail } = problemOf(error, call.requestId).body
    const problem = { code: String(code), detail: typeof detail === 'string' ? detail : null }
    return { topic: topic.name, at: at(), data: null, problem }
  }
}
