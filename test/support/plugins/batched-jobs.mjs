// Jobs under an SDK that exports spans later, in batches, to the file that a job names.
import { appendFileSync } from 'node:fs'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { job } from 'chancy'

let file = null
const exporter = {
  export(spans, done) {
    appendFileSync(file, spans.map(({ name }) => `${name}\n`).join(''))
    done({ code: 0 })
  },
  shutdown: async () => {},
}
const later = { scheduledDelayMillis: 3_600_000 }
new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter, later)] }).register()

export const traced = job({ name: 'traced', maxAttempts: 1 }, (args) => {
  file = args.file
})
