/**
 * What the plugin openTelemetry costs where there is no SDK: pushes and drains of empty jobs, `inline`, with it
 * and without it in turns.
 *
 *   npm run bench:telemetry -- [--jobs 50000] [--rounds 5] [--database postgres://…]
 */
import { parseArgs } from 'node:util'
import { openTelemetry } from '../dist/plugins/opentelemetry/opentelemetry.js'
import { embeddedPostgres } from './support/chancy.ts'
import { compare, newSchema } from './support/with-and-without.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '5' },
    database: { type: 'string' },
  },
})
const dsn = values.database ?? process.env.DATABASE_URL
const server = dsn === undefined ? embeddedPostgres({ settings: { shared_buffers: '2GB' } }) : null
const database = dsn ?? (await server!.url())
const schema = 'bench_telemetry'
const nothing = (): void => {}
const logger = { debug: nothing, info: nothing, warn: nothing, error: console.error }

await newSchema(database, schema)
await compare({
  database,
  schema,
  jobs: Number(values.jobs),
  rounds: Number(values.rounds),
  optionsOf: (mode) => ({ logger, plugins: mode === 'with' ? [openTelemetry()] : [] }),
  conditions: `no SDK, ${server === null ? 'given server' : 'embedded PostgreSQL'}`,
})
await server?.close()
