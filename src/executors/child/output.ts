import { Writable } from 'node:stream'
import type { JobRunner } from './job-runner.ts'

/**
 * Sends what jobs print by the channel of their outcomes, so that each line reaches the log with its
 * job, and before the end of the job. What native code and grandchildren print does not come by here:
 * the parent reads it from the pipes.
 */
export function captureOutput(runner: JobRunner): void {
  for (const stream of ['stdout', 'stderr'] as const) {
    const writable = new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, done) => {
        runner.print(stream, typeof chunk === 'string' ? chunk : chunk.toString())
        done()
      },
    })
    Object.defineProperty(process, stream, { value: writable, configurable: true })
  }
}
