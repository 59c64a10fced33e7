import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Chancy } from 'chancy'
import { beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../../support/command.ts'
import { databaseUrl, prepareSchema, testSchema } from '../../support/database.ts'

// What a process of its own does: signals, pipes, terminals, shells.
const COMMAND = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const schema = testSchema()
const { CHANCY_APP: _, ...rest } = process.env
const env = {
  ...rest,
  DATABASE_URL: databaseUrl(schema),
  TEST_URL: databaseUrl(schema),
  TEST_SCHEMA: schema,
}

beforeAll(() => prepareSchema(schema))

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [COMMAND, ...args], { cwd: ROOT, env })
  const seen = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    seen.out += String(chunk)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    seen.err += String(chunk)
  })
  const printed = async (stream: 'out' | 'err', what: RegExp): Promise<void> => {
    const readable = stream === 'out' ? child.stdout : child.stderr
    while (!what.test(seen[stream]))
      await Promise.race([once(readable, 'data'), once(child, 'exit')])
  }
  // What it said comes before the close, and may come after the exit.
  const exited = once(child, 'close').then(([code]) => code as number | null)
  return { child, seen, printed, exited }
}

describe('a process of chancy', () => {
  it('ends a watch with 130 by SIGINT, and with 143 by SIGTERM', async () => {
    const ends = (['SIGINT', 'SIGTERM'] as const).map(async (signal) => {
      const { child, printed, exited } = start(['queue', 'list', '--watch', '--schema', schema])
      await printed('out', /none/)
      child.kill(signal)
      return exited
    })
    expect(await Promise.all(ends)).toEqual([130, 143])
  })

  it('ends quietly when the reader of its output has seen enough', async () => {
    const { child, seen, printed, exited } = start(['queue', 'list', '--watch', '--schema', schema])
    await printed('out', /none/)
    child.stdout.destroy()
    expect(await exited).toBe(0)
    expect(seen.err).toBe('')
  })

  it('runs a worker until SIGTERM, which lets its jobs finish, and exits with 0', {
    timeout: 120_000,
  }, async () => {
    const app = './test/support/apps/worker.ts'
    const args = [
      '--app',
      app,
      'worker',
      'start',
      '--label',
      'one',
      '--concurrency',
      '3',
      '--tags',
      'a,b',
    ]
    const { child, seen, printed, exited } = start([
      ...args,
      '--queues',
      'default',
      '--shutdown-timeout',
      '20s',
    ])
    await printed('err', /worker started/)
    await using chancy = new Chancy(databaseUrl(schema), { schema })
    expect(await chancy.getWorkers()).toMatchObject([{ label: 'one', queues: ['default'] }])
    expect(seen.err).toMatch(/"slots":3/)
    const listed = await runCommand(['worker', 'list', '--schema', schema], {
      env: { DATABASE_URL: databaseUrl(schema) },
    })
    expect(listed.out).toMatch(/one +alive/)
    const pushed = start(['--app', app, 'job', 'push', 'double', '--args', '{"n":21}', '--wait'])
    expect(await pushed.exited).toBe(0)
    expect(pushed.seen.out).toBe('42\n')
    child.kill('SIGTERM')
    expect(await exited).toBe(0)
    expect(seen.err).toMatch(/worker stopped/)
  })

  it('exits with 1 when the worker could not start, and with 2 without an application', async () => {
    const { seen, exited } = start(['--app', './test/support/apps/named.mjs', 'worker', 'start'])
    expect(await exited).toBe(1)
    expect(seen.err).toMatch(/^error: /m)
    const without = await runCommand(['worker', 'start'], {
      env: { DATABASE_URL: databaseUrl(schema) },
    })
    expect(without).toMatchObject({ code: 2, err: expect.stringMatching(/Add --app/) })
  })
})

