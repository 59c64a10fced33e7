// One trace from a request over the push and the attempt to a query of the job, kept in memory.
import { SpanKind, trace } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import { Chancy, job, Worker } from 'chancy'
import { openTelemetry } from 'chancy/plugins/opentelemetry'

const exporter = new InMemorySpanExporter()
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register()
const tracer = trace.getTracer('example')

const greet = job({ name: 'greet' }, ({ name }: { name: string }) =>
  tracer.startActiveSpan('SELECT', (span) => {
    span.end()
    return `Hello, ${name}`
  }),
)
const chancy = new Chancy(process.env.DATABASE_URL ?? 'postgresql://localhost/postgres', {
  jobs: greet,
  plugins: [openTelemetry()],
})
await chancy.migrate()
const worker = new Worker(chancy)
await worker.start()

await tracer.startActiveSpan('GET /', async (span) => {
  const done = await chancy.waitForJob(await chancy.push(greet.job.withArgs({ name: 'Ada' })))
  console.log(done.result)
  span.end()
})
await worker.stop()
await chancy.close()

const spans = exporter.getFinishedSpans()
console.log('traces:', new Set(spans.map((span) => span.spanContext().traceId)).size)
for (const span of spans) {
  const parent = spans.find((one) => one.spanContext().spanId === span.parentSpanContext?.spanId)
  console.log(`${SpanKind[span.kind]} ${span.name}, under ${parent?.name ?? 'nothing'}`)
}
