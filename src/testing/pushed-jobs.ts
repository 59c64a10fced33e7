import { AssertionError } from 'node:assert'
import { checkInteger, checkOptions } from '../core/check.ts'
import type { Chancy, JobState, QueuedJob } from '../index.ts'
import { type Difference, differences, inWords, short } from './difference.ts'
import { type ArgsOf, type JobLike, nameOf, type Pushed } from './job-like.ts'
import type { OwnSchema } from './own-schema.ts'
import { findPushed } from './statements.ts'

/** Any part of it, at any depth. */
export type PartOf<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: PartOf<T[K]> }
    : T extends string
      ? T | (string extends T ? Date : never)
      : T

/** How a job was pushed, as far as a test wants to know. */
export interface Expected<F = JobLike> {
  /** A part of the arguments. */
  readonly args?: PartOf<ArgsOf<F>>
  readonly queue?: string
  readonly priority?: number
  readonly maxAttempts?: number | null
  readonly uniqueKey?: string | null
  readonly concurrencyKey?: string | null
  readonly scheduledAt?: Date | null
  /** A part of the metadata. */
  readonly meta?: Readonly<Record<string, unknown>>
  readonly state?: JobState
}

const FIELDS = [
  'args',
  'queue',
  'priority',
  'maxAttempts',
  'uniqueKey',
  'concurrencyKey',
  'scheduledAt',
  'meta',
  'state',
] as const
/** How many jobs a message shows, and how many differences of each. */
const [SHOWN_JOBS, SHOWN_DIFFERENCES] = [5, 6]

interface Compared {
  readonly job: QueuedJob
  readonly found: readonly Difference[]
}

/** What was pushed since the last reset, and what a test expects of it. */
export class PushedJobs {
  readonly #chancy: Chancy
  readonly #schema: OwnSchema

  constructor(chancy: Chancy, schema: OwnSchema) {
    this.#chancy = chancy
    this.#schema = schema
  }

  /** In their order, as they are now. */
  async list<F extends JobLike>(fn?: F): Promise<Pushed<F>[]> {
    const name = fn === undefined ? null : nameOf(fn, 'pushed')
    const all = await this.#all()
    return (name === null ? all : all.filter((job) => job.name === name)) as Pushed<F>[]
  }

  async last<F extends JobLike>(fn: F): Promise<Pushed<F>> {
    const name = nameOf(fn, 'last')
    const all = await this.#all()
    const last = all.findLast((job) => job.name === name)
    if (last !== undefined) return last as Pushed<F>
    throw failure(`Expected the job "${name}" to have been pushed. ${instead(name, all)}`)
  }

  async expect<F extends JobLike>(
    fn: F,
    given: (Expected<F> & { readonly times?: number }) | undefined,
  ): Promise<Pushed<F>> {
    const name = nameOf(fn, 'assertPushed')
    const { times, ...expected } = checkOptions(
      given,
      [...FIELDS, 'times'],
      'assertPushed',
    ) as Expected & {
      readonly times?: number
    }
    if (times !== undefined)
      checkInteger(times, 'assertPushed: times', { min: 1, max: Number.MAX_SAFE_INTEGER })
    const all = await this.#all()
    const compared = compare(all, name, expected)
    const fitting = compared.filter(({ found }) => found.length === 0)
    const [first] = fitting
    const isRight = times === undefined ? first !== undefined : fitting.length === times
    if (isRight && first !== undefined) return first.job as Pushed<F>
    const often = times === undefined ? '' : ` ${counted(times)}`
    throw failure(
      `Expected the job "${name}" to have been pushed${often}${wanted(expected)}. ${found(name, all, compared, fitting.length)}`,
      expected,
      nearest(compared, expected),
    )
  }

  async expectNone<F extends JobLike>(fn: F, given: Expected<F> | undefined): Promise<void> {
    const name = nameOf(fn, 'assertNotPushed')
    const expected = checkOptions(given, FIELDS, 'assertNotPushed') as Expected
    const fitting = compare(await this.#all(), name, expected).filter(
      ({ found }) => found.length === 0,
    )
    if (fitting.length === 0) return
    const jobs = fitting.slice(0, SHOWN_JOBS).map(({ job }, n) => `\n  ${n + 1}. ${described(job)}`)
    throw failure(
      `Expected the job "${name}" not to have been pushed${wanted(expected)}. It was pushed ${counted(fitting.length)}:${jobs.join('')}${more(fitting.length)}`,
    )
  }

  async #all(): Promise<QueuedJob[]> {
    const ids = await this.#schema.query<{ id: string }>(findPushed(this.#schema.names))
    return this.#chancy.getJobs(ids)
  }
}

function compare(all: readonly QueuedJob[], name: string, expected: Expected): Compared[] {
  return all
    .filter((job) => job.name === name)
    .map((job) => ({
      job,
      found: FIELDS.flatMap((field) =>
        expected[field] === undefined ? [] : differences(expected[field], job[field], field),
      ),
    }))
}

function found(
  name: string,
  all: readonly QueuedJob[],
  compared: readonly Compared[],
  fitting: number,
): string {
  if (compared.length === 0) return instead(name, all)
  if (fitting > 0) return `It was pushed ${counted(fitting)} so.`
  const lines = compared.slice(0, SHOWN_JOBS).map(({ found }, n) => {
    const shown = found.slice(0, SHOWN_DIFFERENCES).map(inWords)
    return `\n  ${n + 1}. ${shown.join('\n     ')}`
  })
  return `It was pushed ${counted(compared.length)}, otherwise:${lines.join('')}${more(compared.length)}`
}

/** What was pushed in the place of a job. */
function instead(name: string, all: readonly QueuedJob[]): string {
  const others = all.filter((job) => job.name !== name)
  if (others.length === 0) return 'Nothing was pushed since the last reset().'
  const lines = others
    .slice(0, SHOWN_JOBS)
    .map((job) => `\n  - "${job.name}" with ${described(job)}`)
  return `It was not pushed; this was:${lines.join('')}${more(others.length)}`
}

function described(job: QueuedJob): string {
  return `args ${short(job.args)}, queue '${job.queue}', ${job.state}`
}

function wanted(expected: Expected): string {
  const fields = FIELDS.filter((field) => expected[field] !== undefined)
  if (fields.length === 0) return ''
  return ` with ${fields.map((field) => `${field} ${short(expected[field])}`).join(', ')}`
}

const counted = (times: number): string => (times === 1 ? 'once' : `${times} times`)
const more = (count: number): string =>
  count > SHOWN_JOBS ? `\n  and ${count - SHOWN_JOBS} more` : ''

/** The fields of the job that differs least, for runners that show both sides. */
function nearest(compared: readonly Compared[], expected: Expected): unknown {
  const [first] = [...compared].sort((a, b) => a.found.length - b.found.length)
  if (first === undefined) return undefined
  const fields = FIELDS.filter((field) => expected[field] !== undefined)
  return Object.fromEntries(fields.map((field) => [field, first.job[field]]))
}

function failure(message: string, expected?: unknown, actual?: unknown): AssertionError {
  const sides = actual === undefined ? {} : { expected, actual }
  return new AssertionError({ message, operator: 'pushed', ...sides, stackStartFn: PushedJobs })
}
