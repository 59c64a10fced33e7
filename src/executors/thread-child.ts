import { Worker as Thread } from 'node:worker_threads'
import type { Child, ChildEvents, ChildExit, LaunchOptions } from './child.ts'
import { LAST_WORDS_CHARS, lastWords } from './last-words.ts'
import { childNodeOptions } from './node-options.ts'
import { CELLS, LineReader, recallCell } from './protocol.ts'

const MIB = 1_024 ** 2

/** Starts a thread. A memory limit is one of its V8 heap; a `Buffer` lies outside of it. */
export function launchThread(options: LaunchOptions, events: ChildEvents): Child {
  return new ThreadChild(options, events)
}

class ThreadChild implements Child {
  readonly pid = null
  readonly #thread: Thread
  readonly #cells = new Int32Array(new SharedArrayBuffer(CELLS * 4))
  readonly #reader: LineReader
  readonly #events: ChildEvents
  #lastWords = ''
  #isOutOfMemory = false

  constructor({ memoryBytes, ...orders }: LaunchOptions, events: ChildEvents) {
    this.#events = events
    this.#reader = new LineReader((line, isPiece) => events.onLine(line, isPiece))
    this.#thread = new Thread(new URL('./entry/thread.js', import.meta.url), {
      name: 'chancy-jobs',
      workerData: { ...orders, cells: this.#cells },
      execArgv: childNodeOptions(),
      stdout: true,
      stderr: true,
      ...(memoryBytes === undefined
        ? {}
        : { resourceLimits: { maxOldGenerationSizeMb: Math.floor(memoryBytes / MIB) } }),
    })
    this.#listen()
  }

  send(lines: string): void {
    this.#thread.postMessage(lines)
  }

  recall(seqs: readonly number[]): void {
    const answers = seqs.map((seq) => `${recallCell(this.#cells, seq) ? 'n' : 'k'}${seq}\n`)
    // Later, as from a process: whoever asks is not in the middle of something then.
    setImmediate(() => this.#hear(answers.join('')))
  }

  retire(): void {
    this.kill()
  }

  terminate(): boolean {
    return false
  }

  kill(): void {
    void this.#thread.terminate()
  }

  residentBytes(): null {
    return null
  }

  cpuMs(): null {
    return null
  }

  #hear(lines: string): void {
    this.#reader.push(lines)
    this.#events.onTurn()
  }

  #listen(): void {
    const thread = this.#thread
    thread.on('message', (said: unknown) => {
      // Anything else is from a job, and means nothing here.
      if (typeof said === 'string') this.#hear(said)
    })
    thread.on('error', (error: NodeJS.ErrnoException) => {
      this.#isOutOfMemory ||= error?.code === 'ERR_WORKER_OUT_OF_MEMORY'
      // Its first line says what it was.
      this.#lastWords = `${error?.stack ?? error}`.slice(0, LAST_WORDS_CHARS)
    })
    for (const stream of ['stdout', 'stderr'] as const) {
      thread[stream].setEncoding('utf8').on('data', (text: string) => {
        if (stream === 'stderr') this.#lastWords = lastWords(text)
        this.#events.onOutput(stream, text)
      })
    }
    thread.once('exit', (code) => {
      const exit: ChildExit = {
        code,
        signal: null,
        lastWords: this.#lastWords.trim(),
        isOutOfMemory: this.#isOutOfMemory,
      }
      this.#events.onGone(exit)
    })
  }
}
