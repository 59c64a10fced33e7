import { ChancyError } from '../../core/errors.ts'
import { plainArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import type { Session } from '../../database/driver.ts'
import { queuedJob } from '../../database/rows.ts'
import {
  type ChangedRow,
  type DueBulk,
  deleteFinished,
  editMany,
  hadBefore,
  undoJobs,
} from '../../database/statements/bulk-steps.ts'
import { lockJob } from '../../database/statements/edit-jobs.ts'
import { cancelJob, cancelMany, retryJob, retryMany } from '../../database/statements/jobs.ts'
import { getJobs } from '../../database/statements/queued-jobs.ts'
import type { Hub } from '../../events/hub.ts'

/** What follows from statements that have changed many jobs. */
export interface Followers {
  cancelled(
    rows: readonly {
      id: string
      verdict: 'cancelled' | 'requested'
      concurrency_key: string | null
    }[],
  ): Promise<void>
  retried(rows: readonly { queue: string; is_scheduled: boolean }[]): void
  makeReady(keys: readonly string[]): Promise<void>
}

export interface BulkWorkOptions {
  readonly database: Database
  readonly hub: Hub
  readonly notifying: boolean
  readonly followers: Followers
}

/** The jobs that a transaction has changed, and what is to follow when it has committed. */
export interface Worked {
  readonly ids: readonly string[]
  readonly follow: () => Promise<void>
}

/** What became of one job: null when it was changed, or why it was not. */
export interface WorkedAlone {
  readonly code: string | null
  readonly follow: () => Promise<void>
}

export const NO_FOLLOW = async (): Promise<void> => {}
const unchanged = (code: string): WorkedAlone => ({ code, follow: NO_FOLLOW })

/** What each action does with jobs, inside of a transaction. */
export class BulkWork {
  readonly #options: BulkWorkOptions

  constructor(options: BulkWorkOptions) {
    this.#options = options
  }

  /** Changes those that no other transaction holds, and that need nothing else locked before them. */
  async many(due: DueBulk, ids: readonly string[], session: Session): Promise<Worked> {
    const { database, notifying, followers } = this.#options
    const list = plainArray(ids)
    const { action } = due
    if (action === 'cancel') {
      const rows = await database.run(cancelMany, [list, notifying], { session })
      return { ids: rows.map(({ id }) => id), follow: () => followers.cancelled(rows) }
    }
    if (action === 'retry') {
      const rows = await database.run(retryMany, [list, notifying], { session })
      return { ids: rows.map(({ id }) => id), follow: async () => followers.retried(rows) }
    }
    if (action === 'delete') {
      const rows = await database.run(deleteFinished, [list], { session })
      return { ids: rows.map(({ id }) => id), follow: NO_FOLLOW }
    }
    if (action === 'undo') return this.#undone(due, list, false, session)
    const rows = await database.run(editMany, [list, changeOf(due), notifying], { session })
    return { ids: rows.map(({ id }) => id), follow: () => this.#moved(rows) }
  }

  /** Changes one job, and waits for the transaction that holds it. */
  async one(due: DueBulk, id: string, session: Session): Promise<WorkedAlone> {
    const { database, notifying, followers } = this.#options
    const { action, undo_of: undoOf } = due
    if (action === 'cancel') {
      const [answer] = await database.run(cancelJob, [id, notifying], { session })
      const verdict = answer?.verdict
      if (answer === undefined || (verdict !== 'cancelled' && verdict !== 'requested'))
        return unchanged(codeOf(verdict))
      const row = { id, verdict, concurrency_key: answer.concurrency_key }
      return { code: null, follow: () => followers.cancelled([row]) }
    }
    if (action === 'retry') {
      const [answer] = await database.run(retryJob, [id, notifying], { session })
      const isScheduled = answer?.verdict === 'scheduled'
      if (!isScheduled && answer?.verdict !== 'retried') return unchanged(codeOf(answer?.verdict))
      const row = { queue: answer.queue ?? 'default', is_scheduled: isScheduled }
      return { code: null, follow: async () => followers.retried([row]) }
    }
    if (action === 'undo') {
      const undone = await this.#undone(due, plainArray([id]), true, session)
      if (undone.ids.length > 0) return { code: null, follow: undone.follow }
      const [found] = await database.run(hadBefore, [undoOf ?? '', id], { session })
      return unchanged(found?.had === true ? 'CHANGED_MEANWHILE' : 'JOB_STATE_CONFLICT')
    }
    if (action !== 'delete') await database.run(lockJob, [id], { session })
    const { ids, follow } = await this.many(due, [id], session)
    return ids.length > 0 ? { code: null, follow } : unchanged(await this.#whyNot(due, id, session))
  }

  async #undone(
    { undo_of: undoOf }: DueBulk,
    list: string,
    waiting: boolean,
    session: Session,
  ): Promise<Worked> {
    const { database, hub, notifying } = this.#options
    const values = [undoOf ?? '', list, waiting, notifying] as const
    const rows = await database.run(undoJobs, values, { session })
    const [ended, moved] = [
      rows.filter(({ became }) => became !== 'waiting'),
      rows.filter(({ became }) => became === 'waiting'),
    ]
    return {
      ids: rows.map(({ id }) => id),
      follow: async () => {
        await this.#moved(moved)
        await this.#ready(ended)
        for (const { id, became } of ended)
          hub.emit('job.finished', { id, state: became as 'failed' | 'cancelled' })
      },
    }
  }

  /** Why a job that is to be edited or deleted was not. */
  async #whyNot({ action }: DueBulk, id: string, session: Session): Promise<string> {
    const [row] = await this.#options.database.run(getJobs, [plainArray([id])], { session })
    if (row === undefined) return 'JOB_NOT_FOUND'
    const { state, waitsFor } = queuedJob(row)
    // A suspended job waits too, and cannot be edited.
    const isEditable = (state === 'pending' || state === 'retrying') && waitsFor === undefined
    return action !== 'delete' && isEditable ? 'UNCHANGED' : 'JOB_STATE_CONFLICT'
  }

  /** Jobs have come due again, perhaps elsewhere. */
  async #moved(rows: readonly ChangedRow[]): Promise<void> {
    await this.#ready(rows)
    for (const queue of new Set(rows.map((row) => row.queue)))
      this.#options.hub.emit('job.scheduled', { queue })
  }

  /** What they left in their groups may be taken. */
  async #ready(rows: readonly ChangedRow[]): Promise<void> {
    const keys = new Set(rows.flatMap(({ concurrency_key: key }) => (key === null ? [] : [key])))
    if (keys.size > 0) await this.#options.followers.makeReady([...keys])
  }
}

function changeOf({ action, change }: DueBulk): string {
  if (action === 'run-now') return '{"runNow":true}'
  if (action === 'move' || action === 'reprioritise') return change
  throw new ChancyError('CONFIG_INVALID', `The bulk action "${action}" is unknown here.`)
}

function codeOf(verdict: string | undefined): string {
  return verdict === undefined || verdict === 'unknown' ? 'JOB_NOT_FOUND' : 'JOB_STATE_CONFLICT'
}
