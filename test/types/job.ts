// What must compile and what must not. Checked by `tsc -p .`; nothing here is run.

import type { Chancy } from '../../src/app/chancy.ts'
import type { ChunkItem } from '../../src/core/chunk.ts'
import type { Context } from '../../src/core/context.ts'
import type { DeadLetter } from '../../src/core/dead-letter.ts'
import { Job, type Pushable, type ResultIn } from '../../src/core/job.ts'
import { defineJob, job } from '../../src/core/job-function.ts'
import type { JobState, QueuedJob } from '../../src/core/queued-job.ts'
import { Reference } from '../../src/core/reference.ts'
import type { StandardSchemaV1 } from '../../src/core/standard-schema.ts'

type Same<X, Y> = (<T>() => T extends X ? 1 : 2) extends <T>() => T extends Y ? 1 : 2 ? true : false
declare function same<X, Y>(..._same: Same<X, Y> extends true ? [] : ['they differ']): void
declare function push<R, A>(job: Pushable<R, A>): Reference<R>
declare function resultOf<R>(reference: Reference<R>): R
declare function wait<R>(reference: Reference<R>): QueuedJob<unknown, R>

export function functions(): void {
  const greet = job({ name: 'greet' }, ({ name }: { name: string }) => `Hello, ${name}!`)
  same<ReturnType<typeof greet>, string>()
  greet({ name: 'Ada' })
  // @ts-expect-error a wrong argument
  greet({ name: 7 })
  // @ts-expect-error an argument is missing
  greet({})

  const nothing = job({ name: 'nothing' }, () => {})
  nothing()
  push(nothing)
  same<ResultIn<(typeof nothing)['job']>, null>()

  const both = job({ name: 'both' }, async (args: { n: number }, context: Context) => {
    context.log.info({ n: args.n }, 'ran')
    context.log.info('ran')
    return args.n + context.attempt
  })
  same<ReturnType<typeof both>, Promise<number>>()
  same<typeof both.job extends Job<infer R, infer _A, infer _G> ? R : never, number>()

  const review = job({ name: 'review' }, (letter: DeadLetter) => letter.job.errors.length)
  job({ name: 'a', deadLetter: review }, (_: { n: number }) => {})
  job({ name: 'b', deadLetter: review.job.withQueue('reviews') }, (_: { n: number }) => {})
  const part = job({ name: 'part' }, ({ job }: { job: { id: string } }) => job.id)
  const own = job({ name: 'own' }, ({ job }: DeadLetter<{ n: number }>) => job.args.n)
  const letters = job({ name: 'c', deadLetter: part }, ({ n }: { n: number }) => n)
  same<typeof letters.job extends Job<infer R, infer _A, infer _G> ? R : never, number>()
  job({ name: 'd', deadLetter: own }, (_: { n: number }) => {})
  defineJob<{ n: number }>({ name: 'e', deadLetter: defineJob<DeadLetter>({ name: 'review' }) })
  // @ts-expect-error it takes other arguments
  job({ name: 'f', deadLetter: greet }, (_: { n: number }) => {})
  // @ts-expect-error the arguments of the failed job are others
  job({ name: 'g', deadLetter: own }, (_: { text: string }) => {})

  const index = job(
    { name: 'index', chunk: { size: 100, wait: '500ms', by: 'tenant' } },
    (items: readonly ChunkItem<{ tenant: string; at: string }>[]) =>
      items.map(({ args }) => args.tenant.length),
  )
  same<typeof index.job extends Job<infer R, infer _A, infer _G> ? R : never, number>()
  push(index.job.withArgs({ tenant: 'a', at: new Date() }))
  // @ts-expect-error arguments are missing
  push(index)
  // @ts-expect-error it is called with many
  index({ tenant: 'a', at: '' })
  const silent = job({ name: 'silent', chunk: { size: 2 } }, async (items) => {
    items[0]?.fail(new Error(items[0].id))
  })
  same<typeof silent.job extends Job<infer R, infer _A, infer _G> ? R : never, null>()
  job(
    // @ts-expect-error there is no such argument
    { name: 'by', chunk: { size: 2, by: 'tenant' } },
    (_: readonly ChunkItem<{ n: number }>[]) => {},
  )

  greet.job.withUniqueKey('k', { whenTaken: 'replace' })
  greet.job.withUniqueKey('k', { whenTaken: { debounce: '5s', most: '1m' } })
  job({ name: 'throttled', uniqueKey: 'k', whenTaken: { throttle: '1h' } }, () => {})
  // @ts-expect-error there is no such thing to do
  greet.job.withUniqueKey('k', { whenTaken: 'drop' })
  // @ts-expect-error a most belongs to a debounce
  greet.job.withUniqueKey('k', { whenTaken: { throttle: '1h', most: '2h' } })

  // @ts-expect-error an option that does not exist
  job({ name: 'typo', maxAttempt: 3 }, () => {})
  // @ts-expect-error a duration without a unit
  job({ name: 'unit', retention: '7 days' }, () => {})
  // @ts-expect-error JSON has no Date, so it would arrive as a string
  job({ name: 'date' }, ({ at }: { at: Date }) => at.getTime())
  job({ name: 'backoff', backoff: (attempt) => attempt * 1_000 }, () => {})
}

