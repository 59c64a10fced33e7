// Everything but the tests, a line each: what fails says why.
//
//   node scripts/check.mjs            all
//   node scripts/check.mjs layers     only those named
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { root } from './source-tree.mjs'

const bin = (name) => join(root, 'node_modules', name)
const steps = {
  build: ['scripts/build.mjs'],
  // The longest first: what is left at the end runs alone.
  'code blocks': ['scripts/check-blocks.mjs'],
  examples: ['scripts/check-examples.mjs'],
  format: [bin('@biomejs/biome/bin/biome'), 'ci', '--error-on-warnings', '--colors=off', '.'],
  types: [bin('typescript/bin/tsc'), '-p', '.'],
  'dashboard types': [bin('typescript/bin/tsc'), '-p', 'dashboard'],
  dashboard: ['scripts/dashboard.mjs', '--budget'],
  layers: ['scripts/check-layers.mjs'],
  'child entry': ['scripts/check-child-entry.mjs'],
  'producer path': ['scripts/check-producer.mjs'],
  clock: ['scripts/check-clock.mjs'],
  'sql home': ['scripts/check-sql-home.mjs'],
  'engine sql': ['scripts/engine-sql.mjs'],
  'job deletes': ['scripts/check-job-deletes.mjs'],
  'sql clock': ['scripts/check-sql-clock.mjs'],
  words: ['scripts/check-words.mjs'],
  exports: ['scripts/check-exports.mjs'],
  'errors page': ['scripts/errors-doc.mjs'],
  'events page': ['scripts/events-doc.mjs'],
  'command line': ['scripts/command-line-doc.mjs'],
  guarantees: ['scripts/check-guarantees.mjs'],
  llms: ['scripts/llms.mjs'],
  'logs page': ['scripts/logs-doc.mjs'],
  reference: ['scripts/reference.mjs'],
  'states drawn': ['scripts/states-doc.mjs'],
  'tables page': ['scripts/tables-doc.mjs'],
  dependencies: ['scripts/check-dependencies.mjs'],
  glossary: ['scripts/check-glossary.mjs'],
  'doc paths': ['scripts/check-doc-paths.mjs'],
  schema: ['scripts/dump-schema.mjs'],
  comments: ['scripts/check-comments.mjs'],
  plpgsql: ['scripts/check-plpgsql.mjs'],
  'function settings': ['scripts/check-function-settings.mjs'],
  deploy: ['scripts/check-deploy.mjs'],
  'test recipes': ['scripts/check-test-recipes.mjs'],
  readme: ['scripts/check-readme.mjs'],
  introduction: ['scripts/check-introduction.mjs'],
  newcomer: ['scripts/check-newcomer.mjs'],
  runtimes: ['scripts/check-runtimes.mjs'],
  audit: ['scripts/audit.mjs'],
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => steps[name] === undefined)
if (unknown.length > 0)
  throw new Error(`no check ${unknown}, only ${Object.keys(steps).join(', ')}`)

/** How many steps run concurrently: most of them are one process that often waits. */
const AT_A_TIME = 3

let failed = 0
const queue = Object.entries(steps).filter(([name]) => wanted.length === 0 || wanted.includes(name))
// The others read what it makes.
if (queue[0]?.[0] === 'build') await run(...queue.shift())
await Promise.all(Array.from({ length: AT_A_TIME }, runAll))
process.exitCode = failed === 0 ? 0 : 1

async function runAll() {
  for (let step = queue.shift(); step !== undefined; step = queue.shift()) await run(...step)
}

async function run(name, args) {
  const started = performance.now()
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.on('close', resolve)),
  ])
  const seconds = ((performance.now() - started) / 1_000).toFixed(1).padStart(6)
  const said = `${stdout}${stderr}`.trim()
  if (status === 0) {
    console.log(
      `ok   ${seconds} s  ${name.padEnd(12)} ${said.includes('\n') ? '' : said}`.trimEnd(),
    )
  } else {
    failed++
    console.log(`FAIL ${seconds} s  ${name}\n${said.replace(/^/gm, '       ')}`)
  }
}
