import type { ClaimedJob } from '../../core/claimed-job.ts'
import type { Clock } from '../../core/clock.ts'
import type { DurableHistory, OpenWait, StepKind, StepRecord } from '../../core/durable-record.ts'
import type { SerializedError } from '../../core/serialize-error.ts'
import { storedObject } from '../../core/stored.ts'
import { plainArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import { type RecordRow, resumeJobs } from '../../database/statements/durable.ts'
import type { Hub } from '../../events/hub.ts'

/** How long to wait before a job whose history could not be read is released, in milliseconds. */
const RETRY_MS = 1_000
/** Jobs of one statement: a run may have 16 MiB. */
const MAX_JOBS = 100

/** What an attempt of a durable job begins with. */
export interface Beginning {
  readonly history: DurableHistory
  /** By the clock of the database, in milliseconds; null: none. */
  readonly deadlineMs: number | null
  /** Whether it waited without a slot before. */
  readonly wasWaiting: boolean
  /** Whether something that it waits for has come since its last attempt. */
  readonly isGiven: boolean
}

interface Asking {
  readonly job: ClaimedJob
  readonly resolve: (answer: Beginning | 'lost' | 'unread') => void
}

/**
 * Reads what durable jobs have recorded, for all that begin together in one statement, which also gives them what has
 * come of what they wait for. `lost`: another attempt has the job. `unread`: the database cannot be reached.
 */
export class HistoryReader {
  readonly #options: { readonly database: Database; readonly hub: Hub; readonly clock: Clock }
  #asking: Asking[] = []
  #isAsking = false

  constructor(options: { readonly database: Database; readonly hub: Hub; readonly clock: Clock }) {
    this.#options = options
  }

  read(job: ClaimedJob): Promise<Beginning | 'lost' | 'unread'> {
    return new Promise((resolve) => {
      this.#asking.push({ job, resolve })
      if (this.#isAsking) return
      this.#isAsking = true
      setImmediate(() => void this.#ask())
    })
  }

  async #ask(): Promise<void> {
    while (this.#asking.length > 0) {
      const workerId = this.#asking[0]?.job.workerId ?? ''
      const own = this.#asking.filter(({ job }) => job.workerId === workerId).slice(0, MAX_JOBS)
      const taken = new Set(own)
      this.#asking = this.#asking.filter((one) => !taken.has(one))
      await this.#readAll(workerId, own)
    }
    this.#isAsking = false
  }

  async #readAll(workerId: string, asking: readonly Asking[]): Promise<void> {
    const { database, hub, clock } = this.#options
    try {
      const rows = await database.engine(resumeJobs, [
        workerId,
        plainArray(asking.map(({ job }) => job.id)),
        plainArray(asking.map(({ job }) => job.fence)),
        null,
      ])
      const heads = new Map<string, string>()
      const records = new Map<string, StepRecord[]>()
      for (const row of rows) {
        if (row.head !== null) heads.set(row.id, row.head)
        else records.set(row.id, [...(records.get(row.id) ?? []), recordOf(row)])
      }
      for (const { job, resolve } of asking) {
        const head = heads.get(job.id)
        resolve(head === undefined ? 'lost' : beginningOf(job, head, records.get(job.id) ?? []))
      }
    } catch (error) {
      hub.emit('database.error', { what: 'reading the steps of durable jobs', error })
      await clock.sleep(RETRY_MS)
      for (const { resolve } of asking) resolve('unread')
    }
  }
}

/** Of a job that has recorded nothing. */
export function firstBeginning(job: ClaimedJob): Beginning {
  return beginningOf(job, JSON.stringify({ extras: job.extras.extras }), [])
}

interface StoredHead {
  readonly extras?: unknown
  readonly values?: unknown
  readonly unread?: unknown
  readonly given?: unknown
}

interface StoredWait {
  readonly kind: OpenWait['kind']
  readonly name: string
  readonly since_ms: number
  readonly until_ms?: number
  readonly signals?: readonly string[]
  readonly count?: number
  readonly settle?: boolean
  readonly concurrency?: number
}

function beginningOf(job: ClaimedJob, text: string, steps: readonly StepRecord[]): Beginning {
  const head = JSON.parse(text) as StoredHead
  const { run = 1, deadline_ms: deadlineMs, open = [], seed } = storedObject(head.extras ?? {})
  const ended = new Set(steps.map(({ kind, name }) => `${kind} ${name}`))
  const waits = (open as readonly StoredWait[]).filter(
    ({ kind, name }) => !ended.has(`${kind} ${name}`),
  )
  return {
    history: {
      run: run as number,
      steps,
      waits: waits.map(openWaitOf),
      values: storedObject(head.values ?? {}),
      seed: typeof seed === 'string' ? seed : `${job.id}:${run as number}`,
      hasUnread: head.unread === true,
    },
    deadlineMs: typeof deadlineMs === 'number' ? deadlineMs : null,
    wasWaiting: (open as readonly unknown[]).length > 0,
    isGiven: head.given === true,
  }
}

function openWaitOf(stored: StoredWait): OpenWait {
  const { kind, name, since_ms: startedMs, until_ms: untilMs = null, signals = [], count } = stored
  return {
    ...{ kind, name, startedMs, untilMs, afterMs: null, signals },
    children:
      count === undefined
        ? null
        : {
            push: [],
            count,
            concurrency: stored.concurrency ?? null,
            settle: stored.settle === true,
          },
  }
}

export function recordOf(row: RecordRow): StepRecord {
  return {
    n: row.n ?? 0,
    kind: row.kind as StepKind,
    name: row.name,
    result: row.result,
    error: row.error === null ? null : (JSON.parse(row.error) as SerializedError),
    startedMs: row.started_ms,
    endedMs: row.ended_ms,
  }
}
