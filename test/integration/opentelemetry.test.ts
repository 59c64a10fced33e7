import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import { Job, Queue } from 'chancy'
import { type OpenTelemetryOptions, openTelemetry } from 'chancy/plugins/opentelemetry'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'

const schema = testSchema()
const jobs = new URL('../support/plugins/traced-jobs.mjs', import.meta.url)

interface PlainSpan {
  readonly name: string
  readonly kind: SpanKind
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | null
  readonly links: readonly string[]
  readonly attributes: Readonly<Record<string, unknown>>
  readonly status: { readonly code: SpanStatusCode; readonly message?: string }
  readonly exceptions: readonly Readonly<Record<string, unknown>>[]
}

const exporter = new InMemorySpanExporter()
const plain = (): Promise<readonly PlainSpan[]> =>
  import(jobs.href).then(({ plainSpans }) => plainSpans(exporter))

new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register()
afterEach(() => exporter.reset())

const batched = new URL('../support/plugins/batched-jobs.mjs', import.meta.url)

async function started(executor: 'inline' | 'thread' | 'process', options?: OpenTelemetryOptions) {
  const app = await startApp({ schema, jobs, plugins: [openTelemetry(options)] })
  const settings = { executor, concurrency: 1 }
  await app.chancy.declare(new Queue('default', settings), { upsert: true })
  await app.start()
  return app
}

/** The spans of the test's process, and of the child. */
async function spansOf(app: TestApp): Promise<readonly PlainSpan[]> {
  const { chancy } = app
  const done = await chancy.waitForJob(await chancy.push(Job.named('collect')))
  const all = [...(await plain()), ...(done.result as PlainSpan[])]
  return all.filter(
    (span, index) => all.findIndex(({ spanId }) => spanId === span.spanId) === index,
  )
}

const only = (spans: readonly PlainSpan[], name: string): PlainSpan => {
  const found = spans.filter((span) => span.name === name)
  expect(found, name).toHaveLength(1)
  return found[0]!
}
const named = (spans: readonly PlainSpan[], job: string): readonly PlainSpan[] =>
  spans.filter(({ attributes }) => attributes['chancy.job.name'] === job)

const inSpan = <T>(name: string, work: () => Promise<T>): Promise<T> =>
  trace.getTracer('test').startActiveSpan(name, (span) => work().finally(() => span.end()))

describe.each(['inline', 'thread', 'process'] as const)('with the executor %s', (executor) => {
  let app: TestApp
  beforeAll(async () => {
    app = await started(executor)
  })
  afterAll(() => app[Symbol.asyncDispose]())

  it('one trace leads from the caller over the push and the attempt to a query of the job', async () => {
    const args = { url: databaseUrl() }
    const ref = await inSpan('request', () => app.chancy.push(Job.named('greet', { args })))
    expect(await app.chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded', result: 1 })

    const spans = await spansOf(app)
    const request = only(spans, 'request')
    const push = only(named(spans, 'greet'), 'push default')
    const attempt = only(spans, 'process greet')
    const query = only(spans, 'SELECT')
    const { traceId } = request
    expect([push, attempt, query].map((span) => span.traceId)).toEqual([traceId, traceId, traceId])
    expect(push).toMatchObject({ kind: SpanKind.PRODUCER, parentId: request.spanId })
    expect(attempt).toMatchObject({ kind: SpanKind.CONSUMER, parentId: push.spanId, links: [] })
    expect(query.parentId).toBe(attempt.spanId)
    const common = {
      'messaging.system.name': 'chancy',
      'messaging.destination.name': 'default',
      'messaging.message.id': ref.id,
      'chancy.job.name': 'greet',
    }
    expect(push.attributes).toEqual({
      ...common,
      'messaging.operation.name': 'push',
      'messaging.operation.type': 'create',
    })
    expect(attempt.attributes).toEqual({
      ...common,
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'chancy.job.attempt': 1,
    })
    expect((await app.chancy.getJob(ref))?.meta).toEqual({
      opentelemetry: { traceparent: `00-${traceId}-${push.spanId}-01` },
    })
  })

  it('errors are recorded with their type, and attempts of one job are under one push', async () => {
    const { chancy } = app
    const names = ['failing', 'thrower', 'discarded', 'retried', 'snoozed']
    await chancy.waitForJobs(await chancy.pushMany(names.map((name) => Job.named(name))))
    const spans = await spansOf(app)

    const failed = only(spans, 'process failing')
    expect(failed.status).toEqual({ code: SpanStatusCode.ERROR, message: 'of the job' })
    expect(failed.attributes['error.type']).toBe('TypeError')
    expect(failed.exceptions).toMatchObject([
      { 'exception.type': 'TypeError', 'exception.message': 'of the job' },
    ])
    expect(failed.exceptions[0]?.['exception.stacktrace']).toContain('traced-jobs.mjs')
    expect(only(spans, 'process thrower')).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: 'only text' },
      attributes: { 'error.type': '_OTHER' },
    })
    expect(only(spans, 'process discarded').attributes['error.type']).toBe('RangeError')

    const [first, second, ...none] = spans.filter(({ name }) => name === 'process retried')
    expect(none).toEqual([])
    expect(first).toMatchObject({
      attributes: { 'error.type': 'SyntaxError', 'chancy.job.attempt': 1 },
    })
    expect(second).toMatchObject({
      attributes: { 'chancy.job.attempt': 2 },
      status: { code: SpanStatusCode.UNSET },
      parentId: first?.parentId,
    })
    // A snooze is no failure.
    const snoozed = spans.filter(({ name }) => name === 'process snoozed')
    expect(snoozed.map(({ status }) => status.code)).toEqual([0, 0])
  })
})

