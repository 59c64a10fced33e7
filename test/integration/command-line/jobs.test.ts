import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  batch,
  Chancy,
  Job,
  type JobCount,
  job,
  type QueuedJob,
  signal,
  Worker,
  workflow,
} from 'chancy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CommandSurroundings, type Ran, runCommand } from '../../support/command.ts'
import { databaseUrl, prepareSchema, testSchema } from '../../support/database.ts'

const schema = testSchema()
const runAll = (args: readonly string[], surroundings?: CommandSurroundings): Promise<Ran> =>
  runCommand([...args, '--schema', schema], {
    ...surroundings,
    env: { DATABASE_URL: databaseUrl(schema) },
  })
const run = (args: string, surroundings?: CommandSurroundings) =>
  runAll(args.split(' '), surroundings)
const json = async <T>(args: string): Promise<T> =>
  JSON.parse((await run(`${args} --json`)).out) as T
const ID = /^[0-9a-f-]{36}$/
const UNKNOWN = '0192f3a4-8b1c-7d2e-9f30-123456789abc'
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chancy-push-'))
  await prepareSchema(schema)
})
afterAll(() => rm(folder, { recursive: true }))

describe('chancy job push', () => {
  it('prints the id, and every flag is in the job', async () => {
    const flags = '--queue mail --priority -7 --max-attempts 3 --unique-key k'.split(' ')
    const more = ['--at', '2100-01-01T00:00:00Z', '--meta', '{"tenant":"acme"}']
    const args = ['job', 'push', 'greet', '--args', '{"who":"Ada"}', ...flags, ...more]
    const { out, code, err } = await runAll(args)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out.trimEnd()).toMatch(ID)
    expect(await json(`job show ${out.trim()}`)).toMatchObject({
      ...{ name: 'greet', queue: 'mail', priority: -7, maxAttempts: 3, uniqueKey: 'k' },
      ...{
        args: { who: 'Ada' },
        meta: { tenant: 'acme' },
        scheduledAt: '2100-01-01T00:00:00.000Z',
      },
    })
    const again = await runAll(args)
    expect(again).toMatchObject({
      code: 0,
      out,
      err: expect.stringContaining('waits or runs already'),
    })
  })

  it('takes its arguments from a file and from the standard input', async () => {
    await writeFile(path.join(folder, 'args.json'), '{"from":"file"}')
    const ofFile = await run(`job push greet --queue q --args @${path.join(folder, 'args.json')}`)
    expect(await json(`job show ${ofFile.out.trim()}`)).toMatchObject({ args: { from: 'file' } })
    const input = '{"from":"input"}'
    const ofInput = await run('job push greet --queue q --args - --delay 1h', { input })
    const shown = await json<{ args: object; createdAt: string; scheduledAt: string }>(
      `job show ${ofInput.out.trim()}`,
    )
    expect(shown.args).toEqual({ from: 'input' })
    expect(Date.parse(shown.scheduledAt) - Date.parse(shown.createdAt)).toBe(3_600_000)
  })

  it('waits with --wait and prints the result, and exits with 1 when the job fails', async () => {
    const ok = job({ name: 'ok' }, ({ n }: { n: number }) => ({ twice: n * 2 }))
    const bad = job({ name: 'bad' }, () => Promise.reject(new Error('smtp is down')))
    await using chancy = new Chancy(databaseUrl(schema), { schema, jobs: [ok, bad] })
    await using worker = new Worker(chancy, { signals: false, queues: ['default'] })
    await worker.start()
    expect(await runAll(['job', 'push', 'ok', '--wait', '--args', '{"n":4}'])).toEqual({
      ...{ code: 0, out: '{\n  "twice": 8\n}\n', err: '' },
    })
    expect(await run('job push bad --wait')).toMatchObject({
      ...{ code: 1, out: '', err: expect.stringMatching(/^The job .* failed: smtp is down\n$/) },
    })
    const failed = (await run('job list --state failed')).out
    expect(failed).toMatch(/bad +default +failed +1 /)
    const id = failed.split('\n')[1]?.split(' ')[0] ?? ''
    expect((await run(`job show ${id}`)).out).toMatch(/failures\n.*\n +1 .*smtp is down/)
  })

  it('ends a wait at its timeout with 1, and says what keeps the job', async () => {
    expect(await run('job push greet --queue none --wait --timeout 10ms')).toMatchObject({
      ...{ code: 1, out: '', err: expect.stringMatching(/^error: .*after 10 ms.*not declared/) },
    })
  })

  it('pushes a job a line with --from, in order, and prints the ids', async () => {
    const file = path.join(folder, 'jobs.jsonl')
    const lines = Array.from({ length: 12_000 }, (_, n) => JSON.stringify({ n }))
    await writeFile(file, `\ufeff${lines.join('\r\n')}\n\n`)
    const { out, err, code } = await run(`job push many --queue bulk --from ${file}`)
    expect({ code, err }).toEqual({ code: 0, err: 'Pushed 12000 jobs.\n' })
    const ids = out.trimEnd().split('\n')
    expect(ids).toHaveLength(12_000)
    await using chancy = new Chancy(databaseUrl(schema), { schema })
    const jobs = await chancy.getJobs([ids[0] ?? '', ids[5_000] ?? '', ids[11_999] ?? ''])
    expect(jobs.map(({ args }) => args)).toEqual([{ n: 0 }, { n: 5_000 }, { n: 11_999 }])
  })

  it('draws a progress bar on a terminal alone, and removes it', async () => {
    const file = path.join(folder, 'jobs.jsonl')
    const { err } = await run(`job push many --queue bulk --from ${file}`, { columns: 80 })
    expect(err).toMatch(/\r\x1b\[2K[█░]{24} +\d+ % +\d+ jobs, \d+\/s/)
    expect(err).toMatch(/\r\x1b\[2KPushed 12000 jobs\.\n$/)
    for (const line of err.split('\r'))
      expect(line.replace('\x1b[2K', '').trimEnd().length).toBeLessThan(80)
  })

  it('stops at a wrong line with 1, and says what was pushed and how to continue', async () => {
    const lines = [...Array.from({ length: 6_000 }, () => '{}'), '{"a":', '{}']
    const ran = await run('job push many --queue bad --from - --json', { input: lines.join('\n') })
    expect(ran).toMatchObject({ code: 1, out: '' })
    expect(ran.err).toMatch(/^6000 jobs were pushed, up to line 6000\. The rest: tail -n \+6001\n/)
    expect(ran.err).toMatch(/error: job push: line 6001 of the standard input is no JSON object/)
    expect(await json<object>('explain bad')).toMatchObject({ counts: { ready: { jobs: 6_000 } } })
  })

  it.each([
    ['job push greet --args [1]', /the arguments in --args are no JSON object: got an array/],
    ['job push greet --args @nope.json', /nope.json cannot be read: ENOENT/],
    ['job push greet --from nope.jsonl', /nope.jsonl cannot be read: ENOENT/],
    ['job push greet --args {} --from x', /cannot be used with/],
    ['job push greet --timeout 1s', /--timeout goes with --wait/],
    ['job push greet --at 2100-01-01 --delay 1h', /cannot be used with/],
    ['job push greet --meta 1', /It takes a JSON object/],
    ['job push a:b', /name/],
    ['job push greet --priority high', /It takes a whole number/],
    ['job list --state lost', /Allowed choices are pending/],
    ['job list --limit 0', /It takes a whole number from 1 to 1000/],
    ['job list --where sate:failed', /filter at 1: unknown key "sate".*Did you mean "state"/],
    ['job count --where created:soon', /filter at 9: created: expected a time/],
    ['job list --where state:failed --cursor x', /cursor: it is none of a page/],
    ['job list --order line', /a filter with one queue/],
    ['job edit 0192f3a4-8b1c-7d2e-9f30-123456789abc', /give some of --priority/],
    ['job show 7', /expected .* got "7"/],
  ])('%s exits with 2', async (args, message) => {
    expect(await run(args)).toMatchObject({
      ...{ code: 2, out: '', err: expect.stringMatching(message) },
    })
  })
})

describe('chancy job list and job show', () => {
  it('list a page by queue, state and name, newest first', async () => {
    const jobs = await json<QueuedJob[]>(
      'job list --queue bulk --name many --state pending --limit 2',
    )
    expect(jobs.map(({ args }) => args)).toEqual([{ n: 11_999 }, { n: 11_998 }])
    const after = `job list --queue bulk --limit 1 --after ${jobs[1]?.id}`
    expect(await json(after)).toMatchObject([{ args: { n: 11_997 } }])
    expect(await run('job list --queue nothing')).toMatchObject({ code: 0, out: 'none\n' })
  })

  it('search by a filter, say that there is more, and continue', async () => {
    const first = await run('job list --where args.n:<3 --limit 2 --queue bulk')
    expect(first).toMatchObject({ code: 0, out: 'none\n' })
    const search = ['job', 'list', '--where', 'args.n:7,11998,11999 queue:bulk', '--limit', '2']
    const { out, err } = await runAll([...search, '--json'])
    expect((JSON.parse(out) as QueuedJob[]).map(({ args }) => args)).toEqual([
      { n: 11_999 },
      { n: 11_998 },
    ])
    expect(err).toMatch(/^(There are more|Searched back to \S+); continue with --cursor \S+\n$/)
    const cursor = /--cursor (\S+)/.exec(err)?.[1] ?? ''
    const next = await runAll([...search, '--json', '--cursor', cursor])
    // The same lines were pushed twice.
    expect((JSON.parse(next.out) as QueuedJob[]).map(({ args }) => args)).toEqual([
      { n: 7 },
      { n: 11_999 },
    ])
    const all = await runAll([...search.slice(0, -1), '6', '--json'])
    expect(JSON.parse(all.out)).toHaveLength(6)
    expect(all.err).toBe('')
    const line = await json<QueuedJob[]>('job list --queue bulk --order line --limit 2')
    expect(line.map(({ args }) => args)).toEqual([{ n: 0 }, { n: 1 }])
  })

  it('count jobs as far as they are counted', async () => {
    const none = await run('job count --queue bulk --name none')
    // On a slow machine the time of a count may be over before the first row was read.
    expect(none).toMatchObject({ code: 0, out: expect.stringMatching(/^0( or more.*)?\n$/) })
    const { out } = await run('job count --queue bulk --where state:waiting')
    expect(out).toMatch(/^[\d,]+ or more, counted back to \d{4}-/)
    const [counted, jobs] = [
      await json<JobCount>('job count --queue bulk --where args.n:11999'),
      await json<QueuedJob[]>('job list --where args.n:11999 --queue bulk'),
    ]
    expect(jobs).toHaveLength(2)
    expect(counted.more || counted.jobs === jobs.length).toBe(true)
  })

  it('fit into 80 columns with whole ids, whatever the names are', async () => {
    const name = '\u001b]0;evil\u0007 名前'.repeat(10)
    const { out: id } = await runAll(['job', 'push', name, '--queue', 'x'.repeat(90)])
    const { out } = await run('job list --limit 5', { columns: 80 })
    expect(out).toContain(id.trim())
    expect(out).not.toMatch(/\u0007/)
    const { out: shown } = await run(`job show ${id.trim()}`, { columns: 80 })
    expect(shown).toMatch(/why.* waits: its queue/)
  })

  it('exit with 1 when there is no such job', async () => {
    expect(await run(`job show ${UNKNOWN}`)).toMatchObject({
      ...{ code: 1, out: '', err: expect.stringMatching(/^error: No committed job has the id/) },
    })
  })
})

describe('chancy job cancel and job retry', () => {
  const pushed = async (queue: string, count: number): Promise<string[]> => {
    const input = '{}\n'.repeat(count)
    return (await run(`job push one --queue ${queue} --from -`, { input })).out.trim().split('\n')
  }

  it('say what became of each id, and exit with 1 when one could not be changed', async () => {
    const [id] = await pushed('c1', 1)
    expect(await run(`job cancel ${id}`)).toMatchObject({
      ...{ code: 0, err: '', out: expect.stringMatching(/^id +verdict\n.* +cancelled\n$/) },
    })
    const again = await run(`job cancel ${id} ${UNKNOWN} --yes --json`)
    expect(again.code).toBe(1)
    expect(JSON.parse(again.out)).toEqual([
      { id, verdict: 'finished' },
      { id: UNKNOWN, verdict: 'unknown' },
    ])
    expect(await run(`job retry ${id}`)).toMatchObject({ code: 0 })
    const retried = await run(`job retry ${id} ${UNKNOWN} --json`)
    expect(retried.code).toBe(1)
    expect(JSON.parse(retried.out)).toEqual([
      { id, verdict: 'not failed or cancelled' },
      { id: UNKNOWN, verdict: 'unknown' },
    ])
  })

  it('take a filter, ask before more than one is changed, and count with --dry-run', async () => {
    // By an index: a search may end before it has found all.
    const where = ['--where', `id:${(await pushed('c2', 3)).join()} created:<1h`]
    const dry = await runAll(['job', 'cancel', ...where, '--dry-run'])
    expect(dry).toMatchObject({ code: 0, err: '' })
    expect(dry.out).toMatch(/^pending +3, cancelled\nundo +For an hour it can be undone/)
    expect(await runAll(['job', 'cancel', ...where])).toMatchObject({
      ...{ code: 2, out: '' },
      err: expect.stringMatching(/Cancel 3 jobs, which takes about 30ms\?.*Add --yes/),
    })
    const no = await run('job cancel --queue c2', { columns: 80, input: 'n\r' })
    expect(no).toMatchObject({ code: 1, err: expect.stringContaining('Nothing was changed.') })
    const yes = await run('job cancel --queue c2 --name one', { columns: 80, input: 'y\r' })
    expect(yes.code).toBe(0)
    expect(yes.out).toMatch(/ cancel\n[\s\S]* done\n.* 3\n/)
    const retried = await run('job retry --queue c2 --state cancelled --json --yes --rate 2000')
    expect(JSON.parse(retried.out)).toMatchObject({
      ...{ action: 'retry', state: 'done', done: 3, skipped: 0, ratePerSecond: 2_000 },
      actor: { id: expect.stringMatching(/^cli:/) },
    })
    expect(await run('job cancel --queue c2 --yes')).toMatchObject({ code: 0 })
    const nothing = await runAll(['job', 'cancel', ...where])
    expect(nothing).toMatchObject({ code: 0, err: '' })
    expect(nothing.out).toMatch(/^cancelled +3, skipped: cancelled\n/)
  })

  it('are found again by chancy bulk, slowed, undone and shown', async () => {
    await pushed('c3', 3)
    const moved = await json<{ id: string }>('job edit --where queue:c3 --queue c4 --yes')
    await json('job edit --where queue:c4 --priority 4 --yes')
    const jobs = await json<QueuedJob[]>('job list --queue c4')
    expect(jobs.map(({ priority }) => priority)).toEqual([4, 4, 4])
    const shown = await run(`bulk show ${moved.id}`)
    expect(shown.out).toMatch(/action +move\n[\s\S]*to queue +c4\n[\s\S]*undo until +\d{4}-/)
    const undone = await run(`bulk undo ${moved.id} --reason back`)
    expect(undone).toMatchObject({ code: 0, err: '' })
    expect(undone.out).toMatch(/action +undo\n[\s\S]*done +3\n/)
    expect(await json<QueuedJob[]>('job list --queue c3')).toHaveLength(3)
    expect(await run(`bulk undo ${moved.id}`)).toMatchObject({ code: 1 })
    expect(await run(`bulk rate ${moved.id} 5`)).toMatchObject({ code: 1 })
    expect(await run(`bulk show ${UNKNOWN}`)).toMatchObject({ code: 1 })
    const [one] = await json<QueuedJob[]>('job list --queue c3')
    await run(`job cancel ${one?.id}`)
    expect((await run('job delete --queue c3 --yes')).out).toMatch(/done +1\n/)
    const later = (await run('job push one --queue c3 --delay 1h')).out.trim()
    expect((await run('job run-now --queue c3 --yes')).out).toMatch(/done +1\nskipped +2\n/)
    expect(await run(`job run-now ${later} ${UNKNOWN}`)).toMatchObject({
      ...{ code: 1, out: expect.stringMatching(/due\n.*unknown\n$/) },
    })
  })

  it.each([
    ['job cancel', /give ids, or some of --queue, --name, --state and --where/],
    [`job retry ${UNKNOWN} --queue x`, /give either ids, or/],
    [`job cancel ${UNKNOWN} --dry-run`, /give either ids, or/],
    [`job delete ${UNKNOWN} --undo-window 5s`, /give either ids, or/],
    ['job cancel --state succeeded', /Allowed choices are pending, running, retrying/],
    ['job retry --state pending', /Allowed choices are failed, cancelled/],
    ['job cancel --where quue:mail', /unknown key "quue".*Did you mean "queue"/],
    ['job cancel --where {"queue":{"eq":1}}', /expected a filter.*got a rule/],
    ['job cancel --where created:<1h', /names no state, queue, name/],
    ['job edit --where queue:c3 --max-attempts 3', /either --priority or --queue/],
    ['job edit --priority 3', /give ids, or some of --where/],
    [`bulk rate ${UNKNOWN} 0`, /from 1 to 2000/],
    ['job cancel 7', /got "7"/],
  ])('%s exits with 2', async (args, message) => {
    const ran = await run(args)
    expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringMatching(message) })
  })
})

