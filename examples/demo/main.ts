/**
 * One job for each file of a directory, run by a queue, and then held against a plain walk.
 *
 *   npm run demo [-- directory]     in this repository
 *   npx chancy demo [directory]     where the package is installed
 *   npm run demo -- --http          the dashboard, beside jobs in every state
 *
 * Needs nothing but `npm ci`. With DATABASE_URL it uses that server, in a schema of its own.
 */
import { realpathSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Chancy, Queue, Worker } from 'chancy'
import { checkFiles } from './check.ts'
import { keyOf, shown, toFilePath } from './file-path.ts'
import { checkFolders, folderOf, MAX_IN_FOLDER } from './folders.ts'
import { interruptSignal } from './interrupt.ts'
import { readOneFile } from './jobs.ts'
import { measureLatency } from './latency.ts'
import { plainWalk } from './plain-walk.ts'
import { number, ProgressBar } from './progress-bar.ts'
import { chooseServer } from './server.ts'
import { checkSpecials, pushSpecials, pushUnique } from './specials.ts'
import { storedResults } from './stored-results.ts'
import { walk } from './walk.ts'

/** From here on a file is large, in bytes. */
const LARGE = 256 * 1_024
/** Jobs a transaction: small enough that the worker has work soon after the walk began. */
const BATCH = 1_000
/** References waited for at a time. */
const WAIT = 1_000

const USAGE = `npm run demo [-- directory], or chancy demo [directory]

Reads every file of the directory, by default this repository, in a job of its own, and compares what is
stored with a plain walk of the same files. With DATABASE_URL it uses that server, in a schema of its
own that is removed at the end; without, an embedded PostgreSQL. With --http it keeps jobs in every state
and serves the dashboard until it is interrupted.`

const signal = interruptSignal()
const bar = new ProgressBar()
try {
  const [given, ...more] = process.argv.slice(2)
  if (given === '--help' || given === '-h') console.log(USAGE)
  else if (given === '--http' && more.length === 0) await (await import('./show.ts')).show(signal)
  else if (given?.startsWith('-') || more.length > 0) refuse([given, ...more])
  else await main(directoryOf(given))
} catch (error) {
  bar.end()
  process.exitCode ??= 1
  console.error(error instanceof Error && signal.aborted ? error.message : error)
}

/** A directory whose name begins with a hyphen can be given as `./-name`. */
function refuse(given: readonly unknown[]): void {
  console.error(`Expected at most one directory, got ${given.join(' ')}.\n\n${USAGE}`)
  process.exitCode = 2
}

function directoryOf(given: string | undefined): Buffer {
  const path = given ?? fileURLToPath(new URL('../..', import.meta.url))
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat?.isDirectory()) throw new Error(`${JSON.stringify(path)} is not a directory.`)
  return realpathSync.native(path, 'buffer')
}

async function main(directory: Buffer): Promise<void> {
  const server = await chooseServer()
  // Two of the special jobs fail, as the last lines say.
  const log = (fields: object, message = ''): void =>
    bar.say('name' in fields ? `${message}: ${fields.name}` : message)
  const quiet = (): void => {}
  const chancy = new Chancy(server.database, {
    schema: server.schema,
    jobs: new URL('./jobs.js', import.meta.url),
    logger: { debug: quiet, info: quiet, warn: log, error: log },
  })
  // The demo listens to Ctrl-C itself, since it has more than a worker to stop.
  const worker = new Worker(chancy, { signals: false, shutdownTimeout: '2s' })
  try {
    console.log(`Reading ${shown(directory)} with Node ${process.version} and ${server.name}`)
    await chancy.migrate()
    // In processes: each loads the module of the jobs, and a job in one can be stopped by force.
    await chancy.declare(new Queue('small', { concurrency: 64 }))
    await chancy.declare(new Queue('large', { concurrency: 2 }))
    await chancy.declare(new Queue('limited', { concurrency: 2 }))
    // In the loop of the worker: these only wait.
    await chancy.declare(new Queue('special', { concurrency: 10, executor: 'inline' }))
    await worker.start()
    process.exitCode = await run(chancy, directory)
  } finally {
    bar.end()
    await worker.stop()
    await chancy.close()
    await server.remove()
  }
}

async function run(chancy: Chancy, directory: Buffer): Promise<number> {
  const specials = await pushSpecials(chancy, signal)
  const { pushed, jobsPerSecond } = await pushFiles(chancy, directory)
  const unique = await pushUnique(chancy)
  const latency = await measureLatency(chancy, signal)

  const stored = await storedResults(chancy)
  const files = checkFiles(pushed, stored, await plainWalk(directory, signal))
  const folders = checkFolders(stored.values())
  const special = await checkSpecials(chancy, specials, unique, signal)

  console.log('The stored results against a plain walk of the same files:')
  for (const line of files.lines) console.log(line)
  if (pushed.size > 0) for (const line of folders.lines) console.log(line)
  console.log('The special jobs, as they are stored:')
  for (const line of special.lines) console.log(line)
  if (pushed.size > 0) console.log(`Throughput: ${number(Math.round(jobsPerSecond))} jobs/s`)
  console.log(
    `Latency of a lone push: last ${latency.lastMs.toFixed(2)} ms, median of ${latency.pushes} ${latency.medianMs.toFixed(2)} ms (push called to function started)`,
  )
  const faults = [...files.faults, ...folders.faults, ...special.faults]
  for (const fault of faults.slice(0, 50)) console.log(`DIFFERENT: ${fault}`)
  console.log(faults.length === 0 ? 'Everything agrees.' : `${faults.length} differences.`)
  return faults.length === 0 ? 0 : 1
}

/** Pushes while the worker already runs; resolves when the last of them has finished. */
async function pushFiles(
  chancy: Chancy,
  directory: Buffer,
): Promise<{ pushed: ReadonlyMap<string, bigint>; jobsPerSecond: number }> {
  const pushed = new Map<string, bigint>()
  let finished = 0
  let isGrowing = true
  const stop = chancy.on('job.saved', ({ job }) => {
    if (job.name !== readOneFile.job.name || job.finishedAt === null) return
    bar.update(++finished, pushed.size, isGrowing)
  })
  const startedAt = performance.now()
  bar.begin()
  try {
    const references = await chancy.pushMany(jobsOf(directory, pushed), { batchSize: BATCH })
    isGrowing = false
    for (let at = 0; at < references.length; at += WAIT) {
      await chancy.waitForJobs(references.slice(at, at + WAIT), { signal })
    }
  } finally {
    stop()
  }
  const seconds = (performance.now() - startedAt) / 1_000
  bar.finish(pushed.size)
  console.log(
    `${number(pushed.size)} files walked, pushed, read and saved in ${seconds.toFixed(1)} s`,
  )
  return { pushed, jobsPerSecond: pushed.size / seconds }
}

async function* jobsOf(directory: Buffer, pushed: Map<string, bigint>) {
  for await (const { path, size, changedNs } of walk(directory, () => signal.aborted)) {
    pushed.set(keyOf(path), changedNs)
    const folder = folderOf(path, directory)
    const job = readOneFile.job
      .withArgs(toFilePath(path))
      .withConcurrency(MAX_IN_FOLDER, () => folder)
    // Within a queue the higher priority starts sooner: here, the large files that are not huge.
    if (size < LARGE) yield job.withPriority(1)
    else yield job.withQueue('large').withPriority(size < 16 * LARGE ? 5 : 0)
  }
  signal.throwIfAborted()
}
