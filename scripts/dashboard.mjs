// Builds the dashboard into dist/dashboard when its sources are newer than its output: hashed names, a manifest,
// each file beside its .br and .gz, and the licences of what is bundled.
//
//   node scripts/dashboard.mjs            builds what is out of date
//   node scripts/dashboard.mjs --budget   and prints the sizes; fails where they are over the budget
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build } from 'vite'
import { root } from './source-tree.mjs'

const source = join(root, 'dashboard')
const out = join(root, 'dist', 'dashboard')
/** What the output was made of. It begins with a dot: neither served nor packed. */
const stamp = join(out, '.made-of')
/** Compressed bytes, of the first page and of all. */
const BUDGET = { first: 70 * 1_024, all: 120 * 1_024 }

const wanted = sourceHash()
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) await make()
if (process.argv.includes('--budget')) printBudget()

async function make() {
  // A run of the tests has another one, with which JSX is compiled for debugging.
  process.env.NODE_ENV = 'production'
  const used = new Set()
  const noteLicences = {
    name: 'note-licences',
    generateBundle(_, bundle) {
      for (const id of Object.values(bundle).flatMap((one) => Object.keys(one.modules ?? {})))
        for (const name of packageOf(id)) used.add(name)
    },
  }
  await build({
    configFile: join(source, 'vite.config.ts'),
    logLevel: 'warn',
    plugins: [noteLicences],
    worker: { format: 'es', plugins: () => [noteLicences] },
  })
  writeFileSync(join(out, 'LICENSES.txt'), licences([...used].sort()))
  for (const file of shippedFiles()) compress(file)
  writeFileSync(stamp, wanted)
}

function compress(file) {
  const bytes = readFileSync(join(out, file))
  if (bytes.length < 256 || !/\.(js|css|html|svg|txt)$/.test(file)) return
  const size = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
  writeFileSync(join(out, `${file}.br`), brotliCompressSync(bytes, { params: size }))
  writeFileSync(join(out, `${file}.gz`), gzipSync(bytes, { level: 9 }))
}

/** …/node_modules/@preact/signals/dist/signals.mjs → @preact/signals */
function packageOf(id) {
  const path = id.replaceAll('\\', '/').split('/node_modules/').at(-1)
  if (!id.includes('node_modules') || path === undefined) return []
  return [
    path
      .split('/')
      .slice(0, path.startsWith('@') ? 2 : 1)
      .join('/'),
  ]
}

function licences(names) {
  const texts = names.map((name) => {
    const folder = join(root, 'node_modules', name)
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one))
    if (file === undefined) throw new Error(`${name} has no text of its licence`)
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
  })
  return `The scripts of this folder contain:\n\n${texts.join(`\n${'-'.repeat(78)}\n\n`)}`
}

function sourceHash() {
  const hash = createHash('sha256')
  const own = ['scripts/dashboard.mjs', 'package-lock.json'].map((file) => join(root, file))
  for (const file of [...own, ...filesOf(source)])
    hash.update(`${relative(root, file)}\0`).update(readFileSync(file))
  return hash.digest('hex')
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function shippedFiles() {
  return filesOf(out)
    .map((file) => relative(out, file))
    .filter((file) => !/(^\.|\.br$|\.gz$)/.test(file))
}

/** The first page is its document, the shell and the overview, without the charts that follow. */
function printBudget() {
  const manifest = JSON.parse(readFileSync(join(out, '.vite', 'manifest.json'), 'utf8'))
  const first = new Set(['index.html'])
  const follow = (chunk) => {
    if (first.has(chunk.file)) return
    for (const file of [chunk.file, ...(chunk.css ?? [])]) first.add(file)
    for (const name of chunk.imports ?? []) follow(manifest[name])
  }
  for (const name of ['index.html', 'pages/overview/overview.tsx']) follow(manifest[name])
  const sizes = shippedFiles()
    .filter((file) => /\.(js|css|html)$/.test(file))
    .map((file) => ({ file, bytes: gzipSync(readFileSync(join(out, file)), { level: 9 }).length }))
    .sort((a, b) => b.bytes - a.bytes)
  const sum = (some) => some.reduce((total, { bytes }) => total + bytes, 0)
  const total = { first: sum(sizes.filter(({ file }) => first.has(file))), all: sum(sizes) }
  const kib = (bytes) => `${(bytes / 1_024).toFixed(1)} KiB`.padStart(10)
  for (const { file, bytes } of sizes)
    console.log(`${kib(bytes)}  ${first.has(file) ? 'first page' : 'on demand '}  ${file}`)
  for (const [name, bytes] of Object.entries(total)) {
    const fits = bytes <= BUDGET[name]
    console.log(`${kib(bytes)}  ${name}, of ${kib(BUDGET[name]).trim()} gzipped`)
    if (!fits) {
      console.error(`The dashboard is over its budget: ${name} has ${kib(bytes).trim()}.`)
      process.exitCode = 1
    }
  }
}
