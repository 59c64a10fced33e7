import type { ActionOptions } from '../../core/action-options.ts'
import type { Explanation, QueueExplanation } from '../../core/explanation.ts'
import { checkQueueName } from '../../core/job-name.ts'
import type { QueuedJob } from '../../core/queued-job.ts'
import { idOf, type JobId } from '../../core/reference.ts'
import { explain, explainByQueue } from '../read/explain.ts'
import { countFiltered, findPage } from './found-page.ts'
import { JobEditor } from './job-editor.ts'
import type { JobSearchOptions } from './job-search-options.ts'
import type {
  EditOptions,
  FilterGiven,
  FilterOptions,
  FilterSuggestions,
  FindOptions,
  FoundJobs,
  JobChange,
  JobCount,
  JobPart,
} from './search-options.ts'
import { suggest } from './suggest.ts'

/** Finds jobs by a filter, and changes single ones. */
export class JobSearch {
  readonly #options: JobSearchOptions
  readonly #editor: JobEditor

  constructor(options: JobSearchOptions) {
    this.#options = options
    this.#editor = new JobEditor(options)
  }

  find(given: FilterGiven, options: FindOptions = {}): Promise<FoundJobs> {
    return findPage(this.#options, given, options)
  }

  count(given: FilterGiven, options: FilterOptions = {}): Promise<JobCount> {
    return countFiltered(this.#options, given, options)
  }

  suggest(text: string, at?: number, options: FilterOptions = {}): Promise<FilterSuggestions> {
    return suggest(this.#options, text, at, options)
  }

  part(ref: JobId, part: JobPart): Promise<string | null> {
    return this.#editor.part(ref, part)
  }

  edit(ref: JobId, change: JobChange, options: EditOptions = {}): Promise<QueuedJob> {
    return this.#editor.edit(ref, change, options)
  }

  runNow(ref: JobId, options?: ActionOptions): Promise<QueuedJob> {
    return this.#editor.runNow(ref, options)
  }

  delete(ref: JobId, options?: ActionOptions): Promise<void> {
    return this.#editor.delete(ref, options)
  }

  async explain(ref: JobId): Promise<Explanation> {
    return explain(this.#options.statements, idOf(ref))
  }

  async explainQueue(name: string): Promise<QueueExplanation> {
    return explainByQueue(this.#options.statements, checkQueueName(name, 'explainQueue'))
  }
}
