import { ACTION_OPTIONS } from '../../core/action-options.ts'
import { checkInteger, checkOneOf, checkOptions, checkText, inspect } from '../../core/check.ts'
import { ConfigError, NotFoundError } from '../../core/errors.ts'
import {
  FAILURE_STATES,
  type FailureCounts,
  type FailureDetails,
  type FailureGroup,
  type FailurePage,
  type FailureState,
} from '../../core/failure-group.ts'
import { fingerprintFromBigint, fingerprintToBigint } from '../../core/fingerprint.ts'
import { isFingerprint } from '../../core/is-fingerprint.ts'
import { MAX_NAME_BYTES } from '../../core/job-name.ts'
import type { AttemptErrorKind } from '../../core/queued-job.ts'
import type { ActionOptions, PluginAccess } from '../../plugin/index.ts'
import {
  countGroups,
  decideGroup,
  type GroupRow,
  getGroup,
  LISTS,
  lockGroup,
  noteGroup,
} from './statements.ts'

const QUERY = ['order', 'state', 'name', 'kind', 'version', 'limit', 'cursor']
const ORDERS = ['last', 'most', 'new'] as const
const MAX_NOTE_BYTES = 4_000
const MAX_TEXT_BYTES = 200

/** Reads groups of failures, and writes what users decide about them. */
export class GroupActions {
  readonly #access: PluginAccess

  /** @internal */
  constructor(access: PluginAccess) {
    this.#access = access
  }

  /** A page of groups. @throws {ConfigError} */
  async list(query?: unknown): Promise<FailurePage> {
    const what = 'failures.list'
    const given = checkOptions(query, QUERY, what)
    const text = (name: string, maxBytes = MAX_TEXT_BYTES): string | null =>
      given[name] === undefined
        ? null
        : checkText(given[name], { what: `${what}: ${name}`, maxBytes })
    const order = checkOneOf(given.order ?? 'last', ORDERS, `${what}: order`)
    const limit = checkInteger(given.limit ?? 50, `${what}: limit`, { min: 1, max: 200 })
    const state =
      given.state === undefined ? null : checkOneOf(given.state, FAILURE_STATES, `${what}: state`)
    const cursor = given.cursor === undefined ? null : readCursor(given.cursor, order)
    const { run, database } = this.#access
    const rows = await run(() =>
      database.run(LISTS[order], [
        ...([state, text('name', MAX_NAME_BYTES), text('kind'), text('version')] as const),
        ...([cursor?.rank ?? null, cursor?.fingerprint ?? null, limit + 1] as const),
      ]),
    )
    const page = rows.slice(0, limit)
    const last = rows.length > limit ? page.at(-1) : undefined
    return {
      items: page.map(groupOf),
      next: last === undefined ? null : `${order}:${last.rank}:${last.fingerprint}`,
    }
  }

  /** One group, or null. @throws {ConfigError} */
  async get(fingerprint: string): Promise<FailureDetails | null> {
    const { run, database } = this.#access
    const values = [checkFingerprint(fingerprint)] as const
    const [row] = await run(() => database.run(getGroup, values))
    if (row === undefined) return null
    const queues = JSON.parse(row.queues) as [string, number][]
    return { ...groupOf(row), queues: queues.map(([queue, failures]) => ({ queue, failures })) }
  }

  /** How many groups are in each state. */
  async count(): Promise<FailureCounts> {
    const { run, database } = this.#access
    const [counts] = await run(() => database.run(countGroups, []))
    return counts ?? { open: 0, muted: 0, resolved: 0, new: 0 }
  }

  /** @throws {NotFoundError} `FAILURE_NOT_FOUND` */
  mute(fingerprint: string, options?: ActionOptions): Promise<void> {
    return this.#decide(fingerprint, 'mute', 'muted', options)
  }

