/**
 * How the drain rate and the claim latency change with their conditions, a curve each:
 *
 *   npm run bench:scale -- [waiting] [finished] [queues] [idle-queues] [workers] [waiters]
 *       [standing-waiters] [pinned]                      default: all
 *       [--waiting 0,1000000,10000000] [--finished 0,10000000] [--queues 1,10000]
 *       [--idle-queues 1,10000] [--workers 1,2,4,8,16] [--waiters 0,1000]
 *       [--standing-waiters 0,1000]                      the first point of each is the plain one
 *       [--jobs 100000] [--runs 3] [--claims 50] [--fast-claims] [--database postgres://…]
 *       [--minutes 10] [--slices 10] [--plain-seconds 60] [--max-gib 60] [--pin-writes]  of `pinned`
 *
 * The measured jobs are empty and run `inline`, one attempt each, with history kept. They are drained
 * from the head of a queue that is filled by SQL (`fixture.ts`); the rest stays. The plain point
 * is measured before and after the others, half of its runs each time, so that a machine that became
 * slower in between can be seen: its runs then differ among themselves. What a rate is says
 * `sample-point.ts`, what `claim` is says `Measured.claimsMs`; `batch` are the claims of the drain, `answered`
 * is from the last job of a run to the last answer of a `waitForJob`, `MiB` the peak of a worker.
 *
 * Prints each curve, and writes it to `bench/results/scale-<curve>.json` and `.svg`. Ten million rows
 * take about 4 GiB on disk; `pinned` grows by about 0.7 KiB a job for as long as it runs.
 */

import { writeJson, writeResult } from '../support/results.ts'
import { benchServer, settingLine } from '../support/server.ts'
import { shown } from '../support/stats.ts'
import { CONDITIONS, type CurveName } from './curves.ts'
import { readOptions } from './options.ts'
import { measurePinned } from './pinned.ts'
import { plot } from './plot.ts'
import { type Point, plotPoint, shownTable, summaries } from './report.ts'
import { measureSamplePoint, nothing } from './sample-point.ts'

const options = readOptions()
await using server = await benchServer(options.database)
for (const name of options.curves) {
  console.log(`\n${name}`)
  if (name === 'pinned') await drawPinned()
  else await draw(name)
}
console.log(`\n${settingLine(server)}`)

async function draw(name: Exclude<CurveName, 'pinned'>): Promise<void> {
  const { axis, at } = CONDITIONS[name]
  const points: Point[] = options.samplePoints[name].map((index) => ({
    label: shown(index),
    measured: nothing(),
  }))
  const visits = points.map((_, index) => ({ index, runs: options.runs }))
  const [plain] = visits
  if (plain !== undefined && visits.length > 1 && options.runs > 1) {
    plain.runs = Math.ceil(options.runs / 2)
    visits.push({ index: 0, runs: options.runs - plain.runs })
  }
  for (const { index, runs } of visits) {
    const point = points[index] as Point
    const conditions = at(options.samplePoints[name][index] as number)
    await measureSamplePoint(server, conditions, { ...options, runs }, point.measured)
    console.log(
      `  ${point.label}: ${point.measured.rates.map((rate) => shown(rate)).join(', ')} jobs/s`,
    )
  }
  keep(name, axis, `${shown(options.jobs)} jobs a run`, points)
}

async function drawPinned(): Promise<void> {
  const points: Point[] = []
  await measurePinned(server, options, (slice) => {
    points.push(slice)
    const [rate] = summaries([slice])
    console.log(`  ${slice.label}: ${shown(rate?.rate.median ?? Number.NaN)} jobs/s`)
  })
  keep('pinned', 'time since a snapshot is held, rates by the second', 'without a pause', points)
  const [, first] = points
  const last = points.at(-1)
  if (first === undefined || last === undefined) return
  const [, ratio] = summaries([first, last])
  console.log(`last slice to first: ${shown(ratio?.ratio ?? Number.NaN, 2)}`)
}

function keep(name: CurveName, axis: string, what: string, points: readonly Point[]): void {
  const all = summaries(points)
  const claims = `${options.durableClaims ? 'durable' : 'fast'} claims`
  const title = `${name}: drain and claim, ${what}, ${claims}`
  console.log(shownTable(axis, all))
  const { database: _, ...recorded } = options
  const raw = points.map(({ label, measured }) => ({ label, ...measured }))
  writeJson(`scale-${name}.json`, {
    axis,
    options: recorded,
    setting: server.setting,
    points: all,
    raw,
  })
  const file = writeResult(`scale-${name}.svg`, plot(title, axis, all.map(plotPoint)))
  console.log(`${file}, and .json beside it`)
}
