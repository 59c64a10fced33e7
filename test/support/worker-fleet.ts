import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventName, WorkerOptions } from 'chancy'
import { databaseUrl } from './database.ts'
import { startProcess, type TestProcess } from './process.ts'

const SCRIPT = new URL('./processes/fleet-worker.mjs', import.meta.url)
/** A process may take its time to load on a machine that is busy. */
const READY_MS = 60_000

/** One line that a job function wrote. */
export interface Execution {
  /** 'abort': the function threw, most often since its signal was aborted. */
  readonly what: 'start' | 'end' | 'abort'
  readonly id: string
  readonly attempt: number
  readonly fence: number
  readonly pid: number
  /** By the clock of the machine, in milliseconds. */
  readonly at: number
}

export interface WorkerFleetOptions {
  readonly schema: string
  readonly url?: string
  /** What each process runs. Default: `fleet-worker.mjs`. */
  readonly script?: URL
  /** How long a process may take until it claims, in milliseconds. Default: a minute. */
  readonly readyMs?: number
  readonly worker?: WorkerOptions
  /** Events that each process writes to its standard output. */
  readonly events?: readonly EventName[]
}

/** Workers in processes of their own, and the file into which their jobs write what they do. */
export class WorkerFleet implements AsyncDisposable {
  readonly processes: TestProcess[] = []
  readonly #options: WorkerFleetOptions
  readonly #folder = mkdtempSync(join(tmpdir(), 'chancy-fleet-'))

  constructor(options: WorkerFleetOptions) {
    this.#options = options
  }

  /** Resolves when the worker claims. */
  async start(worker: WorkerOptions = {}, url?: string): Promise<TestProcess> {
    const one = this.begin(worker, url)
    await one.next<{ event: string }>(
      ({ event }) => event === 'ready',
      this.#options.readyMs ?? READY_MS,
    )
    return one
  }

  /** Does not wait for it: a job may end the process before it can say that it claims. */
  begin(worker: WorkerOptions = {}, url = this.#options.url): TestProcess {
    const { schema, script = SCRIPT, events = [] } = this.#options
    const order = {
      url: url ?? databaseUrl(schema),
      schema,
      file: this.#file,
      worker: { heartbeat: '300ms', lease: '2s', ...this.#options.worker, ...worker },
      events,
    }
    const one = startProcess(script, { args: [JSON.stringify(order)] })
    this.processes.push(one)
    return one
  }

  /** What the jobs wrote, in order. */
  executions(): Execution[] {
    if (!existsSync(this.#file)) return []
    const lines = readFileSync(this.#file, 'utf8').split('\n')
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Execution)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map((one) => one[Symbol.asyncDispose]()))
    rmSync(this.#folder, { recursive: true })
  }

  get #file(): string {
    return join(this.#folder, 'executions.jsonl')
  }
}
