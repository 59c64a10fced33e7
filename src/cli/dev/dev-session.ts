import path from 'node:path'
import { embeddedPostgres } from '../../database/drivers/embedded-postgres.ts'
import { ChangeWatcher } from './change-watcher.ts'
import { WorkerKeeper } from './worker-keeper.ts'
import type { WorkerTask } from './worker-messages.ts'

export interface DevOptions {
  /** The module of the application, as `--app` takes it, and its file. */
  readonly app: string
  readonly file: string
  /** Where the embedded server keeps its data, or null to use the server of `database`. */
  readonly data: string | null
  readonly port: number | undefined
  readonly database: string | null
  readonly watch: boolean
  /** Options of Node.js that the worker process needs, such as those that load TypeScript. */
  readonly execArgv: readonly string[]
}

/** What happens, in its order. With `--json` each is a line. */
export type DevEvent =
  | {
      readonly event: 'database'
      readonly url: string
      /** Null: no server was started. */
      readonly data: string | null
      readonly app: string
      readonly watch: boolean
    }
  | { readonly event: 'running'; readonly startMs: number }
  | { readonly event: 'changed'; readonly modules: readonly string[] }
  | { readonly event: 'failed'; readonly message: string; readonly isFinal: boolean }
  | { readonly event: 'limit'; readonly message: string }
  | { readonly event: 'stopping' }

/** A server, and a worker on it that is replaced when a module changes. */
export class DevSession {
  readonly #options: DevOptions
  readonly #say: (event: DevEvent) => void
  readonly #failed: Promise<false>
  #fail: () => void = () => {}
  #keeper: WorkerKeeper | null = null

  constructor(options: DevOptions, say: (event: DevEvent) => void) {
    this.#options = options
    this.#say = say
    this.#failed = new Promise((resolve) => {
      this.#fail = () => resolve(false)
    })
  }

  /**
   * Resolves when the signal aborts and everything has ended, with true, or with false when the worker cannot run and
   * nothing would start it again.
   *
   * @throws {ConfigError} when the server cannot be started
   */
  async run(signal: AbortSignal): Promise<boolean> {
    const { app, data, port, file, watch } = this.#options
    const server = data === null ? null : embeddedPostgres({ directory: data, port, max: 1 })
    const watcher = this.#watcher()
    try {
      const url = (await server?.url()) ?? this.#options.database ?? ''
      this.#say({ event: 'database', url, data, app: file, watch })
      if (signal.aborted) return true
      const keeper = this.#makeKeeper({ url, directory: data, app }, watcher)
      this.#keeper = keeper
      watcher?.add([path.dirname(file)])
      keeper.restart()
      const isWanted = await Promise.race([this.#failed, aborted(signal)])
      if (isWanted) this.#say({ event: 'stopping' })
      watcher?.close()
      await keeper.stop()
      return isWanted
    } finally {
      watcher?.close()
      await server?.close()
    }
  }

  /** Ends the worker without waiting for its jobs. */
  kill(): void {
    this.#keeper?.kill()
  }

  #watcher(): ChangeWatcher | null {
    const { watch, data } = this.#options
    if (!watch) return null
    return new ChangeWatcher(
      {
        onChange: (modules) => {
          this.#say({ event: 'changed', modules })
          this.#keeper?.restart()
        },
        onLimit: (message) => this.#say({ event: 'limit', message }),
      },
      data === null ? [] : [data],
    )
  }

  #makeKeeper(task: WorkerTask, watcher: ChangeWatcher | null): WorkerKeeper {
    return new WorkerKeeper(task, this.#options.execArgv, {
      onLoaded: (folders) => watcher?.add(folders),
      onRunning: (startMs) => this.#say({ event: 'running', startMs: Math.round(startMs) }),
      onFailed: (message) => {
        this.#say({ event: 'failed', message, isFinal: watcher === null })
        // Nothing would start it again.
        if (watcher === null) this.#fail()
      },
    })
  }
}

function aborted(signal: AbortSignal): Promise<true> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(true)
    signal.addEventListener('abort', () => resolve(true), { once: true })
  })
}
