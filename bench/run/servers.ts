import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedPostgres, embeddedPostgres } from 'chancy/embedded-postgres'
import { fillLog, KEPT_LOG } from '../support/log-files.ts'
import type { Stores } from './peer.ts'
import { query } from './postgres.ts'
import type { System } from './systems.ts'

const SETTINGS = { max_connections: '200', shared_buffers: '1GB', ...KEPT_LOG }
const START_MS = 10_000

/** The stores of a run: each is started when it is first asked for, and all end with it. */
export class Servers implements AsyncDisposable {
  #postgres: EmbeddedPostgres | null = null
  readonly #redis = new Map<boolean, { process: ChildProcess; directory: string; port: number }>()

  /** @throws where the store of this system cannot be had, with what to do */
  async storesOf({ store }: System): Promise<Stores> {
    if (store === 'postgres') return { postgres: await this.#postgresUrl() }
    return { redis: await this.#redisPort(store === 'redis-fsync') }
  }

  /** What was measured on, for the head of the table. */
  async describe(): Promise<Record<string, string>> {
    const url = await this.#postgresUrl()
    const shown: Record<string, string> = {}
    for (const name of [
      'server_version',
      'fsync',
      'synchronous_commit',
      'full_page_writes',
      'shared_buffers',
      'min_wal_size',
      'max_wal_size',
    ]) {
      const [row] = await query(url, `SHOW ${name}`)
      shown[name] = String(row?.[name])
    }
    const redis = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
    shown.redis = /v=(\S+)/.exec(redis.stdout ?? '')?.[1] ?? 'none'
    return shown
  }

  async #postgresUrl(): Promise<string> {
    if (process.env.DATABASE_URL !== undefined) return process.env.DATABASE_URL
    if (this.#postgres === null) {
      this.#postgres = embeddedPostgres({ settings: SETTINGS })
      const url = await this.#postgres.url()
      await fillLog((text) => query(url, text))
    }
    return this.#postgres.url()
  }

  async #redisPort(isDurable: boolean): Promise<number> {
    const running = this.#redis.get(isDurable)
    if (running !== undefined) return running.port
    const directory = mkdtempSync(join(tmpdir(), 'chancy-bench-redis-'))
    const port = await freePort()
    const durability = isDurable
      ? ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '']
      : ['--appendonly', 'no', '--save', '']
    const server = spawn(
      'redis-server',
      ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory, ...durability],
      { stdio: 'ignore' },
    )
    try {
      await answers(server, port)
    } catch (error) {
      server.kill()
      rmSync(directory, { recursive: true, force: true })
      throw error
    }
    this.#redis.set(isDurable, { process: server, directory, port })
    // A run that is broken off disposes of nothing, and Redis would outlive it.
    process.once('exit', () => {
      server.kill()
      rmSync(directory, { recursive: true, force: true })
    })
    return port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process: server, directory } of this.#redis.values()) {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill()
      await ended
      rmSync(directory, { recursive: true, force: true })
    }
    await this.#postgres?.close()
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

async function answers(server: ChildProcess, port: number): Promise<void> {
  const failed = new Promise<never>((_resolve, reject) => {
    server.once('error', (error) => {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      reject(isMissing ? new Error('no redis-server: apt-get install redis-server') : error)
    })
    server.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)))
  })
  failed.catch(() => {})
  const until = performance.now() + START_MS
  while (!(await Promise.race([takesConnections(port), failed]))) {
    if (performance.now() > until) throw new Error('redis-server takes no connections')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
