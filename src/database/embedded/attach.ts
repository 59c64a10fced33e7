import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../core/clock.ts'
import { ConfigError, DatabaseError } from '../../core/errors.ts'
import { readJsonLines } from './json-lines.ts'
import {
  connectToKeeper,
  type KeeperLink,
  type KeeperOrder,
  type KeeperReport,
} from './keeper-link.ts'

/** How long another process may take to start or stop the same server. */
const BUSY_MS = 150_000
const RETRY_MS = 100

export interface ServerWish {
  /** Null: a temporary one, which is removed when the server has stopped. */
  readonly directory: string | null
  readonly port: number | null
  readonly settings: Readonly<Record<string, string>>
}

/** What to ask a keeper for, with a directory that exists. */
export async function toOrder({ directory, port, settings }: ServerWish): Promise<KeeperOrder> {
  const isTemporary = directory === null
  const path = isTemporary ? await mkdtemp(join(tmpdir(), 'chancy-postgres-')) : resolve(directory)
  // Whoever the server runs as passes through; the files inside are for their owners only.
  if (isTemporary) await chmod(path, 0o711)
  else await mkdir(path, { recursive: true, mode: 0o711 }).catch(refuse)
  return { directory: path, isTemporary, port, settings }

  function refuse(cause: Error): never {
    throw new ConfigError(`The directory "${path}" cannot be made: ${cause.message}.`, { cause })
  }
}

/** Comes to the server of a directory: to the keeper that holds it, or to a new one. */
export async function attach(order: KeeperOrder): Promise<KeeperLink> {
  const deadline = systemClock.monotonic() + BUSY_MS
  do {
    const link = (await connectToKeeper(order.directory)) ?? (await startKeeper(order))
    if (link !== null) return link
    await systemClock.sleep(RETRY_MS)
  } while (systemClock.monotonic() < deadline)
  throw new DatabaseError(
    `Another process is starting or stopping the server in "${order.directory}" and has not finished. Look at "server.log" there.`,
    { code: 'DATABASE_UNREACHABLE' },
  )
}

function keeperFile(): string {
  // Undefined in a bundle of CommonJS.
  const here = import.meta.url as string | undefined
  const file = here === undefined ? 'keeper.js' : fileURLToPath(new URL('./keeper.js', here))
  if (existsSync(file)) return file
  throw new ConfigError(
    'embeddedPostgres() starts its server with the file chancy/dist/database/embedded/keeper.js, which was not found. This program is bundled: leave the package out of the bundle (esbuild: --external:chancy) and install it beside.',
  )
}

async function startKeeper(order: KeeperOrder): Promise<KeeperLink | null> {
  // Beside this file once it is built. A process of its own cannot load TypeScript.
  const keeper = keeperFile()
  const child = spawn(process.execPath, [keeper, JSON.stringify(order)], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  try {
    const report = await reportOf(child)
    if (report.kind === 'ready') return await connectToKeeper(order.directory)
    if (report.kind === 'busy') return null
    throw report.isConfig ? new ConfigError(report.message) : new DatabaseError(report.message)
  } finally {
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy()
    child.unref()
  }
}

function reportOf(child: ChildProcess): Promise<KeeperReport> {
  let complaint = ''
  // Without a descriptor left for its pipes there are no streams, and only the error below.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.on('error', () => {})
  child.stderr?.on('data', (text) => {
    complaint += text
  })
  return new Promise((resolve) => {
    if (child.stdout)
      readJsonLines<KeeperReport>(child.stdout, {
        take: (report) => resolve(report),
        refuse: () => fail('its process printed something else than a report'),
      })
    child.on('error', (error) => fail(error.message))
    child.once('close', () => fail(complaint.trim() || 'its process ended without a word'))

    function fail(why: string): void {
      const message = `The embedded PostgreSQL could not be started: ${why}`
      resolve({ kind: 'failed', isConfig: false, message })
    }
  })
}
