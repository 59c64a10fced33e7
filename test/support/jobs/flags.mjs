// What a job sees of the options and the environment of its worker.
import { fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { getHeapStatistics } from 'node:v8'
import { job, Limit } from 'chancy'

export const sees = job({ name: 'sees' }, () => ({
  mark: globalThis.mark ?? null,
  sourceMaps: process.sourceMapsEnabled ?? null,
  execArgv: process.execArgv,
  heapMib: Math.round(getHeapStatistics().heap_size_limit / 1_024 ** 2),
  env: { ...process.env },
}))

/** Starts a process as `fork` does, and returns which options it has. */
export const forks = job({ name: 'forks' }, async () => {
  const child = fork(fileURLToPath(new URL('../processes/prints-options.mjs', import.meta.url)))
  const [options] = await new Promise((resolve) => {
    child.once('message', (message) => resolve([message]))
  })
  return options
})

export const bounded = job({ name: 'bounded', limits: [Limit.time('300ms')] }, async ({ ms }) => {
  await sleep(ms)
})

let count = 0
/** How often it has run in this child. */
export const counts = job({ name: 'counts' }, () => ++count)
