// Makes of src/database/sql what the migrator loads, and keeps what was released as it is.
//
//   node scripts/engine-sql.mjs                          compares sql.lock with the files (npm run check)
//   node scripts/engine-sql.mjs --generate               writes src/database/sql.generated.ts (npm run build)
//   node scripts/engine-sql.mjs --write                  takes changes of what is not released into sql.lock
//   node scripts/engine-sql.mjs --release                what stands in the files now never changes any more
//   node scripts/engine-sql.mjs --print claim@1          a function with its parts in place, for psql
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { databaseFolder, hashOf, readSql } from './sql-source.mjs'

const lockFile = join(databaseFolder, 'sql.lock')
const generatedFile = join(databaseFolder, 'sql.generated.ts')

const [mode = '--check', name] = process.argv.slice(2)
const sql = readSql()
if (mode === '--generate') generate()
else if (mode === '--print') print()
else compare()

function generate() {
  const entries = (pairs) => pairs.map(([key, value]) => `  '${key}': ${JSON.stringify(value)},`)
  const text = [
    '// Made by scripts/engine-sql.mjs of the files in sql. The migrator alone loads it.',
    'export const functions = {',
    ...entries(sql.functions),
    '} as const',
    'export const tables = {',
    ...entries(sql.tables),
    '} as const',
    'export const comments = {',
    ...entries(sql.comments),
    '} as const',
    '',
  ].join('\n')
  if (existsSync(generatedFile) && readFileSync(generatedFile, 'utf8') === text) return
  // Beside it first: another build may be compiling.
  writeFileSync(`${generatedFile}.${process.pid}`, text)
  renameSync(`${generatedFile}.${process.pid}`, generatedFile)
}

function print() {
  const found = sql.functions.find(([one]) => one === name || one === `public/${name}`)
  if (found === undefined) throw new Error(`there is no function ${name}`)
  process.stdout.write(`${found[1]};\n`)
}

function compare() {
  const texts = new Map([
    ...sql.functions,
    ...sql.tables.map(([key, statements]) => [`tables/${key}`, statements.join(';\n')]),
  ])
  const lock = readLock()
  const released = new Map([...lock].filter(([, one]) => one.isReleased))
  const problems = []
  for (const [key, { hash }] of released) {
    if (!texts.has(key)) problems.push(`${key} is released and its file is missing: restore it`)
    else if (hashOf(texts.get(key)) !== hash) problems.push(changed(key))
  }
  if (problems.length === 0 && mode !== '--check') return writeLock(texts, released)
  for (const [key, text] of texts)
    if (!released.has(key) && lock.get(key)?.hash !== hashOf(text))
      problems.push(
        `sql.lock does not have ${key} as it is: run node scripts/engine-sql.mjs --write`,
      )
  for (const key of lock.keys())
    if (!texts.has(key) && !released.has(key))
      problems.push(
        `sql.lock has ${key}, which is missing: run node scripts/engine-sql.mjs --write`,
      )
  for (const problem of problems) console.error(problem)
  if (problems.length === 0) console.log(`${texts.size} texts are as sql.lock has them`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

function changed(key) {
  const file = /^(public|replaced)\//.test(key) ? key : `functions/${key}`
  const parts = [...(sql.used.get(file) ?? [])]
  const what = key.startsWith('tables/') ? 'a migration' : 'a version of the function'
  const of = parts.length === 0 ? '' : ` or a part of it (${parts.sort().join(', ')})`
  return `${key} is released, and its text or that of a part would change: undo the change of the file${of}, and make ${what} (CONTRIBUTING.md, "Change a function")`
}

/** One line a text: its name, the hash of its text with the parts in place, and whether it was released. */
function readLock() {
  if (!existsSync(lockFile)) return new Map()
  return new Map(
    readFileSync(lockFile, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(' '))
      .map(([key, hash, released]) => [key, { hash, isReleased: released === 'released' }]),
  )
}

function writeLock(texts, released) {
  const lines = [...texts].map(([key, text]) => {
    const isReleased = mode === '--release' || released.has(key)
    return `${key} ${hashOf(text)}${isReleased ? ' released' : ''}`
  })
  const head = '# Made by scripts/engine-sql.mjs. What is released must not change any more.'
  writeFileSync(lockFile, `${[head, ...lines].join('\n')}\n`)
  console.log(`wrote src/database/sql.lock`)
}
