import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chown, cp, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { findBinaries } from '../../src/database/embedded/binaries.ts'
import { until } from './until.ts'

/** PostgreSQL does not run as root. */
const UNPRIVILEGED_ID = 65_534
const user = process.getuid?.() === 0 ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : null
const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'wal_level=replica',
  'hot_standby=on',
  'max_connections=100',
  'shared_buffers=32MB',
  'wal_keep_size=64MB',
]

/** A server of a test's own. */
export class TestServer {
  readonly data: string
  readonly port: number
  readonly #binary: string
  #process: ChildProcess | null = null

  constructor(data: string, port: number, binary: string) {
    this.data = data
    this.port = port
    this.#binary = binary
  }

  get url(): string {
    return `postgresql://postgres@127.0.0.1:${this.port}/postgres`
  }

  async start(): Promise<void> {
    const log = await open(`${this.data}.log`, 'a')
    const options = [`port=${this.port}`, ...SETTINGS].flatMap((setting) => ['-c', setting])
    this.#process = spawn(this.#binary, ['-D', this.data, ...options], {
      stdio: ['ignore', log.fd, log.fd],
      cwd: this.data,
      ...user,
    })
    await log.close()
    await until(() => this.sql('SELECT 1').catch(() => null), {
      what: `the server of ${this.data}: ${await readFile(`${this.data}.log`, 'utf8')}`,
    })
  }

  /** `SIGQUIT` is a crash, `SIGSTOP` a host that does not answer. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
    const child = this.#process
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGCONT')
    child.kill(signal)
    await ended
  }

  async sql<Row = Record<string, unknown>>(text: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.url })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query(text)).rows as Row[]
    } finally {
      await client.end()
    }
  }

  promote(): Promise<unknown> {
    return this.sql('SELECT pg_promote(true, 30)')
  }
}

/** A primary, and a standby that streams from it. */
export interface ServerPair extends AsyncDisposable {
  readonly primary: TestServer
  readonly standby: TestServer
}

export async function startPair(): Promise<ServerPair> {
  const home = await mkdtemp(join(tmpdir(), 'chancy-pair-'))
  if (user !== null) await chown(home, user.uid, user.gid)
  const { folder } = await findBinaries(user)
  const server = async (name: string) =>
    new TestServer(join(home, name), await freePort(), join(folder, 'bin', 'postgres'))
  const primary = await server('primary')
  const standby = await server('standby')
  const stop = async (): Promise<void> => {
    await Promise.all([primary.stop('SIGQUIT'), standby.stop('SIGQUIT')])
    await rm(home, { recursive: true, force: true })
  }
  try {
    const args = ['--pgdata', primary.data, '--username', 'postgres', '--auth', 'trust']
    args.push('--encoding', 'UTF8', '--no-locale', '--no-sync')
    const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C' }
    const initdb = join(folder, 'bin', 'initdb')
    await promisify(execFile)(initdb, args, { cwd: home, env, ...user })
    // A copy of a server that is shut down needs no pg_basebackup, which the package does not bring.
    await cp(primary.data, standby.data, { recursive: true })
    await writeFile(
      join(standby.data, 'postgresql.auto.conf'),
      `primary_conninfo = 'host=127.0.0.1 port=${primary.port} user=postgres'\n`,
    )
    await writeFile(join(standby.data, 'standby.signal'), '')
    if (user !== null) await promisify(execFile)('chown', ['-R', String(user.uid), standby.data])
    await primary.start()
    await standby.start()
    await until(
      async () => (await primary.sql('SELECT 1 FROM pg_stat_replication')).length > 0 || null,
      { what: 'the standby to stream' },
    )
  } catch (error) {
    await stop()
    throw error
  }
  return { primary, standby, [Symbol.asyncDispose]: stop }
}

/** Until the standby has replayed what the primary has written. */
export function caughtUp({ primary }: ServerPair): Promise<unknown> {
  return until(
    async () =>
      (
        await primary.sql(
          'SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()',
        )
      ).length > 0 || null,
    { what: 'the standby to catch up' },
  )
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
