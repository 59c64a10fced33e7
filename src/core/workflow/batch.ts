import { brandClass } from '../brand.ts'
import { checkOptions, checkText, inspect } from '../check.ts'
import type { JobTemplate, WANTED } from '../dead-letter.ts'
import { DEFAULT_RETENTION_MS } from '../definition.ts'
import type { Duration } from '../duration.ts'
import { ConfigError } from '../errors.ts'
import { MAX_NAME_BYTES } from '../job-name.ts'
import { checkRetention, NO_DATA } from '../job-options.ts'
import { jobTemplate } from '../job-template.ts'
import { checkDeadline, checkMeta } from './workflow.ts'

/** What a callback of a batch gets: the batch that has ended, with the numbers of its jobs. */
export interface BatchEnd {
  readonly batch: {
    readonly id: string
    readonly name: string
    readonly total: number
    readonly succeeded: number
    readonly failed: number
    readonly cancelled: number
  }
}

interface TakesBatch {
  readonly [WANTED]?: (args: BatchEnd) => unknown
}

/** A job, or a job function, whose arguments may be `BatchEnd`. */
export type BatchCallback = TakesBatch | { readonly job: TakesBatch }

/** Options of `batch()`. */
export interface BatchOptions {
  /** What it is listed by; 1 to 200 bytes. */
  readonly name: string
  /** Pushed once when all jobs have succeeded. Default: nothing. */
  readonly onSucceeded?: BatchCallback
  /** Pushed once when all jobs have ended and not all have succeeded, or the batch failed. Default: nothing. */
  readonly onFailed?: BatchCallback
  /** Pushed once when all jobs have ended, whatever became of them, also after a cancel. Default: nothing. */
  readonly onEnded?: BatchCallback
  /** How long it may take from its push; then what is open is cancelled and it has failed. Default: none. */
  readonly deadline?: Duration
  /** How long it is kept after its end, at least 10 minutes. Default: `'7d'`. */
  readonly retention?: Duration
  /** JSON of at most 64 KiB that is kept with it. Default: `{}`. */
  readonly meta?: Readonly<Record<string, unknown>>
}

/** What the database pushes at its end, by the state that it fits to; `ended` fits to all. */
export type BatchCallbacks = Readonly<
  Partial<Record<'succeeded' | 'failed' | 'ended', JobTemplate>>
>

const CALLBACKS = { onSucceeded: 'succeeded', onFailed: 'failed', onEnded: 'ended' } as const
const OPTIONS = ['name', ...Object.keys(CALLBACKS), 'deadline', 'retention', 'meta']

/** An immutable description of a batch that is not in the database yet: made by `batch()`, pushed by `pushBatch`. */
export class Batch {
  readonly name: string
  /** From the push. Null: none. */
  readonly deadlineMs: number | null
  readonly retentionMs: number
  readonly meta: Readonly<Record<string, unknown>>
  /** @internal */
  readonly callbacks: BatchCallbacks

  /** @internal Use `batch()`. */
  constructor(options: unknown) {
    const given = checkOptions(options ?? {}, OPTIONS, 'batch()')
    this.name = checkText(given.name, {
      what: 'batch(): the option "name"',
      maxBytes: MAX_NAME_BYTES,
    })
    const what = `Batch ${inspect(this.name)}`
    this.deadlineMs = given.deadline == null ? null : checkDeadline(given.deadline, what)
    this.retentionMs = checkRetention(given.retention ?? DEFAULT_RETENTION_MS, what)
    this.meta = checkMeta(given.meta ?? NO_DATA, what)
    const callbacks = Object.entries(CALLBACKS).flatMap(([option, state]) =>
      given[option] == null ? [] : [[state, callbackOf(`${what}: ${option}`, given[option])]],
    )
    this.callbacks = Object.freeze(Object.fromEntries(callbacks))
    Object.freeze(this)
  }
}

brandClass(Batch, 'Batch')

function callbackOf(what: string, value: unknown): JobTemplate {
  return jobTemplate(value, {
    what,
    noKey: 'a batch pushes its callback once',
    known: 'the batch has ended',
    without: {},
  })
}

/**
 * Describes a batch: any number of jobs, which are counted and not listed, and what is pushed when all have ended.
 *
 * ```ts
 * const done = job({ name: 'done' }, ({ batch }: BatchEnd) => `${batch.succeeded} of ${batch.total}`)
 * await chancy.pushBatch(batch({ name: 'import', onEnded: done }), rows.map((row) => load.job.withArgs(row)))
 * ```
 *
 * @throws {ConfigError} when an option is wrong, or a callback has what only a job with its arguments can have
 */
export function batch(options: BatchOptions): Batch {
  return new Batch(options)
}

/** @throws {ConfigError} when it was not made by `batch()` */
export function checkBatch(value: unknown): Batch {
  if (value instanceof Batch) return value
  throw new ConfigError(
    `pushBatch: expected what batch() gives as the first argument, got ${inspect(value)}.`,
  )
}
