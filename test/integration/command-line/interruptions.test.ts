import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Interrupted } from '../../../dist/cli/program/ending.js'
import { runCommandLine } from '../../../dist/cli/run.js'
import { runCommand } from '../../support/command.ts'
import { startCommand } from '../../support/command-process.ts'
import { databaseUrl, prepareSchema, testSchema, withClient } from '../../support/database.ts'
import { startProxy, type TestProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'

// What is left, and what is said, when a push ends before its end.
const schema = testSchema()
const env = { DATABASE_URL: databaseUrl(schema) }
const args = (...words: string[]) => ['job', 'push', ...words, '--schema', schema]
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, n) => `{"n":${from + n}}\n`).join('')
/** The numbers that were pushed to a queue, in the order of their jobs. */
const numbers = async (queue: string): Promise<number[]> =>
  (
    await withClient((client) =>
      client.query<{ n: number }>(
        `SELECT (args ->> 'n')::int AS n FROM ${schema}.jobs WHERE queue = $1 ORDER BY position`,
        [queue],
      ),
    )
  ).rows.map(({ n }) => n)
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1)
const isCommit = (text: string) => text === 'COMMIT'
const has5000Lines = (text: string) => text.split('\n').length > 5_000
let folder = ''
let proxy: TestProxy

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chancy-interrupted-'))
  await prepareSchema(schema)
})
beforeEach(async () => {
  proxy = await startProxy(databaseUrl(schema))
})
// One of its own for each test: what one test did not lose, the next one would.
afterEach(() => proxy.close())
afterAll(async () => {
  await rm(folder, { recursive: true })
})

describe('chancy job push --from', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'ends by %s with %i though no line comes, says what is pushed, and continues from there',
    async (signal, code) => {
      const queue = `by-${signal}`
      const push = startCommand(args('n', '--queue', queue, '--from', '-'), env)
      push.child.stdin.write(lines(1, 5_100))
      // The first transaction is committed, and the input is still open.
      await push.printed('out', has5000Lines)
      push.child.kill(signal)
      expect(await push.exited).toBe(code)
      expect(push.seen.err).toBe(
        '5100 jobs were pushed, up to line 5100. The rest: tail -n +5101\n',
      )
      expect(push.seen.out.trimEnd().split('\n')).toHaveLength(5_100)
      await runCommand(args('n', '--queue', queue, '--from', '-'), {
        env,
        input: lines(5_101, 5_200),
      })
      expect(await numbers(queue)).toEqual(upTo(5_200))
    },
  )

  it('pushes each line once, in its order, when the answer to a batch is lost after its commit', async () => {
    const file = path.join(folder, 'lost.jsonl')
    await writeFile(file, lines(1, 12_000))
    const lost = proxy.cutReplies(isCommit, { times: 2 })
    const ran = await runCommand(args('n', '--queue', 'lost', '--from', file), {
      env: { DATABASE_URL: proxy.url },
    })
    expect(ran).toMatchObject({ code: 0, err: 'Pushed 12000 jobs.\n' })
    // A batch that is alone needs no transaction, as on a slow machine, which reads the lines late.
    expect(lost.hits).toBeGreaterThan(0)
    expect(await numbers('lost')).toEqual(upTo(12_000))
    const ids = ran.out.trimEnd().split('\n')
    const { rows } = await withClient((client) =>
      client.query<{ id: string }>(
        `SELECT id FROM ${schema}.jobs WHERE queue = 'lost' ORDER BY position`,
      ),
    )
    expect(ids).toEqual(rows.map(({ id }) => id))
  })

  it('says of which lines the database has not answered, when it is away from then on', async () => {
    const app = path.join(folder, 'app.mjs')
    const chancy = new URL('../../../dist/index.js', import.meta.url)
    await writeFile(
      app,
      `import { Chancy } from '${chancy}'
       export default new Chancy(${JSON.stringify(proxy.url)}, { schema: '${schema}', pushDeadline: '3s' })\n`,
    )
    const file = path.join(folder, 'unknown.jsonl')
    await writeFile(file, lines(1, 5_100))
    const lost = proxy.cutReplies(isCommit)
    void lost.hit.then(() => {
      proxy.refuse()
      proxy.cut()
    })
    const ran = await runCommand(
      ['--app', app, 'job', 'push', 'n', '--queue', 'unknown', '--from', file],
      {},
    )
    proxy.refuse(false)
    expect(ran.code).toBe(1)
    expect(ran.err).toContain(
      `No job was pushed. Of the lines 1 to 5000 either all are pushed or none, and the database has not answered which: look with chancy job list. The rest: tail -n +5001 ${file}\n`,
    )
    expect(await numbers('unknown')).toEqual(upTo(5_000))
  })

  it('says what is pushed at a second signal, too, when the database does not answer', async () => {
    await withClient(async (client) => {
      const push = startCommand(args('n', '--queue', 'held', '--from', '-'), env)
      push.child.stdin.write(lines(1, 5_000))
      await push.printed('out', has5000Lines)
      await client.query(`BEGIN; LOCK ${schema}.jobs`)
      push.child.stdin.write(lines(5_001, 10_100))
      await until(async () => {
        const { rows } = await client.query(
          `SELECT 1 FROM pg_locks WHERE relation = '${schema}.jobs'::regclass AND NOT granted`,
        )
        return rows.length > 0
      })
      push.child.kill('SIGINT')
      await new Promise((resolve) => setTimeout(resolve, 300))
      push.child.kill('SIGTERM')
      expect(await push.exited).toBe(143)
      expect(push.seen.err).toMatch(
        /^5000 jobs were pushed, up to line 5000\. Of the lines 5001 to 10000 either all are pushed or none, /,
      )
      await client.query('ROLLBACK')
    })
  })
})

describe('chancy job push', () => {
  it('ends its wait by a signal with 130, and says where the job is, which stays', async () => {
    const push = startCommand(args('n', '--queue', 'none', '--args', '{"n":1}', '--wait'), env)
    // The job may be seen before the command has the answer to its push: it registers its wait after that.
    const waits = `SELECT 1 FROM ${schema}.waiters`
    await until(async () => (await withClient((client) => client.query(waits))).rowCount === 1)
    push.child.kill('SIGINT')
    expect(await push.exited).toBe(130)
    expect(push.seen.out).toBe('')
    const id = /chancy job show ([0-9a-f-]{36})\n$/.exec(push.seen.err)?.[1] ?? ''
    expect(await runCommand(['job', 'show', id, '--schema', schema], { env })).toMatchObject({
      code: 0,
      out: expect.stringMatching(/pending/),
    })
  })

  it('ends by a signal while its arguments do not come, and pushes nothing', async () => {
    const ending = new AbortController()
    const stdin = new PassThrough()
    stdin.write('{')
    stdin.on('newListener', (event) => {
      if (event === 'readable') ending.abort(new Interrupted('SIGTERM'))
    })
    const terminal = { stdin, stdout: new PassThrough(), stderr: new PassThrough(), env }
    const words = args('n', '--queue', 'silent', '--args', '-')
    expect(await runCommandLine(words, terminal, ending.signal)).toBe(143)
    expect(await numbers('silent')).toEqual([])
  })
})
