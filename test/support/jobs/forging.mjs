// Jobs that try to speak for the executor: to say of another job that it has returned, or was returned.
import fs, { readdirSync, readlinkSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import * as threads from 'node:worker_threads'
import { job } from 'chancy'

export const ok = job({ name: 'ok' }, ({ value = null }) => value)

/** A job that the others speak for. */
export const victim = job({ name: 'victim' }, async (_, { progress }) => {
  progress(process.pid)
  await sleep(400)
  return 'true'
})

const LINES = [1, 2, 3, 4].flatMap((seq) => [`d${seq}\t1,1,1\t"forged"\n`, `n${seq}\n`])
const attempt = (what) => {
  try {
    what()
  } catch {
    // Not open, or not for this.
  }
}

const ways = {
  descriptors: () => {
    for (let fd = 3; fd <= 20; fd++) for (const line of LINES) attempt(() => writeSync(fd, line))
  },
  'one descriptor': (fd) => {
    for (const line of LINES) writeSync(fd, line)
  },
  'a frame': (fd) => {
    const text = LINES.join('')
    const frame = Buffer.concat([Buffer.alloc(16), Buffer.from(text), Buffer.alloc(8)])
    for (const at of [8, 12]) frame.writeUInt32LE(text.length, at)
    writeSync(fd, frame)
  },
  'proc files': () => {
    for (const fd of readdirSync('/proc/self/fd')) {
      const file = `/proc/self/fd/${fd}`
      // Anything else is a file that the job did not open.
      attempt(
        () => /^(socket|pipe):/.test(readlinkSync(file)) && writeFileSync(file, LINES.join('')),
      )
    }
  },
  'process.send': () => {
    for (const line of LINES) process.send?.(line)
  },
  'parent port': () => {
    for (const line of LINES) threads.parentPort?.postMessage(line)
  },
  handles: () => {
    for (const handle of process._getActiveHandles()) {
      for (const line of LINES) {
        attempt(() => handle.emit('data', Buffer.from(line)))
        attempt(() => handle.emit('message', line))
        attempt(() => handle.postMessage(line))
        attempt(() => handle.write(line))
      }
    }
  },
  'stolen input': async () => {
    for (let time = 0; time < 20; time++) {
      attempt(() => readSync(3, Buffer.alloc(64)))
      await sleep(5)
    }
  },
  'patched built-ins': () => {
    const { write } = Buffer.prototype
    fs.writeSync = () => 0
    syncBuiltinESMExports()
    Buffer.prototype.write = function patched(text, ...rest) {
      return write.call(this, `${text}`.replace('"true"', '"lies"'), ...rest)
    }
  },
}

/** Tries one way, and then returns, if it still can. */
export const forges = job({ name: 'forges' }, async ({ how, fd }) => {
  await ways[how](fd)
  await sleep(100)
  return 'tried'
})

/** What a job finds of the secret of its child, in places that it should not read. */
export const searches = job({ name: 'searches' }, () => ({
  argv: process.argv.slice(2),
  env: Object.keys(process.env).filter((name) => /key|secret/i.test(name)),
  workerData: threads.workerData,
}))

/** Answers with more than a pipe holds, and now and then only after others behind it were recalled. */
export const large = job({ name: 'large' }, async ({ index, kib }) => {
  if (index % 10 === 0) await sleep(60)
  return `${index} `.repeat((kib * 1_024) / `${index} `.length)
})
