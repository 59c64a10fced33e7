// What a new user does, in an empty folder with the packed package: `chancy init`, `chancy dev`, a push
// from a second terminal, a change of the code, a push again, Ctrl+C. Run by root, a second time as another user.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { install, killGroup, packedFolder, run } from './fresh-clone.mjs'
import { root } from './source-tree.mjs'

const WAIT_MS = 90_000
const PUSH = `npx chancy job push greet --args '{"name":"Ada"}' --wait --timeout 60s`
/** The user of Unix systems that owns nothing. */
const OTHER = 65_534

const { tarball } = packedFolder('newcomer')
const { DATABASE_URL: _, CHANCY_APP: __, ...env } = process.env

async function asOtherUser() {
  const user = { uid: OTHER, gid: OTHER }
  try {
    run(
      `setpriv --reuid=${OTHER} --regid=${OTHER} --clear-groups test -r ${join(root, 'package.json')}`,
      '/',
    )
  } catch {
    console.log('not tried as another user: this folder is not readable for it')
    return
  }
  await followSteps('as another user', user)
}

/** @param besides what is done when a first job has run */
async function followSteps(who, user, besides = async () => {}) {
  const folder = emptyFolder(user)
  const home = emptyFolder(user)
  const own = { ...env, HOME: home, npm_config_cache: join(home, '.npm') }
  const options = { cwd: folder, env: own, user }
  try {
    installPackage(folder, user)
    await command('npx chancy init', options)
    const dev = new Terminal('npx chancy dev', options)
    try {
      await dev.until((text) => runs(text) === 1)
      expect(who, await command(PUSH, options), 'Hello, Ada!')
      await besides(who, dev, options)
      await dev.interrupt()
      await checkServerGone(dev.output)
    } finally {
      dev.kill()
    }
  } finally {
    for (const one of [folder, home]) rmSync(one, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function changedCode(who, dev, options) {
  const file = join(options.cwd, 'src', 'jobs.ts')
  writeFileSync(file, readFileSync(file, 'utf8').replace('Hello', 'Goodbye'))
  await dev.until((text) => runs(text) === 2)
  expect(who, await command(PUSH, options), 'Goodbye, Ada!')
  expect(who, await command('npx tsx src/push.ts', options), 'succeeded Goodbye, Ada!')
}

function emptyFolder({ uid }) {
  const folder = mkdtempSync(join(tmpdir(), 'chancy-newcomer-'))
  chmodSync(folder, 0o755)
  if (uid !== undefined) chownSync(folder, uid, uid)
  return folder
}

/** What "npm install ./chancy.tgz" and the "npm install" behind "chancy init" leave, from the packages of this repository. */
function installPackage(folder, { uid }) {
  install(tarball, folder)
  const dependencies = { chancy: `file:${tarball}` }
  const file = join(folder, 'package.json')
  writeFileSync(file, JSON.stringify({ dependencies }))
  if (uid !== undefined) chownSync(file, uid, uid)
}

function runs(output) {
  return output.split('the worker runs').length - 1
}

function expect(who, printed, text) {
  if (!printed.includes(text)) throw new Error(`${who}: expected "${text}", got:\n${printed}`)
}

async function command(line, options) {
  const terminal = new Terminal(line, options)
  const [code] = await terminal.closed
  if (code === 0) return terminal.output
  throw new Error(`"${line}" ended with ${code}:\n${terminal.output}`)
}

/** The port of the server takes no more connections. */
async function checkServerGone(output) {
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(output)?.[1])
  const endsAt = performance.now() + WAIT_MS
  while (await isOpen(port)) {
    if (performance.now() > endsAt) throw new Error('the server of "chancy dev" still runs')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function isOpen(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** One command line and what it prints, in a process group of its own, as a terminal has it. */
class Terminal {
  constructor(line, { cwd, env: own, user }) {
    this.line = line
    this.output = ''
    this.child = spawn(line, { cwd, env: own, shell: true, detached: true, ...user })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (chunk) => {
        this.output += chunk
      })
    }
    this.closed = once(this.child, 'close')
  }

  async until(isReached) {
    const endsAt = performance.now() + WAIT_MS
    while (!isReached(this.output)) {
      if (this.child.exitCode !== null || performance.now() > endsAt)
        throw new Error(`"${this.line}" printed:\n${this.output}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  /** As Ctrl+C does it: to every process of the group. All of them end. */
  async interrupt() {
    killGroup(this.child, 'SIGINT')
    await this.closed
    if (isGroupAlive(this.child.pid))
      throw new Error(`"${this.line}" left a process:\n${this.output}`)
  }

  kill() {
    killGroup(this.child, 'SIGKILL')
  }
}

function isGroupAlive(pid) {
  try {
    process.kill(-pid, 0)
    return true
  } catch {
    return false
  }
}

try {
  await followSteps('as this user', {}, changedCode)
  if (process.getuid?.() === 0) await asOtherUser()
  console.log('a new user gets from an empty folder to changed code that runs')
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
