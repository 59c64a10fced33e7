import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { callAfter, systemClock } from '../../core/clock.ts'
import { DRAIN_MS, type WorkerMessage, type WorkerTask } from './worker-messages.ts'

/** How long a process may take to end beyond the time that its jobs have, in milliseconds. */
const END_MS = 2_500
/** A process that does not run jobs yet has nothing to drain. */
const START_END_MS = 1_000
const ENTRY = fileURLToPath(new URL('./worker-process.js', import.meta.url))

export interface KeeperListener {
  /** The folders of the application and its jobs are known. */
  onLoaded(folders: readonly string[]): void
  /** Jobs are claimed. `startMs` is how long it took from the start of the process. */
  onRunning(startMs: number): void
  /** It could not start, or it ended by itself: nothing runs until the next `restart`. */
  onFailed(message: string): void
}

/** One process of the worker, from its start to its end. */
interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<void>
  isRunning: boolean
  isStopping: boolean
}

/**
 * Keeps at most one worker process. `restart` drains the present one and starts the next, and is called for each
 * change: a process that fails is not started again by itself, so there is no loop of crashes.
 */
export class WorkerKeeper {
  readonly #task: WorkerTask
  readonly #execArgv: readonly string[]
  readonly #listener: KeeperListener
  #current: Running | null = null
  #isWanted = false
  #turning: Promise<void> | null = null
  #isEnding = false

  /** @param execArgv options of Node.js for the process, such as those that load TypeScript */
  constructor(task: WorkerTask, execArgv: readonly string[], listener: KeeperListener) {
    this.#task = task
    this.#execArgv = execArgv
    this.#listener = listener
  }

  /** Starts a process, in the place of the present one. Calls while one is replaced are one more replacement. */
  restart(): void {
    this.#isWanted = true
    this.#turning ??= this.#turn().finally(() => {
      this.#turning = null
    })
  }

  /** Drains and ends it. Nothing starts behind it. */
  async stop(): Promise<void> {
    this.#isEnding = true
    await this.#turning
    await this.#end(this.#current)
  }

  /** Ends it without waiting for its jobs: they run again elsewhere. */
  kill(): void {
    this.#isEnding = true
    this.#current?.child.kill('SIGKILL')
  }

  async #turn(): Promise<void> {
    while (this.#isWanted && !this.#isEnding) {
      this.#isWanted = false
      await this.#end(this.#current)
      if (!this.#isEnding) this.#current = this.#start()
    }
  }

  #start(): Running {
    const startedAt = systemClock.monotonic()
    const child = fork(ENTRY, [JSON.stringify(this.#task)], { execArgv: [...this.#execArgv] })
    let failure: string | null = null
    const running: Running = {
      child,
      isRunning: false,
      isStopping: false,
      ended: new Promise((resolve) => {
        const over = (why: string): void => {
          if (this.#current === running) this.#current = null
          if (!running.isStopping) this.#listener.onFailed(failure ?? why)
          resolve()
        }
        child.once('error', (error) => over(`The worker process cannot start: ${error.message}`))
        child.once('exit', (code, signal) =>
          over(`The worker process ended by itself, with ${signal ?? `exit code ${code}`}.`),
        )
      }),
    }
    child.on('message', (message: WorkerMessage) => {
      if (running.isStopping) return
      if (message.kind === 'loaded') this.#listener.onLoaded(message.folders)
      else if (message.kind === 'failed') failure = message.message
      else {
        running.isRunning = true
        this.#listener.onRunning(systemClock.monotonic() - startedAt)
      }
    })
    return running
  }

  async #end(running: Running | null): Promise<void> {
    if (running === null) return
    const { child, ended, isRunning } = running
    running.isStopping = true
    child.send({ kind: 'stop' }, () => {})
    const cancel = callAfter(systemClock, isRunning ? DRAIN_MS + END_MS : START_END_MS, () =>
      child.kill('SIGKILL'),
    )
    await ended
    cancel()
  }
}
