import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Child, ChildEvents, ChildExit, LaunchOptions } from './child.ts'
import { type ChildCommand, commandFor } from './child-command.ts'
import { processEnv } from './child-env.ts'
import { killDescendants } from './entry/descendants.ts'
import { encodeFrame, FrameReader, frameTokens, newKey, type Tokens } from './frame.ts'
import { lastWords } from './last-words.ts'
import {
  cpuMs,
  hasUnreaped,
  isGroupAlive,
  oomKills,
  residentBytes,
  signalGroup,
} from './process-group.ts'
import { eachLine, RETIRE_LINE, recallLine, TERM_LINE } from './protocol.ts'

/** How long the pipes of a child that has ended may still have something to say, in milliseconds. */
const LAST_WORDS_MS = 250
/** How long the group of a child may take to die of SIGKILL, in milliseconds. */
const DYING_MS = 2_000
const LOOK_MS = 5

/** Warnings that were said. */
const said = new Set<string>()
const NO_HARD_LIMIT =
  'neither /bin/sh nor prlimit can be run here, so the kernel does not enforce memory limits of jobs: the V8 heap has its cap, and a child that is seen over its limit is killed, but it may use more for some milliseconds. Add one of them to the image'

const NO_INIT =
  'a job has started processes that outlived it, and this worker is PID 1, where Node.js does not reap them: each keeps a process id until the container ends. Start the container with an init: docker run --init, or init: true'

/** V8 says why it gives up before it lists its frames, which alone may fill the last words. */
const JUDGED_CHARS = 16_384
const WORDS_OF_MEMORY = /heap out of memory|out of memory|bad_alloc|Allocation failed/i

/** Starts a process with a process group of its own. */
export function launchProcess(options: LaunchOptions, events: ChildEvents): Child {
  return new ProcessChild(options, events)
}

class ProcessChild implements Child {
  readonly #id = randomUUID()
  readonly #command: ChildCommand
  readonly #process: ChildProcess
  readonly #events: ChildEvents
  /** Null: the system had no descriptor left for its pipes, and it never ran. */
  readonly #inbox: Socket | null
  readonly #control: Socket | null
  readonly #key = newKey()
  readonly #toInbox = frameTokens(this.#key, 'inbox')
  readonly #toControl = frameTokens(this.#key, 'recalls')
  readonly #kills = oomKills()
  /** The end of stderr, as much as is needed to tell why it ended. */
  #said = ''
  #seenBytes: number | null = null
  #isLooking = false
  #hasEnded = false
  /** It ends in its own time: what its jobs have set free on purpose may live on. */
  #isRetired = false

  constructor(options: LaunchOptions, events: ChildEvents) {
    this.#events = events
    const env = processEnv(options.env, this.#id)
    this.#command = commandFor(options, env)
    if (this.#command.isSoft) this.#sayOnce(NO_HARD_LIMIT)
    this.#process = spawn(this.#command.file, this.#command.args, {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
      detached: true,
      windowsHide: true,
      env,
    })
    // First of all: an error that nothing listens for ends the worker.
    this.#process.on('error', (error) => this.#failed(error))
    const stdio = this.#process.stdio as (Socket | null)[] | undefined
    const [, , , inbox, outbox, control] = stdio ?? []
    this.#inbox = inbox ?? null
    this.#control = control ?? null
    // Through the pipe that is read before the jobs are loaded, and nowhere where they could look.
    this.#inbox?.write(this.#key)
    if (outbox != null) this.#listen(outbox)
  }

  get pid(): number | null {
    return this.#process.pid ?? null
  }

  send(lines: string): void {
    this.#inbox?.write(encodeFrame(this.#toInbox, lines))
  }

  recall(seqs: readonly number[]): void {
    this.#control?.write(encodeFrame(this.#toControl, seqs.map(recallLine).join('')))
  }

  retire(): void {
    this.#isRetired = true
    this.#inbox?.end(encodeFrame(this.#toInbox, RETIRE_LINE))
  }

  terminate(): boolean {
    if (this.pid === null) return false
    this.send(TERM_LINE)
    signalGroup(this.pid, 'SIGTERM')
    return true
  }

  kill(): void {
    this.#isRetired = false
    this.#killGroup()
  }

