import type {
  DurableHistory,
  DurableHost,
  DurableSave,
  OpenWait,
  SaveAnswer,
  SentSignal,
  StepRecord,
  StepResult,
} from '../core/durable-record.ts'
import type { PushRow } from '../core/push-row.ts'
import type { SerializedError } from '../core/serialize-error.ts'

/** How an invoked job has ended. */
export type ChildEnd =
  | { readonly state: 'succeeded'; readonly result: string | null }
  | { readonly state: 'failed' | 'cancelled'; readonly error: SerializedError }

interface SignalInMail {
  readonly name: string
  readonly value: string
  readonly atMs: number
}

interface Children {
  readonly ends: (ChildEnd | null)[]
  readonly settle: boolean
  endedMs: number | null
}

/** What has come of an open wait. */
interface Came {
  readonly wait: OpenWait
  readonly atMs: number
  readonly signal: SignalInMail | null
  readonly ended: Pick<StepResult, 'result' | 'error'>
}

const UNSUPPORTED = 'There is no database: give a "transact" of the test.'

/**
 * What the database keeps of one durable job, in memory: its records, open waits, values and unread signals. Time stands
 * still until `nowMs` is set.
 */
export class DurableMemory {
  readonly id: string
  nowMs: number
  run = 1
  records: StepRecord[] = []
  readonly values: Record<string, unknown> = {}
  readonly pushed: PushRow[] = []
  readonly sent: SentSignal[] = []
  /** Is called with each child that was pushed; its end is given to `endChild`. */
  onChild: (wait: string, index: number, row: PushRow) => void = () => {}
  /** Is called with the name of a workflow that is invoked: nothing here runs it. */
  onWorkflow: (name: string) => void = () => {}
  /** Is called after each save, before it is answered. */
  onSave: (save: DurableSave) => void | Promise<void> = () => {}
  #waits = new Map<string, OpenWait>()
  #mail: SignalInMail[] = []
  readonly #children = new Map<string, Children>()
  /** The attempt that may record; another one is lost. */
  #attempt = 0
  #wakes: (() => void)[] = []

  constructor(id: string, nowMs: number) {
    this.id = id
    this.nowMs = nowMs
  }

  get waits(): readonly OpenWait[] {
    return [...this.#waits.values()]
  }

  get unread(): readonly { readonly name: string; readonly value: string }[] {
    return this.#mail
  }

  /** When the first of the open waits ends by its time, or null. */
  get nextDueMs(): number | null {
    const times = this.waits.flatMap(({ untilMs }) => (untilMs === null ? [] : [untilMs]))
    return times.length === 0 ? null : Math.min(...times)
  }

  /** Whether something has come of what is waited for. */
  get isWoken(): boolean {
    return this.waits.some((wait) => this.#cameOf(wait) !== null)
  }

  send(name: string, value: string): void {
    this.#mail.push({ name, value, atMs: this.nowMs })
    this.#wake()
  }

  endChild(wait: string, index: number, end: ChildEnd): void {
    const children = this.#children.get(wait)
    if (children === undefined) return
    children.ends[index] = end
    const isFailure = end.state !== 'succeeded' && !children.settle
    if (isFailure || children.ends.every((one) => one !== null)) children.endedMs ??= this.nowMs
    this.#wake()
  }

  /** Begins an attempt: what has come becomes records. */
  begin(): DurableHost {
    const attempt = ++this.#attempt
    const before = this.records.length
    this.#takeAll(this.waits)
    let hasRecorded = this.records.length > before
    const history: DurableHistory = {
      run: this.run,
      steps: [...this.records],
      waits: this.waits,
      values: { ...this.values },
      seed: `${this.id}:${this.run}`,
      hasUnread: this.#mail.length > 0,
    }
    const memory = this
    const isLost = (): boolean => attempt !== this.#attempt
    return {
      history,
      sql: { recorded: UNSUPPORTED, save: UNSUPPORTED },
      get hasRecorded() {
        return hasRecorded
      },
      async save(save) {
        if (isLost()) return { kind: 'lost' }
        const answer = memory.#save(save)
        hasRecorded ||= save.records.length > 0
        await memory.onSave(save)
        return answer
      },
      async resume(waits, signal) {
        memory.#keep(waits)
        for (;;) {
          if (isLost()) return []
          signal.throwIfAborted()
          const records = memory.#takeAll(waits)
          hasRecorded ||= records.length > 0
          if (records.length > 0) return records
          await memory.#change(signal)
        }
      },
      async take(waits) {
        if (isLost()) return 'lost'
        memory.#keep(waits)
        return memory.#takeAll(waits)
      },
      recorded: () => {
        hasRecorded = true
      },
    }
  }

  /** The outcome `parked`. */
  park(waits: readonly OpenWait[]): void {
    this.#attempt++
    const known = this.#waits
    this.#waits = new Map()
    this.#keep(waits, known)
  }

  /** The outcome `continued`. */
  continue(): void {
    this.#attempt++
    this.run++
    this.records = []
    this.#waits.clear()
    this.#children.clear()
  }

  /** The attempt has ended, or its worker died: what it saved stays. */
  lose(): void {
    this.#attempt++
    this.#wake()
  }

  /** What a transaction of the user has recorded. */
  record(result: StepResult): StepRecord {
    const record = { ...result, n: this.records.length + 1 }
    this.records.push(record)
    return record
  }

  #save(save: DurableSave): SaveAnswer {
    for (const record of save.records) this.record(record)
    this.#keep(save.waits)
    this.pushed.push(...save.push)
    this.sent.push(...save.signals)
    for (const [key, text] of Object.entries(save.values)) {
      if (text === null) delete this.values[key]
      else this.values[key] = JSON.parse(text)
    }
    return { kind: 'saved', last: this.records.length, changed: [] }
  }

  #keep(waits: readonly OpenWait[], known: ReadonlyMap<string, OpenWait> = this.#waits): void {
    for (const wait of waits) {
      const { afterMs, children } = wait
      const isNew = !known.has(wait.name)
      const untilMs = wait.untilMs ?? (afterMs === null ? null : this.nowMs + afterMs)
      const kept = { ...wait, untilMs, afterMs: null }
      const pushed = children === null ? null : { ...children, push: [] }
      this.#waits.set(wait.name, known.get(wait.name) ?? { ...kept, children: pushed })
      if (isNew && children !== null) this.#push(wait.name, children)
    }
  }

