/**
 * The process that supervises an embedded server: it starts the server, restarts it after a crash, and
 * stops it when its last client has left or ended. It runs in a session of its own, so that Ctrl-C in a
 * terminal reaches the application, which may still have work to save, and not the server. Standard
 * input counts as the first client, until the process that has started this one has connected. Its
 * status is one line on standard output: `SupervisorStatus`.
 */
import { randomBytes } from 'node:crypto'
import { openSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { callAfter, systemClock } from '../../core/clock.ts'
import { ConfigError } from '../../core/errors.ts'
import { findBinaries } from './binaries.ts'
import { type Cluster, lastPort, openCluster, writeSettings } from './cluster.ts'
import { choosePort } from './free-port.ts'
import { readJsonLines, toJsonLine } from './json-lines.ts'
import { Postmaster, startPostmaster } from './postmaster.ts'
import { runningServer } from './postmaster-file.ts'
import { chooseUser } from './run-as.ts'
import {
  type ControlAnswer,
  type ControlFile,
  type ControlRequest,
  connectToSupervisor,
  controlFile,
  isProof,
  proofOf,
  type SupervisorCommand,
  type SupervisorStatus,
} from './supervisor-link.ts'

const command = JSON.parse(process.argv[2] ?? '{}') as SupervisorCommand
const log = join(command.directory, 'server.log')
const token = randomBytes(24).toString('base64url')
const clients = new Set<object>([process.stdin])
/** How often in a row the server is restarted after a crash, with a second in between. */
const MAX_RESTARTS = 5

/** How long a connection may stay that has not joined. */
const JOIN_MS = 5_000
/** Of clients, and of processes that have not joined. */
const MAX_CONNECTIONS = 500

let cluster: Cluster
let server: Postmaster
let port: number
let controlServer: Server
let isStopping = false
let work: Promise<unknown> = Promise.resolve()

process.on('SIGINT', () => {})
process.on('SIGHUP', () => {})
process.on('SIGTERM', () => void finish())
process.stdout.on('error', () => {})
process.stdin.on('error', () => {}).resume()
process.stdin.on('close', () => void left(process.stdin))

try {
  const status = await begin()
  process.stdout.write(toJsonLine(status))
  if (status.kind !== 'ready') process.exit(0)
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  const isConfig = error instanceof ConfigError
  process.stdout.write(toJsonLine({ kind: 'failed', isConfig, message }))
  process.exit(1)
}

async function begin(): Promise<SupervisorStatus> {
  const data = join(command.directory, 'data')
  const user = await chooseUser(data)
  cluster = await openCluster(command.directory, await findBinaries(user), user)
  const running = await runningServer(data)
  const found = running === null ? await start() : await adopt(running)
  if (found === null) return { kind: 'busy' }
  hold(found)
  await openControlServer()
  // The process that has started this one may have ended while the server started.
  if (clients.size === 0) void finish()
  return { kind: 'ready' }
}

async function start(): Promise<Postmaster | null> {
  if (port === undefined) {
    port = await choosePort(command.port, await lastPort(cluster))
    await rename(log, `${log}.1`).catch(() => {})
  }
  await writeSettings(cluster, {
    ...command.settings,
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
  })
  return startPostmaster(cluster, openSync(log, 'a', 0o600), log)
}

/** Takes over a server that has no supervisor. Null: it has one, or it is starting or stopping. */
async function adopt(found: { pid: number; port: number; status: string }) {
  const other = await connectToSupervisor(command.directory)
  other?.destroy()
  if (other !== null || found.status !== 'ready') return null
  port = found.port
  return new Postmaster(found.pid)
}

function hold(found: Postmaster): void {
  server = found
  void found.ended.then(() => {
    if (server === found && !isStopping) void inTurn(() => startAgain(found))
  })
}

async function startAgain(crashed: Postmaster): Promise<void> {
  for (let failed = 0; server === crashed && !isStopping; failed++) {
    const next = await start().catch(() => null)
    if (next !== null) return hold(next)
    if (failed === MAX_RESTARTS) process.exit(1)
    await systemClock.sleep(1_000)
  }
}

async function openControlServer(): Promise<void> {
  controlServer = createServer((socket) => accept(socket))
  controlServer.maxConnections = MAX_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    // Stays: a connection that cannot be accepted, since no descriptor is left, is an error of the server.
    controlServer.on('error', reject)
    controlServer.listen(0, '127.0.0.1', resolve)
  })
  const content: ControlFile = { port: (controlServer.address() as AddressInfo).port, token }
  const beside = `${controlFile(command.directory)}.${process.pid}`
  await writeFile(beside, JSON.stringify(content), { mode: 0o600 })
  await rename(beside, controlFile(command.directory))
}

/** Any process on this machine can connect. A socket is not trusted before it has joined with a proof. */
function accept(socket: Socket): void {
  let hasJoined = false
  const cancel = callAfter(systemClock, JOIN_MS, () => socket.destroy())
  socket.on('error', () => {})
  socket.on('close', () => {
    cancel()
    if (hasJoined) void left(socket)
  })
  readJsonLines<ControlRequest>(socket, {
    refuse: () => void socket.destroy(),
    take: async (request) => {
      if (request.do === 'join' && !hasJoined) {
        hasJoined = knowsToken(request) && !isStopping
        if (hasJoined) cancel()
      }
      if (!hasJoined) return void socket.destroy()
      clients.add(socket)
      const answer = await execute(request, socket).catch((error: Error) => ({
        error: error.message,
      }))
      if (!socket.destroyed) socket.write(toJsonLine(answer))
      if (request.do === 'leave' && isStopping) socket.end(() => process.exit(0))
    },
  })
}

function knowsToken({ nonce, proof }: { readonly nonce: unknown; readonly proof: unknown }) {
  return typeof nonce === 'string' && isProof(proof, proofOf('client', token, nonce))
}

async function execute(request: ControlRequest, socket: Socket): Promise<ControlAnswer> {
  if (request.do === 'leave') await left(socket, false)
  if (request.do === 'restart') await inTurn(() => restart(request.mode, request.downMs))
  const host = `postgres:${cluster.password}@127.0.0.1:${port}`
  const answer = { url: `postgresql://${host}/postgres`, pid: server.pid }
  if (request.do !== 'join') return answer
  return { ...answer, proof: proofOf('supervisor', token, request.nonce) }
}

async function restart(mode: 'fast' | 'immediate' | 'kill', downMs: number): Promise<void> {
  const old = server
  // Replaced first, so that the end of the old one does not count as a crash.
  server = new Postmaster(old.pid)
  await old.stop(mode)
  await systemClock.sleep(downMs)
  await startAgain(server)
}

async function left(client: object, mayExit = true): Promise<void> {
  clients.delete(client)
  if (clients.size === 0 && controlServer !== undefined) await finish(mayExit)
}

/** Signals first and closes the control server afterwards: a process that connects now finds the server stopping, and waits. */
async function finish(mayExit = true): Promise<void> {
  if (!isStopping) {
    isStopping = true
    void inTurn(close)
  }
  await work
  if (mayExit) process.exit(0)
}

async function close(): Promise<void> {
  const stopped = server.stop('fast')
  controlServer.close()
  await stopped
  await rm(controlFile(command.directory), { force: true })
  if (command.isTemporary) await rm(command.directory, { recursive: true, force: true })
}

/** Runs one step at a time: a stop waits for a restart. */
function inTurn(step: () => Promise<void>): Promise<void> {
  const result = work.then(step)
  work = result.catch(() => {})
  return result
}