  #killGroup(): void {
    if (this.pid !== null) signalGroup(this.pid, 'SIGKILL')
  }

  residentBytes(): number | null {
    if (this.pid === null || this.#hasEnded) return null
    if (process.platform === 'linux') return residentBytes(this.pid)
    this.#look(this.pid)
    return this.#seenBytes
  }

  cpuMs(): number | null {
    return this.pid === null || this.#hasEnded ? null : cpuMs(this.pid)
  }

  /** Where there is no /proc, `ps` says it, a little later. */
  #look(pid: number): void {
    if (this.#isLooking || process.platform === 'win32') return
    this.#isLooking = true
    try {
      execFile('ps', ['-o', 'rss=', '-p', String(pid)], (error, text) => {
        this.#isLooking = false
        if (error === null) this.#seenBytes = Number(text) * 1_024
      })
    } catch {
      // The system has no process left to give: the next look may have one.
      this.#isLooking = false
    }
  }

  #listen(outbox: Socket): void {
    this.#hear(outbox, frameTokens(this.#key, 'outbox'))
    if (this.#control !== null) this.#hear(this.#control, frameTokens(this.#key, 'answers'))
    const { stdout, stderr } = this.#process
    // A child that is gone takes no more lines and says no more; its end is told by itself.
    for (const stream of [this.#inbox, this.#control, outbox, stdout, stderr]) {
      stream?.on('error', () => {})
    }
    stdout!.setEncoding('utf8').on('data', (text) => this.#events.onOutput('stdout', text))
    stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-JUDGED_CHARS)
      this.#events.onOutput('stderr', text)
    })

    const saidAll = new Promise<void>((resolve) => {
      let open = 2
      const closed = (): void => {
        if (--open === 0) resolve()
      }
      outbox.once('close', closed)
      stderr!.once('close', closed)
    })
    this.#process.once('exit', (code, signal) => {
      this.#hasEnded = true
      // What it had started holds its pipes open, and must not outlive it.
      this.#killGroup()
      void this.#dead(saidAll).then(() => this.#gone(code, signal))
    })
  }

  /** It could not be started; or a signal could not be sent to it, and then its end is still to come. */
  #failed(error: Error): void {
    if (this.pid !== null || this.#hasEnded) return
    this.#hasEnded = true
    this.#command.failed()
    this.#said = error.message
    this.#gone(null, null)
  }

  /** Each by itself: the jobs' thread and the watchdog write at the same time. */
  #hear(socket: Socket, tokens: Tokens): void {
    const onLine = (line: string): void => this.#events.onLine(line, false)
    const reader = new FrameReader(
      tokens,
      (text) => eachLine(text, onLine),
      (shown) => this.#events.onLine(shown, true),
    )
    socket.on('data', (bytes) => {
      reader.push(bytes)
      this.#events.onTurn()
    })
  }

  /** A warning of this process about its system, for the log of the worker. */
  #sayOnce(warning: string): void {
    if (said.has(warning)) return
    said.add(warning)
    const line = JSON.stringify(['warn', {}, warning])
    // Later: its owner does not have it yet.
    setImmediate(() => this.#events.onLine(`l0\t${line}`, false))
  }

  async #dead(saidAll: Promise<void>): Promise<void> {
    const deadline = performance.now() + DYING_MS
    await Promise.race([saidAll, after(LAST_WORDS_MS)])
    while (this.#isAnyAlive() && performance.now() < deadline) await after(LOOK_MS)
  }

  #isAnyAlive(): boolean {
    if (this.pid === null) return false
    const isSwept = this.#isRetired || killDescendants(this.#id, null) === 0
    return !isSwept || isGroupAlive(this.pid)
  }

  #gone(code: number | null, signal: string | null): void {
    if (hasUnreaped()) this.#sayOnce(NO_INIT)
    const kills = oomKills()
    const isKernel = signal === 'SIGKILL' && kills !== null && kills > (this.#kills ?? kills)
    const isOwn = signal !== null || (code !== null && code >= 128)
    const exit: ChildExit = {
      code,
      signal,
      lastWords: lastWords(this.#said),
      isOutOfMemory: isKernel || (isOwn && WORDS_OF_MEMORY.test(this.#said)),
    }
    for (const stream of this.#process.stdio ?? []) stream?.destroy()
    this.#events.onGone(exit)
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
