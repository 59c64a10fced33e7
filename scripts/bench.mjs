// Builds Chancy, installs the peers on first use, and runs the benchmark beside them.
//
//   npm run bench -- --help
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './source-tree.mjs'

const peers = join(root, 'bench', 'peers')
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
const main = join(root, 'bench', 'run', 'main.ts')
run(process.execPath, ['--import', 'tsx', main, ...process.argv.slice(2)])

function run(command, args, { mayFail = false, ...options } = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (error) throw error
  if (status !== 0 && !mayFail) process.exit(status ?? 1)
}
