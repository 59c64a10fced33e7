/**
 * A child process of the process executor. It reads frames from descriptor 3 and writes frames to
 * descriptor 4; a thread of its own watches the parent on descriptor 5. The key of the frames comes
 * first on descriptor 3 and is read before any job module is loaded.
 *
 * It writes synchronously: a process that is killed has reported what it did.
 */

import { readSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { getHeapStatistics } from 'node:v8'
import { Worker as Thread } from 'node:worker_threads'
import { callAfter, systemClock } from '../../core/clock.ts'
import { serializeError } from '../../core/serialize-error.ts'
import { CELLS } from '../begin-cell.ts'
import { markAsChild } from '../child-mark.ts'
import { encodeFrame, FrameReader, frameTokens, KEY_BYTES, type Tokens } from '../frame.ts'
import { type ChildConfig, type ChildReady, DAMAGE_LINE } from '../protocol.ts'
import { ChildSignals } from './child-signals.ts'
import { JobRunner } from './job-runner.ts'
import { loadConfigured } from './load-configured.ts'
import { ProcessMeter } from './meter.ts'
import { captureOutput } from './output.ts'
import type { WatchdogData } from './watchdog.ts'

const INBOX = 3
const OUTBOX = 4
/** How long the watchdog may take at most, in milliseconds. */
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
      // The parent has ended, or a job has closed the descriptor.
      process.kill(-process.pid, 'SIGKILL')
    }
  }
}

function readKey(): Buffer {
  const key = Buffer.alloc(KEY_BYTES)
  for (let at = 0; at < key.length; ) {
    const read = readSync(INBOX, key, at, key.length - at, null)
    // The parent has ended.
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
  const config = JSON.parse(process.argv[2] ?? '') as ChildConfig
  const cells = new Int32Array(new SharedArrayBuffer(CELLS * 4))
  await startWatchdog(cells)
  const { definitions, around } = await loadConfigured(config, send)
  const { width } = config
  const meter = new ProcessMeter()
  let isRetired = false
  const runner = new JobRunner({
    definitions,
    around,
    cells,
    width,
    meter,
    send,
    onTerm: () => signals.announce(),
    onRetire: () => {
      isRetired = true
    },
  })
  process.on('uncaughtException', (error) => runner.fault(error, 'an uncaught exception'))
  process.on('unhandledRejection', (error) => runner.fault(error, 'an unhandled rejection'))
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
    if (isRetired) {
      void (around?.flush() ?? Promise.resolve()).then(() => process.exit())
      return
    }
    // The parent has ended: the watchdog has more to end than this process, so it comes first.
    callAfter(systemClock, WATCHDOG_MS, () => process.exit())
  })
  const ready: ChildReady = {
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    cpuMs: meter.read().cpuMs,
    bytes: meter.bytes(systemClock.monotonic()),
  }
  send(`R\t${JSON.stringify(ready)}\n`)
}

function startWatchdog(cells: Int32Array): Promise<void> {
  const thread = new Thread(new URL('./watchdog.js', import.meta.url), {
    workerData: { cells, key } satisfies WatchdogData,
    // It needs no loader of the worker.
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
