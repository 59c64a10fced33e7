import { Option } from 'commander'
import type { JobState } from '../../../core/queued-job.ts'
import { ConfigError } from '../../../index.ts'
import { durationValue, wholeNumber } from '../../program/values.ts'
import type { ActingGiven } from '../bulk/act-on-found.ts'

export interface FoundGiven extends ActingGiven {
  readonly id: readonly string[]
}

const MAX_RATE = 2_000
const FILTERS = '--queue, --name, --state and --where'

/** How an action on all jobs that fit goes about it. */
export function actingOptions(): Option[] {
  return [
    new Option('--dry-run', 'count them and change nothing'),
    new Option('--rate <number>', 'jobs a second; default: 100').argParser(
      wholeNumber(1, MAX_RATE),
    ),
    new Option('--reason <text>', 'why, for the audit log'),
  ]
}

/** Which jobs a command changes, when they are not named by their ids. */
export function filterOptions(states: readonly JobState[]): Option[] {
  return [
    new Option('--queue <name>', 'all of this queue'),
    new Option('--name <name>', 'all of this name'),
    new Option('--state <state>', 'all in this state').choices(states),
    whereOption(),
    ...actingOptions(),
  ]
}

export function whereOption(): Option {
  return new Option('--where <filter>', 'all that fit, as "queue:mail created:>7d"')
}

export function undoWindowOption(): Option {
  return new Option(
    '--undo-window <time>',
    'how long it can be undone before it begins; default: 0s',
  ).argParser(durationValue)
}

/** Whether jobs are found by a filter, and not named by their ids. @throws {ConfigError} for neither, and for both */
export function isByFilter(what: string, given: FoundGiven, filters = FILTERS): boolean {
  const { id: ids, queue, name, state, where, dryRun = false } = given
  const hasFilter = [queue, name, state, where].some((one) => one !== undefined)
  if (ids.length === 0 && !hasFilter)
    throw new ConfigError(`${what}: give ids, or some of ${filters}.`)
  const hasMore = given.rate !== undefined || given.undoWindow !== undefined
  if (ids.length > 0 && (hasFilter || dryRun || hasMore))
    throw new ConfigError(
      `${what}: give either ids, or ${filters}, of which --rate and --dry-run are.`,
    )
  if (where !== undefined) checkNoRule(what, where)
  return hasFilter
}

/** A rule of `chancy prune` would be a filter of words, which finds nothing. */
function checkNoRule(what: string, where: string): void {
  if (!/^\s*\{|(?:^|\s)(?:=|!=|<|>|<=|>=|and|or|in)(?:\s|$)/.test(where)) return
  throw new ConfigError(
    `${what}: --where: expected a filter, such as "state:failed queue:mail created:<2h", got a rule.`,
  )
}
