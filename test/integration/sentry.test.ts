import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as Sentry from '@sentry/node'
import { DiscardJob, job, RetryJob, SnoozeJob } from 'chancy'
import { type SentryOptions, sentry } from 'chancy/plugins/sentry'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { startProcess } from '../support/process.ts'
import { until } from '../support/until.ts'

const schema = testSchema()

interface Exception {
  readonly type: string
  readonly value: string
  readonly mechanism?: { readonly type: string; readonly handled: boolean }
  readonly stacktrace?: { readonly frames: readonly { readonly filename?: string }[] }
}
interface Report {
  readonly exception: { readonly values: readonly Exception[] }
  readonly tags: Readonly<Record<string, unknown>>
  readonly extra: Readonly<Record<string, unknown>>
}

/** What the transport was given. */
let envelopes: unknown[] = []
const reports = (): Report[] =>
  envelopes.flatMap((envelope) =>
    (envelope as [unknown, [{ type: string }, Report][]])[1]
      .filter(([{ type }]) => type === 'event')
      .map(([, event]) => event),
  )

Sentry.init({
  dsn: 'https://key@sentry.invalid/1',
  registerEsmLoaderHooks: false,
  transport: () => ({
    send: async (envelope) => {
      envelopes.push(envelope)
      return {}
    },
    flush: async () => true,
  }),
})
beforeEach(() => {
  envelopes = []
})
afterAll(() => Sentry.close())

/** Put together here, since Sentry reads the lines around a throw. */
const SECRET = ['canary', 'argument'].join('-')
const quick = { backoff: { base: 1 } }
const failing = job({ name: 'failing', maxAttempts: 2, ...quick }, (_: { secret?: string }) => {
  throw new TypeError('of the job', { cause: new RangeError('beneath it') })
})
const discarded = job({ name: 'discarded' }, () => {
  throw new DiscardJob('enough')
})
const asked = job({ name: 'asked', maxAttempts: 2 }, (_, { attempt }) => {
  if (attempt === 1) throw new RetryJob(1, { cause: new SyntaxError('at first') })
})
const snoozed = job({ name: 'snoozed' }, (_, { fence }) => {
  if (fence === 1) throw new SnoozeJob(1)
})
const waiting = job(
  { name: 'waiting' },
  (_, { signal }) =>
    new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason)),
    ),
)
const jobs = [failing, discarded, asked, snoozed, waiting]

const started = async (options?: SentryOptions) => {
  const app = await startApp({ schema, jobs, plugins: [sentry(options)] })
  await app.start()
  return app
}

