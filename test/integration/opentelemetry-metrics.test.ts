import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { context, metrics, trace } from '@opentelemetry/api'
import { MeterProvider, type MetricData, MetricReader } from '@opentelemetry/sdk-metrics'
import { Job, job, Queue } from 'chancy'
import { openTelemetry } from 'chancy/plugins/opentelemetry'
import { afterEach, describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { startProcess } from '../support/process.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const traced = new URL('../support/plugins/traced-jobs.mjs', import.meta.url)
const ok = job({ name: 'ok' }, () => trace.getActiveSpan() === undefined)
const bad = job({ name: 'bad', maxAttempts: 1 }, () => {
  throw new RangeError('of the job')
})

class Reader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}

  async byName(): Promise<ReadonlyMap<string, MetricData>> {
    const { resourceMetrics } = await this.collect()
    const all = resourceMetrics.scopeMetrics.flatMap((scope) => {
      expect(scope.scope).toMatchObject({ name: 'chancy' })
      return scope.metrics
    })
    return new Map(all.map((metric) => [metric.descriptor.name, metric]))
  }
}

afterEach(() => {
  // The module of traced jobs registers an SDK for spans.
  trace.disable()
  context.disable()
  metrics.disable()
})

/** The points of a metric by the names of jobs and the errors. */
const pointsOf = (metric: MetricData | undefined) =>
  metric?.dataPoints
    .map(({ attributes, value }) => {
      const { 'chancy.job.name': name, 'error.type': error, ...rest } = attributes
      return { name, ...(error === undefined ? {} : { error }), rest, value }
    })
    // In the order in which the jobs happened to end: the names say which is which.
    .sort((a, b) => String(b.name).localeCompare(String(a.name)))

describe('metrics', () => {
  it('count and time pushes and attempts, where the SDK comes after the plugin too', async () => {
    await using app = await startApp({ schema, jobs: [ok, bad], plugins: [openTelemetry()] })
    const reader = new Reader()
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
    await app.start()
    await app.chancy.waitForJobs(await app.chancy.pushMany([ok, ok, bad]))
    const found = await until(async () => {
      const all = await reader.byName()
      const points = pointsOf(all.get('messaging.client.consumed.messages')) ?? []
      return points.reduce((sum, { value }) => sum + Number(value), 0) === 3 ? all : null
    })
    const of = (operation: string) => ({
      'messaging.system.name': 'chancy',
      'messaging.destination.name': 'default',
      'messaging.operation.name': operation,
    })
    const sent = found.get('messaging.client.sent.messages')
    expect(sent?.descriptor).toMatchObject({ unit: '{message}' })
    expect(pointsOf(sent)).toEqual([
      { name: 'ok', rest: of('push'), value: 2 },
      { name: 'bad', rest: of('push'), value: 1 },
    ])
    const attempts = [
      { name: 'ok', rest: of('process') },
      { name: 'bad', error: 'RangeError', rest: of('process') },
    ]
    expect(pointsOf(found.get('messaging.client.consumed.messages'))).toEqual([
      { ...attempts[0], value: 2 },
      { ...attempts[1], value: 1 },
    ])
    const ran = found.get('messaging.process.duration')
    expect(ran?.descriptor).toMatchObject({ unit: 's' })
    expect(pointsOf(ran)).toMatchObject([
      {
        ...attempts[0],
        value: { count: 2, buckets: { boundaries: expect.arrayContaining([7.5]) } },
      },
      { ...attempts[1], value: { count: 1 } },
    ])
    expect(pointsOf(found.get('chancy.job.wait.duration'))).toMatchObject([
      { name: 'ok', value: { count: 2 } },
      { name: 'bad', value: { count: 1 } },
    ])
  })

  it('say of an attempt in a child that it was ended for its time', async () => {
    await using app = await startApp({ schema, jobs: traced, plugins: [openTelemetry()] })
    const reader = new Reader()
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
    await app.chancy.declare(new Queue('threads', { executor: 'thread' }))
    await app.start()
    await app.chancy.waitForJob(await app.chancy.push(Job.named('endless', { queue: 'threads' })))
    const ran = await until(async () => {
      const all = pointsOf((await reader.byName()).get('messaging.process.duration'))
      return all?.length === 1 ? all : null
    })
    expect(ran).toMatchObject([{ name: 'endless', error: 'timeout', value: { count: 1 } }])
    expect((ran[0]!.value as { readonly sum: number }).sum).toBeGreaterThanOrEqual(0.1)
  })

  it('say how many jobs of each state a queue has', async () => {
    const held = new Queue('held')
    await using app = await startApp({ schema, jobs: [ok], plugins: [openTelemetry()] })
    const reader = new Reader()
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
    await app.chancy.declare(held)
    await app.chancy.pauseQueue('held')
    const inHeld = ok.job.withQueue('held')
    await app.chancy.pushMany([inHeld, inHeld, inHeld.withDelay('1h')])
    await app.start()
    const levels = await until(async () => {
      const { dataPoints = [] } = (await reader.byName()).get('chancy.queue.jobs') ?? {}
      const found = dataPoints.filter(
        (one) => one.attributes['messaging.destination.name'] === 'held',
      )
      return found.some(({ value }) => value === 2) ? found : null
    })
    const counts = levels.map(({ attributes, value }) => [attributes['chancy.job.state'], value])
    expect(Object.fromEntries(counts)).toEqual({ waiting: 2, running: 0, scheduled: 1, blocked: 0 })
  })
})

describe('without an SDK', () => {
  it('nothing is added to a job, and nothing is around it', async () => {
    await using app = await startApp({ schema, jobs: [ok], plugins: [openTelemetry()] })
    await app.start()
    const done = await app.chancy.waitForJob(await app.chancy.push(ok))
    expect(done).toMatchObject({ state: 'succeeded', result: true, meta: {} })
    expect(app.lines.filter(({ message }) => message === 'plugin hook failed')).toEqual([])
  })

  it('and without the API openTelemetry() says what to install', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'chancy-opentelemetry-'))
    try {
      const dist = fileURLToPath(new URL('../../dist', import.meta.url))
      await cp(dist, join(folder, 'dist'), { recursive: true })
      await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
      // What chancy depends on is always there.
      await mkdir(join(folder, 'node_modules'))
      await symlink(join(dist, '../node_modules/pg'), join(folder, 'node_modules/pg'))
      await writeFile(
        join(folder, 'main.js'),
        `import { openTelemetry } from './dist/plugins/opentelemetry/opentelemetry.js'
         try { openTelemetry() } catch ({ code, message }) { console.log(JSON.stringify({ code, message })) }`,
      )
      await using one = startProcess(join(folder, 'main.js'))
      expect(await one.next(), one.output).toEqual({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('Run "npm install @opentelemetry/api"'),
      })
      await one.exited
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
