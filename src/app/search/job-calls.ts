import type { ActionOptions } from '../../core/action-options.ts'
import type { Explanation, QueueExplanation } from '../../core/explanation.ts'
import type { QueuedJob } from '../../core/queued-job.ts'
import type { JobId } from '../../core/reference.ts'
import { DurableJobCalls } from '../durable/durable-job-calls.ts'
import type { JobSearch } from './job-search.ts'
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

/** What an application does with jobs that it finds by a filter, and with a single one. */
export abstract class JobCalls extends DurableJobCalls {
  /** Loads what searches. @internal */
  protected abstract search(): Promise<JobSearch>

  /**
   * Finds jobs by a filter, such as `state:failed queue:mail created:<2h`. A filter that no index answers is searched
   * for 150 ms a call: the page may have few jobs or none, `complete` is false then, and `next` continues.
   *
   * @throws {ChancyError} `FILTER_INVALID` with `details.at`, `CURSOR_INVALID`
   * @throws {ConfigError} for a wrong option
   */
  async findJobs(filter: FilterGiven, options?: FindOptions): Promise<FoundJobs> {
    return (await this.search()).find(filter, options)
  }

  /**
   * Counts the jobs that fit a filter, to 10,000 or for 150 ms.
   *
   * @throws {ChancyError} `FILTER_INVALID` with `details.at`
   */
  async countJobs(filter: FilterGiven, options?: FilterOptions): Promise<JobCount> {
    return (await this.search()).count(filter, options)
  }

  /**
   * What may stand at a place in the text of a filter, and what is wrong with the text. Names, queues, workers and groups
   * come from small tables, fields of args and meta from the newest 200 jobs that fit the rest.
   *
   * @param at the place, in characters from 0. Default: the end.
   */
  async suggestFilter(
    text: string,
    at?: number,
    options?: FilterOptions,
  ): Promise<FilterSuggestions> {
    return (await this.search()).suggest(text, at, options)
  }

  /**
   * One part of a job as JSON text, as PostgreSQL has it: numbers keep all their digits. Null: the job has none.
   *
   * @throws {NotFoundError} `JOB_NOT_FOUND`
   */
  async getJobPart(ref: JobId, part: JobPart): Promise<string | null> {
    return (await this.search()).part(ref, part)
  }

  /**
   * Changes a job that waits, and returns it as it is then. A step of a workflow, and a job with a place in a
   * concurrency group, keep what ties them to it.
   *
   * @throws {NotFoundError} `JOB_NOT_FOUND`
   * @throws {JobStateError} `JOB_STATE_CONFLICT` when it does not wait
   * @throws {ChancyError} `CHANGED_MEANWHILE` when it is not as `ifMatch` says
   * @throws {ConfigError} for a change that cannot be stored
   */
  async editJob(ref: JobId, change: JobChange, options?: EditOptions): Promise<QueuedJob> {
    return (await this.search()).edit(ref, change, options)
  }

  /**
   * Lets a job that waits for its time, or for its next attempt, wait no longer. One that is ready stays as it is.
   *
   * @returns the job as it is then
   * @throws {NotFoundError} `JOB_NOT_FOUND`
   * @throws {JobStateError} `JOB_STATE_CONFLICT` when it does not wait
   */
  async runNow(ref: JobId, options?: ActionOptions): Promise<QueuedJob> {
    return (await this.search()).runNow(ref, options)
  }

  /**
   * Deletes a job that has finished.
   *
   * @throws {NotFoundError} `JOB_NOT_FOUND`
   * @throws {JobStateError} `JOB_STATE_CONFLICT` when it has not finished
   */
  async deleteJob(ref: JobId, options?: ActionOptions): Promise<void> {
    return (await this.search()).delete(ref, options)
  }

  /**
   * Says why a job is not running: every reason, with holders and the earliest start where they are
   * known. Of a batch, by its reference: how many of its jobs its callbacks wait for. Only reads.
   *
   * @throws {NotFoundError} `JOB_NOT_FOUND`
   */
  async explain(ref: JobId): Promise<Explanation> {
    return (await this.search()).explain(ref)
  }

  /** The waiting jobs of a queue counted by what keeps them, to 10,000 each. */
  async explainQueue(name: string): Promise<QueueExplanation> {
    return (await this.search()).explainQueue(name)
  }
}
