// SQL lives in statements and migrations, and nowhere else ("Add a statement" in CONTRIBUTING.md).
// Drivers and the embedded server may hold statements about the connection itself.
import { lineOf, report, sourceFiles, walk } from './source-tree.mjs'

const homes = [
  /^src\/database\/(statements|migrations)\//,
  // Made of the files in src/database/sql.
  /^src\/database\/sql\.generated\.ts$/,
  /^src\/testing\/(?:schema-)?statements\.ts$/,
  /^src\/plugins\/[^/]+\/statements(?:\.ts$|\/)/,
  /^src\/plugins\/[^/]+\/migrations\//,
]
const sql =
  /\b(SELECT\s[\s\S]*?\bFROM\b|SELECT\s+[\w.]+\s*\(|SELECT\s+\d|INSERT\s+INTO\b|UPDATE\s+\S+[\s\S]*?\bSET\b|DELETE\s+FROM\b)/
/** What is said to a connection about itself, and touches no table of Chancy. */
const aboutConnection = [/^src\/database\/drivers\//, /^src\/database\/embedded\//]
const tables = /\b(FROM|INTO|UPDATE|JOIN)\s+(?!pg_)/

const files = sourceFiles('src').filter((file) => !homes.some((home) => home.test(file)))
report(files.flatMap(strayStatements), `${files.length} files hold no SQL`)

function strayStatements(file) {
  const found = []
  walk(file, (node) => {
    const text = literal(node)
    if (text === null || !sql.test(text)) return
    if (aboutConnection.some((folder) => folder.test(file)) && !tables.test(text)) return
    const start = text.trim().split('\n')[0]
    found.push(
      `${file}:${lineOf(file, node.start)} holds SQL ("${start}"): move it to a file of statements (CONTRIBUTING.md, "Add a statement")`,
    )
  })
  return found
}

function literal(node) {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value
  if (node.type !== 'TemplateLiteral') return null
  return node.quasis.map((part) => part.value.cooked).join('x')
}