export function pushing(): void {
  const greet = job({ name: 'greet' }, ({ name }: { name: string }) => `Hello, ${name}!`)
  // @ts-expect-error its arguments are missing
  push(greet)
  // @ts-expect-error its arguments are missing
  push(greet.job)
  // @ts-expect-error its arguments are missing, whatever else is set
  push(greet.job.withQueue('mail').withPriority(1))
  same<string, ReturnType<typeof resultOf<string>>>()
  const reference = push(greet.job.withArgs({ name: 'Ada' }))
  same<typeof reference, Reference<string>>()
  push(greet.job.withArgs({ name: 'Ada' }).withPriority(1).withMaxAttempts(3))
  // @ts-expect-error a wrong argument
  greet.job.withArgs({ name: 7 })
  // @ts-expect-error an argument too many
  greet.job.withArgs({ name: 'Ada', age: 7 })

  const whole = job({ name: 'whole', args: { name: 'World' } }, (args: { name: string }) => args)
  push(whole)
  push(whole.job.withDelay('5m'))
  const half = job({ name: 'half', args: { a: 1 } }, (args: { a: number; b: number }) => args.a)
  // @ts-expect-error one of two arguments is missing
  push(half)
  push(half.job.withArgs({ a: 1, b: 2 }))
  // @ts-expect-error a default of the wrong type
  job({ name: 'wrong', args: { a: 'one' } }, (args: { a: number }) => args.a)

  const optional = job({ name: 'optional' }, (_args: { n?: number }) => 1)
  push(optional)
  optional()
  // @ts-expect-error a backoff function stands in the options of job()
  optional.job.withBackoff((attempt: number) => attempt)
}

export function json(): void {
  const when = job({ name: 'when', args: { at: new Date(0) } }, ({ at }: { at: string }) => ({
    at: new Date(at),
    missing: undefined as string | undefined,
  }))
  push(when)
  push(when.job.withArgs({ at: new Date() }))
  push(when.job.withArgs({ at: '2030-01-01' }))
  const result = resultOf(push(when))
  same<typeof result.at, string>()

  const done = wait(push(when))
  // @ts-expect-error the state is not known, so the result may be null
  done.result.at
  if (done.state === 'succeeded') same<typeof done.result.at, string>()
  if (done.state === 'failed') same<typeof done.result, null>()
}

export function concurrency(): void {
  const act = job({ name: 'act' }, (_args: { userId: number; tags: string[]; may?: string }) => {})
  act.job.withConcurrency(1, 'userId')
  act.job.withConcurrency(5)
  act.job.withConcurrency(2, (args) => `${args.userId}`)
  // @ts-expect-error no argument has this name
  act.job.withConcurrency(1, 'userid')
  // @ts-expect-error an array is no key
  act.job.withConcurrency(1, 'tags')
  // @ts-expect-error an argument that may be missing is no key
  act.job.withConcurrency(1, 'may')
  // @ts-expect-error a key function gives text or a number
  act.job.withConcurrency(1, () => null)
  job({ name: 'own', concurrency: { max: 1, key: 'id' } }, (_args: { id: string }) => {})
  // @ts-expect-error no argument has this name
  job({ name: 'own', concurrency: { max: 1, key: 'it' } }, (_args: { id: string }) => {})
}

export function named(): void {
  const greet = job({ name: 'greet' }, ({ name }: { name: string }) => name.length)
  push(Job.named('greet', { args: { name: 'Ada' } }))
  const typed = Job.named<typeof greet>('greet', { args: { name: 'Ada' } })
  same<typeof typed, Job<number, { name: string }>>()
  push(typed.withQueue('mail'))
  // @ts-expect-error a wrong argument
  Job.named<typeof greet>('greet', { args: { name: 7 } })
  // @ts-expect-error its arguments are missing
  Job.named<typeof greet>('greet', {})
}

