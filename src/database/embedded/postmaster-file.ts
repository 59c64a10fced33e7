import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile, readlink, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What `postmaster.pid` holds about a server. */
export interface Running {
  readonly pid: number
  readonly port: number
  readonly status: 'starting' | 'ready' | 'stopping' | 'standby' | ''
}

/** The server that runs on `data`, or null. A file left behind by one that was killed is not one. */
export async function runningServer(data: string): Promise<Running | null> {
  const running = await readPidFile(data)
  return running !== null && (await isServer(running.pid, data)) ? running : null
}

/**
 * Makes a file that names a process which is not a server harmless. PostgreSQL overwrites the file of
 * a dead process by itself, but a process id is soon given to another process, above all in
 * containers. Named after this process, the server's parent, it is overwritten too, and its key of
 * the shared memory still keeps the server from starting beside orphans of the old one.
 */
export async function disarmPidFile(data: string): Promise<void> {
  const stale = await readPidFile(data)
  if (stale === null || !isRunning(stale.pid)) return
  const file = join(data, 'postmaster.pid')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace(/^\d+/, String(process.pid)))
}

/** A process that has ended but was not waited for, as in a container without an init, is not running. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    if (process.platform !== 'linux') return true
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code !== 'ESRCH' && code !== 'ENOENT'
  }
}

async function readPidFile(data: string): Promise<Running | null> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return null
  const status = (lines[7] ?? '').trim() as Running['status']
  return { pid, port: Number(lines[3]), status }
}

/** A process id alone proves nothing: a server works inside its data directory. */
async function isServer(pid: number, data: string): Promise<boolean> {
  if (!isRunning(pid)) return false
  if (process.platform === 'win32') return true
  if (process.platform === 'linux') {
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => null)
    return folder === (await realpath(data))
  }
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'comm=', '-p', String(pid)], (_, out) => resolve(/postgres/.test(out)))
  })
}