  /** @throws {NotFoundError} `FAILURE_NOT_FOUND` */
  unmute(fingerprint: string, options?: ActionOptions): Promise<void> {
    return this.#decide(fingerprint, 'unmute', 'open', options)
  }

  /** @throws {NotFoundError} `FAILURE_NOT_FOUND` */
  resolve(fingerprint: string, options?: ActionOptions): Promise<void> {
    return this.#decide(fingerprint, 'resolve', 'resolved', options)
  }

  /** @throws {NotFoundError} `FAILURE_NOT_FOUND` */
  note(fingerprint: string, note: string | null, options?: ActionOptions): Promise<void> {
    const rule = { what: 'failures.note', maxBytes: MAX_NOTE_BYTES }
    const text = note === null ? null : checkText(note, rule)
    return this.#act(fingerprint, 'note', options, async (key, session) => {
      await this.#access.database.run(noteGroup, [key, text], { session })
      return { note: text }
    })
  }

  #decide(
    fingerprint: string,
    name: string,
    state: FailureState,
    options: ActionOptions | undefined,
  ): Promise<void> {
    const { actor } = options ?? {}
    const by = actor?.name ?? actor?.id ?? null
    return this.#act(fingerprint, name, options, async (key, session) => {
      await this.#access.database.run(decideGroup, [key, state, by], { session })
      return { state }
    })
  }

  async #act(
    fingerprint: string,
    name: string,
    options: unknown,
    change: (key: string, session: unknown) => Promise<object>,
  ): Promise<void> {
    const given = checkOptions(options, ACTION_OPTIONS, `failures.${name}`) as ActionOptions
    const key = checkFingerprint(fingerprint)
    const target = `failure:${fingerprint.toLowerCase()}`
    await this.#access.act(given, { verb: `failures.${name}`, target }, async (session) => {
      const [before] = await this.#access.database.run(lockGroup, [key], { session })
      if (before === undefined) {
        throw new NotFoundError(
          'FAILURE_NOT_FOUND',
          `No group of failures has the fingerprint ${fingerprint}.`,
          { details: { fingerprint } },
        )
      }
      const after = { ...before, ...(await change(key, session)) }
      const isSame = before.state === after.state && before.note === after.note
      return { value: undefined, before, after, outcome: isSame ? 'unchanged' : 'done' }
    })
  }
}

function groupOf(row: GroupRow): FailureGroup {
  const hours = JSON.parse(row.hours) as [number, number][]
  return {
    fingerprint: fingerprintFromBigint(row.fingerprint),
    name: row.name,
    kind: row.kind as AttemptErrorKind,
    error: row.error,
    message: row.message,
    frames: JSON.parse(row.frames),
    firstAt: new Date(row.first_ms),
    lastAt: new Date(row.last_ms),
    total: row.total,
    samples: JSON.parse(row.samples),
    firstVersion: row.first_version,
    lastVersion: row.last_version,
    state: row.state as FailureState,
    stateBy: row.state_by,
    stateAt: row.state_ms === null ? null : new Date(row.state_ms),
    note: row.note,
    isNew: row.is_new,
    again: row.again,
    hours: hours.map(([at, failures]) => ({ at: new Date(at), failures })),
  }
}

function checkFingerprint(given: unknown): string {
  if (isFingerprint(given)) return fingerprintToBigint(given)
  throw new ConfigError(
    `failures: expected a fingerprint, 16 hexadecimal digits, got ${inspect(given)}.`,
  )
}

function readCursor(given: unknown, order: string): { rank: number; fingerprint: string } {
  const [, of, rank, fingerprint] = /^(\w+):(\d+(?:\.\d+)?):(-?\d{1,19})$/.exec(String(given)) ?? []
  if (of === order && rank !== undefined && fingerprint !== undefined)
    return { rank: Number(rank), fingerprint }
  throw new ConfigError(
    `failures.list: cursor: expected "next" of a page in the same order, got ${inspect(given)}.`,
  )
}
