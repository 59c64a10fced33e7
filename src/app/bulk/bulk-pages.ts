import { BULK_VERBS, type BulkVerb } from '../../core/bulk-action.ts'
import { filterOf, printFilter } from '../../core/filter/filter-print.ts'
import type { StateWord } from '../../core/filter/job-filter.ts'
import { plainArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import { type DueBulk, doneItems } from '../../database/statements/bulk-steps.ts'
import { getJobs } from '../../database/statements/queued-jobs.ts'
import type { JobSearch } from '../search/job-search.ts'
import { globFits } from '../search/name-patterns.ts'

/** The cursor behind the last job. */
export const END = 'end'

/** The next jobs of an action, and how far it has come with them. */
export interface BulkPage {
  readonly ids: readonly string[]
  readonly cursor: string
  /** Jobs that were asked for by their ids, and that the action may not touch. */
  readonly hidden: number
}

/** States that an action changes; a filter that names none is read for these alone. */
export const CHANGED_STATES: Readonly<Record<BulkVerb, readonly StateWord[]>> = {
  cancel: ['pending', 'running', 'retrying'],
  retry: ['failed', 'cancelled'],
  delete: ['finished'],
  'run-now': ['waiting'],
  reprioritise: ['waiting'],
  move: ['waiting'],
}

/** Finds the jobs of an action, page by page. */
export class BulkPages {
  readonly #database: Database
  readonly #search: () => Promise<JobSearch>

  constructor(database: Database, search: () => Promise<JobSearch>) {
    this.#database = database
    this.#search = search
  }

  /** The jobs behind the cursor of an action. */
  async next(due: DueBulk, size: number): Promise<BulkPage> {
    const { action, ids, filter, cursor, queues } = due
    if (action === 'undo') return this.#ofUndo(due, size)
    const patterns = queues === null ? null : (JSON.parse(queues) as readonly string[])
    if (ids !== null) {
      const rest = (JSON.parse(ids) as string[]).filter((id) => cursor === null || id > cursor)
      return this.#ofIds(rest, size, patterns)
    }
    const search = await this.#search()
    const found = await search.find(readFilter(action, filter ?? ''), {
      ...{ order: 'newest', limit: size, maxPartBytes: 0 },
      ...(cursor === null ? {} : { cursor }),
      ...(patterns === null ? {} : { scope: { queues: patterns } }),
    })
    return { ids: found.items.map(({ id }) => id), cursor: found.next ?? END, hidden: 0 }
  }

  /** A job of a queue that the action may not touch does not exist for it. */
  async #ofIds(
    rest: readonly string[],
    size: number,
    patterns: readonly string[] | null,
  ): Promise<BulkPage> {
    const page = rest.slice(0, size)
    const cursor = rest.length > size ? (page.at(-1) ?? END) : END
    if (patterns === null) return { ids: page, cursor, hidden: 0 }
    const rows = await this.#database.run(getJobs, [plainArray(page)])
    const seen = rows.filter(({ queue }) => patterns.some((one) => globFits(one, queue)))
    return { ids: seen.map(({ id }) => id), cursor, hidden: page.length - seen.length }
  }

  async #ofUndo({ undo_of: of, cursor }: DueBulk, size: number): Promise<BulkPage> {
    const rows = await this.#database.run(doneItems, [of ?? '', cursor, size])
    const ids = rows.map(({ job_id: id }) => id)
    return { ids, cursor: ids.length < size ? END : (ids.at(-1) ?? END), hidden: 0 }
  }
}

/** The filter with the states that the action changes, where it names none: the history may be long. */
function readFilter(action: string, filter: string): string {
  const { terms } = filterOf(filter)
  const isKnown = (BULK_VERBS as readonly string[]).includes(action)
  if (!isKnown || terms.some(({ key }) => key === 'state')) return filter
  const states = CHANGED_STATES[action as BulkVerb]
  return printFilter({ terms: [...terms, { key: 'state', values: states }] })
}
