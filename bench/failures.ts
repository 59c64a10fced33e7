/**
 * What failures cost, in turns: pushes and drains with the plugin failures and without it, of empty jobs and of jobs that
 * all fail at their only attempt; and the time of one fingerprint, which every failure has, with the plugin or without.
 *
 *   npm run bench:failures -- [--jobs 50000] [--rounds 5] [--kinds 40] [--database postgres://…]
 */
import { parseArgs } from 'node:util'
import { fingerprintOf } from '../dist/core/fingerprint.js'
import { leadership } from '../dist/plugins/leadership/leadership.js'
import { metrics } from '../dist/plugins/metrics/metrics.js'
import { pruner } from '../dist/plugins/pruner/pruner.js'
import { embeddedPostgres, job } from './support/chancy.ts'
import { median, shown } from './support/stats.ts'
import { compare, empty, newSchema } from './support/with-and-without.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '5' },
    /** Messages that are not alike, so that there are that many groups. */
    kinds: { type: 'string', default: '40' },
    database: { type: 'string' },
  },
})
const [jobs, rounds, kinds] = [values.jobs, values.rounds, values.kinds].map(Number) as [
  number,
  number,
  number,
]
const dsn = values.database ?? process.env.DATABASE_URL
const server = dsn === undefined ? embeddedPostgres({ settings: { shared_buffers: '2GB' } }) : null
const database = dsn ?? (await server!.url())
const schema = 'bench_failures'

let failed = 0
/** Letters, since numbers are no part of what failures have in common. */
const word = (n: number): string => String.fromCharCode(97 + (n % 26), 97 + Math.floor(n / 26))
const failing = job({ name: 'failing', maxAttempts: 1 }, () => {
  throw new TypeError(`cannot read ${word(failed++ % kinds)} of order ${failed}`)
})

for (const [what, run] of [
  ['empty jobs', empty],
  ['jobs that all fail', failing],
] as const) {
  await newSchema(database, schema)
  console.log(`\n${what}, with the plugin failures and without it`)
  await compare({
    ...{ database, schema, jobs, rounds, run },
    // The other default plugins are there in both.
    optionsOf: (mode) =>
      mode === 'with'
        ? {}
        : { defaultPlugins: false, plugins: [leadership(), pruner(), metrics()] },
    conditions: dsn === undefined ? 'embedded PostgreSQL, shared_buffers 2GB' : 'given server',
  })
}
console.log(`\na fingerprint takes ${shown(fingerprintUs(), 1)} µs`)
await server?.close()

/** Of errors with a stack, the median of some rounds. */
function fingerprintUs(): number {
  const errors = Array.from({ length: 2_000 }, (_, n) => {
    const { name, message, stack = null } = new TypeError(`cannot read ${word(n)} of order ${n}`)
    return { name, message, stack }
  })
  const times = Array.from({ length: 7 }, () => {
    const begun = performance.now()
    for (const error of errors) fingerprintOf('failing', 'error', error)
    return ((performance.now() - begun) * 1_000) / errors.length
  })
  return median(times)
}
