import {
  ACTION_OPTIONS,
  type ActedBy,
  type ActionOptions,
  parseActedBy,
} from '../../core/action-options.ts'
import {
  BULK_STATES,
  type BulkAction,
  type BulkPage,
  type BulkPreview,
  type BulkState,
} from '../../core/bulk-action.ts'
import { checkInteger, checkOneOf, checkOptions, inspect } from '../../core/check.ts'
import { ConfigError, JobStateError, NotFoundError } from '../../core/errors.ts'
import type { QueuedJob } from '../../core/queued-job.ts'
import { isId, newId } from '../../core/reference.ts'
import { plainArray, textArray } from '../../database/array-literal.ts'
import {
  bulkNow,
  changeBulk,
  createBulk,
  getBulk,
  listBulk,
  lockBulk,
} from '../../database/statements/bulk.ts'
import type { Hub } from '../../events/hub.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { JobSearch } from '../search/job-search.ts'
import type { StatementRunner } from '../statement-runner.ts'
import { previewOf } from './bulk-preview.ts'
import { type CheckedRequest, checkRate, checkRequest, checkStart } from './bulk-request.ts'
import { bulkActionOf } from './bulk-row.ts'
import { frozenFilter } from './frozen-filter.ts'

export interface BulkStoreOptions {
  readonly statements: StatementRunner
  readonly hub: Hub
  readonly audit: () => Promise<AuditLog>
  readonly search: () => Promise<JobSearch>
  readonly getJobs: (ids: readonly string[]) => Promise<QueuedJob[]>
}

/** No action on many jobs goes without its row in the audit log. */
const UNKNOWN: ActedBy = { actor: null, reason: null, address: null, requestId: null }

/** Writes and reads the rows of bulk actions. */
export class BulkStore {
  readonly #options: BulkStoreOptions

  constructor(options: BulkStoreOptions) {
    this.#options = options
  }

  async preview(given: unknown, options: unknown): Promise<BulkPreview> {
    const request = checkRequest(given, 'bulk.preview')
    const { rate } = checkStart(options, request.action, 'bulk.preview')
    const { search, getJobs } = this.#options
    const filter = await this.#frozen(request)
    return previewOf({ request, filter, rate, search: await search(), getJobs })
  }

