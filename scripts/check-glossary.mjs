// The glossary and the schema name the same things: every table, view, sequence, domain and column stands in one
// entry of docs/architecture/glossary.md, and every name at the end of an entry exists. Words are in order, once each.
import { schemaComments } from './schema-comments.mjs'
import { report, textOf } from './source-tree.mjs'

const FILE = 'docs/architecture/glossary.md'
const objects = schemaComments()
const named = new Set(
  objects.flatMap(({ name, columns }) => [name, ...columns.map((one) => one.name)]),
)
const entries = [...textOf(FILE).matchAll(/^- \*\*(.+?)\*\*: (.*\.)(?: \((`.*`)\))?$/gm)]

const lines = textOf(FILE)
  .split('\n')
  .filter((line) => line.startsWith('- '))
const problems =
  lines.length === entries.length
    ? []
    : ['an entry is a word, its meaning, and names of the schema']
const entryOf = new Map()
for (const [index, [, word, , inSchema = '']] of entries.entries()) {
  const before = entries[index - 1]?.[1]
  if (before !== undefined && before.toLowerCase() >= word.toLowerCase())
    problems.push(`"${word}" stands after "${before}": entries are in order, one a word`)
  for (const [, name] of inSchema.matchAll(/`(\w+)`/g)) {
    if (!named.has(name)) problems.push(`"${word}" names ${name}, which the schema does not have`)
    if (entryOf.has(name))
      problems.push(`${name} stands at "${entryOf.get(name)}" and at "${word}"`)
    entryOf.set(name, word)
  }
}
for (const name of named)
  if (!entryOf.has(name)) problems.push(`${name} of the schema has no entry: which word is it?`)

report(
  problems.map((it) => `${FILE}: ${it} (CONTRIBUTING.md, "Words, names and sizes")`),
  `${entries.length} words name ${named.size} things of the schema`,
)
