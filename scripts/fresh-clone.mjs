// A clone of this repository as a new user has it after "npm ci": what git keeps or would keep, nothing
// built, the packages linked instead of installed. And what follows from it: the tarball, and a folder in
// which that is installed. No network is needed.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from './source-tree.mjs'

const isWindows = process.platform === 'win32'

/**
 * A temporary folder, and the tarball of what this repository has built. That a fresh clone packs the same is shown by
 * the check of the README.
 */
export function packedFolder(name) {
  const folder = temporary(name)
  const packed = run(`npm pack --ignore-scripts --silent --pack-destination "${folder}"`, root)
  return { folder, tarball: join(folder, packed.trim()) }
}

/** A temporary folder with a `clone` and an `empty` one in it; removed with the process. */
export function freshFolders(name) {
  const folder = temporary(name)
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  return { clone: cloneInto(join(folder, 'clone')), empty }
}

function temporary(name) {
  const folder = mkdtempSync(join(tmpdir(), `chancy-${name}-`))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

function cloneInto(clone) {
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z']
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0')
  for (const file of files) {
    if (file === '' || !existsSync(join(root, file))) continue
    mkdirSync(join(clone, dirname(file)), { recursive: true })
    cpSync(join(root, file), join(clone, file))
  }
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'), 'junction')
  return clone
}

/** What `npm install` of the tarball of the clone, and of packages that this repository has, leaves. */
export function install(tarball, folder) {
  const modules = join(folder, 'node_modules')
  const installed = join(modules, 'chancy')
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  linkCommands(modules, installed)
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== 'chancy') link(name, modules)
  }
  return installed
}

/** The commands of all packages, for npx. */
function linkCommands(modules, installed) {
  const bin = join(modules, '.bin')
  mkdirSync(bin, { recursive: true })
  for (const name of readdirSync(join(root, 'node_modules', '.bin')))
    link(join('.bin', name), modules)
  const main = join(installed, 'dist', 'cli', 'main.js')
  chmodSync(main, 0o755)
  if (!existsSync(join(bin, 'chancy'))) symlinkSync(main, join(bin, 'chancy'))
}

function link(name, modules) {
  const to = join(modules, name)
  if (!existsSync(to)) symlinkSync(join(root, 'node_modules', name), to, 'junction')
}

/** Runs a command line; what it printed. @throws when it fails */
export function run(line, cwd, { env = process.env, timeout = 180_000 } = {}) {
  const options = { cwd, env, timeout, encoding: 'utf8', shell: true }
  const { status, signal, stdout, stderr } = spawnSync(line, options)
  if (status === 0) return stdout
  throw new Error(`"${line}" ended with ${status ?? signal}:\n${stdout}${stderr}`)
}

/** The process and what it started, where there are groups. */
export function killGroup(child, signal) {
  try {
    if (isWindows) child.kill(signal)
    else process.kill(-child.pid, signal)
  } catch (error) {
    // It has ended by itself.
    if (error.code !== 'ESRCH') throw error
  }
}