export function defined(): void {
  const mail = defineJob<{ to: string; cc?: string }, { id: string }>({
    name: 'mail',
    queue: 'mail',
    maxAttempts: 5,
    concurrency: { max: 2, key: 'to' },
  })
  const reference = push(mail.job.withArgs({ to: 'ada@example.com' }))
  same<typeof reference, Reference<{ id: string }>>()
  // @ts-expect-error its arguments are missing
  push(mail)
  // @ts-expect-error a wrong argument
  mail.job.withArgs({ to: 7 })

  const send = job(mail, async ({ to, cc }, context: Context) => ({
    id: `${to}${cc}${context.attempt}`,
  }))
  same<Awaited<ReturnType<typeof send>>, { id: string }>()
  same<(typeof send)['job'], (typeof mail)['job']>()
  // @ts-expect-error not the result that was defined
  job(mail, ({ to }) => to)
  // @ts-expect-error not an argument that was defined
  job(mail, ({ from }) => ({ id: from }))
  // @ts-expect-error the arguments cannot be others than those that were defined
  job(mail, ({ to }: { to: number }) => ({ id: String(to) }))
  same<ResultIn<typeof named>, { id: string }>()
  const named = Job.named<typeof mail>('mail', { args: { to: 'ada@example.com' } })

  // No types: nothing is asked for, and anything may come back.
  const plain = defineJob({ name: 'plain' })
  same<ResultIn<typeof plain.job>, unknown>()
  push(plain)
  job(plain, () => 7)
  const nothing = defineJob<object, void>({ name: 'nothing' })
  same<ResultIn<typeof nothing.job>, null>()
  job(nothing, async () => {})

  const whole = defineJob<{ name: string }, string, { name: string }>({
    name: 'whole',
    args: { name: 'World' },
  })
  push(whole)
  push(job(whole, ({ name }) => name))

  const schema = {} as StandardSchemaV1<{ n: string }, { n: number }>
  const parse = defineJob<typeof schema, number>({ name: 'parse', schema })
  push(parse.job.withArgs({ n: '1' }))
  // @ts-expect-error the input is pushed, not the output
  parse.job.withArgs({ n: 1 })
  job(parse, ({ n }) => n + 1)({ n: 1 })

  // @ts-expect-error an option that does not exist
  defineJob({ name: 'typo', maxAttempt: 3 })
  // @ts-expect-error no argument has this name
  defineJob<{ to: string }>({ name: 'key', concurrency: { max: 1, key: 'from' } })
  // @ts-expect-error JSON has no Date, so it would arrive as a string
  defineJob<{ at: Date }>({ name: 'date' })
}

export function schemas(): void {
  const schema = {} as StandardSchemaV1<{ n: string }, { n: number }>
  const parse = job({ name: 'parse', schema }, ({ n }) => n + 1)
  same<ReturnType<typeof parse>, number>()
  parse({ n: 1 })
  push(parse.job.withArgs({ n: '1' }))
  // @ts-expect-error the input is pushed, not the output
  parse.job.withArgs({ n: 1 })
  // @ts-expect-error its arguments are missing
  push(parse)
  const whole = job({ name: 'whole', schema, args: { n: '1' } }, ({ n }) => n)
  push(whole)
}

export function references(): void {
  const text: Reference<string> = Reference.from('018f0000-0000-7000-8000-000000000000')
  const any: Reference = text
  // @ts-expect-error its result is not known to be a number
  const number: Reference<number> = any
  resultOf(number)
}

export async function waiting(chancy: Chancy): Promise<void> {
  const greet = job({ name: 'greet' }, ({ name }: { name: string }) => `Hello, ${name}!`)
  const ref = await chancy.push(greet.job.withArgs({ name: 'Ada' }))
  same<typeof ref, Reference<string>>()
  const done = await chancy.waitForJob(ref)
  same<typeof done.state, 'succeeded' | 'failed' | 'cancelled'>()
  same<typeof done.result, string | null>()
  if (done.state === 'succeeded') same<typeof done.result, string>()
  else same<typeof done.result, null>()
  const running = await chancy.waitForJob(ref, { states: ['running', 'succeeded'] })
  same<typeof running.state, 'running' | 'succeeded'>()
  // @ts-expect-error a state that does not exist
  await chancy.waitForJob(ref, { states: ['done'] })
  const [first] = await chancy.waitForJobs([ref])
  if (first?.state === 'succeeded') same<typeof first.result, string>()
  const found = await chancy.getJob(ref)
  if (found?.state === 'succeeded') same<typeof found.result, string>()
  const many = await chancy.pushMany([greet.job.withArgs({ name: 'Ada' })])
  same<typeof many, Reference<string>[]>()
  // @ts-expect-error its arguments are missing
  await chancy.push(greet)
  // @ts-expect-error an event that does not exist
  chancy.on('job.finish', () => {})
  chancy.on('job.finished', ({ id, state }) => same<typeof state, JobState | null>() ?? id)
}
