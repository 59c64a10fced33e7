import { printFilter } from '../../../core/filter/filter-print.ts'
import type { BulkPreview, BulkRequest } from '../../../index.ts'
import { actingUser } from '../../program/acting-user.ts'
import type { Answer, Call } from '../../program/command.ts'
import { durationText } from '../../terminal/duration-text.ts'
import { type FilterParts, filterOfOptions } from '../job/searched-jobs.ts'
import { follow } from './follow.ts'

/** What is done, as a question has it: `Cancel 3 jobs`. */
const WORDS: Readonly<Record<BulkRequest['action'], string>> = {
  cancel: 'Cancel',
  retry: 'Retry',
  delete: 'Delete',
  'run-now': 'Run now',
  reprioritise: 'Change the priority of',
  move: 'Move',
}

/** What the commands give besides the filter. */
export interface ActingGiven extends FilterParts {
  readonly dryRun?: boolean | undefined
  readonly rate?: number | undefined
  readonly reason?: string | undefined
  /** In milliseconds. */
  readonly undoWindow?: number | undefined
}

/** Counts the jobs that a filter finds, asks, starts the action and follows it. */
export async function actOnFound(
  call: Call,
  request: Omit<BulkRequest, 'where' | 'ids'>,
  given: ActingGiven,
): Promise<Answer> {
  const { bulk } = call.chancy()
  const where = printFilter(filterOfOptions(given))
  const wanted = { ...request, where }
  const options = {
    ...(given.rate === undefined ? {} : { ratePerSecond: given.rate }),
    undoWindow: given.undoWindow ?? 0,
  }
  const preview = await bulk.preview(wanted, options)
  const isNothing = preview.states.every(({ isSkipped }) => isSkipped) && !preview.hasMore
  if (given.dryRun === true || isNothing) return { value: preview, shown: shownPreview(preview) }
  const acted = preview.states.filter(({ isSkipped }) => !isSkipped)
  const jobs = acted.reduce((sum, one) => sum + one.jobs, 0)
  const count = `${jobs.toLocaleString('en')}${preview.hasMore ? ' or more' : ''}`
  const noun = jobs === 1 && !preview.hasMore ? 'job' : 'jobs'
  if (jobs > 1 || preview.hasMore) {
    const took = `about ${durationText(preview.takesMs)}`
    await call.confirm(`${WORDS[request.action]} ${count} ${noun}, which takes ${took}?`)
  }
  const started = await bulk.start(wanted, { ...options, ...actingUser(given.reason) })
  return follow(call, started, preview.hasMore ? null : jobs)
}

/** A line a state: how many jobs, and what becomes of them. */
function shownPreview({ states, hasMore, undo }: BulkPreview): object | string {
  if (states.length === 0) return hasMore ? 'Nothing was found yet; the search continues.' : 'none'
  return Object.fromEntries([
    ...states.map(({ state, jobs, what }) => [
      state,
      `${jobs.toLocaleString('en')}${hasMore ? ' or more' : ''}, ${what}`,
    ]),
    ['undo', undo],
  ])
}
