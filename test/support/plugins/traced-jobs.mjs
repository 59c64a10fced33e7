// Jobs under an SDK whose spans stay in memory: in a child, or, for inline, in the process of the test.
import { SpanStatusCode, trace } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import { DiscardJob, job, Limit, RetryJob, SnoozeJob } from 'chancy'
import pg from 'pg'

const exporter = new InMemorySpanExporter()
// In the process of the test only the first that is registered counts.
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register()

const one = { maxAttempts: 1 }

/** Makes a query under a span of its own, as an instrumented client does. */
export const greet = job({ name: 'greet', ...one }, ({ url }) =>
  trace.getTracer('test').startActiveSpan('SELECT', async (span) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query('SELECT 1 AS n')
    await client.end()
    span.setStatus({ code: SpanStatusCode.OK })
    span.end()
    return rows[0].n
  }),
)
export const failing = job({ name: 'failing', ...one }, () => {
  throw new TypeError('of the job')
})
export const thrower = job({ name: 'thrower', ...one }, () => {
  throw 'only text'
})
export const discarded = job({ name: 'discarded' }, () => {
  throw new DiscardJob('enough', { cause: new RangeError('out of it') })
})
export const retried = job({ name: 'retried', maxAttempts: 2 }, (_, { attempt }) => {
  if (attempt === 1) throw new RetryJob(1, { cause: new SyntaxError('at first') })
  return trace.getActiveSpan().spanContext().spanId
})
export const snoozed = job({ name: 'snoozed' }, (_, { fence }) => {
  if (fence === 1) throw new SnoozeJob(1)
})
export const endless = job({ name: 'endless', ...one, limits: [Limit.time('100ms')] }, () => {
  for (;;);
})
/** The spans that have ended in this process so far. */
export const collect = job({ name: 'collect', ...one }, () => plainSpans(exporter))

export function plainSpans(from) {
  return from.getFinishedSpans().map((span) => ({
    name: span.name,
    kind: span.kind,
    traceId: span.spanContext().traceId,
    spanId: span.spanContext().spanId,
    parentId: span.parentSpanContext?.spanId ?? null,
    links: span.links.map(({ context }) => context.spanId),
    attributes: span.attributes,
    status: span.status,
    exceptions: span.events.map(({ name, attributes }) => ({ name, ...attributes })),
    scope: span.instrumentationScope,
  }))
}
