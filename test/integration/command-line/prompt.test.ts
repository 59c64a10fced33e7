import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Chancy } from 'chancy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { promptNames } from '../../../dist/cli/repl/prompt-names.js'
import { runCommand } from '../../support/command.ts'
import { startCommand } from '../../support/command-process.ts'
import { databaseUrl, testSchema, withClient } from '../../support/database.ts'

const APP = fileURLToPath(new URL('../../support/apps/notes.mjs', import.meta.url))
const schema = testSchema()
const chancy = new Chancy(databaseUrl(), { schema })
const env = { DATABASE_URL: databaseUrl() }
const where = ['--schema', schema]

beforeAll(async () => {
  await chancy.migrate()
  process.env.TEST_URL = databaseUrl()
  process.env.TEST_SCHEMA = schema
})
afterAll(() => chancy.close())

describe('chancy repl', () => {
  it('evaluates the lines of a pipe in order, each when the one before has its value', async () => {
    const input = [
      "const ref = await chancy.push(Job.named('greet', { args: { name: 'Ada' } }))",
      '',
      'function twice(value) {',
      '  return value + value',
      '}',
      '(await chancy.getJob(ref)).state',
      "twice('a')",
    ]
    expect(await runCommand(['repl', ...where], { env, input: `${input.join('\n')}\n` })).toEqual({
      code: 0,
      out: "'pending'\n'aa'\n",
      err: '',
    })
    const json = { env, input: '({ up: await chancy.isUpToDate() })\n' }
    expect(await runCommand(['repl', '--json', ...where], json)).toMatchObject({
      code: 0,
      out: '{"up":true}\n',
    })
  })

  it('ends with the first error, and with exit code 1', async () => {
    for (const [line, text] of [
      ["await Promise.reject(new Error('bad'))", 'bad'],
      ["throw new Error('worse')", 'worse'],
      ['nope(', 'SyntaxError'],
    ] as const) {
      const { code, out, err } = await runCommand(['repl', ...where], {
        env,
        input: `${line}\n1 + 1\n`,
      })
      expect({ line, code, out, err }).toEqual({
        line,
        code: 1,
        out: '',
        err: expect.stringContaining(text),
      })
    }
  })

  it('still has a prompt when the jobs of the application cannot be loaded', async () => {
    const ran = await runCommand(['--app', APP, 'repl'], { input: '1 + 1\n' })
    expect(ran).toMatchObject({ code: 0, out: '2\n' })
  })

  it('calls a job by its name, in the words of JavaScript, where that is free', () => {
    const functions = new Map(
      ['greet', 'send-mail', 'delete', 'chancy', 'a.b_c', '9'].map((name) => [name, name]),
    )
    const { values, jobs } = promptNames(chancy as never, functions, (name) => name === 'aB_c')
    expect(jobs.map(({ called }) => called)).toEqual([
      ...['greet', 'sendMail', 'jobs["delete"]', 'jobs["chancy"]', 'jobs["a.b_c"]', 'jobs["9"]'],
    ])
    expect(values).toMatchObject({ greet: 'greet', sendMail: 'send-mail', chancy })
  })
})

describe('chancy top', () => {
  it('draws on the other screen of the terminal, and leaves it when a signal comes', async () => {
    const ran = await runCommand(['top', ...where], {
      env: { ...env, NO_COLOR: '1' },
      columns: 80,
      interrupt: { when: /QUEUE[\s\S]*\x1b\[H[\s\S]*QUEUE/, signal: 'SIGTERM' },
    })
    expect(ran).toMatchObject({ code: 143, err: '' })
    expect(ran.out.startsWith('\x1b[?1049h\x1b[?25l')).toBe(true)
    expect(ran.out.endsWith('\x1b[?25h\x1b[?1049l')).toBe(true)
    expect(ran.out).toContain(`schema ${schema}`)
  })

  it('ends by q with 0, and says an error below the command, on no other screen', async () => {
    expect(await runCommand(['top', ...where], { env, columns: 80, input: 'q' })).toMatchObject({
      code: 0,
    })
    const missing = await runCommand(['top', '--schema', `${schema}_none`], { env, columns: 80 })
    expect(missing).toMatchObject({ code: 1, out: '', err: expect.stringContaining('migrate') })
  })

  it('prints a line a second with --json, and without a terminal refuses the rest', async () => {
    const ran = await runCommand(['top', '--json', ...where], {
      env,
      interrupt: { when: /\n[\s\S]*\n/, signal: 'SIGINT' },
    })
    expect(ran.code).toBe(130)
    const lines = ran.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatchObject({ workers: [], queues: [], hasMetrics: true })
    expect(await runCommand(['top', ...where], { env })).toMatchObject({
      code: 2,
      err: expect.stringContaining('no terminal'),
    })
  })
})

describe('chancy demo', () => {
  it('reads the files of a folder, agrees with a plain walk, ends with 0 and leaves nothing', {
    timeout: 120_000,
  }, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'chancy-demo-'))
    for (const name of ['a.txt', 'b.txt', 'c.txt']) writeFileSync(path.join(folder, name), 'a\nb\n')
    const demo = startCommand(['demo', folder, '--database', databaseUrl()])
    expect(await demo.exited).toBe(0)
    rmSync(folder, { recursive: true })
    const { out } = demo.seen
    expect(out).toMatch(/^3 files walked, pushed, read and saved in [\d.]+ s$/m)
    expect(out).toMatch(/^ +files +3 +3 +same$/m)
    expect(out).toMatch(/^ +lines +6 +6 +same$/m)
    expect(out.match(/^ {2}ok /gm)).toHaveLength(7)
    expect(out).toMatch(/\nEverything agrees\.\n$/)
    const schema = /schema "(chancy_demo_\w+)"/.exec(out)?.[1]
    const left = await withClient((client) =>
      client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]),
    )
    expect(left.rows).toEqual([])
  })

  it('refuses what it does not use', async () => {
    for (const [option, value] of [['--json'], ['--schema', 'x']] as const) {
      const args = ['demo', option, ...(value === undefined ? [] : [value])]
      expect(await runCommand(args)).toMatchObject({
        code: 2,
        err: expect.stringContaining(option),
      })
    }
  })
})
