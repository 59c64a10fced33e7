/**
 * A small process that holds an embedded server: it starts it, starts it again when it crashes, and
 * stops it when the last process that uses it has left or died. It runs in a session of its own, so
 * that Ctrl-C in a terminal reaches the application, which may still have work to save, and not the
 * server. Standard input counts as the first user, until the process that made this one has
 * connected. The answer on standard output is one line: `KeeperReport`.
 */
import { randomBytes } from 'node:crypto'
import { openSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import { ConfigError } from '../../core/errors.ts'
import { findBinaries } from './binaries.ts'
import { type Cluster, lastPort, openCluster, writeSettings } from './cluster.ts'
import { choosePort } from './free-port.ts'
import { readJsonLines, toJsonLine } from './json-lines.ts'
import {
  connectToKeeper,
  isProof,
  type KeeperAnswer,
  type KeeperFile,
  type KeeperOrder,
  type KeeperReport,
  type KeeperRequest,
  keeperFile,
  proofOf,
} from './keeper-link.ts'
import { Postmaster, startPostmaster } from './postmaster.ts'
import { runningServer } from './postmaster-file.ts'
import { chooseUser } from './run-as.ts'

const order = JSON.parse(process.argv[2] ?? '{}') as KeeperOrder
const log = join(order.directory, 'server.log')
const token = randomBytes(24).toString('base64url')
const users = new Set<object>([process.stdin])
/** How often in a row the server is started again after a crash, with a second in between. */
const MAX_RESTARTS = 5

/** How long a connection may stay that does not prove to be a user. */
const HELLO_MS = 5_000
/** Users and strangers together. */
const MAX_CONNECTIONS = 500

let cluster: Cluster
let server: Postmaster
let port: number
let doors: Server
let isStopping = false
let work: Promise<unknown> = Promise.resolve()

process.on('SIGINT', () => {})
process.on('SIGHUP', () => {})
process.on('SIGTERM', () => void finish())
process.stdout.on('error', () => {})
process.stdin.on('error', () => {}).resume()
process.stdin.on('close', () => void gone(process.stdin))

try {
  const report = await begin()
  process.stdout.write(toJsonLine(report))
  if (report.kind !== 'ready') process.exit(0)
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  const isConfig = error instanceof ConfigError
  process.stdout.write(toJsonLine({ kind: 'failed', isConfig, message }))
  process.exit(1)
}

async function begin(): Promise<KeeperReport> {
  const data = join(order.directory, 'data')
  const user = await chooseUser(data)
  cluster = await openCluster(order.directory, await findBinaries(user), user)
  const running = await runningServer(data)
  const found = running === null ? await start() : await adopt(running)
  if (found === null) return { kind: 'busy' }
  hold(found)
  await openDoors()
  // The process that asked for a server may have died while it started.
  if (users.size === 0) void finish()
  return { kind: 'ready' }
}

async function start(): Promise<Postmaster | null> {
  if (port === undefined) {
    port = await choosePort(order.port, await lastPort(cluster))
    await rename(log, `${log}.1`).catch(() => {})
  }
  await writeSettings(cluster, {
    ...order.settings,
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
  })
  return startPostmaster(cluster, openSync(log, 'a', 0o600), log)
}

/** A server without a keeper goes on; one that has a keeper, or is on its way up or down, is busy. */
async function adopt(found: { pid: number; port: number; status: string }) {
  const other = await connectToKeeper(order.directory)
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

async function openDoors(): Promise<void> {
  doors = createServer((socket) => welcome(socket))
  doors.maxConnections = MAX_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    // Stays: a connection that cannot be accepted, for lack of a descriptor, is an error of the server.
    doors.on('error', reject)
    doors.listen(0, '127.0.0.1', resolve)
  })
  const content: KeeperFile = { port: (doors.address() as AddressInfo).port, token }
  const beside = `${keeperFile(order.directory)}.${process.pid}`
  await writeFile(beside, JSON.stringify(content), { mode: 0o600 })
  await rename(beside, keeperFile(order.directory))
}

/** Anybody on this machine may connect. Until a hello has proven otherwise, a socket is a stranger's. */
function welcome(socket: Socket): void {
  let isKnown = false
  const patience = setTimeout(() => socket.destroy(), HELLO_MS)
  socket.on('error', () => {})
  socket.on('close', () => {
    clearTimeout(patience)
    if (isKnown) void gone(socket)
  })
  readJsonLines<KeeperRequest>(socket, {
    refuse: () => void socket.destroy(),
    take: async (request) => {
      if (request.do === 'hello' && !isKnown) {
        isKnown = knowsToken(request) && !isStopping
        if (isKnown) clearTimeout(patience)
      }
      if (!isKnown) return void socket.destroy()
      users.add(socket)
      const answer = await carryOut(request, socket).catch((error: Error) => ({
        error: error.message,
      }))
      if (!socket.destroyed) socket.write(toJsonLine(answer))
      if (request.do === 'leave' && isStopping) socket.end(() => process.exit(0))
    },
  })
}

function knowsToken({ nonce, proof }: { readonly nonce: unknown; readonly proof: unknown }) {
  return typeof nonce === 'string' && isProof(proof, proofOf('user', token, nonce))
}

async function carryOut(request: KeeperRequest, socket: Socket): Promise<KeeperAnswer> {
  if (request.do === 'leave') await gone(socket, false)
  if (request.do === 'restart') await inTurn(() => restart(request.mode, request.downMs))
  const host = `postgres:${cluster.password}@127.0.0.1:${port}`
  const answer = { url: `postgresql://${host}/postgres`, pid: server.pid }
  if (request.do !== 'hello') return answer
  return { ...answer, proof: proofOf('keeper', token, request.nonce) }
}

async function restart(mode: 'fast' | 'immediate' | 'kill', downMs: number): Promise<void> {
  const old = server
  // Out of the way first, so that its end is not taken for a crash.
  server = new Postmaster(old.pid)
  await old.stop(mode)
  await systemClock.sleep(downMs)
  await startAgain(server)
}

async function gone(user: object, mayExit = true): Promise<void> {
  users.delete(user)
  if (users.size === 0 && doors !== undefined) await finish(mayExit)
}

/** Signals first and closes the door after: who comes now finds the server stopping, and waits. */
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
  doors.close()
  await stopped
  await rm(keeperFile(order.directory), { force: true })
  if (order.isTemporary) await rm(order.directory, { recursive: true, force: true })
}

/** One thing at a time: a stop waits for a restart. */
function inTurn(step: () => Promise<void>): Promise<void> {
  const result = work.then(step)
  work = result.catch(() => {})
  return result
}
