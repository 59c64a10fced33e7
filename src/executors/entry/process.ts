/**
 * A child process of the process executor. It reads frames from descriptor 3 and writes frames to
 * descriptor 4; a thread of its own watches the parent on descriptor 5. The key of the frames comes
 * first on descriptor 3 and is read before any job module is loaded.
 *
 * What it writes is written synchronously: a process that is killed has said what it did.
 */

import { readSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { getHeapStatistics } from 'node:v8'
import { Worker as Thread } from 'node:worker_threads'
import { serializeError } from '../../core/serialize-error.ts'
import { encodeFrame, FrameReader, frameTokens, KEY_BYTES, type Tokens } from '../frame.ts'
import { CELLS, type ChildHello, type ChildOrders, DAMAGE_LINE } from '../protocol.ts'
import { markAsChild } from './child-mark.ts'
import { ChildSignals } from './child-signals.ts'
import { JobRunner } from './job-runner.ts'
import { loadOrdered } from './load-ordered.ts'
import { ProcessMeter } from './meter.ts'
import { captureOutput } from './output.ts'
import type { WatchdogData } from './watchdog.ts'

const INBOX = 3
const OUTBOX = 4
/** What the watchdog may take at most, in milliseconds. */
const WATCHDOG_MS = 2_000

// Bound here: what a job assigns to the built-in module later changes nothing.
const write = writeSync

function sender(tokens: Tokens): (lines: string) => void {
  return (lines) => {
    const frame = encodeFrame(tokens, lines)
    let sent = 0
    try {
      while (sent < frame.length) sent += write(OUTBOX, frame, sent)
    } catch {
      // The parent is gone, or a job has closed the descriptor.
      process.kill(-process.pid, 'SIGKILL')
    }
  }
}

function readKey(): Buffer {
  const key = Buffer.alloc(KEY_BYTES)
  for (let at = 0; at < key.length; ) {
    const read = readSync(INBOX, key, at, key.length - at, null)
    // The parent is gone.
    if (read === 0) process.exit(1)
    at += read
  }
  return key
}

const key = readKey()
const send = sender(frameTokens(key, 'outbox'))

async function main(): Promise<void> {
  markAsChild()
  const signals = new ChildSignals((has) => send(has ? 'h1\n' : 'h0\n'))
  signals.install()
  const orders = JSON.parse(process.argv[2] ?? '') as ChildOrders
  const cells = new Int32Array(new SharedArrayBuffer(CELLS * 4))
  await startWatchdog(cells)
  const definitions = await loadOrdered(orders, send)
  const { width } = orders
  const meter = new ProcessMeter()
  let isRetired = false
  const runner = new JobRunner({
    definitions,
    cells,
    width,
    meter,
    send,
    onTerm: () => signals.announce(),
    onRetire: () => {
      isRetired = true
    },
  })
  process.on('uncaughtException', (error) => runner.fault(error, 'an exception nobody caught'))
  process.on('unhandledRejection', (error) => runner.fault(error, 'a rejection nobody handled'))
  process.on('exit', () => runner.ending())
  captureOutput(runner)

  const inbox = new Socket({ fd: INBOX, readable: true, writable: false })
  const reader = new FrameReader(
    frameTokens(key, 'inbox'),
    (text) => runner.receive(text),
    () => send(DAMAGE_LINE),
  )
  inbox.on('data', (bytes: Buffer) => reader.push(bytes))
  inbox.on('close', () => {
    if (isRetired) process.exit()
    // The parent is gone: the watchdog has more to end than this process, so it goes first.
    setTimeout(() => process.exit(), WATCHDOG_MS)
  })
  const hello: ChildHello = {
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    cpuMs: meter.read().cpuMs,
    bytes: meter.bytes(performance.now()),
  }
  send(`R\t${JSON.stringify(hello)}\n`)
}

function startWatchdog(cells: Int32Array): Promise<void> {
  const thread = new Thread(new URL('./watchdog.js', import.meta.url), {
    workerData: { cells, key } satisfies WatchdogData,
    // A loader of the user's is nothing to it.
    execArgv: [],
    // It prints nothing. Joining its output to ours would make ours non-blocking, and native code
    // and grandchildren lose what they print when the parent is slow.
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 },
  })
  return new Promise((resolve, reject) => {
    thread.once('error', reject)
    thread.once('online', () => {
      // Only now: nothing else keeps the loop alive while it starts.
      thread.unref()
      resolve()
    })
  })
}

main().catch((error) => {
  send(`F\t${JSON.stringify(serializeError(error))}\n`)
  process.exit(1)
})
