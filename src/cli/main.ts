#!/usr/bin/env node
import { systemClock } from '../core/clock.ts'
import { ENDING_SIGNALS, type EndingSignal, Interrupted } from './program/ending.ts'
import { runCommandLine } from './run.ts'

/**
 * The same signal again within this time, in milliseconds, is the first one: a terminal sends Ctrl+C to its whole
 * group, and a parent such as npx passes its own on as well.
 */
const ECHO_MS = 250

const interrupt = new AbortController()
let first: { readonly signal: EndingSignal; readonly atMs: number } | null = null

// A reader that has seen enough, as `head`, closes the pipe.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
for (const signal of ENDING_SIGNALS) process.on(signal, () => end(signal))

const { stdout, stderr } = process
const exitCode = await runCommandLine(process.argv.slice(2), process, interrupt.signal)
await Promise.all([stdout, stderr].map(written))
// The module of the application may hold something open, such as a pool of its own.
process.exit(exitCode)

/** The second signal ends the process immediately. */
function end(signal: EndingSignal): void {
  const nowMs = systemClock.monotonic()
  if (first?.signal === signal && nowMs - first.atMs < ECHO_MS) return
  if (first !== null) process.exit(new Interrupted(signal).exitCode)
  first = { signal, atMs: nowMs }
  interrupt.abort(new Interrupted(signal))
}

/** Resolves when what was printed has left this process. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) resolve()
    else {
      stream.once('close', resolve)
      stream.write('', () => resolve())
    }
  })
}
