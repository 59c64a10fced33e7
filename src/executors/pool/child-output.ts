import { LineReader, MAX_OUTPUT_CHARS } from '../line-reader.ts'
import type { LogLine } from '../protocol.ts'
import type { PooledAttempt } from './pooled-attempt.ts'

/** What a child prints and logs: passed on to the attempt that it belongs to, or to the pool. */
export class ChildOutput {
  readonly #begun: () => PooledAttempt[]
  readonly #onLog: (line: LogLine) => void
  readonly #readers = {
    stdout: new LineReader((text) => this.#printed('stdout', text), MAX_OUTPUT_CHARS),
    stderr: new LineReader((text) => this.#printed('stderr', text), MAX_OUTPUT_CHARS),
  }

  /**
   * @param begun The attempts that run in the child.
   * @param onLog Is called with what belongs to no attempt, or to one of several.
   */
  constructor(begun: () => PooledAttempt[], onLog: (line: LogLine) => void) {
    this.#begun = begun
    this.#onLog = onLog
  }

  /** Takes what native code and processes of a job have printed: it does not name its attempt. */
  push(stream: 'stdout' | 'stderr', text: string): void {
    this.#readers[stream].push(text)
  }

  /** The child has ended: passes on the last lines. */
  end(): void {
    this.#readers.stdout.end()
    this.#readers.stderr.end()
  }

  /** Takes a log line that the child has reported for an attempt. */
  logged(attempt: PooledAttempt | undefined, line: LogLine): void {
    const [, fields, message] = line
    if ((fields as { stream?: unknown }).stream === 'stderr') attempt?.printed(message ?? '')
    this.#log(attempt, line)
  }

  #printed(stream: 'stdout' | 'stderr', text: string): void {
    const begun = this.#begun()
    const level = stream === 'stdout' ? 'info' : 'warn'
    this.#log(begun.length === 1 ? begun[0] : undefined, [level, { stream }, text])
  }

  #log(attempt: PooledAttempt | undefined, line: LogLine): void {
    const [level, fields, message] = line
    if (attempt === undefined) this.#onLog(line)
    else attempt.spec.report.log(attempt.spec.job, level, fields, message)
  }
}
