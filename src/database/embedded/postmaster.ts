import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import { DatabaseError } from '../../core/errors.ts'
import { type Cluster, serverEnvironment } from './cluster.ts'
import { disarmPidFile, isRunning, runningServer } from './postmaster-file.ts'

/** `fast` and `immediate` as in pg_ctl; `kill` is what a crash of the server process looks like. */
export type StopMode = 'fast' | 'immediate' | 'kill'

const SIGNALS: Readonly<Record<StopMode, NodeJS.Signals>> = {
  fast: 'SIGINT',
  immediate: 'SIGQUIT',
  kill: 'SIGKILL',
}
/** A stop that takes longer is escalated: fast, then immediate, then kill. */
const ESCALATE_MS: Readonly<Record<StopMode, number>> = {
  fast: 30_000,
  immediate: 5_000,
  kill: 5_000,
}
/** Crash recovery after a long run can take a while. */
const START_MS = 120_000
/** How long orphans of a killed server may hold its shared memory. Most end immediately. */
const ORPHANS_MS = 15_000
const POLL_MS = 20
const ADOPTED_POLL_MS = 250

/** One server process: started here, or found running. */
export class Postmaster {
  readonly pid: number
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>

  constructor(pid: number, child?: ChildProcess) {
    this.pid = pid
    this.ended = child === undefined ? ended(pid) : exitOf(child)
  }

  async stop(mode: StopMode): Promise<void> {
    const modes: StopMode[] = ['fast', 'immediate', 'kill']
    for (const step of modes.slice(modes.indexOf(mode))) {
      if (!isRunning(this.pid)) break
      process.kill(this.pid, SIGNALS[step])
      const timeout = new AbortController()
      const late = systemClock.sleep(ESCALATE_MS[step], timeout.signal).then(() => 'late')
      const first = await Promise.race([this.ended, late])
      timeout.abort()
      if (first !== 'late') break
    }
  }
}

/**
 * Starts the server and waits until it takes connections. Null when another process started one on
 * the same data in between. `log` is the file that `output` is open on.
 */
export async function startPostmaster(
  cluster: Cluster,
  output: number,
  log: string,
): Promise<Postmaster | null> {
  const deadline = systemClock.monotonic() + ORPHANS_MS
  for (;;) {
    await disarmPidFile(cluster.data)
    const child = spawn(join(cluster.binaries.folder, 'bin', 'postgres'), ['-D', cluster.address], {
      cwd: cluster.data,
      env: serverEnvironment,
      stdio: ['ignore', output, output],
      ...cluster.user,
    })
    if (await isReady(child, cluster.data)) return new Postmaster(child.pid!, child)
    if ((await runningServer(cluster.data)) !== null) return null
    const end = await endOfLog(log)
    if (!end.includes('shared memory block') || systemClock.monotonic() > deadline) {
      throw new DatabaseError(`The embedded PostgreSQL did not start. "${log}" ends with: ${end}`)
    }
    await systemClock.sleep(200)
  }
}

/** The end of the server's log, for an error message. */
export async function endOfLog(log: string): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '')
  return text.trim().split('\n').slice(-5).join(' | ')
}

async function isReady(child: ChildProcess, data: string): Promise<boolean> {
  let hasEnded = false
  const ended = exitOf(child).then(() => {
    hasEnded = true
  })
  const deadline = systemClock.monotonic() + START_MS
  while (!hasEnded && systemClock.monotonic() < deadline) {
    const running = await runningServer(data)
    if (running?.pid === child.pid && running?.status === 'ready') return true
    await systemClock.sleep(POLL_MS)
  }
  child.kill('SIGQUIT')
  await ended
  return false
}

function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
}

async function ended(pid: number): Promise<void> {
  while (isRunning(pid)) await systemClock.sleep(ADOPTED_POLL_MS)
}
