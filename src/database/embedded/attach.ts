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
  connectToSupervisor,
  type SupervisorCommand,
  type SupervisorLink,
  type SupervisorStatus,
} from './supervisor-link.ts'

/** How long another process may take to start or stop the same server. */
const BUSY_MS = 150_000
const RETRY_MS = 100

export interface ServerRequest {
  /** Null: a temporary one, which is removed when the server has stopped. */
  readonly directory: string | null
  readonly port: number | null
  readonly settings: Readonly<Record<string, string>>
}

/** The command for a supervisor. Makes the directory. @throws {ConfigError} when it cannot be made */
export async function toCommand({
  directory,
  port,
  settings,
}: ServerRequest): Promise<SupervisorCommand> {
  const isTemporary = directory === null
  const path = isTemporary ? await mkdtemp(join(tmpdir(), 'chancy-postgres-')) : resolve(directory)
  // The user that the server runs as has to pass through; the files inside are for their owners only.
  if (isTemporary) await chmod(path, 0o711)
  else await mkdir(path, { recursive: true, mode: 0o711 }).catch(refuse)
  return { directory: path, isTemporary, port, settings }

  function refuse(cause: Error): never {
    throw new ConfigError(`The directory "${path}" cannot be made: ${cause.message}.`, { cause })
  }
}

/** Connects to the supervisor of a directory, or starts one. */
export async function attach(command: SupervisorCommand): Promise<SupervisorLink> {
  const deadline = systemClock.monotonic() + BUSY_MS
  do {
    const link = (await connectToSupervisor(command.directory)) ?? (await startSupervisor(command))
    if (link !== null) return link
    await systemClock.sleep(RETRY_MS)
  } while (systemClock.monotonic() < deadline)
  throw new DatabaseError(
    `Another process is starting or stopping the server in "${command.directory}" and has not finished. Look at "server.log" there.`,
    { code: 'DATABASE_UNREACHABLE' },
  )
}

function supervisorFile(): string {
  // Undefined in a bundle of CommonJS.
  const here = import.meta.url as string | undefined
  const file =
    here === undefined ? 'supervisor.js' : fileURLToPath(new URL('./supervisor.js', here))
  if (existsSync(file)) return file
  throw new ConfigError(
    'embeddedPostgres() starts its server with the file chancy/dist/database/embedded/supervisor.js, which was not found. This program is bundled: leave the package out of the bundle (esbuild: --external:chancy) and install it beside.',
  )
}

async function startSupervisor(command: SupervisorCommand): Promise<SupervisorLink | null> {
  // Beside this file once it is built. A process of its own cannot load TypeScript.
  const supervisor = supervisorFile()
  const child = spawn(process.execPath, [supervisor, JSON.stringify(command)], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  try {
    const status = await statusOf(child)
    if (status.kind === 'ready') return await connectToSupervisor(command.directory)
    if (status.kind === 'busy') return null
    throw status.isConfig ? new ConfigError(status.message) : new DatabaseError(status.message)
  } finally {
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy()
    child.unref()
  }
}

function statusOf(child: ChildProcess): Promise<SupervisorStatus> {
  let stderr = ''
  // Where no descriptor is left for its pipes there are no streams, and only the error below.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.on('error', () => {})
  child.stderr?.on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve) => {
    if (child.stdout)
      readJsonLines<SupervisorStatus>(child.stdout, {
        take: (status) => resolve(status),
        refuse: () => fail('its supervisor printed something other than its status'),
      })
    child.on('error', (error) => fail(error.message))
    child.once('close', () => fail(stderr.trim() || 'its supervisor ended and printed nothing'))

    function fail(why: string): void {
      const message = `The embedded PostgreSQL could not be started: ${why}`
      resolve({ kind: 'failed', isConfig: false, message })
    }
  })
}
