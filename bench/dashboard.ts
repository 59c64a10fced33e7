/**
 * What the dashboard costs a browser: the first paint on a CPU slowed down fourfold, and a page of many rows that are
 * live for minutes: its heap after a collection, and the tasks that block it.
 *
 *   npm run bench:dashboard -- [--rows 1000] [--minutes 10] [--database postgres://…]
 */
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Chancy, job, Queue, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import { createHandler } from 'chancy/http'
import { serve } from 'chancy/http/node'
import { type CDPSession, chromium } from 'playwright-core'
import { chromiumPath } from '../test/support/browser.ts'

const SCHEMA = 'bench_dashboard'
/** The budget of the page: the first paint, a task, and how much the heap may grow. */
const BUDGET = { paintMs: 1_500, taskMs: 50, growth: 0.1 }
const SLOWER = 4
const PAINTS = 5

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000' },
    minutes: { type: 'string', default: '10' },
    database: { type: 'string' },
  },
})
const rows = Number(values.rows)
const minutes = Number(values.minutes)
const executablePath = chromiumPath()
if (executablePath === null) throw new Error('No Chromium: install it, or name one by CHROMIUM=…')

const dsn = values.database ?? process.env.DATABASE_URL
const server = dsn === undefined ? embeddedPostgres() : null
const url = dsn ?? (await server!.url())
const noop = job({ name: 'noop' }, () => {})
const chancy = new Chancy(url, { schema: SCHEMA, jobs: [noop] })
await chancy.migrate({ to: 0 })
await chancy.migrate()
const names = Array.from({ length: rows }, (_, at) => `queue-${String(at).padStart(4, '0')}`)
for (const name of names) await chancy.declare(new Queue(name, { executor: 'inline' }))
// It serves none of them: what is pushed stays, and the counts of all rows move.
const worker = new Worker(chancy, { signals: false, queues: [] })
await worker.start()
const http = await serve(createHandler(chancy), { port: 0 })
const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
const browser = await chromium.launch({ executablePath, args })
let isOver = false
const pushing = keepPushing()
try {
  const paints: number[] = []
  for (let at = 0; at < PAINTS; at++) paints.push(await firstPaint())
  const paint = paints.sort((a, b) => a - b)[Math.floor(PAINTS / 2)] ?? 0
  say('first paint, CPU 4x slower', `${paint} ms`, paint <= BUDGET.paintMs)
  await watchRows()
} finally {
  isOver = true
  await pushing
  await browser.close()
  await http.close()
  await worker.stop()
  await chancy.migrate({ to: 0 })
  await chancy.close()
  await server?.close()
}

/** Some jobs a second, over all queues. */
async function keepPushing(): Promise<void> {
  for (let at = 0; !isOver; at++) {
    const some = Array.from({ length: 50 }, (_, one) => names[(at * 50 + one * 7) % rows]!)
    await chancy.pushMany(some.map((name) => noop.job.withQueue(name)))
    await setTimeout(1_000)
  }
}

async function firstPaint(): Promise<number> {
  const context = await browser.newContext()
  const page = await context.newPage()
  const session = await context.newCDPSession(page)
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWER })
  await page.goto(http.url)
  await page.locator('a.tile').first().waitFor()
  const at = await page.evaluate<number>(
    "performance.getEntriesByName('first-contentful-paint')[0].startTime",
  )
  await context.close()
  return Math.round(at)
}

async function watchRows(): Promise<void> {
  const context = await browser.newContext()
  const page = await context.newPage()
  const session = await context.newCDPSession(page)
  await page.goto(`${http.url}queues`)
  await page
    .locator('tr[data-row]')
    .nth(rows - 1)
    .waitFor()
  await setTimeout(5_000)
  await page.evaluate(`
    globalThis.tasks = []
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((one) => one.duration)))
      .observe({ type: 'longtask' })`)
  const first = await heapOf(session)
  const heaps = [first]
  const end = performance.now() + minutes * 60_000
  while (performance.now() < end) {
    await setTimeout(Math.min(30_000, minutes * 15_000))
    heaps.push(await heapOf(session))
    console.log(
      `${((performance.now() - end) / 1_000 + minutes * 60).toFixed(0)} s: ${mib(heaps.at(-1)!)}`,
    )
  }
  const tasks = await page.evaluate<number[]>('tasks')
  const last = heaps.at(-1)!
  const growth = (last - first) / first
  say(
    `heap, ${rows} rows, ${minutes} min`,
    `${mib(first)} to ${mib(last)}`,
    growth <= BUDGET.growth,
  )
  say(
    'tasks over 50 ms',
    `${tasks.length}, longest ${Math.round(Math.max(0, ...tasks))} ms`,
    tasks.length === 0,
  )
  await context.close()
}

/** After a collection, so that garbage does not count. */
async function heapOf(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage')
  return (await session.send('Runtime.getHeapUsage')).usedSize
}

function mib(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`
}

function say(what: string, value: string, isWithin: boolean): void {
  console.log(`${isWithin ? 'within' : 'OVER'}  ${what}: ${value}`)
  if (!isWithin) process.exitCode = 1
}
