// Compiles src to dist. The compiler writes to a folder of its own; only what changed is then renamed
// into place, and what is no longer made is removed. So dist is never empty, a running child keeps
// its files, and two builds that run together do not disturb each other.
//
//   node scripts/build.mjs            fails, and leaves dist alone, when the types are wrong
//   node scripts/build.mjs --force    writes dist in any case
//   node scripts/build.mjs --modules  leaves the code of each module in its file, for scripts/road.mjs and profiles
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from './bundle.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
const prefix = '.build-'
/** A module that a declaration names. */
const NAMED = /(?:from|import|module)\s*\(?\s*['"](\.[^'"]+)\.[jt]s['"]/g
const fresh = join(dist, `${prefix}${process.pid}`)

for (const entry of existsSync(dist) ? readdirSync(dist) : []) if (isAbandoned(entry)) remove(entry)
mkdirSync(fresh, { recursive: true })
try {
  process.exitCode = await build()
} finally {
  rmSync(fresh, { recursive: true, force: true })
}

async function build() {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  if (!existsSync(compiler)) {
    console.error('TypeScript is not installed, so nothing can be built. Run "npm ci" first.')
    return 1
  }
  // The engine's SQL as a module of TypeScript.
  const engine = [join(root, 'scripts', 'engine-sql.mjs'), '--generate']
  const made = spawnSync(process.execPath, engine, { cwd: root, stdio: 'inherit' })
  if (made.status !== 0) return made.status ?? 1
  const args = [compiler, '-p', join(root, 'tsconfig.build.json'), '--outDir', fresh]
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  // The demo as the package runs it. Its types are checked with everything else.
  const demo = [compiler, '-p', join(root, 'tsconfig.demo.json'), '--outDir', join(fresh, 'demo')]
  spawnSync(process.execPath, demo, { cwd: root, stdio: 'inherit' })
  for (const file of files(fresh)) if (file.endsWith('.d.ts')) nameAugmented(file)
  if (status === 0 || process.argv.includes('--force')) {
    if (!process.argv.includes('--modules')) await bundle(fresh, files(fresh))
    writeFileSync(join(fresh, '.npmignore'), unreachedTypes())
    publish()
  }
  return status ?? 1
}

/** What the package leaves out: declarations that no entry leads to. They are two thirds of all. */
function unreachedTypes() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const entries = Object.values(exports).flatMap(({ types }) => (types ? [types] : []))
  const reached = new Set(entries.map((path) => relative('dist', path)))
  for (const file of reached) {
    const text = readFileSync(join(fresh, file), 'utf8')
    for (const [, one] of text.matchAll(NAMED)) reached.add(join(dirname(file), `${one}.d.ts`))
  }
  return ['*.d.ts', ...[...reached].sort().map((file) => `!/${file}`), ''].join('\n')
}

/** The compiler rewrites what a declaration imports, and not what it adds to. */
function nameAugmented(file) {
  const path = join(fresh, file)
  const text = readFileSync(path, 'utf8')
  const named = text.replace(/^(declare module '\.[^']*)\.ts'/gm, "$1.js'")
  if (named !== text) writeFileSync(path, named)
}

function publish() {
  const made = new Set(files(fresh))
  for (const file of made) if (isChanged(file)) put(file)
  for (const file of files(dist)) if (!made.has(file) && !isOfDashboard(file)) remove(file)
}

/** It is built on its own, by scripts/dashboard.mjs. */
function isOfDashboard(file) {
  return file.startsWith(`dashboard${sep}`)
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

/** The folder of a build that was killed: no process has its id any more. */
function isAbandoned(entry) {
  if (!entry.startsWith(prefix)) return false
  try {
    process.kill(Number(entry.slice(prefix.length)), 0)
    return false
  } catch {
    return true
  }
}