describe('sentry', () => {
  it('reports every failed attempt with its stack, its causes and its tags, and no arguments', async () => {
    await using app = await started()
    const pushed = failing.job.withArgs({ secret: SECRET }).withMeta({ secret: SECRET })
    const ref = await Sentry.withIsolationScope(async (scope) => {
      scope.setUser({ email: `ada@${'example'}.org` })
      return app.chancy.push(pushed)
    })
    await app.chancy.waitForJob(ref)
    await until(() => reports().length === 2)
    for (const [index, report] of reports().entries()) {
      expect(report.tags).toMatchObject({
        'job.name': 'failing',
        'job.queue': 'default',
        'job.attempt': index + 1,
      })
      expect(report.extra).toEqual({ 'job.id': ref.id })
      const { values } = report.exception
      const [cause, error] = ['RangeError', 'TypeError'].map((name) =>
        values.find(({ type }) => type === name),
      )
      expect(values).toHaveLength(2)
      expect(cause).toMatchObject({ value: 'beneath it' })
      expect(error).toMatchObject({ value: 'of the job' })
      for (const one of [cause, error]) {
        const { filename } = one?.stacktrace?.frames.at(-1) ?? {}
        expect(filename).toContain('sentry.test.ts')
      }
      // The last attempt is the one that nothing handles. Sentry says so of one of the errors.
      expect(values.some(({ mechanism }) => mechanism?.handled === false)).toBe(index === 1)
    }
    const sent = JSON.stringify(envelopes)
    expect(sent.includes(SECRET), 'arguments').toBe(false)
    expect(sent.includes('@example.org'), 'the user of the request').toBe(false)
  })

  it("reports the last attempt alone where that is asked for: report: 'last'", async () => {
    await using app = await started({ report: 'last' })
    const refs = await app.chancy.pushMany([failing.job, discarded.job, asked.job])
    await app.chancy.waitForJobs(refs)
    await until(() => reports().length === 2)
    const said = reports().map(({ tags }) => [tags['job.name'], tags['job.attempt']])
    expect(said.sort()).toEqual([
      ['discarded', 1],
      ['failing', 2],
    ])
  })

  it('reports nothing of attempts that were cancelled, snoozed or interrupted', async () => {
    await using app = await started()
    const { chancy } = app
    const [cancelled, interrupted] = await chancy.pushMany([waiting.job, waiting.job])
    await until(async () => (await chancy.listJobs({ state: 'running' })).length === 2)
    await chancy.cancel(cancelled!)
    await chancy.waitForJobs([cancelled!, await chancy.push(snoozed)])
    const retried = await chancy.push(asked)
    await chancy.waitForJob(retried)
    await app.workers[0]?.stop()
    expect((await chancy.getJob(interrupted!))?.state).toBe('pending')
    // What came last was reported, so what came before would have been.
    await until(() => reports().length > 0)
    expect(reports().map(({ extra }) => extra['job.id'])).toEqual([retried.id])
    await chancy.cancel(interrupted!)
  })

  it('uses the client that it is given, and flushes it when a worker stops', async () => {
    const calls: unknown[] = []
    const client = {
      captureException: (error: unknown, hint: unknown) => {
        calls.push([(error as Error).message, hint])
        return 'id'
      },
      flush: async () => {
        calls.push('flushed')
        return true
      },
    }
    const app = await started({ client })
    const ref = await app.chancy.push(discarded)
    await app.chancy.waitForJob(ref)
    await app[Symbol.asyncDispose]()
    expect(calls[0]).toEqual([
      'enough',
      {
        originalException: expect.any(Error),
        captureContext: {
          tags: { 'job.name': 'discarded', 'job.queue': 'default', 'job.attempt': 1 },
          extra: { 'job.id': ref.id },
        },
        mechanism: { type: 'chancy', handled: false },
      },
    ])
    expect(calls.slice(1)).toContain('flushed')
    expect(reports()).toEqual([])
  })

  it('refuses wrong options, and says what to install where the package is missing', async () => {
    // @ts-expect-error: no such choice
    expect(() => sentry({ report: 'all' })).toThrow(/one of every, last, got "all"/)
    // @ts-expect-error: no client
    expect(() => sentry({ client: {} })).toThrow(/expected a client of Sentry/)
    const folder = await mkdtemp(join(tmpdir(), 'chancy-sentry-'))
    try {
      const dist = fileURLToPath(new URL('../../dist', import.meta.url))
      await cp(dist, join(folder, 'dist'), { recursive: true })
      await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
      // What chancy depends on is always there.
      await mkdir(join(folder, 'node_modules'))
      await symlink(join(dist, '../node_modules/pg'), join(folder, 'node_modules/pg'))
      await writeFile(
        join(folder, 'main.js'),
        `import { sentry } from './dist/plugins/sentry/sentry.js'
         const error = (() => { try { sentry() } catch (thrown) { return thrown } })()
         const given = sentry({ client: { captureException: () => '' } })
         console.log(JSON.stringify({ code: error.code, message: error.message, name: given.name }))`,
      )
      await using one = startProcess(join(folder, 'main.js'))
      expect(await one.next(), one.output).toEqual({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('Run "npm install @sentry/node"'),
        name: 'chancy.sentry',
      })
      await one.exited
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
