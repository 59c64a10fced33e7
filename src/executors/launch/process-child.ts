import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { systemClock } from '../../core/clock.ts'
import type { Child, ChildEvents, ChildExit, LaunchOptions } from '../child.ts'
import { killDescendants } from '../descendants.ts'
import { encodeFrame, FrameReader, frameTokens, newKey, type Tokens } from '../frame.ts'
import { eachLine, RETIRE_LINE, recallLine, TERM_LINE } from '../protocol.ts'
import { stderrTail } from '../stderr-tail.ts'
import { type ChildCommand, commandFor } from './child-command.ts'
import { processEnv } from './child-env.ts'
import {
  cpuMs,
  hasUnreaped,
  isGroupAlive,
  oomKills,
  residentBytes,
  signalGroup,
} from './process-group.ts'

/** How long the pipes of a child that has ended may still have output, in milliseconds. */
const DRAIN_MS = 250
/** How long the group of a child may take to die of SIGKILL, in milliseconds. */
const DYING_MS = 2_000
const POLL_MS = 5

/** Warnings that were logged. */
const warned = new Set<string>()
const NO_HARD_LIMIT =
  'neither /bin/sh nor prlimit can be run here, so the kernel does not enforce memory limits of jobs: the V8 heap has its cap, and a child that is seen over its limit is killed, but it may use more for some milliseconds. Add one of them to the image'

const NO_INIT =
  'a job has started processes that outlived it, and this worker is PID 1, where Node.js does not reap them: each keeps a process id until the container ends. Start the container with an init: docker run --init, or init: true'

/** V8 prints why it gives up before it lists its frames, which alone may fill the tail. */
const JUDGED_CHARS = 16_384
const MEMORY_ERROR = /heap out of memory|out of memory|bad_alloc|Allocation failed/i

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
  /** The end of stderr, as much as is needed to see why it ended. */
  #stderr = ''
  #seenBytes: number | null = null
  #isMeasuring = false
  #hasEnded = false
  /** It ends in its own time: what its jobs have detached on purpose stays. */
  #isRetired = false

  constructor(options: LaunchOptions, events: ChildEvents) {
    this.#events = events
    const env = processEnv(options.env, this.#id)
    this.#command = commandFor(options, env)
    if (this.#command.isSoft) this.#warnOnce(NO_HARD_LIMIT)
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
    // Through the pipe that is read before the jobs are loaded, and by no way that jobs can read.
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
    this.#measure(this.pid)
    return this.#seenBytes
  }

  cpuMs(): number | null {
    return this.pid === null || this.#hasEnded ? null : cpuMs(this.pid)
  }

  /** Where there is no /proc, `ps` measures it, a little later. */
  #measure(pid: number): void {
    if (this.#isMeasuring || process.platform === 'win32') return
    this.#isMeasuring = true
    try {
      execFile('ps', ['-o', 'rss=', '-p', String(pid)], (error, text) => {
        this.#isMeasuring = false
        if (error === null) this.#seenBytes = Number(text) * 1_024
      })
    } catch {
      // The system starts no process now: the next measurement may succeed.
      this.#isMeasuring = false
    }
  }

  #listen(outbox: Socket): void {
    this.#read(outbox, frameTokens(this.#key, 'outbox'))
    if (this.#control !== null) this.#read(this.#control, frameTokens(this.#key, 'answers'))
    const { stdout, stderr } = this.#process
    // A child that has ended takes no lines and writes none; its end is an event of its own.
    for (const stream of [this.#inbox, this.#control, outbox, stdout, stderr]) {
      stream?.on('error', () => {})
    }
    stdout!.setEncoding('utf8').on('data', (text) => this.#events.onOutput('stdout', text))
    stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-JUDGED_CHARS)
      this.#events.onOutput('stderr', text)
    })

    const drained = new Promise<void>((resolve) => {
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
      void this.#dead(drained).then(() => this.#gone(code, signal))
    })
  }

  /** It could not be started. Or a signal could not be sent to it: then its end is still to come. */
  #failed(error: Error): void {
    if (this.pid !== null || this.#hasEnded) return
    this.#hasEnded = true
    this.#command.failed()
    this.#stderr = error.message
    this.#gone(null, null)
  }

  /** Each by itself: the jobs' thread and the watchdog write at the same time. */
  #read(socket: Socket, tokens: Tokens): void {
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
  #warnOnce(warning: string): void {
    if (warned.has(warning)) return
    warned.add(warning)
    const line = JSON.stringify(['warn', {}, warning])
    // Later: its owner has not got it yet.
    setImmediate(() => this.#events.onLine(`l0\t${line}`, false))
  }

  async #dead(drained: Promise<void>): Promise<void> {
    const deadline = systemClock.monotonic() + DYING_MS
    await Promise.race([drained, systemClock.sleep(DRAIN_MS)])
    while (this.#isAnyAlive() && systemClock.monotonic() < deadline)
      await systemClock.sleep(POLL_MS)
  }

  #isAnyAlive(): boolean {
    if (this.pid === null) return false
    const isSwept = this.#isRetired || killDescendants(this.#id, null) === 0
    return !isSwept || isGroupAlive(this.pid)
  }

  #gone(code: number | null, signal: string | null): void {
    if (hasUnreaped()) this.#warnOnce(NO_INIT)
    const kills = oomKills()
    const isKernel = signal === 'SIGKILL' && kills !== null && kills > (this.#kills ?? kills)
    const isOwn = signal !== null || (code !== null && code >= 128)
    const exit: ChildExit = {
      code,
      signal,
      stderrTail: stderrTail(this.#stderr),
      isOutOfMemory: isKernel || (isOwn && MEMORY_ERROR.test(this.#stderr)),
    }
    for (const stream of this.#process.stdio ?? []) stream?.destroy()
    this.#events.onGone(exit)
  }
}