describe('chancy explain', () => {
  it('says in words what keeps a job, with the holders of its group', async () => {
    const hold = job(
      { name: 'hold', concurrency: { max: 1 } },
      (_, context) => new Promise((resolve) => context.signal.addEventListener('abort', resolve)),
    )
    await using chancy = new Chancy(databaseUrl(schema), { schema, jobs: [hold] })
    await using worker = new Worker(chancy, { signals: false, queues: ['default'] })
    await worker.start()
    const first = await chancy.push(hold)
    await chancy.waitForJob(first, { states: ['running'] })
    const second = await chancy.push(hold)
    const ran = await run(`explain ${second.id}`)
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toContain(`The job ${second.id} does not run, since\n`)
    expect(ran.out).toContain(`held by the job ${first.id}\n`)
    expect((await run(`explain ${first.id}`)).out).toBe(`The job ${first.id} is running.\n`)
    expect((await run('explain default')).out).toMatch(
      /The queue default is active\.\n[\s\S]*1 job running/,
    )
    await chancy.cancel(second)
    await chancy.cancel(first)
  })

  it('exits with 1 when there is no such job or queue', async () => {
    expect(await run(`explain ${UNKNOWN}`)).toMatchObject({ code: 1 })
    expect(await run('explain nothing')).toMatchObject({
      code: 1,
      out: expect.stringContaining('no queue "nothing"'),
    })
  })
})

