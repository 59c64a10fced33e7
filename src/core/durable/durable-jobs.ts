import { checkInteger, checkOptions, checkText, inspect } from '../check.ts'
import type { ClaimedJob } from '../claimed-job.ts'
import type { ChildJobs, OpenWait, SentSignal, StepKind, StepRecord } from '../durable-record.ts'
import { ConfigError } from '../errors.ts'
import {
  isDefinedJob,
  isJob,
  isJobFunction,
  JOB_SPEC,
  type Job,
  type Pushable,
  toJob,
} from '../job.ts'
import { MAX_KEY_BYTES } from '../job-name.ts'
import { type PushRow, pushRow, rowBytes } from '../push-row.ts'
import { idOf, type JobId } from '../reference.ts'
import { checkSignal, encodeSignal } from '../signal.ts'
import { isWorkflow, type Workflow } from '../workflow/workflow.ts'
import { MAX_CHILDREN, MAX_CHILDREN_BYTES } from './durable-limits.ts'
import type { DurableRun } from './durable-run.ts'
import type { CallNumbers } from './durable-waits.ts'
import { checkStepName } from './step-retry.ts'

// biome-ignore lint/suspicious/noExplicitAny: a job is invariant in its arguments, so no other type takes all
type AnyJob = Job<any, any, any>
// biome-ignore lint/suspicious/noExplicitAny: the same
type AnyPushable = Pushable<any, any>

/** What one run of a durable job pushes and sends. */
export class DurableJobs {
  readonly #run: DurableRun
  readonly #numbers: CallNumbers
  readonly #parent: Pick<ClaimedJob, 'priority'>

  constructor(run: DurableRun, numbers: CallNumbers, parent: Pick<ClaimedJob, 'priority'>) {
    this.#run = run
    this.#numbers = numbers
    this.#parent = parent
  }

  invoke(given: unknown, options: unknown): Promise<StepRecord> {
    const wanted = checkOptions(options, ['name'], 'ctx.invoke')
    if (isWorkflow(given)) return this.#invokeWorkflow(given, wanted.name)
    const job = childOf(given, 'ctx.invoke')
    const name = this.#name(wanted.name, `invoke ${job.name}`, 'ctx.invoke')
    return this.#wait('invoke', name, [job], { concurrency: null, settle: false })
  }

  invokeAll(given: unknown, jobs: unknown, options: unknown): Promise<StepRecord> {
    const name = checkStepName(given, 'ctx.invokeAll')
    const what = `ctx.invokeAll "${name}"`
    const { concurrency, settle = false } = checkOptions(options, ['concurrency', 'settle'], what)
    const rule = { min: 1, max: 1_000_000 }
    if (typeof settle !== 'boolean')
      throw new ConfigError(`${what}: settle: expected true or false, got ${inspect(settle)}.`)
    const most =
      concurrency === undefined ? null : checkInteger(concurrency, `${what}: concurrency`, rule)
    const children = childrenOf(jobs, what)
    return this.#wait('invoke-all', name, children, { concurrency: most, settle })
  }

