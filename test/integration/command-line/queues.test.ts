import { beforeAll, describe, expect, it } from 'vitest'
import { type CommandSurroundings, type Ran, runCommand } from '../../support/command.ts'
import { databaseUrl, prepareSchema, testSchema } from '../../support/database.ts'

const schema = testSchema()
const run = (args: string, surroundings?: CommandSurroundings): Promise<Ran> =>
  runCommand([...args.split(' '), '--schema', schema], {
    ...surroundings,
    env: { DATABASE_URL: databaseUrl(schema) },
  })
const json = async <T>(args: string): Promise<T> =>
  JSON.parse((await run(`${args} --json`)).out) as T

beforeAll(() => prepareSchema(schema))

describe('chancy queue', () => {
  it('declares with all flags, keeps what is there, and changes it with --upsert', async () => {
    expect(await run('queue list')).toEqual({ code: 0, out: 'none\n', err: '' })
    const flags =
      '--concurrency 5 --executor thread --tags a.*,b --rate 10/60s --polling-interval 2s'
    expect(await run(`queue declare mail ${flags}`)).toEqual({
      ...{ code: 0, err: '', out: 'The queue mail is declared.\n' },
    })
    expect(await json('queue show mail')).toMatchObject({
      ...{ name: 'mail', concurrency: 5, executor: 'thread', tags: ['a.*', 'b'], state: 'active' },
      ...{ rateLimit: { max: 10, perMs: 60_000 }, pollingIntervalMs: 2_000 },
    })
    const kept = await run('queue declare mail --concurrency 9')
    expect(kept).toMatchObject({
      code: 1,
      out: expect.stringMatching(/stays as it is, with another concurrency.*--upsert/),
    })
    expect(await run('queue declare mail --concurrency 9 --upsert')).toMatchObject({ code: 0 })
    expect(await json('queue show mail')).toMatchObject({ concurrency: 9, rateLimit: null })
    expect((await run('queue list')).out).toMatch(/^mail +active.* 9 /m)
  })

  it('pauses until an instant, for a time or without end, and resumes', async () => {
    const before = Date.now()
    expect(await run('queue pause mail --for 1h')).toMatchObject({ code: 0 })
    const { resumeAt } = await json<{ resumeAt: string }>('queue show mail')
    expect(Date.parse(resumeAt)).toBeGreaterThanOrEqual(before + 3_600_000 - 1)
    await run('queue pause mail --resume-at 2100-01-01T00:00:00Z')
    expect(await json('queue show mail')).toMatchObject({ resumeAt: '2100-01-01T00:00:00.000Z' })
    await run('queue pause mail')
    expect(await json('queue show mail')).toMatchObject({ state: 'paused', resumeAt: null })
    expect(await run('queue resume mail')).toEqual({
      code: 0,
      out: 'The queue mail is active.\n',
      err: '',
    })
    expect(await json('queue show mail')).toMatchObject({ state: 'active' })
  })

  it('deletes, and says how many jobs still wait', async () => {
    await run('job push greet --queue mail')
    expect(await run('queue delete mail')).toEqual({
      ...{ code: 0, err: '', out: 'The queue mail is removed. 1 of its jobs wait.\n' },
    })
  })

  it.each(['show', 'pause', 'resume', 'delete'])(
    '%s exits with 1 when there is no such queue',
    async (name) => {
      expect(await run(`queue ${name} nope`)).toMatchObject({
        ...{
          code: 1,
          out: '',
          err: expect.stringMatching(/^error: No queue is called "nope"[^\n]*\n$/),
        },
      })
    },
  )

  it.each([
    ['queue declare mail --rate fast', /It takes a number and a time, as 10\/60s/],
    ['queue declare mail --executor proces', /Allowed choices are inline, thread, process/],
    ['queue declare mail --concurrency 0', /It takes a whole number from 1 to 10000/],
    ['queue declare mail --tags a,,b', /It takes values with commas between them/],
    ['queue pause mail --for soon', /It takes a duration like/],
    ['queue pause mail --for 1h --resume-at 2100-01-01', /cannot be used with/],
    ['queue pause mail --resume-at 10', /It takes an instant like/],
    ['queue pause', /missing required argument 'name'/],
    [
      'queue pauze mail',
      /unknown command 'pauze' \(Did you mean pause\?\).* See "chancy queue --help"/,
    ],
    ['queue list extra', /too many arguments/],
    ['queue list --nope', /unknown option '--nope'/],
  ])('%s exits with 2 and says why in a line', async (args, message) => {
    const ran = await run(args)
    expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringMatching(message) })
    expect(ran.err).toMatch(/^error: [^\n]*\n$/)
  })
})

describe('chancy --watch', () => {
  it('draws the table again in its place on a terminal, and ends with 130 or 143 by a signal', async () => {
    await run('queue declare reports')
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const when = /reports[\s\S]*\x1b\[\d+A[\s\S]*reports/
      const ran = await run('queue list --watch', { columns: 80, interrupt: { when, signal } })
      expect(ran).toMatchObject({ code, err: '' })
      // The cursor is hidden meanwhile, and shown at the end.
      expect(ran.out).toMatch(/^\x1b\[\?25l[\s\S]*\x1b\[\?25h$/)
    }
  })

  it('prints with --json a line a row', async () => {
    const interrupt = { when: /\n\{/, signal: 'SIGINT' } as const
    const { out, code } = await run('queue list --watch --json', { interrupt })
    expect(code).toBe(130)
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(rows.length).toBeGreaterThanOrEqual(2)
    expect(rows[0]).toMatchObject({ name: 'reports', jobs: null })
  })
})
