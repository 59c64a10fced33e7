// Builds Chancy, installs the peers on first use, and runs the benchmark beside them.
//
//   npm run bench -- --help
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
compileChild()
const main = join(root, 'bench', 'run', 'main.ts')
run(process.execPath, ['--import', 'tsx', main, ...process.argv.slice(2)])

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
