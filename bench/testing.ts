/**
 * How long a test file waits for the test kit on a server and on PGlite, and how long a year of hourly schedules takes.
 *
 *   npm run bench:testing -- [--files 15] [--days 365] [--database postgres://…] [--pglite]
 */
import { parseArgs } from 'node:util'
import { job } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import { cron, schedule } from 'chancy/plugins/cron'
import { type TestChancyOptions, testChancy } from 'chancy/testing'

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '15' },
    days: { type: 'string', default: '365' },
    database: { type: 'string' },
    pglite: { type: 'boolean', default: false },
  },
})
const files = Number(values.files)
const days = Number(values.days)
delete process.env.CHANCY_TEST_URL
// As chancy/testing/server starts it.
const settings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }
const server =
  values.pglite || values.database !== undefined ? null : embeddedPostgres({ settings, max: 1 })
const url = values.database ?? (await server?.url())
const where: Pick<TestChancyOptions, 'database'> = url === undefined ? {} : { database: url }

const tick = job({ name: 'tick' }, () => null)
const figures = { ready: [], first: [], reset: [], close: [] } as Record<string, number[]>

for (let n = 0; n <= files; n++) {
  const marks = [performance.now()]
  const mark = (): number => marks.push(performance.now())
  const t = await testChancy({ jobs: [tick], ...where })
  mark()
  await t.chancy.push(tick)
  await t.drain()
  mark()
  await t.reset()
  mark()
  await t.close()
  mark()
  // The first one compiles, and with PGlite it makes the file that the others load.
  if (n === 0) continue
  for (const [at, list] of Object.values(figures).entries()) list.push(marks[at + 1]! - marks[at]!)
}
console.log(
  `median of ${files} test files on ${url === undefined ? 'PGlite' : 'a server'}, in milliseconds`,
)
for (const [what, list] of Object.entries(figures))
  console.log(`  ${what.padEnd(6)} ${median(list).toFixed(0).padStart(6)}`)

const t = await testChancy({ jobs: [tick], plugins: [cron()], patience: '60s', ...where })
await schedule(t.chancy, { key: 'hourly', cron: '0 * * * *', job: tick })
const startedAt = performance.now()
const { ran } = await t.advance(`${days}d`)
const seconds = (performance.now() - startedAt) / 1_000
console.log(
  `${days} days of an hourly schedule: ${ran} jobs in ${seconds.toFixed(1)} s, ${((seconds * 1_000) / ran).toFixed(2)} ms each`,
)
await t.close()
await server?.close()

function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
