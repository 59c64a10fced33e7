// Every table, column, sequence, domain and view of the schema has a comment: what it means, and which statement
// writes it ("Add a migration" in CONTRIBUTING.md). Reads test/schema.sql, which the check "schema" compares with
// the migrations.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { report, root } from './source-tree.mjs'

const blocks = readFileSync(join(root, 'test/schema.sql'), 'utf8').split('\n\n')
const problems = blocks.flatMap(silent)
report(problems, 'every table and column has a comment')

function silent(block) {
  const [, kind, name] = /^(?:UNLOGGED )?(TABLE|VIEW|SEQUENCE|DOMAIN|TYPE) (\S+)/.exec(block) ?? []
  if (kind === undefined) return []
  if (kind !== 'TABLE') {
    const last = kind === 'VIEW' ? block : block.split('\n')[0]
    return / -- /.test(last) ? [] : [missing(name)]
  }
  const [body, tail] = block.split(/\n\)/)
  const columns = body
    .split('\n')
    .slice(1)
    .filter((line) => !/^ {2}CONSTRAINT /.test(line))
  const found = columns
    .filter((line) => !/ -- /.test(line))
    .map((line) => missing(`${name}.${line.trim().split(' ')[0]}`))
  return / -- /.test(tail?.split('\n')[0] ?? '') ? found : [missing(name), ...found]
}

function missing(name) {
  return `${name} has no comment: add COMMENT ON to src/database/sql/comments (CONTRIBUTING.md, "Add a migration")`
}
