import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker as Thread,
  type WorkerOptions,
} from 'node:worker_threads'
import { CELLS, recallCell } from '../begin-cell.ts'
import type { ThreadData } from '../child/thread.ts'
import type { Child, ChildEnv, ChildEvents, ChildExit, LaunchOptions } from '../child.ts'
import { decodeMessage, encodeMessage, frameTokens, newKey } from '../frame.ts'
import { foundFile } from '../own-files.ts'
import { eachLine, RETIRE_LINE } from '../protocol.ts'
import { STDERR_TAIL_CHARS, stderrTail } from '../stderr-tail.ts'
import { childEnv } from './child-env.ts'
import { isRefusedByThreads, threadNodeOptions } from './node-options.ts'

const MIB = 1_024 ** 2
/** How much is shown of a message that is not a frame, in characters. */
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
  #stderrTail = ''
  #isOutOfMemory = false

  constructor({ memoryBytes, env, ...config }: LaunchOptions, events: ChildEvents) {
    this.#events = events
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    const data: ThreadData = { config, cells: this.#cells, key: this.#key, port: port2 }
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
    // Later, as from a process: the caller has finished its own step by then.
    setImmediate(() => this.#receive(answers.join('')))
  }

  retire(): void {
    this.send(RETIRE_LINE)
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

  #receive(lines: string): void {
    eachLine(lines, (line) => this.#events.onLine(line, false))
    this.#events.onTurn()
  }

  #open(message: unknown): void {
    const text = decodeMessage(this.#fromOutbox, String(message))
    if (text === null) this.#events.onLine(String(message).slice(0, SHOWN_CHARS), true)
    else this.#receive(text)
  }

  #listen(): void {
    const thread = this.#thread
    this.#port.on('message', (message) => this.#open(message))
    thread.on('error', (error: NodeJS.ErrnoException) => {
      this.#isOutOfMemory ||= error?.code === 'ERR_WORKER_OUT_OF_MEMORY'
      // Its first line is the message.
      this.#stderrTail = `${error?.stack ?? error}`.slice(0, STDERR_TAIL_CHARS)
    })
    for (const stream of ['stdout', 'stderr'] as const) {
      thread[stream].setEncoding('utf8').on('data', (text: string) => {
        if (stream === 'stderr') this.#stderrTail = stderrTail(text)
        this.#events.onOutput(stream, text)
      })
    }
    thread.once('exit', (code) => {
      // The end of a thread may come before its last messages.
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
        stderrTail: this.#stderrTail.trim(),
        isOutOfMemory: this.#isOutOfMemory,
      }
      this.#events.onGone(exit)
    })
  }
}

function startThread(options: WorkerOptions): Thread {
  const entry = foundFile('executors/child/thread')
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
