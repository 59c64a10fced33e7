import { decodeJson } from '../../core/json.ts'
import type { PushExtras, PushRow } from '../../core/push-row.ts'
import { deepFreeze } from '../../core/rule/deep-freeze.ts'

/** A job that is about to be written, as `onPush` sees it. Only a changed `meta` is taken from what it returns. */
export interface PushedJob {
  readonly id: string
  readonly name: string
  readonly queue: string
  /** A copy: what is changed in it is not written. */
  readonly args: unknown
  readonly priority: number
  /** Null: the definition of the worker decides. */
  readonly maxAttempts: number | null
  readonly scheduledAt: Date | null
  readonly delayMs: number | null
  readonly uniqueKey: string | null
  /** Frozen: a hook returns the job with another one. */
  readonly meta: Readonly<Record<string, unknown>>
}

const NO_META: PushedJob['meta'] = Object.freeze({})

/** Its fields are plain, and what few hooks read is decoded then: it is made for each job and each hook. */
class RowOfPush implements PushedJob {
  readonly id: string
  readonly name: string
  readonly queue: string
  readonly priority: number
  readonly maxAttempts: number | null
  readonly delayMs: number | null
  readonly uniqueKey: string | null
  readonly meta: PushedJob['meta']
  readonly #row: PushRow

  constructor(row: PushRow) {
    this.id = row.id
    this.name = row.name
    this.queue = row.queue
    this.priority = row.priority
    this.maxAttempts = row.maxAttempts
    this.delayMs = row.delayMs
    this.uniqueKey = row.uniqueKey
    this.meta = row.extras === null ? NO_META : deepFreeze(extrasOf(row).meta ?? {})
    this.#row = row
  }

  get args(): unknown {
    return decodeJson(this.#row.args)
  }

  get scheduledAt(): Date | null {
    const { scheduledAtMs } = this.#row
    return scheduledAtMs === null ? null : new Date(scheduledAtMs)
  }
}

export function pushedJobOf(row: PushRow): PushedJob {
  return Object.freeze(new RowOfPush(row))
}

/** The row with another `meta`, which was checked before. */
export function withPushedMeta(row: PushRow, meta: Readonly<Record<string, unknown>>): PushRow {
  const { meta: _, ...rest } = extrasOf(row)
  const isEmpty = Object.keys(meta).length === 0
  const changed = isEmpty ? rest : { ...rest, meta }
  return { ...row, extras: Object.keys(changed).length === 0 ? null : JSON.stringify(changed) }
}

function extrasOf({ extras }: PushRow): PushExtras {
  return extras === null ? {} : (decodeJson(extras) as PushExtras)
}
