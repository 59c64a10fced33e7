/**
 * The process of `chancy dev` that loads the application and runs its jobs. It ends when it is ordered to, and when
 * `dev` is gone: a terminal sends Ctrl+C to all processes, and `dev` decides what follows from it.
 */
import { callAfter, systemClock } from '../../core/clock.ts'
import { embeddedPostgres } from '../../database/drivers/embedded-postgres.ts'
import { type Chancy, ConfigError, Worker } from '../../index.ts'
import { loadApp } from '../program/app-option.ts'
import { isSamePlace, placeOf } from '../program/server-place.ts'
import { failureText, placelessSyntaxError } from './failure-text.ts'
import { jobFolders } from './job-folders.ts'
import {
  DRAIN_MS,
  type WorkerMessage,
  type WorkerOrder,
  type WorkerTask,
} from './worker-messages.ts'

/** How long the end may take beyond the time that jobs have, in milliseconds. */
const END_MS = 1_500

const task = JSON.parse(process.argv[2] ?? '{}') as WorkerTask
let app: Chancy | null = null
let worker: Worker | null = null
let isEnding = false

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
process.on('message', ({ kind }: WorkerOrder) => {
  if (kind === 'stop') void end(0)
})
process.on('disconnect', () => void end(0))

// Held here too: if "dev" is killed, the server stays until this process has saved what it ran.
const server = task.directory === null ? null : embeddedPostgres({ directory: task.directory })
try {
  process.env.DATABASE_URL = (await server?.url()) ?? task.url
  app = await loadApp(task.app)
  const { jobs, database, log } = app.internals
  say({ kind: 'loaded', folders: jobFolders(jobs) })
  await checkPlace(app, process.env.DATABASE_URL)
  await app.migrate()
  worker = new Worker(app, { signals: false, shutdownTimeout: DRAIN_MS, label: 'chancy dev' })
  await worker.start()
  say({ kind: 'running' })
  log.debug({ schema: database.names.plainSchema }, 'chancy dev runs a worker')
} catch (error) {
  if (!isEnding) say({ kind: 'failed', message: failureText(error) })
  const syntax = placelessSyntaxError(error)
  // Node.js knows where it is, and shows that for an error that is caught nowhere.
  if (syntax !== null) setImmediate(() => raise(syntax))
  else await end(1)
}

/** Drains, saves, and ends in a bounded time, whatever the jobs do. */
async function end(code: number): Promise<void> {
  if (isEnding) return
  isEnding = true
  callAfter(systemClock, DRAIN_MS + END_MS, () => process.exit(code || 1))
  await worker?.stop().catch(() => {})
  await app?.close().catch(() => {})
  await server?.close().catch(() => {})
  process.exit(code)
}

function say(message: WorkerMessage): void {
  // Without a channel "dev" is gone, and this process ends by itself.
  if (process.connected) process.send?.(message, () => {})
}

/** An application that connects elsewhere would be migrated, and its jobs run, where nothing was expected to change. */
async function checkPlace(chancy: Chancy, url: string): Promise<void> {
  const address = (await chancy.internals.database.driver.address?.()) ?? null
  if (isSamePlace(address, url)) return
  throw new ConfigError(
    `The application connects to ${placeOf(address)}, and the server of "chancy dev" is ${placeOf(url)}. Let it read DATABASE_URL, which is set here: new Chancy(process.env.DATABASE_URL). To run on another server: chancy dev --database DSN.`,
  )
}

function raise(error: Error): never {
  throw error
}
