import { batch, computed, effect, type Signal, signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import type { WireTopic, WireTopics } from '../src/http/wire.ts'
import { eventsAddress, openEvents, readTopics } from './api/events.ts'
import { ApiProblem, asProblem, SERVER_LOST } from './api/problem.ts'
import { loadSession, noteProblem, pageProblem, session } from './session.ts'
import { takePlace } from './stream-places.ts'
import { noteServerTime, now } from './time.ts'

/** The last known state of a topic. It stays when a newer one cannot be read. */
export interface TopicState<Data> {
  readonly data: Data | null
  /** When it was read, by the server's clock. */
  readonly at: number | null
  readonly problem: ApiProblem | null
}

/** `live`: a stream; `poll`: asked again and again; `paused`: by the viewer; `lost`: nothing answers. */
export type LiveMode = 'connecting' | 'live' | 'poll' | 'paused' | 'lost'

export const mode = signal<LiveMode>('connecting')
export const lostSince = signal<number | null>(null)
const POLL_MS = 10_000
/** Of the panels without a topic, how often each asks. */
const periods = signal<readonly number[]>([])
const topicCount = signal(0)
/** When a panel without a topic was answered last. */
export const loadedAt = signal<number | null>(null)

/** How often the page asks while it has no stream; null: nothing on it asks again. */
export const pollMs = computed<number | null>(() =>
  topicCount.value > 0 ? POLL_MS : periods.value.length === 0 ? null : Math.min(...periods.value),
)

/** Counts a panel that asks by itself, until it is taken out. */
export function notePeriod(everyMs: number): () => void {
  periods.value = [...periods.value, everyMs]
  return () => {
    const at = periods.value.indexOf(everyMs)
    periods.value = periods.value.toSpliced(at, 1)
  }
}
const RETRY_MS = 2_000

interface Watched {
  readonly state: Signal<TopicState<unknown>>
  watchers: number
}

const topics = new Map<string, Watched>()
let stream: EventSource | null = null
let streamed = ''
let failures = 0
let timer: ReturnType<typeof setTimeout> | undefined
/** While a place for the stream is taken. */
let opening: symbol | null = null
let leavePlace = (): void => {}
let isScheduled = false
let isPaused = false
let polling: AbortController | null = null

/** The state of a topic while the component is shown; of null, none. */
export function useTopic<Name extends keyof WireTopics & string>(
  topic: Name | null,
): TopicState<WireTopics[Name]> {
  const state = useMemo(() => signal<TopicState<unknown>>(EMPTY), [topic])
  const watched = topic === null ? null : (topics.get(topic)?.state ?? state)
  useEffect(() => {
    if (topic === null) return
    const entry = topics.get(topic) ?? { state, watchers: 0 }
    entry.watchers++
    topics.set(topic, entry)
    topicCount.value = topics.size
    schedule()
    return () => {
      entry.watchers--
      if (entry.watchers === 0) topics.delete(topic)
      topicCount.value = topics.size
      schedule()
    }
  }, [topic])
  return (watched ?? state).value as TopicState<WireTopics[Name]>
}

const EMPTY: TopicState<never> = { data: null, at: null, problem: null }

export function startLive(): void {
  document.addEventListener('visibilitychange', () => connect())
  addEventListener('pagehide', () => disconnect())
  // A server that was lost is back: its session was read.
  effect(() => {
    if (session.value === null) return
    if (mode.peek() === 'lost') failures = 0
    schedule()
  })
}

/** Stops or continues all of it. While it is stopped, `reload` is the only way to newer figures. */
export function togglePaused(): void {
  isPaused = !isPaused
  connect()
}

/** Counts what was read again by hand, for panels that have no topic. */
export const reloads = signal(0)

/** Reads everything that is shown now. */
export function reload(): void {
  reloads.value++
  if (isPaused || mode.value === 'poll') void poll()
  else {
    disconnect()
    connect()
  }
  void loadSession()
}

function schedule(): void {
  if (isScheduled) return
  isScheduled = true
  queueMicrotask(() => {
    isScheduled = false
    connect()
  })
}

function wantedTopics(): string {
  return eventsAddress([...topics.keys()].sort())
}

function connect(): void {
  const kind = session.value?.live
  if (isPaused) {
    disconnect()
    mode.value = 'paused'
    return
  }
  if (document.visibilityState === 'hidden' || topics.size === 0 || kind === undefined) {
    disconnect()
    // Its panels ask by themselves.
    if (topics.size === 0 && kind !== undefined) found(kind === 'none' ? 'paused' : 'poll')
    return
  }
  if (kind !== 'sse' || failures >= 2) {
    if (stream !== null || timer === undefined || streamed !== wantedTopics()) {
      disconnect()
      streamed = wantedTopics()
      if (kind === 'none') mode.value = 'paused'
      void poll()
    }
    return
  }
  if ((stream !== null || opening !== null) && streamed === wantedTopics()) return
  disconnect()
  void open()
}

async function open(): Promise<void> {
  streamed = wantedTopics()
  const own = Symbol()
  opening = own
  const place = await takePlace()
  // Meanwhile the page was hidden or paused, or wants other topics.
  if (opening !== own) return place?.()
  opening = null
  if (place === null) {
    failures = 2
    connect()
    return
  }
  leavePlace = place
  const made = openEvents(streamed)
  stream = made
  made.addEventListener('open', () => {
    failures = 0
    found('live')
  })
  made.addEventListener('topic', (event) => take(JSON.parse(event.data as string) as WireTopic))
  made.addEventListener('error', () => {
    if (stream !== made) return
    // A stream that ended is opened again by this code alone, which sees why it did.
    disconnect()
    failures++
    void loadSession().then(noteLost)
    timer = setTimeout(reconnect, failures >= 2 ? 0 : RETRY_MS * (0.5 + Math.random()))
  })
}

function disconnect(): void {
  stream?.close()
  stream = null
  opening = null
  leavePlace()
  leavePlace = () => {}
  clearTimeout(timer)
  timer = undefined
  polling?.abort()
  polling = null
}

/** The next one starts when the last one has ended. */
async function poll(): Promise<void> {
  clearTimeout(timer)
  polling?.abort()
  if (topics.size === 0) return
  const own = new AbortController()
  polling = own
  try {
    for (const one of await readTopics([...topics.keys()].sort(), own.signal)) take(one)
    if (!isPaused) found(session.value?.live === 'none' ? 'paused' : 'poll')
  } catch (error) {
    if (own.signal.aborted) return
    failAll(asProblem(error))
  }
  if (own.signal.aborted || isPaused || session.value?.live === 'none') return
  // Now and then a stream is tried again.
  if (session.value?.live === 'sse' && mode.value === 'poll' && Math.random() < 0.2) failures = 0
  timer = setTimeout(reconnect, POLL_MS)
}

function reconnect(): void {
  timer = undefined
  connect()
}

function take({ topic, at, data, problem }: WireTopic): void {
  const state = topics.get(topic)?.state
  if (state === undefined) return
  noteServerTime(at)
  batch(() => {
    if (problem === null) state.value = { data, at: Date.parse(at), problem: null }
    else state.value = { ...state.value, problem: problemOf(problem) }
  })
}

function problemOf({ code, detail }: NonNullable<WireTopic['problem']>): ApiProblem {
  const status = code.endsWith('NOT_FOUND') ? 404 : code.startsWith('ACCESS') ? 403 : 503
  return new ApiProblem({ title: detail ?? code, status, code })
}

function failAll(problem: ApiProblem): void {
  noteProblem(problem)
  if (problem.isOfPage) {
    lostSince.value ??= now.peek()
    mode.value = 'lost'
  }
  for (const { state } of topics.values()) state.value = { ...state.value, problem }
}

function found(next: LiveMode): void {
  lostSince.value = null
  mode.value = next
}

/** The question that followed a broken stream was not answered either. */
function noteLost(): void {
  if (pageProblem.peek()?.code !== SERVER_LOST) return
  failAll(pageProblem.peek()!)
}
