// Jobs that do what no job should, to the child that runs them.
import { spawn } from 'node:child_process'
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

/** Writes to a descriptor and reports it. */
export const writes = job({ name: 'writes' }, async ({ fd = 1, text = '', times = 1 }) => {
  const bytes = Buffer.from(text)
  for (let time = 0; time < times; time++) writeSync(fd, bytes)
  await sleep(500)
  return 'written'
})

/** Sends the parent a message of its own. */
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
/** Returns, and leaves something behind that begins to run immediately. */
export const leaves = job({ name: 'leaves' }, ({ what = 'spin' }) => {
  setTimeout(() => {
    console.log('the rest begins')
    left[what]()
  }, 1)
  return process.pid
})

/** Prints without a line feed. */
export const mutters = job({ name: 'mutters' }, ({ text = '', stream = 'stdout' }) => {
  process[stream].write(text)
})

/** Writes why, and ends its process. */
export const dies = job({ name: 'dies' }, ({ how = 'abort' }) => {
  console.error('cannot continue')
  process.stderr.write('no configuration')
  if (how === 'abort') process.stderr.write('\n')
  process[how](...(how === 'exit' ? [3] : []))
})

const late = {
  rejects: () => void Promise.reject(new Error('left behind')),
  throws: () => {
    throw new Error('left behind')
  },
  exits: () => process.exit(4),
  prints: () => console.log('printed late'),
  logs: (context) => context.log.info('logged late'),
}
/** Returns, and does something while the next job runs. */
export const lingers = job({ name: 'lingers' }, async ({ what = 'rejects', ms = 50 }, context) => {
  setTimeout(() => late[what](context), ms)
  return 'done'
})

/** Reports its progress often, and then no more. */
export const advances = job({ name: 'advances' }, async ({ to = 3, andThen = 'rest' }, context) => {
  for (let value = 1; value <= to; value++) context.progress(value)
  if (andThen === 'spin') for (;;);
  await sleep(3_600_000)
})

/** Ends in its own way when its signal aborts, and reports how. */
export const handles = job({ name: 'handles' }, async (_, { progress, signal }) => {
  await new Promise((resolve) => {
    process.once('SIGTERM', () => {
      progress('SIGTERM')
      resolve()
    })
    process.once('SIGINT', resolve)
    progress(process.pid)
  })
  return signal.aborted
})

export const spins = job({ name: 'spins' }, () => {
  for (;;);
})

/** Starts a process in a group of its own, and reports its id. */
export const detaches = job({ name: 'detaches' }, async ({ ms = 3_600_000 }, { progress }) => {
  const code = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"
  const options = { detached: true, stdio: 'ignore' }
  const { pid } = spawn(process.execPath, ['-e', code], options)
  progress(pid)
  await sleep(ms)
  return pid
})

export const growsWasm = job({ name: 'grows-wasm' }, ({ atOnce = false }) => {
  const memory = new WebAssembly.Memory({ initial: atOnce ? 16_384 : 1 })
  for (;;) {
    new Uint8Array(memory.buffer).fill(1)
    memory.grow(256)
  }
})

export const logsAnything = job({ name: 'logs-anything' }, (_, { log }) => {
  log.info({}, 42)
  log.info(43)
  log.info(null)
  log.info({ size: 1 }, Symbol('s'))
  log.info({}, Object.create(null))
  return 'logged'
})
