import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { until } from './until.ts'

/** It does not run as root. */
const UNPRIVILEGED_ID = 65_534
const BINARIES = ['pgbouncer', '/usr/sbin/pgbouncer']

/** The installed PgBouncer and its version, or null. */
export function findPgBouncer(): { readonly binary: string; readonly version: number } | null {
  for (const binary of BINARIES) {
    try {
      const text = execFileSync(binary, ['--version'], { encoding: 'utf8', stdio: 'pipe' })
      const [, major, minor] = /PgBouncer (\d+)\.(\d+)/.exec(text) ?? []
      if (major !== undefined) return { binary, version: Number(major) * 100 + Number(minor) }
    } catch {
      // Not there.
    }
  }
  return null
}

/** Why a test of it is skipped. */
export const NO_PGBOUNCER =
  'skipped: PgBouncer is not installed (Debian: apt-get install pgbouncer), so nothing is tested behind it'

export interface PgBouncer extends AsyncDisposable {
  /** The address of the same database through it. */
  readonly url: string
}

/** A PgBouncer before `target`, which keeps no prepared statements apart, as before 1.21. */
export async function startPgBouncer(
  target: string,
  mode: 'transaction' | 'session' = 'transaction',
): Promise<PgBouncer> {
  const found = findPgBouncer()
  if (found === null) throw new Error(NO_PGBOUNCER)
  const folder = await mkdtemp(join(tmpdir(), 'chancy-pgbouncer-'))
  const port = await freePort()
  const { hostname, port: serverPort, username, password, pathname } = new URL(target)
  const server = `host=${hostname} port=${serverPort || 5432} user=${decodeURIComponent(username)}`
  const secret = password === '' ? '' : ` password=${decodeURIComponent(password)}`
  const lines = [
    '[databases]',
    `* = ${server}${secret}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    `pool_mode = ${mode}`,
    'default_pool_size = 5',
    'max_client_conn = 200',
    ...(found.version >= 121 ? ['max_prepared_statements = 0'] : []),
  ]
  const file = join(folder, 'pgbouncer.ini')
  await writeFile(file, lines.join('\n'), { mode: 0o600 })
  const user = process.getuid?.() === 0 ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {}
  if ('uid' in user) {
    await chown(file, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
    await chmod(folder, 0o711)
  }
  const child = spawn(found.binary, [file], { stdio: ['ignore', 'ignore', 'pipe'], ...user })
  const said: string[] = []
  child.stderr?.on('data', (text) => said.push(String(text)))
  const url = `postgresql://${username}@127.0.0.1:${port}${pathname}`
  const stop = async (): Promise<void> => {
    await ended(child)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await until(() => answers(url), { what: 'PgBouncer' })
  } catch (cause) {
    await stop()
    throw new Error(`PgBouncer did not start: ${said.join('')}`, { cause })
  }
  return { url, [Symbol.asyncDispose]: stop }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('SELECT 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
