// Compiles src to dist. The compiler writes to a folder of its own; only what changed is then renamed
// into place, and what is no longer made is removed. So dist is never empty, a running child keeps
// its files, and two builds at once do not disturb each other.
//
//   node scripts/build.mjs            fails, and leaves dist alone, when the types are wrong
//   node scripts/build.mjs --force    writes dist all the same
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
const prefix = '.build-'
const fresh = join(dist, `${prefix}${process.pid}`)

for (const entry of existsSync(dist) ? readdirSync(dist) : []) if (isAbandoned(entry)) remove(entry)
mkdirSync(fresh, { recursive: true })
try {
  process.exitCode = build()
} finally {
  rmSync(fresh, { recursive: true, force: true })
}

function build() {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  if (!existsSync(compiler)) {
    console.error('TypeScript is not installed, so nothing can be built. Run "npm ci" first.')
    return 1
  }
  const args = [compiler, '-p', join(root, 'tsconfig.build.json'), '--outDir', fresh]
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (status === 0 || process.argv.includes('--force')) publish()
  return status ?? 1
}

function publish() {
  const made = new Set(files(fresh))
  for (const file of made) if (isChanged(file)) put(file)
  for (const file of files(dist)) if (!made.has(file)) remove(file)
}

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((file) => !file.startsWith(prefix))
}

function isChanged(file) {
  const old = join(dist, file)
  return !existsSync(old) || !readFileSync(old).equals(readFileSync(join(fresh, file)))
}

function put(file) {
  mkdirSync(dirname(join(dist, file)), { recursive: true })
  renameSync(join(fresh, file), join(dist, file))
}

function remove(file) {
  rmSync(join(dist, file), { recursive: true, force: true })
}

/** The folder of a build that was killed: nobody has its process id any more. */
function isAbandoned(entry) {
  if (!entry.startsWith(prefix)) return false
  try {
    process.kill(Number(entry.slice(prefix.length)), 0)
    return false
  } catch {
    return true
  }
}