  async start(given: unknown, options: unknown): Promise<BulkAction> {
    const request = checkRequest(given, 'bulk.start')
    const { rate, delayMs } = checkStart(options, request.action, 'bulk.start')
    const by = parseActedBy((options ?? {}) as ActionOptions, 'bulk.start') ?? UNKNOWN
    const { action, ids, change, queues } = request
    const { database } = this.#options.statements
    const id = newId(database.clock.now())
    const filter = await this.#frozen(request)
    const deed = { verb: `bulk.${action}`, target: `bulk:${id}`, filter, bulkId: id }
    await (await this.#options.audit()).act(by, deed, async (_, session) => {
      const list = ids === null ? null : plainArray(ids)
      const patterns = queues === null ? null : textArray(queues)
      const actor = by.actor === null ? null : JSON.stringify(by.actor)
      await database.run(
        createBulk,
        [
          ...([id, action, filter, list, patterns, JSON.stringify(change)] as const),
          ...([by.reason, actor, rate, delayMs, null] as const),
        ],
        { session },
      )
      const after = { ...change, ratePerSecond: rate, ids: ids?.length ?? null }
      return { value: null, after }
    })
    return this.#changed(id)
  }

  async get(given: unknown): Promise<BulkAction | null> {
    const [row] = await this.#options.statements.read(getBulk, [idOf(given)])
    return row === undefined ? null : bulkActionOf(row)
  }

  async list(given: unknown): Promise<BulkPage> {
    const what = 'bulk.list'
    const { state, limit: wanted, cursor } = checkOptions(given, ['state', 'limit', 'cursor'], what)
    const limit = checkInteger(wanted ?? 50, `${what}: limit`, { min: 1, max: 200 })
    const rows = await this.#options.statements.read(listBulk, [
      cursor === undefined ? null : idOf(cursor),
      state === undefined ? null : checkOneOf(state, BULK_STATES, `${what}: state`),
      limit + 1,
    ])
    const items = rows.slice(0, limit).map(bulkActionOf)
    return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
  }

  pause(id: unknown, options: unknown): Promise<BulkAction> {
    return this.#change(id, 'pause', options, { state: 'paused' })
  }

  resume(id: unknown, options: unknown): Promise<BulkAction> {
    return this.#change(id, 'resume', options, { state: 'running' })
  }

  stop(id: unknown, options: unknown): Promise<BulkAction> {
    return this.#change(id, 'stop', options, { state: 'stopped' })
  }

  setRate(id: unknown, rate: unknown, options: unknown): Promise<BulkAction> {
    return this.#change(id, 'setRate', options, { rate: checkRate(rate, 'bulk.setRate') })
  }

  /** Before it begins, nothing has been done: it is stopped. Later, another action puts back what it changed. */
  async undo(given: unknown, options: unknown): Promise<BulkAction> {
    const what = 'bulk.undo'
    const id = idOf(given)
    const by = parseActedBy(checkOptions(options, ACTION_OPTIONS, what), what) ?? UNKNOWN
    const undoId = newId(this.#options.statements.database.clock.now())
    const deed = { verb: what, target: `bulk:${id}`, bulkId: id }
    const isStopped = await (await this.#options.audit()).act(
      by,
      deed,
      async (database, session) => {
        const [before] = await database.run(lockBulk, [id], { session })
        if (before === undefined) throw notFound(id)
        const { state, rate } = before
        const isOpen = state === 'waiting' || state === 'running' || state === 'paused'
        // What the first step of another process began meanwhile is not stopped alone.
        if (state !== 'waiting' && before.can_undo !== true) throw notUndone(id, before)
        if (isOpen) await database.run(changeBulk, [id, 'stopped', null], { session })
        if (state === 'waiting') return { value: true, before: { state }, after: STOPPED }
        const actor = by.actor === null ? null : JSON.stringify(by.actor)
        await database.run(
          createBulk,
          [undoId, 'undo', null, null, before.queues, '{}', by.reason, actor, rate, 0, id],
          { session },
        )
        return { value: false, before: { state }, after: { undoneBy: undoId } }
      },
    )
    return this.#changed(isStopped ? id : undoId)
  }

  /** By the clock of the database, as the times of jobs are. */
  async #frozen({ where, everything }: CheckedRequest): Promise<string | null> {
    if (where === null) return null
    const [row] = await this.#options.statements.read(bulkNow, [])
    return frozenFilter(where, row?.now_ms ?? 0, everything)
  }

  async #change(
    given: unknown,
    name: string,
    options: unknown,
    to: { readonly state?: BulkState; readonly rate?: number },
  ): Promise<BulkAction> {
    const what = `bulk.${name}`
    const id = idOf(given)
    const by = parseActedBy(checkOptions(options, ACTION_OPTIONS, what), what) ?? UNKNOWN
    const deed = { verb: what, target: `bulk:${id}`, bulkId: id }
    await (await this.#options.audit()).act(by, deed, async (database, session) => {
      const [before] = await database.run(lockBulk, [id], { session })
      if (before === undefined) throw notFound(id)
      const values = [id, to.state ?? null, to.rate ?? null] as const
      const [changed] = await database.run(changeBulk, values, { session })
      if (changed === undefined) {
        throw new JobStateError(
          `${what}: the bulk action ${id} is ${before.state}, so nothing of it is left to change.`,
          { details: { id, state: before.state } },
        )
      }
      const after = { state: to.state ?? before.state, rate: to.rate ?? before.rate }
      const isSame = before.state === after.state && before.rate === after.rate
      return { value: null, before, after, outcome: isSame ? 'unchanged' : 'done' }
    })
    return this.#changed(id)
  }

  #changed(id: string): Promise<BulkAction> {
    this.#options.hub.emit('bulk.changed', { id })
    return this.#known(id)
  }

  async #known(id: string): Promise<BulkAction> {
    const found = await this.get(id)
    if (found === null) throw notFound(id)
    return found
  }
}

function idOf(given: unknown): string {
  if (isId(given)) return given.toLowerCase()
  throw new ConfigError(`bulk: expected the id of a bulk action, a UUID, got ${inspect(given)}.`)
}

function notFound(id: string): NotFoundError {
  return new NotFoundError('BULK_NOT_FOUND', `No bulk action has the id ${id}.`, {
    details: { id },
  })
}

const STOPPED = { state: 'stopped' }

function notUndone(
  id: string,
  { action, state }: { readonly action: string; readonly state: string },
): JobStateError {
  const why =
    action === 'delete'
      ? 'has begun to delete, which cannot be taken back'
      : action === 'undo'
        ? 'is an undo itself'
        : 'has changed nothing within the last hour that was not undone already'
  return new JobStateError(`bulk.undo: the bulk action ${id} ${why}.`, { details: { id, state } })
}