  push(given: unknown, options: unknown): Promise<StepRecord> {
    const job = toJob(given as AnyPushable)
    const wanted = checkOptions(options, ['name'], 'ctx.push')
    const name = this.#name(wanted.name, `push ${job.name}`, 'ctx.push')
    return this.#ask('push', name, async (startedMs) => {
      const row = await this.#row(job)
      const result = JSON.stringify({ id: row.id, created: true })
      const times = { startedMs, endedMs: this.#run.times.databaseMs }
      this.#run.done((saver) =>
        saver.push({ kind: 'push', name, result, error: null, ...times }, row),
      )
    })
  }

  sendSignal(
    target: unknown,
    given: unknown,
    value: unknown,
    options: unknown,
  ): Promise<StepRecord> {
    const signal = checkSignal(given, 'ctx.sendSignal')
    const wanted = checkOptions(options, ['name', 'key'], 'ctx.sendSignal')
    const { key } = wanted
    const rule = { what: 'ctx.sendSignal: key', maxBytes: MAX_KEY_BYTES }
    const checkedKey = key === undefined ? null : checkText(key, rule)
    const to = targetOf(target)
    const name = this.#name(wanted.name, `send ${signal.name}`, 'ctx.sendSignal')
    return this.#ask('send-signal', name, async (startedMs) => {
      const text = await encodeSignal(signal, value)
      const push = to.job === null ? null : await this.#row(to.job)
      const { jobId, uniqueKey } = to
      const sent: SentSignal = {
        jobId,
        uniqueKey,
        push,
        name: signal.name,
        value: text,
        key: checkedKey,
      }
      const times = { startedMs, endedMs: this.#run.times.databaseMs }
      this.#run.done((saver) =>
        saver.send({ kind: 'send-signal', name, result: '"sent"', error: null, ...times }, sent),
      )
    })
  }

  #invokeWorkflow(workflow: Workflow, given: unknown): Promise<StepRecord> {
    if (workflow.uniqueKey !== null) {
      throw new ConfigError(
        `ctx.invoke: the workflow "${workflow.name}" has a unique key, which an invoked workflow cannot have: its holder may be the workflow of another. Leave the key out.`,
      )
    }
    const name = this.#name(given, `invoke ${workflow.name}`, 'ctx.invoke')
    const run = this.#run
    return this.#ask('invoke', name, async (startedMs) => {
      const known = run.reached(name)
      if (known !== undefined) return run.wait(known)
      const { planOf } = await import('../workflow/workflow-plan.ts')
      const { priority } = this.#parent
      const own = workflow.priority === 0 ? workflow.withPriority(priority) : workflow
      const plan = await planOf(own, run.times.databaseMs, (row) => row)
      const children = { push: [], workflow: plan, count: 1, concurrency: null, settle: false }
      const times = { untilMs: null, afterMs: null, startedMs }
      run.wait({ kind: 'invoke', name, ...times, signals: [], children })
    })
  }

  #name(given: unknown, what: string, method: string): string {
    return given === undefined ? this.#numbers.next(what) : checkStepName(given, method)
  }

  /** What `make` throws rejects the call, and nothing is recorded. */
  #ask(
    kind: StepKind,
    name: string,
    make: (startedMs: number) => Promise<void>,
  ): Promise<StepRecord> {
    const run = this.#run
    return run.ask(kind, name, () => {
      run.work.began()
      void make(run.times.startMs)
        .catch((error) => run.refuse(name, error))
        .finally(() => run.work.ended())
    })
  }

  #wait(
    kind: 'invoke' | 'invoke-all',
    name: string,
    jobs: readonly AnyJob[],
    terms: Pick<ChildJobs, 'concurrency' | 'settle'>,
  ): Promise<StepRecord> {
    return this.#ask(kind, name, async (startedMs) => {
      if (jobs.length === 0) {
        const times = { startedMs, endedMs: this.#run.times.databaseMs }
        return this.#run.done((saver) =>
          saver.record({ kind, name, result: '[]', error: null, ...times }),
        )
      }
      const wait = this.#run.reached(name)
      this.#run.wait(wait ?? (await this.#childrenWait(kind, name, jobs, startedMs, terms)))
    })
  }

  async #childrenWait(
    kind: 'invoke' | 'invoke-all',
    name: string,
    jobs: readonly AnyJob[],
    startedMs: number,
    terms: Pick<ChildJobs, 'concurrency' | 'settle'>,
  ): Promise<OpenWait> {
    const push: PushRow[] = []
    let bytes = 0
    for (const job of jobs) {
      const row = await this.#row(job)
      bytes += rowBytes(row)
      if (bytes > MAX_CHILDREN_BYTES)
        throw new ConfigError(
          `ctx.invokeAll "${name}": expected arguments of at most 16 MiB in all, got more. Invoke them in several lists.`,
        )
      push.push(row)
    }
    const children = { push, count: jobs.length, ...terms }
    return { kind, name, untilMs: null, afterMs: null, startedMs, signals: [], children }
  }

  /** A child whose priority is 0 takes that of its parent. */
  #row(job: AnyJob): PushRow | Promise<PushRow> {
    const { priority } = this.#parent
    return pushRow(
      job.priority === 0 ? job.withPriority(priority) : job,
      this.#run.times.databaseMs,
    )
  }
}

function childOf(given: unknown, method: string): AnyJob {
  const job = toJob(given as AnyPushable)
  if (job.uniqueKey === null) return job
  throw new ConfigError(
    `${method}: the job "${job.name}" has a unique key, which an invoked job cannot have: the holder of the key may be the job of another. Leave the key out, or use ctx.push.`,
  )
}

function childrenOf(given: unknown, what: string): AnyJob[] {
  if (typeof given !== 'object' || given === null || !(Symbol.iterator in given))
    throw new ConfigError(`${what}: expected jobs, got ${inspect(given)}.`)
  const jobs = [...(given as Iterable<unknown>)].map((one) => childOf(one, what))
  if (jobs.length <= MAX_CHILDREN) return jobs
  throw new ConfigError(
    `${what}: expected at most ${MAX_CHILDREN} jobs, got ${jobs.length}. Invoke them in several lists.`,
  )
}

function targetOf(given: unknown): {
  readonly jobId: string | null
  readonly uniqueKey: string | null
  readonly job: AnyJob | null
} {
  if (isJob(given) || isJobFunction(given) || isDefinedJob(given)) {
    const job = toJob(given as AnyPushable)
    if (job[JOB_SPEC].uniqueKey !== null) return { jobId: null, uniqueKey: job.uniqueKey, job }
    throw new ConfigError(
      `ctx.sendSignal: the job "${job.name}" has no unique key, by which one that lives would be found. Give it one, or send to a reference.`,
    )
  }
  if (typeof given === 'object' && given !== null && 'uniqueKey' in given && !('id' in given)) {
    const rule = { what: 'ctx.sendSignal: uniqueKey', maxBytes: MAX_KEY_BYTES }
    return { jobId: null, uniqueKey: checkText(given.uniqueKey, rule), job: null }
  }
  return { jobId: idOf(given as JobId), uniqueKey: null, job: null }
}
