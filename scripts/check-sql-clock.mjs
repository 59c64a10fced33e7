// The database's time is read by two functions of the schema, now and clock, which tests can replace ("Add a
// statement" in CONTRIBUTING.md). Finds PostgreSQL's own clocks anywhere else in the SQL of src.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { lineOf, report, root, sourceFiles, walk } from './source-tree.mjs'

const CLOCKS =
  /(?<!\w)(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(\s*\)|\b(?:current_(?:timestamp|time|date)|localtime(?:stamp)?)\b|'(?:now|today|tomorrow|yesterday)'::/i
const HOME = /^src\/database\/sql\/functions\/(?:now|clock)@\d+\.sql$/
const FOLDERS = /^src\/(?:database|plugins)\//
/** What is said to a connection about the server: its own times are compared with its own clock. */
const ABOUT_SERVER = /^src\/database\/(?:drivers|embedded)\//

const sqlFiles = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.name.endsWith('.sql'))
  .map((entry) => relative(root, join(entry.parentPath, entry.name)))
  .filter((file) => !HOME.test(file))
const modules = sourceFiles('src').filter(
  (file) => FOLDERS.test(file) && !ABOUT_SERVER.test(file) && !file.endsWith('.generated.ts'),
)
report(
  [...sqlFiles.flatMap(inSql), ...modules.flatMap(inStatements)],
  `${sqlFiles.length + modules.length} files take the database's time from now and clock`,
)

function inSql(file) {
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  return lines.flatMap((line, n) => problem(file, n + 1, line.replace(/--.*/, '')))
}

function inStatements(file) {
  const found = []
  walk(file, (node) => {
    const texts = node.type === 'TemplateLiteral' ? node.quasis : []
    for (const one of texts)
      found.push(...problem(file, lineOf(file, one.start), one.value.cooked.replace(/--.*/g, '')))
    if (node.type === 'Literal' && typeof node.value === 'string')
      found.push(...problem(file, lineOf(file, node.start), node.value))
  })
  return found
}

function problem(file, line, text) {
  const clock = CLOCKS.exec(text)?.[0]
  if (clock === undefined) return []
  const instead = file.endsWith('.sql')
    ? 'chancy.now_1() or chancy.clock_1()'
    : "t.fn('now') or t.fn('clock')"
  return [`${file}:${line} reads the time by ${clock}: use ${instead}`]
}
