// Everything but the tests, a line each: what fails says why.
//
//   node scripts/check.mjs            all
//   node scripts/check.mjs layers     only those named
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './source-tree.mjs'

const bin = (name) => join(root, 'node_modules', name)
const steps = {
  build: ['scripts/build.mjs'],
  format: [bin('@biomejs/biome/bin/biome'), 'ci', '--error-on-warnings', '--colors=off', '.'],
  types: [bin('typescript/bin/tsc'), '-p', '.'],
  layers: ['scripts/check-layers.mjs'],
  'child entry': ['scripts/check-child-entry.mjs'],
  'sql home': ['scripts/check-sql-home.mjs'],
  words: ['scripts/check-words.mjs'],
  exports: ['scripts/check-exports.mjs'],
  'errors page': ['scripts/errors-doc.mjs'],
  'events page': ['scripts/events-doc.mjs'],
  'states drawn': ['scripts/states-doc.mjs'],
  schema: ['scripts/dump-schema.mjs'],
  'safe names': ['scripts/check-safe-names.mjs'],
  examples: ['scripts/check-examples.mjs'],
  readme: ['scripts/check-readme.mjs'],
  introduction: ['scripts/check-introduction.mjs'],
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => steps[name] === undefined)
if (unknown.length > 0)
  throw new Error(`no check ${unknown}, only ${Object.keys(steps).join(', ')}`)

let failed = 0
for (const [name, args] of Object.entries(steps)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const started = performance.now()
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
  })
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
process.exitCode = failed === 0 ? 0 : 1
