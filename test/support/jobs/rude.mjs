// Jobs that do what no job should, to the child that runs them.
import { closeSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'
import { job } from 'chancy'

export const ok = job({ name: 'ok' }, ({ value = null }) => value)
export const nap = job({ name: 'nap' }, async ({ ms = 50 }, { progress }) => {
  progress(process.pid)
  await sleep(ms)
  return 'rested'
})

/** Writes to a descriptor and says that it has. */
export const writes = job({ name: 'writes' }, async ({ fd = 1, text = '', times = 1 }) => {
  const bytes = Buffer.from(text)
  for (let time = 0; time < times; time++) writeSync(fd, bytes)
  await sleep(500)
  return 'written'
})

/** Says something to the parent in its own words. */
export const posts = job({ name: 'posts' }, async ({ text = '' }) => {
  if (parentPort === null) writeSync(4, text)
  else parentPort.postMessage(text)
  await sleep(500)
  return 'posted'
})

const left = {
  spin: () => {
    for (;;);
  },
  'spin and print': () => {
    for (;;) console.log('still here')
  },
  stop: () => process.kill(process.pid, 'SIGSTOP'),
  close: () => closeSync(3),
}
/** Returns, and leaves something behind that begins to run at once. */
export const leaves = job({ name: 'leaves' }, ({ what = 'spin' }) => {
  setTimeout(() => {
    console.log('the rest begins')
    left[what]()
  }, 1)
  return process.pid
})
