import type { PushExtras, PushRow } from './push-row.ts'

/** A job as JSON, for `push_stored_1`. What is not set is left out. */
export interface StoredJob {
  readonly name: string
  readonly queue: string
  readonly args: Readonly<Record<string, unknown>>
  readonly priority: number
  readonly max_attempts?: number
  readonly scheduled_ms?: number
  /** Counted from when it is pushed, in milliseconds. */
  readonly delay_ms?: number
  readonly unique_key?: string
  readonly extras?: PushExtras
}

export function storedJobOf(row: PushRow): StoredJob {
  return {
    name: row.name,
    queue: row.queue,
    args: JSON.parse(row.args) as StoredJob['args'],
    priority: row.priority,
    ...(row.maxAttempts === null ? {} : { max_attempts: row.maxAttempts }),
    ...(row.scheduledAtMs === null ? {} : { scheduled_ms: row.scheduledAtMs }),
    ...(row.delayMs === null ? {} : { delay_ms: row.delayMs }),
    ...(row.uniqueKey === null ? {} : { unique_key: row.uniqueKey }),
    ...(row.extras === null ? {} : { extras: JSON.parse(row.extras) as PushExtras }),
  }
}
