import {
  ACTION_OPTIONS,
  type ActedBy,
  type ActionOptions,
  parseActedBy,
} from '../../core/action-options.ts'
import { checkOptions, inspect } from '../../core/check.ts'
import { ChancyError, ConfigError, JobStateError, jobNotFound } from '../../core/errors.ts'
import { jobVersion } from '../../core/job-version.ts'
import type { QueuedJob } from '../../core/queued-job.ts'
import { idOf, type JobId } from '../../core/reference.ts'
import { plainArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import type { Session } from '../../database/driver.ts'
import { queuedJob } from '../../database/rows.ts'
import { deleteJob, type EditRow, editJob, lockJob } from '../../database/statements/edit-jobs.ts'
import { getJobs } from '../../database/statements/queued-jobs.ts'
import { checkChange, isAsChanged } from './job-change.ts'
import type { JobSearchOptions } from './job-search-options.ts'
import type { EditOptions, JobChange, JobPart } from './search-options.ts'

const PARTS: readonly JobPart[] = ['args', 'result', 'meta', 'progress', 'errors']

/** Changes and deletes single jobs, and reads their parts whole. */
export class JobEditor {
  readonly #options: JobSearchOptions

  constructor(options: JobSearchOptions) {
    this.#options = options
  }

  async edit(ref: JobId, given: JobChange, options: EditOptions = {}): Promise<QueuedJob> {
    const id = idOf(ref)
    const checked = checkChange(given)
    const asked = checkOptions(options, ['ifMatch', ...ACTION_OPTIONS], 'editJob') as EditOptions
    const by = parseActedBy(asked, 'editJob')
    const { ifMatch } = asked
    if (ifMatch !== undefined && typeof ifMatch !== 'string')
      throw new ConfigError(
        `editJob: ifMatch: expected what jobVersion() returns, got ${inspect(ifMatch)}.`,
      )
    const act = { id, what: 'editJob', verb: 'jobs.edit', by, fields: Object.keys(checked.change) }
    return this.#change(act, checked.text, (job, isInDoubt) => {
      // The first try of a call whose answer was lost has made it so.
      if (isInDoubt && isAsChanged(job, checked)) return false
      if (ifMatch !== undefined && jobVersion(job) !== ifMatch) throw changedMeanwhile(id)
      const { maxAttempts } = checked.change
      if (maxAttempts === undefined || maxAttempts >= job.attempts) return true
      throw new ConfigError(
        `editJob: maxAttempts: ${job.attempts} attempts have begun, got ${maxAttempts}.`,
      )
    })
  }

  runNow(ref: JobId, options?: ActionOptions): Promise<QueuedJob> {
    const by = parseActedBy(checkOptions(options, ACTION_OPTIONS, 'runNow'), 'runNow')
    const act = { id: idOf(ref), what: 'runNow', verb: 'jobs.run-now', by, fields: ['scheduledAt'] }
    return this.#change(act, '{"runNow":true}', () => true)
  }

  async delete(ref: JobId, options?: ActionOptions): Promise<void> {
    const id = idOf(ref)
    const by = parseActedBy(checkOptions(options, ACTION_OPTIONS, 'deleteJob'), 'deleteJob')
    const { statements, audit } = this.#options
    if (by === null) {
      await statements.again(async (database, isInDoubt) => {
        const [row] = await database.run(deleteJob, [id])
        if (row?.verdict !== 'unknown' || !isInDoubt) checkDeleted(id, row?.verdict)
      })
      return
    }
    const deed = { verb: 'jobs.delete', target: `job:${id}` }
    await (await audit()).act(by, deed, async (database, session) => {
      const [job] = await database.run(getJobs, [plainArray([id])], { session })
      const [row] = await database.run(deleteJob, [id], { session })
      checkDeleted(id, row?.verdict)
      const { name, queue, state } = job ?? {}
      return { value: null, before: { name, queue, state }, jobs: 1 }
    })
  }

  /** As the database has it: a number keeps all its digits. */
  async part(ref: JobId, part: JobPart): Promise<string | null> {
    const id = idOf(ref)
    if (!PARTS.includes(part))
      throw new ConfigError(
        `getJobPart: expected one of ${PARTS.join(', ')}, got ${inspect(part)}.`,
      )
    const [row] = await this.#options.statements.read(getJobs, [plainArray([id])])
    if (row === undefined) throw jobNotFound(id)
    return row[part]
  }

  /** `allow` sees the job under its lock, and returns whether there is something to change. */
  async #change(
    act: Act,
    change: string,
    allow: (job: QueuedJob, isInDoubt: boolean) => boolean,
  ): Promise<QueuedJob> {
    const { statements, hub, makeReady, notifying, audit } = this.#options
    const { id, what, verb, by, fields } = act
    const work = async (database: Database, session: Session, isInDoubt: boolean) => {
      await database.run(lockJob, [id], { session })
      const before = await readJob(database, session, id)
      const isDue = allow(before, isInDoubt)
      const answer = isDue
        ? (await database.run(editJob, [id, change, notifying], { session }))[0]
        : undefined
      if (answer !== undefined) checkVerdict(id, what, answer)
      return { answer, before, job: await readJob(database, session, id) }
    }
    const { answer, job } =
      by === null
        ? await statements.again((database, isInDoubt) =>
            database.driver.transaction((session) => work(database, session, isInDoubt)),
          )
        : await (await audit()).act(
            by,
            { verb, target: `job:${id}` },
            async (database, session) => {
              const value = await work(database, session, false)
              const { before, job: after } = value
              return {
                ...{ value, before: shown(before, fields), after: shown(after, fields), jobs: 1 },
              }
            },
          )
    // In a transaction of its own: a holder of jobs must not wait for a group.
    if (answer?.concurrency_key != null) await makeReady([answer.concurrency_key])
    if (answer?.queue != null) hub.emit('job.scheduled', { queue: answer.queue })
    return job
  }
}

