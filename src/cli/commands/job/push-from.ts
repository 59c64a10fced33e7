import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { addAbortSignal, type Readable } from 'node:stream'
import { systemClock } from '../../../core/clock.ts'
import {
  type Chancy,
  ConfigError,
  isChancyError,
  type Job,
  type Reference,
} from '../../../index.ts'
import type { Answer, Call } from '../../program/command.ts'
import { Failure, unlessAborted } from '../../program/ending.ts'
import { ProgressBar } from '../../terminal/progress-bar.ts'
import { recordOf, unreadable } from './job-arguments.ts'
import { type Line, linesOf } from './lines.ts'

/** The lines of a transaction: as many as `pushMany` writes in one. */
const BATCH = 5_000
/** The text of a transaction, in bytes, from which it is sent with fewer lines. */
const BATCH_BYTES = 8_388_608
/** How long the last batch may take after a signal, in milliseconds. */
const LAST_BATCH_MS = 5_000

type MakeJob = (args: Readonly<Record<string, unknown>>) => Job<unknown, object, object>

interface Source {
  readonly name: string
  readonly stream: Readable
  /** Its length in bytes; null: not known. */
  readonly size: number | null
}

/**
 * Pushes a job a line. While a batch is written the next one is read, and no more than these two are in memory,
 * however long the file is. Each batch is a transaction, so after a failure or a signal the first lines are pushed and
 * no others; what was read by then is pushed as well.
 */
export async function pushFrom(call: Call, from: string, makeJob: MakeJob): Promise<Answer> {
  const source = await sourceOf(call, from)
  const bar = new ProgressBar(call.terminal.stderr)
  call.atEnd(() => bar.end())
  const push = new Batches(call, bar, source.size)
  const { signal } = call
  const said = (): void => call.note(push.outcome(from))
  // A second signal ends the process without waiting.
  process.once('exit', said)
  call.atEnd(() => process.off('exit', said))
  try {
    // The next line may never come.
    for await (const line of linesOf(addAbortSignal(signal, source.stream), source.name)) {
      const args = recordOf(line.text)
      if (typeof args === 'string')
        throw new ConfigError(
          `job push: line ${line.number} of ${source.name} is no JSON object: ${args}.`,
        )
      await unlessAborted(signal, push.add(line, makeJob(args)))
    }
    await unlessAborted(signal, push.end())
  } catch (error) {
    bar.end()
    await push.endAfterFailure(signal)
    said()
    throw signal.aborted ? signal.reason : new Failure(error)
  }
  const text = `${push.pushed} ${push.pushed === 1 ? 'job' : 'jobs'}`
  call.note(`Pushed ${text}.`)
  return { value: { pushed: push.pushed }, shown: '' }
}

/** Gathers jobs and writes them, one batch at a time. */
class Batches {
  /** Jobs that are committed, and the line of the last of them. */
  pushed = 0
  lastLine = 0
  readonly #call: Call
  readonly #chancy: Chancy
  readonly #bar: ProgressBar
  readonly #size: number | null
  readonly #startedAt = systemClock.monotonic()
  #jobs: Job<unknown, object, object>[] = []
  #last: Line | null = null
  /** The last line of a batch that was sent, and of which no answer has come. */
  #sentLine: number | null = null
  #bytes = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(call: Call, bar: ProgressBar, size: number | null) {
    this.#call = call
    this.#chancy = call.chancy()
    this.#bar = bar
    this.#size = size
  }

  async add(line: Line, job: Job<unknown, object, object>): Promise<void> {
    this.#jobs.push(job)
    this.#last = line
    this.#bytes += line.text.length
    if (this.#jobs.length >= BATCH || this.#bytes >= BATCH_BYTES) await this.#send()
  }

  async end(): Promise<void> {
    await this.#send()
    await this.#writing
  }

  /** Sends what was read before the line that failed, unless that is what failed. After a signal it has little time. */
  async endAfterFailure(signal: AbortSignal): Promise<void> {
    const ended = this.end().catch(() => {})
    const over = new AbortController()
    const isLate = signal.aborted ? systemClock.sleep(LAST_BATCH_MS, over.signal) : ended
    await Promise.race([ended, isLate]).finally(() => over.abort())
  }

  /** What is pushed, and how to push the rest without pushing anything twice. */
  outcome(from: string): string {
    const [next, sent] = [this.lastLine + 1, this.#sentLine]
    const rest = (line: number): string =>
      `The rest: tail -n +${line}${from === '-' ? '' : ` ${from}`}`
    const done =
      this.pushed === 0
        ? 'No job was pushed'
        : `${this.pushed} ${this.pushed === 1 ? 'job was' : 'jobs were'} pushed, up to line ${this.lastLine}`
    if (sent !== null)
      return `${done}. Of the lines ${next} to ${sent} either all are pushed or none, and the database has not answered which: look with chancy job list. ${rest(sent + 1)}`
    return this.pushed === 0 ? `${done}.` : `${done}. ${rest(next)}`
  }

  /** The batch before must be written, so that the jobs keep the order of the lines. */
  async #send(): Promise<void> {
    await this.#writing
    const [jobs, last] = [this.#jobs, this.#last]
    this.#jobs = []
    this.#bytes = 0
    if (jobs.length === 0 || last === null) return
    this.#writing = this.#write(jobs, last)
    // It is awaited with the next batch.
    this.#writing.catch(() => {})
  }

  async #write(jobs: readonly Job<unknown, object, object>[], last: Line): Promise<void> {
    this.#sentLine = last.number
    const refs = await this.#chancy.pushMany(jobs, { batchSize: BATCH }).catch((error: unknown) => {
      if (!isChancyError(error) || error.code !== 'OUTCOME_UNKNOWN') this.#sentLine = null
      throw error
    })
    this.#sentLine = null
    this.pushed += refs.length
    this.lastLine = last.number
    const seconds = Math.max(0.001, (systemClock.monotonic() - this.#startedAt) / 1_000)
    const text = `${this.pushed} jobs, ${Math.round(this.pushed / seconds)}/s`
    this.#bar.update({ done: last.bytes, total: this.#size, text })
    await this.#print(refs)
  }

  async #print(refs: readonly Reference<unknown>[]): Promise<void> {
    const { stdout } = this.#call.terminal
    if (this.#call.global.json === true || stdout.destroyed) return
    if (stdout.isTTY === true) this.#bar.end()
    const isRoom = stdout.write(refs.map(({ id }) => `${id}\n`).join(''))
    const { signal } = this.#call
    // A reader that is gone drains nothing.
    if (!isRoom)
      await Promise.race([once(stdout, 'drain', { signal }), once(stdout, 'close')]).catch(() => {})
  }
}

async function sourceOf({ terminal: { stdin } }: Call, from: string): Promise<Source> {
  if (from === '-') return { name: 'the standard input', stream: stdin, size: null }
  try {
    const found = await stat(from)
    if (found.isDirectory()) throw new TypeError('it is a folder')
    return { name: from, stream: createReadStream(from), size: found.isFile() ? found.size : null }
  } catch (error) {
    throw unreadable(from, error)
  }
}
