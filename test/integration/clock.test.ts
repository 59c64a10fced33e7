import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { type Chancy, type EventName, Job, job, Limit, Queue } from 'chancy'
import { expect, it, onTestFinished } from 'vitest'
import { testApplication } from '../support/application.ts'
import { HandClock } from '../support/clock.ts'
import { scriptedJobs } from '../support/executors.ts'
import { until } from '../support/until.ts'

const app = testApplication()
/** Each end of a pass that every worker repeats within a minute. */
const PASSES: readonly EventName[] = [
  'jobs.staged',
  'groups.swept',
  'recovery.checked',
  'claims.reconciled',
  'unserved.checked',
  'lease.renewed',
]
const MINUTE_MS = 60_000

let onBegun = (): void => {}
const ok = job({ name: 'ok' }, () => 'done')
const untilStopped = job(
  { name: 'until-stopped', maxAttempts: 1, limits: [Limit.time('1h')] },
  (_: object, { signal }) =>
    new Promise((_resolve, reject) => {
      onBegun()
      signal.addEventListener('abort', () => reject(signal.reason))
    }),
)

/** A worker on a clock that stands still until the test moves it. */
async function standing() {
  const clock = new HandClock()
  const chancy = app.chancy({ jobs: [ok, untilStopped], clock })
  await app.worker(chancy)
  return { clock, chancy }
}

const run = async (chancy: Chancy) => (await chancy.waitForJob(await chancy.push(ok))).result

it('runs jobs and stops while the clock of the application stands still', async () => {
  const { chancy } = await standing()
  for (let n = 0; n < 3; n++) {
    expect(await run(chancy)).toBe('done')
  }
})

it('makes no pass while the clock stands still, and every one when it moves', async () => {
  const clock = new HandClock()
  const chancy = app.chancy({ jobs: [ok], clock })
  const seen = new Set<string>()
  for (const name of PASSES) chancy.on(name, () => seen.add(name))
  await app.worker(chancy)
  // All but one make their first pass at the start.
  await until(() => seen.size === PASSES.length - 1)
  await run(chancy)
  seen.clear()
  await sleep(1_500)
  expect([...seen]).toEqual([])
  // A second at a time, since a pass asks the server before it sleeps again.
  // A busy machine may not have asked by then, so that a pass is a few seconds of that clock late.
  for (let ms = 0; ms < 20 * MINUTE_MS && seen.size < PASSES.length; ms += 1_000) {
    await clock.advance(1_000)
    await sleep(20)
  }
  expect([...seen].sort()).toEqual([...PASSES].sort())
})

it('ends the attempt that is over its time limit, and a wait that is over, when the clock moves', async () => {
  const { clock, chancy } = await standing()
  const begun = new Promise<void>((resolve) => {
    onBegun = resolve
  })
  const ref = await chancy.push(untilStopped)
  const waited = chancy.waitForJob(ref, { timeout: '30m' }).catch((error) => error.code)
  await begun
  await until(async () => (await app.sql('SELECT FROM $waiters')).length > 0)
  const failed = new Promise((resolve) => chancy.on('job.failed', resolve))
  await clock.jump(30 * MINUTE_MS)
  expect(await waited).toBe('WAIT_TIMED_OUT')
  await clock.jump(30 * MINUTE_MS)
  expect(await failed).toMatchObject({ kind: 'timeout' })
})

it('ends an attempt in a child that is over its time limit when the clock moves', async () => {
  const clock = new HandClock()
  const jobs = await scriptedJobs()
  onTestFinished(() => jobs.remove())
  const chancy = app.chancy({ jobs: pathToFileURL(jobs.file), clock })
  await chancy.declare(new Queue('default', { executor: 'process' }))
  await app.worker(chancy)
  const cooperative = Job.named('cooperative')
    .withLimits([Limit.time('1h')])
    .withMaxAttempts(1)
  const ref = await chancy.push(cooperative)
  // Its progress says that it has begun, and is saved twice a second.
  await until(async () => {
    await clock.advance(500)
    return (await chancy.getJob(ref))?.progress
  })
  const failed = new Promise((resolve) => chancy.on('job.failed', resolve))
  await clock.jump(60 * MINUTE_MS)
  expect(await failed).toMatchObject({ kind: 'timeout' })
})