/** What an action does, and who does it. */
interface Act {
  readonly id: string
  readonly what: string
  readonly verb: string
  readonly by: ActedBy | null
  readonly fields: readonly string[]
}

/** Fields as the audit log has them: of args and meta, which may hold what is masked, only that they were changed. */
function shown(job: QueuedJob, fields: readonly string[]): object {
  const all = job as unknown as Readonly<Record<string, unknown>>
  return Object.fromEntries(
    fields.map((field) => [field, field === 'args' || field === 'meta' ? '…' : all[field]]),
  )
}

/** @throws {NotFoundError} @throws {JobStateError} */
function checkDeleted(id: string, verdict: string | undefined): void {
  if (verdict === 'deleted') return
  if (verdict === undefined || verdict === 'unknown') throw jobNotFound(id)
  throw new JobStateError(
    `deleteJob: expected a job that has finished, but ${id} is ${verdict}. Cancel it first.`,
    { details: { id, state: verdict } },
  )
}

async function readJob(database: Database, session: Session, id: string): Promise<QueuedJob> {
  const [row] = await database.run(getJobs, [plainArray([id])], { session })
  if (row === undefined) throw jobNotFound(id)
  return queuedJob(row)
}

/** @throws {NotFoundError} @throws {JobStateError} */
function checkVerdict(id: string, what: string, { verdict }: EditRow): void {
  if (verdict === 'edited') return
  if (verdict === 'unknown') throw jobNotFound(id)
  const found =
    verdict === 'suspended'
      ? 'it is suspended until what it waits for has come'
      : `it is ${verdict}`
  throw new JobStateError(
    `${what}: expected a job that waits, but ${id} cannot be changed: ${found}.`,
    {
      details: { id, state: verdict },
    },
  )
}

function changedMeanwhile(id: string): ChancyError {
  return new ChancyError(
    'CHANGED_MEANWHILE',
    `The job ${id} is not as it was when its version was read. Read it again, and decide again whether to change it.`,
    { details: { id } },
  )
}