describe('chancy completion', () => {
  const script = async (shell: string): Promise<string> =>
    (await runCommand(['completion', shell])).out

  it('completes commands, options and their values in bash', async () => {
    const made = await script('bash')
    const complete = (...words: string[]): string[] => {
      const lines = `${made}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_chancy; printf '%s\\n' "\${COMPREPLY[@]}"`
      const ran = spawnSync('bash', ['-u', '-c', lines], { encoding: 'utf8' })
      expect(ran.stderr).toBe('')
      return ran.stdout.trim().split('\n')
    }
    expect(complete('chancy', 'qu')).toEqual(['queue'])
    expect(complete('chancy', 'queue', 'pa')).toEqual(['pause'])
    expect(complete('chancy', '--schema', 'x', 'queue', 'pause', 'mail', '--f')).toEqual(['--for'])
    expect(complete('chancy', 'schedule', 'pr')).toEqual(['preview'])
    expect(complete('chancy', 'job', 'list', '--state', 'f')).toEqual(['failed'])
    expect(complete('chancy', 'job', 'list', '--queue', '')).toEqual([''])
    expect(complete('chancy', 'job', 'list', '--app', 'package.j')).toEqual(['package.json'])
    expect(complete('chancy', 'queue', 'list', '--js')).toEqual(['--json'])
  })

  const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0
  const why = (shell: string): string => (has(shell) ? '' : ` (skipped: ${shell} is not installed)`)

  it.runIf(has('zsh'))(`is read by zsh${why('zsh')}`, async () => {
    const lines = `autoload -Uz compinit && compinit -u -D\n${await script('zsh')}\nwhence -w _chancy; print \${_comps[chancy]}`
    // -D: a dump file would replace whatever stands at its path.
    const home = await mkdtemp(path.join(tmpdir(), 'chancy-zsh-'))
    const ran = spawnSync('zsh', ['-f', '-c', lines], {
      encoding: 'utf8',
      env: { ...rest, HOME: home, ZDOTDIR: home },
    })
    expect(await readdir(home)).toEqual([])
    await rm(home, { recursive: true })
    expect(ran).toMatchObject({ status: 0, stderr: '', stdout: '_chancy: function\n_chancy\n' })
  })

  it.runIf(has('fish'))(`completes in fish${why('fish')}`, async () => {
    const complete = (line: string, made: string): string[] => {
      const ran = spawnSync('fish', ['--no-config', '-c', `${made}\ncomplete -C '${line}'`], {
        encoding: 'utf8',
      })
      expect(ran.stderr).toBe('')
      return ran.stdout
        .trim()
        .split('\n')
        .map((one) => one.split('\t')[0] ?? '')
    }
    const made = await script('fish')
    expect(complete('chancy qu', made)).toEqual(['queue'])
    expect(complete('chancy queue pa', made)).toEqual(['pause'])
    expect(complete('chancy queue pause mail --f', made)).toEqual(['--for'])
    expect(complete('chancy job list --state f', made)).toEqual(['failed'])
  })

  it('refuses another shell', async () => {
    expect(await runCommand(['completion', 'tcsh'])).toMatchObject({
      ...{
        code: 2,
        out: '',
        err: expect.stringMatching(/expected one of bash, zsh, fish, got "tcsh"/),
      },
    })
  })
})

describe('chancy version and chancy --help', () => {
  it('need neither a database nor an application that loads', async () => {
    const broken = { CHANCY_APP: './test/support/apps/broken.mjs' }
    expect(await runCommand(['version'], { env: broken })).toMatchObject({
      ...{ code: 0, err: '', out: expect.stringMatching(/^chancy +\d+\.\d+\.\d+\nnode +/) },
    })
    const help = await runCommand(['--help'], { env: broken, columns: 80 })
    expect(help.code).toBe(0)
    expect(help.out).toMatch(/Queues and jobs:\n +queue/)
    expect(help.err).toMatch(/error:.*broken\.mjs could not be loaded/)
    for (const line of help.out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    expect(await runCommand([])).toMatchObject({ code: 2, out: '' })
  })

  it('name a plugin that the application lacks, and take --database before CHANCY_APP', async () => {
    process.env.TEST_URL = databaseUrl(schema)
    process.env.TEST_SCHEMA = schema
    const app = ['--app', './test/support/apps/named.mjs']
    expect(await runCommand([...app, 'schedule', 'list'])).toMatchObject({
      ...{
        code: 2,
        err: expect.stringMatching(
          /unknown command 'schedule'.*plugin "chancy.cron", which this application does not have/,
        ),
      },
    })
    const given = ['queue', 'list', '--schema', schema, '--database', databaseUrl(schema)]
    const env = { CHANCY_APP: './test/support/apps/broken.mjs' }
    expect(await runCommand(given, { env })).toMatchObject({ code: 0 })
  })

  it('say in a line that the database is away, and exit with 1', async () => {
    const ran = await runCommand(['queue', 'list'], {
      env: { DATABASE_URL: 'postgresql://127.0.0.1:1/x' },
    })
    expect(ran).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /^error: [^\n]*ECONNREFUSED[^\n]*Check that the server runs[^\n]*\n$/,
      ),
    })
  })
})
