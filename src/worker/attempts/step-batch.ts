import type { ClaimedJob } from '../../core/claimed-job.ts'
import type { DurableSave } from '../../core/durable-record.ts'
import { plainArray, textArray } from '../../database/array-literal.ts'
import type { SaveStepsValues } from '../../database/statements/durable.ts'
import { storedPush, storedWaits } from '../../database/stored-waits.ts'

/** What one call of `save` gives to the database. */
export interface PendingSave {
  readonly job: ClaimedJob
  readonly save: DurableSave
  /** The attempt counts as the first: see `JobUpdate.countsAnew`. */
  readonly resets: boolean
}

/** Records of one statement: with more of them a record costs the same. */
const MAX_RECORDS = 1_000
/** What the results of one statement may take together, in characters. */
const MAX_TEXT = 8 * 1_024 ** 2

/** Whether it may wait for an open transaction that holds a unique key: it must hold up no other save. */
export function mayWait({ save: { push, signals } }: PendingSave): boolean {
  return (
    push.some(({ uniqueKey }) => uniqueKey !== null) ||
    signals.some(({ key, push: pushed }) => key !== null || pushed !== null)
  )
}

/**
 * The first saves that fit into one statement, in their order. A job has several of them only where they are nothing
 * but records. Those of jobs in `busy`, and of another worker than the first, are left.
 */
export function nextBatch<Save extends PendingSave>(
  waiting: readonly Save[],
  busy: ReadonlySet<string>,
): Save[] {
  const batch: Save[] = []
  const full = new Set(busy)
  let records = 0
  let text = 0
  const seen = new Set<string>()
  for (const one of waiting) {
    const { id, workerId } = one.job
    if (workerId !== (batch[0]?.job ?? one.job).workerId || full.has(id)) {
      full.add(id)
      continue
    }
    const isMore = hasMore(one)
    // In its own statement, in which nothing else waits.
    if (mayWait(one)) {
      if (batch.length === 0) return [one]
      full.add(id)
      continue
    }
    if (isMore && seen.has(id)) {
      full.add(id)
      continue
    }
    batch.push(one)
    seen.add(id)
    if (isMore) full.add(id)
    records += one.save.records.length
    text += one.save.records.reduce((sum, { result }) => sum + (result?.length ?? 0), 0)
    if (records >= MAX_RECORDS || text >= MAX_TEXT) break
  }
  return batch
}

function hasMore({ save, resets }: PendingSave): boolean {
  const { waits, push, signals, values } = save
  return resets || waits.length + push.length + signals.length + Object.keys(values).length > 0
}

/** The jobs of a batch in the order of ids, in which rows are locked. */
export function jobsOf(batch: readonly PendingSave[]): ClaimedJob[] {
  const jobs = new Map(batch.map(({ job }) => [job.id, job]))
  return [...jobs.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** A batch as the values of `save_steps`. */
export function saveValues(
  batch: readonly PendingSave[],
  jobs: readonly ClaimedJob[],
  again: boolean,
): SaveStepsValues {
  const ordinals = new Map(jobs.map(({ id }, index) => [id, index + 1]))
  const records = batch.flatMap(({ job, save }) =>
    save.records.map((record) => ({ record, ordinal: ordinals.get(job.id) ?? 0 })),
  )
  const extras = new Map(batch.flatMap((one) => (hasMore(one) ? [[one.job.id, one]] : [])))
  return [
    jobs[0]?.workerId ?? '',
    plainArray(jobs.map(({ id }) => id)),
    plainArray(jobs.map(({ fence }) => fence)),
    plainArray(records.map(({ ordinal }) => ordinal)),
    textArray(records.map(({ record }) => record.kind)),
    textArray(records.map(({ record }) => record.name)),
    textArray(records.map(({ record }) => record.result)),
    textArray(
      records.map(({ record: { error } }) => (error === null ? null : JSON.stringify(error))),
    ),
    plainArray(records.map(({ record }) => record.startedMs)),
    plainArray(records.map(({ record }) => record.endedMs)),
    extras.size === 0
      ? null
      : textArray(
          jobs.map(({ id }) => {
            const one = extras.get(id)
            return one === undefined ? null : extrasText(one)
          }),
        ),
    again,
  ]
}

function extrasText({ save, resets }: PendingSave): string {
  const { waits, push, signals, values } = save
  const stepsOf = (kind: string): readonly string[] =>
    save.records.filter((record) => record.kind === kind).map(({ name }) => name)
  const pushing = stepsOf('push')
  const sending = stepsOf('send-signal')
  const parts: Record<string, unknown> = {}
  if (resets) parts.resets = true
  if (waits.length > 0) parts.waits = storedWaits(waits)
  if (push.length > 0)
    parts.push = push.map((row, at) => ({ step: pushing[at], ...storedPush(row) }))
  if (signals.length > 0)
    parts.signals = signals.map(({ jobId, uniqueKey, push: row, name, value, key }, at) => ({
      step: sending[at],
      ...(jobId === null ? {} : { job: jobId }),
      ...(uniqueKey === null ? {} : { of: uniqueKey }),
      ...(row === null ? {} : { push: storedPush(row) }),
      name,
      value: JSON.parse(value) as unknown,
      ...(key === null ? {} : { key }),
    }))
  const entries = Object.entries(values)
  // In an array, which tells the value null from a key that is removed.
  if (entries.length > 0)
    parts.values = Object.fromEntries(
      entries.map(([key, text]) => [key, text === null ? null : [JSON.parse(text) as unknown]]),
    )
  return JSON.stringify(parts)
}
