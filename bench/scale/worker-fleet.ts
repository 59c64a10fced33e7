import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import {
  type ClaimTimes,
  type FromWorker,
  ORDER,
  type ToWorker,
  type WorkerOrder,
} from './worker-messages.ts'

const ENTRY = fileURLToPath(new URL('worker-process.ts', import.meta.url))
/** How long the workers may do without saving anything before a run is given up, in milliseconds. */
const STUCK_MS = 120_000

export interface Progress {
  readonly count: number
  readonly atMs: number
}

/** Worker processes, and what they have done together. */
export class WorkerFleet {
  readonly #children: ChildProcess[] = []
  readonly #saved = new Map<ChildProcess, number>()
  #progress: Progress = { count: 0, atMs: 0 }
  #onSaved: (() => void) | null = null
  #onEnded: ((error: Error) => void) | null = null

  /** Resolves when every worker has checked every queue once. */
  static async start(workers: number, order: WorkerOrder): Promise<WorkerFleet> {
    const fleet = new WorkerFleet()
    // Not among the arguments, where every user of the machine could read the password.
    const env = { ...process.env, [ORDER]: JSON.stringify(order) }
    for (let n = 0; n < workers; n++) fleet.#add(fork(ENTRY, { env }))
    await Promise.all(fleet.#children.map((child) => answer(child, 'ready')))
    return fleet
  }

  /** Saved by all of them so far. */
  get saved(): number {
    return this.#progress.count
  }

  /**
   * Waits until `count` are saved in all. Returns how many that were, and when.
   *
   * @throws when nothing is saved for two minutes, or a worker has ended
   */
  async until(count: number): Promise<Progress> {
    while (this.saved < count) await this.#next()
    return this.#progress
  }

  send(message: ToWorker): void {
    for (const child of this.#children) child.send(message)
  }

  /** The times of claims since the last call, of all workers. */
  async claims(): Promise<ClaimTimes> {
    const answers = this.#children.map((child) => answer(child, 'claims'))
    this.send('report-claims')
    const times = await Promise.all(answers)
    return { lone: times.flatMap((one) => one.lone), all: times.flatMap((one) => one.all) }
  }

  /** Stops them all. Returns the most memory that one of them had, in MiB. */
  async stop(): Promise<number> {
    const ends = this.#children.map((child) => answer(child, 'stopped'))
    this.send('stop')
    const peaks = await Promise.all(ends)
    return Math.max(...peaks.map(({ peakMib }) => peakMib))
  }

  #add(child: ChildProcess): void {
    this.#children.push(child)
    child.on('exit', (code) => {
      this.#onEnded?.(new Error(`A worker process ended with the code ${code}.`))
    })
    child.on('message', (message: FromWorker) => {
      if (message.kind !== 'saved') return
      const more = message.saved - (this.#saved.get(child) ?? 0)
      this.#saved.set(child, message.saved)
      const { count, atMs } = this.#progress
      this.#progress = { count: count + more, atMs: Math.max(atMs, message.atMs) }
      this.#onSaved?.()
    })
  }

  #next(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => end(new Error('The workers save nothing.')), STUCK_MS)
      const end = (error?: Error): void => {
        clearTimeout(timer)
        this.#onSaved = null
        this.#onEnded = null
        if (error === undefined) resolve()
        else reject(error)
      }
      this.#onSaved = () => end()
      this.#onEnded = end
    })
  }
}

/** The next message of a kind. */
function answer<Kind extends FromWorker['kind']>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<FromWorker, { kind: Kind }>> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: FromWorker): void => {
      if (message.kind !== kind) return
      done()
      resolve(message as Extract<FromWorker, { kind: Kind }>)
    }
    const onExit = (code: number | null): void => {
      done()
      reject(new Error(`A worker process ended with the code ${code} before it was "${kind}".`))
    }
    const done = (): void => {
      child.off('message', onMessage)
      child.off('exit', onExit)
    }
    child.on('message', onMessage)
    child.on('exit', onExit)
  })
}
