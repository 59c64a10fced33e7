import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker as Thread,
  type WorkerOptions,
} from 'node:worker_threads'
import type { Child, ChildEnv, ChildEvents, ChildExit, LaunchOptions } from './child.ts'
import { childEnv } from './child-env.ts'
import type { ThreadData } from './entry/thread.ts'
import { decodeMessage, encodeMessage, frameTokens, newKey } from './frame.ts'
import { LAST_WORDS_CHARS, lastWords } from './last-words.ts'
import { isRefusedByThreads, threadNodeOptions } from './node-options.ts'
import { foundFile } from './own-files.ts'
import { CELLS, eachLine, recallCell } from './protocol.ts'

const MIB = 1_024 ** 2
/** How much is shown of what is no frame, in characters. */
const SHOWN_CHARS = 200

/** Starts a thread. A memory limit is one of its V8 heap; a `Buffer` lies outside of it. */
export function launchThread(options: LaunchOptions, events: ChildEvents): Child {
  return new ThreadChild(options, events)
}

class ThreadChild implements Child {
  readonly pid = null
  readonly #thread: Thread
  readonly #cells = new Int32Array(new SharedArrayBuffer(CELLS * 4))
  readonly #key = newKey()
  readonly #toInbox = frameTokens(this.#key, 'inbox')
  readonly #fromOutbox = frameTokens(this.#key, 'outbox')
  readonly #port: MessagePort
  readonly #events: ChildEvents
  #lastWords = ''
  #isOutOfMemory = false

  constructor({ memoryBytes, env, ...orders }: LaunchOptions, events: ChildEvents) {
    this.#events = events
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    const data: ThreadData = { orders, cells: this.#cells, key: this.#key, port: port2 }
    this.#thread = startThread({
      name: 'chancy-jobs',
      workerData: data,
      transferList: [port2],
      stdout: true,
      stderr: true,
      ...(env === undefined ? {} : { env: threadEnv(env) }),
      ...(memoryBytes === undefined
        ? {}
        : { resourceLimits: { maxOldGenerationSizeMb: Math.floor(memoryBytes / MIB) } }),
    })
    this.#listen()
  }

  send(lines: string): void {
    this.#port.postMessage(encodeMessage(this.#toInbox, lines))
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
    eachLine(lines, (line) => this.#events.onLine(line, false))
    this.#events.onTurn()
  }

  #open(message: unknown): void {
    const text = decodeMessage(this.#fromOutbox, String(message))
    if (text === null) this.#events.onLine(String(message).slice(0, SHOWN_CHARS), true)
    else this.#hear(text)
  }

  #listen(): void {
    const thread = this.#thread
    this.#port.on('message', (message) => this.#open(message))
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
      // The end of a thread may overtake what it has said.
      for (
        let one = receiveMessageOnPort(this.#port);
        one;
        one = receiveMessageOnPort(this.#port)
      ) {
        this.#open(one.message)
      }
      this.#port.close()
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

function startThread(options: WorkerOptions): Thread {
  const entry = foundFile('executors/entry/thread')
  for (;;) {
    try {
      return new Thread(entry, { ...options, execArgv: threadNodeOptions() })
    } catch (error) {
      if (!isRefusedByThreads(error)) throw error
    }
  }
}

/** The options of Node.js hold for the whole process. */
function threadEnv(given: ChildEnv): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...env } = childEnv(given)
  return env
}