describe('durable jobs on the command line', () => {
  it('have their steps listed, are sent signals, and are forked', async () => {
    const approved = signal<{ by: string }, 'approved'>('approved')
    const order = job({ name: 'order', durable: true }, async (_: object, ctx) => {
      const charge = await ctx.step('charge', () => ({ id: 'c-1' }))
      await ctx.step('look', () => Promise.reject(new TypeError('not there'))).catch(() => {})
      const { by } = await ctx.waitForSignal(approved)
      return `${charge.id} by ${by}`
    })
    await using chancy = new Chancy(databaseUrl(schema), { schema, jobs: [order] })
    await using worker = new Worker(chancy, { signals: false, queues: ['default'] })
    await worker.start()
    const waiting = new Promise((resolve) => chancy.on('job.waiting', resolve))
    const { id } = await chancy.push(order.job.withArgs({}))
    await waiting
    const steps = await run(`job steps ${id}`)
    expect(steps.out).toMatch(
      /1 +step +charge .*\{"id":"c-1"\}\n.*2 +step +look .*TypeError: not there/,
    )
    expect(await json(`job steps ${id}`)).toMatchObject([{ name: 'charge' }, { name: 'look' }])
    const sent = await runAll(['job', 'signal', id, 'approved', '--value', '{"by":"ada"}'])
    expect(sent).toEqual({ code: 0, out: 'sent\n', err: '' })
    expect((await chancy.waitForJob<string>(id)).result).toBe('c-1 by ada')
    expect(await run(`job signal ${id} approved`)).toMatchObject({ code: 1, out: 'finished\n' })
    const fork = (await run(`job fork ${id} --before look`)).out.trim()
    expect(fork).toMatch(ID)
    await run(`job signal ${fork} approved --value {"by":"bob"}`)
    expect((await chancy.waitForJob<string>(fork)).result).toBe('c-1 by bob')
    expect(await run(`job fork ${id} --before nope`)).toMatchObject({ code: 1 })
    expect(await run(`job fork ${id}`)).toMatchObject({ code: 2 })
  })
})

describe('chancy job list', () => {
  it('says of which workflow or batch a job is a part', async () => {
    await using chancy = new Chancy(databaseUrl(schema), { schema })
    const later = Job.named('part-of').withDelay('1h')
    const flow = workflow({ name: 'etl' }, (one) => {
      const read = one.step('read', later)
      one.step('load', later, { after: [read] })
    })
    await chancy.push(flow())
    const imported = await chancy.pushBatch(batch({ name: 'import' }), [later])
    await chancy.push(later)
    const { out } = await run('job list --name part-of')
    const lines = out.trimEnd().split('\n').slice(1)
    const ends = ['', 'batch import', 'etl: load', 'etl: read']
    expect(
      lines.map((line) => /(batch import|etl: \w+)?$/.exec(line.trimEnd())?.[0] ?? '').sort(),
    ).toEqual(ends.sort())
    const jobs = await chancy.listJobs({ name: 'part-of' })
    expect(jobs.flatMap(({ partOf }) => partOf ?? [])).toContainEqual({
      ...{ kind: 'batch', id: imported.id, name: 'import', step: null },
    })
  })
})
