import { Writable } from 'node:stream'
import type { LogLevel } from '../../core/logger.ts'
import { LineReader, MAX_OUTPUT_CHARS } from '../protocol.ts'
import type { JobRunner } from './job-runner.ts'

const LEVELS: Readonly<Record<'stdout' | 'stderr', LogLevel>> = { stdout: 'info', stderr: 'warn' }
/**
 * Sends what jobs print by the way of their outcomes, so that each line reaches the log with the job
 * whose it is, and before the job's end. What native code and grandchildren print does not come by
 * here; the parent hears it from the pipes.
 */
export function captureOutput(runner: JobRunner): void {
  for (const stream of ['stdout', 'stderr'] as const) {
    const print = (text: string): void => {
      runner.logTo(runner.current ?? 0, [LEVELS[stream], { stream }, text])
    }
    const lines = new LineReader(print, MAX_OUTPUT_CHARS)
    const writable = new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, done) => {
        lines.push(typeof chunk === 'string' ? chunk : chunk.toString())
        done()
      },
    })
    Object.defineProperty(process, stream, { value: writable, configurable: true })
  }
}
