import {
  Chancy,
  type Driver,
  type EventMap,
  type EventName,
  Worker,
  type WorkerOptions,
} from 'chancy'
import { databaseUrl, ownerUrl, prepareSchema, withClient } from './database.ts'
import { emptyingText } from './emptying.ts'
import { checkRowStates } from './row-states.ts'

type ChancyOptions = NonNullable<ConstructorParameters<typeof Chancy>[1]>

/** How long an event is waited for, in milliseconds, unless the call says otherwise. */
const PATIENCE_MS = 40_000
/**
 * Short, so that a test of a lost lease does not take long, but not so short that a busy machine
 * loses one by itself; and no signal handlers of the test's process.
 */
const QUICK: WorkerOptions = {
  heartbeat: '300ms',
  lease: '3s',
  shutdownTimeout: '5s',
  signals: false,
}

export interface TestAppOptions extends ChancyOptions {
  readonly schema: string
  /** Default: straight to the server. */
  readonly url?: string | Driver
}

export interface LogLine {
  readonly level: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string | undefined
}

/** A migrated application whose workers stop, and whose connections end, with the test. */
export async function startApp({ url, ...options }: TestAppOptions): Promise<TestApp> {
  if (url === undefined) await prepareSchema(options.schema)
  const app = new TestApp(url ?? databaseUrl(options.schema), options)
  await app.chancy.migrate()
  const address = typeof url === 'string' ? url : ownerUrl(options.schema)
  await withClient((client) => client.query(checkRowStates(`${options.schema}.jobs`)), address)
  return app
}

export class TestApp implements AsyncDisposable {
  readonly chancy: Chancy
  /** What it logged. */
  readonly lines: LogLine[] = []
  readonly workers: Worker[] = []

  constructor(url: string | Driver, options: ChancyOptions) {
    const line = (level: string) => (fields: object, message?: string) =>
      void this.lines.push({ level, fields: fields as LogLine['fields'], message })
    const logger = {
      debug: line('debug'),
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
    }
    this.chancy = new Chancy(url, { logger, ...options })
  }

  /** A worker with short leases. Resolves when it claims. */
  async start(options: WorkerOptions = {}): Promise<Worker> {
    const worker = new Worker(this.chancy, { ...QUICK, ...options })
    this.workers.push(worker)
    await worker.start()
    return worker
  }

  /** The next event that passes `test`. To be asked for before what leads to it. */
  next<Name extends EventName>(
    name: Name,
    test: (payload: EventMap[Name]) => boolean = () => true,
    timeoutMs = PATIENCE_MS,
  ): Promise<EventMap[Name]> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer)
        unlisten()
      }
      const timer = setTimeout(() => {
        end()
        reject(new Error(`waited ${timeoutMs} ms for the event ${name}`))
      }, timeoutMs)
      const unlisten = this.chancy.on(name, (payload) => {
        if (!test(payload)) return
        end()
        resolve(payload)
      })
    })
  }

  /** Every event of a name from now on. */
  all<Name extends EventName>(name: Name): EventMap[Name][] {
    const received: EventMap[Name][] = []
    this.chancy.on(name, (payload) => void received.push(payload))
    return received
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()))
    await this.chancy.close()
  }
}

/** Takes everything out of a schema but the schema itself. */
export async function empty(schema: string): Promise<void> {
  const tables = ['jobs', 'finished_jobs', 'queues', 'workers', 'waiters']
  await withClient((client) => client.query(emptyingText(schema, tables)), ownerUrl(schema))
}

/** One statement on the schema, whose name stands in the text as `$schema`. */
export async function sql<Row = Record<string, unknown>>(
  schema: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return withClient(async (client) => {
    const { rows } = await client.query(text.replaceAll('$schema', schema), [...values])
    return rows as Row[]
  }, ownerUrl(schema))
}
