import { ACTION_OPTIONS } from '../../core/action-options.ts'
import { BULK_VERBS, type BulkRequest, type BulkVerb } from '../../core/bulk-action.ts'
import { checkFlag, checkInteger, checkOneOf, checkOptions, inspect } from '../../core/check.ts'
import { durationMs } from '../../core/duration.ts'
import { ConfigError } from '../../core/errors.ts'
import { checkQueueName } from '../../core/job-name.ts'
import { idsOf, type JobId } from '../../core/reference.ts'

/** A request that can be stored. */
export interface CheckedRequest {
  readonly action: BulkVerb
  /** As given. Null: ids. */
  readonly where: string | null
  /** In their order, each once. Null: a filter. */
  readonly ids: readonly string[] | null
  readonly change: { readonly priority?: number; readonly queue?: string }
  readonly everything: boolean
  /** Null: all. */
  readonly queues: readonly string[] | null
}

const REQUEST = ['action', 'where', 'ids', 'priority', 'queue', 'everything', 'queues']
const OPTIONS = ['ratePerSecond', 'undoWindow', ...ACTION_OPTIONS]
export const MAX_IDS = 1_000
export const MAX_RATE = 2_000
const DEFAULT_RATE = 100
const MAX_WINDOW_MS = 3_600_000
const MAX_PRIORITY = 2_147_483_647
const MAX_PATTERNS = 100

/** @throws {ConfigError} */
export function checkRequest(given: unknown, what: string): CheckedRequest {
  const request = checkOptions(given, REQUEST, what) as unknown as BulkRequest
  const { where, ids, priority, queue, everything = false } = request
  const action = checkOneOf(request.action, BULK_VERBS, `${what}: action`)
  if ((where === undefined) === (ids === undefined)) {
    throw new ConfigError(
      `${what}: expected either where or ids, got ${where === undefined ? 'neither' : 'both'}. Write: { action: ${inspect(action)}, where: 'state:failed queue:mail' }.`,
    )
  }
  if (where !== undefined && typeof where !== 'string')
    throw new ConfigError(`${what}: where: expected a filter as text, got ${inspect(where)}.`)
  const needed = { reprioritise: 'priority', move: 'queue' } as Readonly<Record<string, string>>
  for (const name of ['priority', 'queue'] as const) {
    const isNeeded = needed[action] === name
    if (isNeeded === (request[name] !== undefined)) continue
    throw new ConfigError(
      isNeeded
        ? `${what}: ${action} needs ${name}. Write: { action: ${inspect(action)}, ${name}: … }.`
        : `${what}: ${name}: ${action} takes none, got ${inspect(request[name])}.`,
    )
  }
  return {
    action,
    where: where ?? null,
    ids: ids === undefined ? null : checkIds(ids, what),
    change: {
      ...(priority === undefined
        ? {}
        : {
            priority: checkInteger(priority, `${what}: priority`, {
              min: -MAX_PRIORITY,
              max: MAX_PRIORITY,
            }),
          }),
      ...(queue === undefined ? {} : { queue: checkQueueName(queue, `${what}: queue`) }),
    },
    everything: checkFlag(everything, `${what}: everything`),
    queues: request.queues === undefined ? null : checkPatterns(request.queues, what),
  }
}

/** @throws {ConfigError} */
export function checkStart(
  given: unknown,
  action: BulkVerb,
  what: string,
): { readonly rate: number; readonly delayMs: number } {
  const { ratePerSecond = DEFAULT_RATE, undoWindow = '30s' } = checkOptions(given, OPTIONS, what)
  const windowMs = durationMs(undoWindow as never, `${what}: undoWindow`)
  if (windowMs > MAX_WINDOW_MS)
    throw new ConfigError(`${what}: undoWindow: expected at most 1h, got ${inspect(undoWindow)}.`)
  return {
    rate: checkRate(ratePerSecond, `${what}: ratePerSecond`),
    delayMs: action === 'delete' ? windowMs : 0,
  }
}

/** @throws {ConfigError} */
export function checkRate(given: unknown, what: string): number {
  return checkInteger(given, what, { min: 1, max: MAX_RATE })
}

function checkIds(given: Iterable<JobId>, what: string): readonly string[] {
  const ids = [...new Set(idsOf(given, `${what}: ids`))].sort()
  if (ids.length > 0 && ids.length <= MAX_IDS) return ids
  throw new ConfigError(
    `${what}: ids: expected 1 to ${MAX_IDS} jobs, got ${ids.length}. Use a filter for more: { where: … }.`,
  )
}

function checkPatterns(given: unknown, what: string): readonly string[] {
  const isFine =
    Array.isArray(given) &&
    given.length <= MAX_PATTERNS &&
    given.every((one) => typeof one === 'string' && one !== '')
  if (isFine) return given as string[]
  throw new ConfigError(
    `${what}: queues: expected an array of at most ${MAX_PATTERNS} patterns such as "mail*", got ${inspect(given)}.`,
  )
}