describe('the context of a push', () => {
  it('is that of the caller, one by one in pushMany, and in the transaction of the caller', async () => {
    await using app = await started('inline')
    const [first, second] = await inSpan('bulk', () =>
      app.chancy.pushMany([Job.named('failing'), Job.named('failing')]),
    )
    const inside = await withClient(async (client) => {
      await client.query('BEGIN')
      const ref = await inSpan('in a transaction', () =>
        app.chancy.push(Job.named('failing'), { session: client }),
      )
      await client.query('COMMIT')
      return ref
    }, databaseUrl(schema))
    await app.chancy.waitForJobs([first!, second!, inside])
    const spans = await spansOf(app)
    const parents = named(spans, 'failing')
      .filter(({ kind }) => kind === SpanKind.PRODUCER)
      .map(({ parentId, attributes }) => [attributes['messaging.message.id'], parentId])
    const bulk = only(spans, 'bulk').spanId
    expect(parents).toEqual([
      [first!.id, bulk],
      [second!.id, bulk],
      [inside.id, only(spans, 'in a transaction').spanId],
    ])
    const attempts = spans.filter(({ name }) => name === 'process failing')
    expect(new Set(attempts.map(({ parentId }) => parentId)).size).toBe(3)
  })

  it('is kept when the job comes with one, and replaced when that is nonsense', async () => {
    await using app = await started('inline')
    const [traceId, spanId] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
    const own = { traceparent: `00-${traceId}-${spanId}-01`, tracestate: 'acme=1' }
    const bad = [
      { traceparent: `ff-${traceId}-${spanId}-01` },
      { traceparent: `00-${'0'.repeat(32)}-${spanId}-01` },
      { traceparent: `00-${traceId}-${spanId}-01-more` },
      { traceparent: 1, tracestate: {} },
      'text',
      null,
    ]
    const kept = await app.chancy.push(Job.named('failing').withMeta({ opentelemetry: own }))
    expect((await app.chancy.getJob(kept))?.meta).toEqual({ opentelemetry: own })
    const refs = await app.chancy.pushMany(
      bad.map((one) => Job.named('failing').withMeta({ opentelemetry: one })),
    )
    await app.chancy.waitForJobs([kept, ...refs])
    const attempts = (await spansOf(app)).filter(({ name }) => name === 'process failing')
    expect(attempts).toHaveLength(1 + bad.length)
    expect(attempts.filter((span) => span.traceId === traceId)).toMatchObject([
      { parentId: spanId },
    ])
  })

  it('is nonsense in a row that was written by hand: the attempt has a trace of its own', async () => {
    await using app = await started('inline')
    const { rows } = await withClient(
      (client) =>
        client.query(
          `SELECT ${schema}.push('failing', meta => '{"opentelemetry": {"traceparent": "00-zz"}}') AS id`,
        ),
      databaseUrl(schema),
    )
    await app.chancy.waitForJob(rows[0].id)
    expect(only(await spansOf(app), 'process failing')).toMatchObject({ parentId: null, links: [] })
  })
})

describe("link: 'link'", () => {
  it('gives an attempt a trace of its own with a link to the push', async () => {
    await using app = await started('process', { link: 'link' })
    const ref = await inSpan('request', () => app.chancy.push(Job.named('failing')))
    await app.chancy.waitForJob(ref)
    const spans = await spansOf(app)
    const push = only(named(spans, 'failing'), 'push default')
    const attempt = only(spans, 'process failing')
    expect(attempt).toMatchObject({ parentId: null, links: [push.spanId] })
    expect(attempt.traceId).not.toBe(push.traceId)
  })

  it('refuses another word', () => {
    // @ts-expect-error: no such link
    expect(() => openTelemetry({ link: 'links' })).toThrow(/one of parent, link, got "links"/)
  })
})

describe('an inline attempt', () => {
  it('is not under what was active where its worker was started', async () => {
    await using app = await inSpan('start', () => started('inline'))
    await app.chancy.waitForJob(await app.chancy.push(Job.named('failing')))
    const spans = await spansOf(app)
    expect(only(spans, 'process failing').traceId).not.toBe(only(spans, 'start').traceId)
  })
})

describe.each(['thread', 'process'] as const)('a child of the executor %s', (executor) => {
  it('exports the spans that it still has before it ends', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'chancy-spans-'))
    const file = join(folder, 'spans')
    try {
      await using app = await startApp({ schema, jobs: batched, plugins: [openTelemetry()] })
      await app.chancy.declare(new Queue('default', { executor }), { upsert: true })
      const worker = await app.start()
      await app.chancy.waitForJob(await app.chancy.push(Job.named('traced', { args: { file } })))
      expect(existsSync(file)).toBe(false)
      await worker.stop()
      expect(await readFile(file, 'utf8')).toBe('process traced\n')
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
