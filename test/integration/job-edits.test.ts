import { job, jobVersion, Queue } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const seen: unknown[] = []
const note = job({ name: 'note' }, (args: { n?: number; held?: boolean }) => {
  seen.push(args)
})
/** Calls of `hold` in this test, and what ends the last of them: a row is running before its function is. */
let held = 0
let release = (): void => {}
const hold = job({ name: 'hold' }, () => {
  held++
  return new Promise<void>((resolve) => (release = resolve))
})
const fail = job({ name: 'fail', maxAttempts: 3, backoff: { base: '1h', max: '1h' } }, () => {
  throw new Error('no')
})
const jobs = [note, hold, fail]
const LATER = new Date('2999-01-01T00:00:00Z')

beforeEach(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
  await empty(schema)
  seen.length = 0
  held = 0
})

describe('an edit', () => {
  it('changes what it names in a job that waits, and nothing else', async () => {
    await using app = await startApp({ schema })
    const { chancy } = app
    const given = note.job.withArgs({ n: 1 }).withMeta({ from: 'test' }).withDelay('1h')
    const ref = await chancy.push(given)
    const before = (await chancy.getJob(ref))!
    const ifMatch = jobVersion(before)
    const change = {
      priority: 7,
      queue: 'other',
      maxAttempts: 9,
      args: { n: 2 },
      scheduledAt: LATER,
    }
    const after = await chancy.editJob(ref, change, { ifMatch })
    expect(after).toMatchObject({ ...change, state: before.state, meta: { from: 'test' } })
    expect(await chancy.getJob(ref)).toEqual(after)
    expect(after.createdAt).toEqual(before.createdAt)
    await expect(chancy.editJob(ref, { priority: 1 }, { ifMatch })).rejects.toMatchObject({
      code: 'CHANGED_MEANWHILE',
      details: { id: ref.id },
    })
    expect((await chancy.getJob(ref))!.priority).toBe(7)
    const back = await chancy.editJob(ref, { scheduledAt: null, meta: {} })
    expect(back).toMatchObject({ scheduledAt: null, meta: {} })
  })

  it('of a ready job moves it to the line of its new queue, where it runs once', async () => {
    await using app = await startApp({ schema, jobs })
    const { chancy } = app
    await chancy.declare(new Queue('here', { executor: 'inline', state: 'paused' }))
    await chancy.declare(new Queue('there', { executor: 'inline' }))
    await app.start()
    const ref = await chancy.push(note.job.withArgs({ n: 1 }).withQueue('here'))
    await chancy.editJob(ref, { queue: 'there', args: { n: 2 } })
    expect(await chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded', queue: 'there' })
    expect(seen).toEqual([{ n: 2 }])
  })

  it('of a job in a group keeps its limit, and blocks no other', async () => {
    await using app = await startApp({ schema, jobs })
    const { chancy } = app
    await chancy.declare(new Queue('default', { executor: 'inline', concurrency: 10 }))
    const limited = hold.job.withArgs({}).withConcurrency(1, () => 'one')
    await chancy.push(limited)
    await app.start()
    await until(() => held === 1)
    const others = await chancy.pushMany([limited, limited])
    await chancy.editJob(others[0]!, { priority: 5 })
    await chancy.editJob(others[1]!, { priority: 9 })
    const groups = async () => (await chancy.getJobs(others)).map((one) => one?.state)
    expect(await groups()).toEqual(['pending', 'pending'])
    // A job that was edited gets its place in the group when it comes due again.
    const inGroup = `SELECT count(*)::int AS n FROM $schema.jobs WHERE blocked`
    await until(async () => (await sql<{ n: number }>(schema, inGroup))[0]?.n === 2)
    release()
    await until(async () => (await chancy.getJob(others[1]!))!.state === 'running')
    expect((await chancy.getJob(others[0]!))!.state).toBe('pending')
    await until(() => held === 2)
    release()
    await until(async () => (await chancy.getJob(others[0]!))!.state === 'running')
    await until(() => held === 3)
    release()
    await chancy.waitForJobs(others)
  })

  it('is refused for a job that runs, has ended, or is not there, and for what cannot be stored', async () => {
    await using app = await startApp({ schema, jobs })
    const { chancy } = app
    await chancy.declare(new Queue('default', { executor: 'inline' }))
    await app.start()
    const ref = await chancy.push(hold)
    await until(() => held === 1)
    const conflict = (state: string) => ({ code: 'JOB_STATE_CONFLICT', details: { state } })
    await expect(chancy.editJob(ref, { priority: 1 })).rejects.toMatchObject(conflict('running'))
    await expect(chancy.runNow(ref)).rejects.toMatchObject(conflict('running'))
    await expect(chancy.deleteJob(ref)).rejects.toMatchObject(conflict('running'))
    release()
    await chancy.waitForJob(ref)
    await expect(chancy.editJob(ref, { priority: 1 })).rejects.toMatchObject(conflict('succeeded'))
    const none = '01890000-0000-7000-8000-000000000000'
    for (const call of [
      () => chancy.editJob(none, { priority: 1 }),
      () => chancy.runNow(none),
      () => chancy.deleteJob(none),
      () => chancy.getJobPart(none, 'args'),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' })
    for (const change of [
      {},
      { priorty: 1 },
      { queue: '' },
      { args: [1] },
      { scheduledAt: 'soon' },
    ])
      await expect(chancy.editJob(ref, change as object)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      })
  })

  it('and a worker that claims the job meanwhile never run it twice, nor with half of the change', async () => {
    await using app = await startApp({ schema, jobs })
    const { chancy } = app
    await chancy.declare(new Queue('default', { executor: 'inline', concurrency: 5 }))
    await app.start()
    const refs = await chancy.pushMany(
      Array.from({ length: 100 }, (_, n) => note.job.withArgs({ n })),
    )
    const edits = await Promise.allSettled(
      refs.map((ref, n) => chancy.editJob(ref, { args: { n: 1_000 + n }, priority: n % 3 })),
    )
    const done = await chancy.waitForJobs(refs)
    for (const [n, one] of done.entries()) {
      const isEdited = edits[n]!.status === 'fulfilled'
      expect(one.args).toEqual({ n: isEdited ? 1_000 + n : n })
      expect(one).toMatchObject({ state: 'succeeded', attempts: 1 })
    }
    expect(seen).toHaveLength(100)
  })
})

describe('runNow', () => {
  it('starts a job that waits for its time or its next attempt, and leaves one that is ready', async () => {
    await using app = await startApp({ schema, jobs })
    const { chancy } = app
    await chancy.declare(new Queue('default', { executor: 'inline' }))
    const ready = await chancy.push(note.job.withArgs({ n: 0 }))
    const before = await chancy.getJob(ready)
    expect(await chancy.runNow(ready)).toEqual(before)
    await app.start()
    const later = await chancy.push(note.job.withArgs({ n: 1 }).withDelay('1h'))
    const shown = await chancy.runNow(later)
    expect(shown.scheduledAt!.getTime()).toBeLessThanOrEqual(Date.now() + 60_000)
    expect(await chancy.waitForJob(later)).toMatchObject({ state: 'succeeded' })
    const retried = await chancy.push(fail)
    await until(async () => (await chancy.getJob(retried))!.state === 'retrying')
    await chancy.runNow(retried)
    await until(async () => (await chancy.getJob(retried))!.attempts === 2)
  })
})

describe('a finished job', () => {
  it('is deleted, and its parts are read whole', async () => {
    await using app = await startApp({ schema, jobs })
    const { chancy } = app
    await chancy.declare(new Queue('default', { executor: 'inline' }))
    await app.start()
    const ref = await chancy.push(note.job.withArgs({ n: 12 }))
    await chancy.waitForJob(ref)
    expect(JSON.parse((await chancy.getJobPart(ref, 'args'))!)).toEqual({ n: 12 })
    await expect(chancy.getJobPart(ref, 'stack' as 'args')).rejects.toThrow(/expected one of args/)
    await chancy.deleteJob(ref)
    expect(await chancy.getJob(ref)).toBeNull()
    await expect(chancy.deleteJob(ref)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' })
  })
})

describe('who changes a job', () => {
  it('is written down with what was and what is, and a refusal changes nothing', async () => {
    await using app = await startApp({ schema })
    const { chancy } = app
    const by = { actor: { id: 'ada' }, reason: 'smtp is back' }
    const ref = await chancy.push(note.job.withArgs({ n: 1 }).withDelay('1h'))
    await chancy.editJob(ref, { priority: 3, args: { n: 2 } }, by)
    await chancy.runNow(ref, by)
    await expect(chancy.deleteJob(ref, by)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' })
    await chancy.cancel(ref)
    await chancy.deleteJob(ref, by)
    const { items } = await chancy.audit.list()
    const shown = items.map(({ verb, target, reason, outcome, before, after }) => {
      return { verb, target, reason, outcome, before, after }
    })
    const common = { target: `job:${ref.id}`, reason: 'smtp is back' }
    expect(shown.reverse()).toMatchObject([
      {
        ...{ ...common, verb: 'jobs.edit', outcome: 'done' },
        ...{ before: { priority: 0, args: '…' }, after: { priority: 3, args: '…' } },
      },
      { ...common, verb: 'jobs.run-now', outcome: 'done' },
      { ...common, verb: 'jobs.delete', outcome: 'refused' },
      {
        ...common,
        verb: 'jobs.delete',
        outcome: 'done',
        before: { name: 'note', state: 'cancelled' },
      },
    ])
  })
})

describe('suggestions', () => {
  const texts = async (
    chancy: Awaited<ReturnType<typeof startApp>>['chancy'],
    text: string,
    options = {},
  ) => (await chancy.suggestFilter(text, undefined, options)).suggestions.map((one) => one.text)

  it('are keys, words, and what the newest jobs that fit the rest have', async () => {
    await using app = await startApp({ schema })
    const { chancy } = app
    await chancy.declare(new Queue('idle one'))
    await chancy.push(
      note.job
        .withArgs({ n: 7 })
        .withQueue('mail')
        .withMeta({ user: { id: 'ada' } }),
    )
    await chancy.push(hold.job.withArgs({}).withQueue('sms'))
    expect(await texts(chancy, 'sta')).toEqual(['state:', 'started:'])
    expect(await texts(chancy, 'queue:mail -state:f')).toEqual(['-state:failed', '-state:finished'])
    expect(await texts(chancy, 'queue:')).toEqual(
      expect.arrayContaining(['queue:mail', 'queue:sms', 'queue:"idle one"']),
    )
    expect(await texts(chancy, 'queue:sms,m')).toEqual(['queue:sms,mail'])
    expect(await texts(chancy, 'queue:mail name:')).toEqual(['name:note'])
    expect(await texts(chancy, 'queue:sms name:')).toEqual(['name:hold'])
    expect(await texts(chancy, 'args.')).toEqual(['args.n:'])
    expect(await texts(chancy, 'args.n:')).toEqual(['args.n:7'])
    expect(await texts(chancy, 'meta.user.id:')).toEqual(['meta.user.id:ada'])
    expect(await texts(chancy, 'meta.', { scope: { masked: ['meta.user'] } })).toEqual([])
    expect(await texts(chancy, 'meta.user.id:', { scope: { masked: ['meta.user'] } })).toEqual([])
    expect(await texts(chancy, 'queue:', { scope: { queues: ['m*'] } })).toEqual(['queue:mail'])
    const { mistakes } = await chancy.suggestFilter('queu:mail state:')
    expect(mistakes).toMatchObject([{ at: 0 }, { at: 16 }])
  })
})