  #push(wait: string, children: NonNullable<OpenWait['children']>): void {
    const { settle, push, workflow } = children
    if (workflow !== undefined) this.onWorkflow(workflow.name)
    this.#children.set(wait, { ends: push.map(() => null), settle, endedMs: null })
    push.forEach((row, index) => {
      this.pushed.push(row)
      this.onChild(wait, index, row)
    })
  }

  /** What has come of these, in the order in which it came. */
  #takeAll(waits: readonly OpenWait[]): StepRecord[] {
    const names = new Set(waits.map(({ name }) => name))
    const taken: StepRecord[] = []
    for (;;) {
      const came = this.waits
        .filter(({ name }) => names.has(name))
        .flatMap((wait) => this.#cameOf(wait) ?? [])
        .sort((a, b) => a.atMs - b.atMs)[0]
      if (came === undefined) return taken
      const { wait, signal, ended } = came
      this.#waits.delete(wait.name)
      if (signal !== null) this.#mail.splice(this.#mail.indexOf(signal), 1)
      const { kind, name, startedMs } = wait
      taken.push(this.record({ kind, name, startedMs, endedMs: this.nowMs, ...ended }))
    }
  }

  #cameOf(wait: OpenWait): Came | null {
    const { untilMs, signals, kind } = wait
    const signal = this.#mail.find(({ name }) => signals.includes(name)) ?? null
    const isDue = untilMs !== null && untilMs <= this.nowMs
    if (signal !== null && !(isDue && untilMs < signal.atMs)) {
      const one = `{"signal":${JSON.stringify(signal.name)},"value":${signal.value}}`
      const ended = { result: kind === 'any' ? one : signal.value, error: null }
      return { wait, atMs: signal.atMs, signal, ended }
    }
    if (isDue) return { wait, atMs: untilMs, signal: null, ended: { result: 'null', error: null } }
    const children = this.#children.get(wait.name)
    if (children === undefined || children.endedMs === null) return null
    return { wait, atMs: children.endedMs, signal: null, ended: endOf(kind, children) }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#wakes.push(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }

  #wake(): void {
    const wakes = this.#wakes
    this.#wakes = []
    for (const wake of wakes) wake()
  }
}

function endOf(
  kind: OpenWait['kind'],
  { ends, settle }: Children,
): Pick<StepResult, 'result' | 'error'> {
  if (settle) {
    const list = ends.map((end) =>
      end?.state === 'succeeded'
        ? { state: end.state, result: JSON.parse(end.result ?? 'null') }
        : end,
    )
    return { result: JSON.stringify(list), error: null }
  }
  const failed = ends.find((end) => end !== null && end.state !== 'succeeded')
  if (failed !== undefined && failed !== null && 'error' in failed)
    return { result: null, error: failed.error }
  const results = ends.map((end) => (end?.state === 'succeeded' ? (end.result ?? 'null') : 'null'))
  return {
    result: kind === 'invoke' ? (results[0] ?? 'null') : `[${results.join(',')}]`,
    error: null,
  }
}
