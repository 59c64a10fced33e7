// Builds Chancy, installs the peers on first use, and runs the benchmark beside them.
//
//   npm run bench -- --help
//   npm run bench:durable     durable functions beside those of DBOS and OpenWorkflow
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './source-tree.mjs'

const peers = join(root, 'bench', 'peers')
/** BullMQ's sandboxes load it by its path. */
const PROCESSOR = 'bullmq-processor.mjs'
const lock = join(peers, 'package-lock.json')
// npm writes this file at the end of an installation.
const installed = join(peers, 'node_modules', '.package-lock.json')

run(process.execPath, [join(root, 'scripts', 'build.mjs')])
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  console.error('installing the peers in bench/peers')
  // Chancy can be measured without them, and the table says of each why it is not there.
  const options = { cwd: peers, shell: process.platform === 'win32', mayFail: true }
  run('npm', ['ci', '--loglevel=error'], options)
}
const given = process.argv.slice(2)
const isDurable = given[0] === 'durable'
// Its processes load the adapters as they are written: what is measured waits for the server.
if (isDurable) given.shift()
else compileChild()
const main = join(root, 'bench', isDurable ? 'durable' : 'run', 'main.ts')
run(process.execPath, ['--import', 'tsx', main, ...given])

/** What is measured, as JavaScript, beside a link to what the peers need. */
function compileChild() {
  const built = join(root, 'bench', '.built')
  rmSync(built, { recursive: true, force: true })
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  run(process.execPath, [compiler, '-p', join(root, 'bench', 'tsconfig.built.json')])
  cpSync(join(peers, PROCESSOR), join(built, 'peers', PROCESSOR))
  symlinkSync(join(peers, 'node_modules'), join(built, 'peers', 'node_modules'), 'junction')
}

function run(command, args, { mayFail = false, ...options } = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (error) throw error
  if (status !== 0 && !mayFail) process.exit(status ?? 1)
}
