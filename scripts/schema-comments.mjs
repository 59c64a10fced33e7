// The comments of the schema as test/schema.sql shows them, which the check "schema" compares with the migrations.
import { textOf } from './source-tree.mjs'

/**
 * Every table, view, sequence and domain: `kind`, `name`, `comment` and, of a table, its `columns` (`name`, `type`,
 * `comment`), in the order of the file.
 */
export function schemaComments() {
  return textOf('test/schema.sql').split('\n\n').flatMap(objectOf)
}

function objectOf(block) {
  const [, kind, name] = /^(?:UNLOGGED )?(TABLE|VIEW|SEQUENCE|DOMAIN) (\w+)/.exec(block) ?? []
  if (kind === undefined) return []
  if (kind !== 'TABLE') {
    const comment = commentOf(
      block.split(kind === 'VIEW' ? /;(?= --|$)/ : /\n/).at(kind === 'VIEW' ? 1 : 0),
    )
    return [{ kind: kind.toLowerCase(), name, comment, columns: [] }]
  }
  const [body, tail = ''] = block.split(/\n\)/)
  const lines = body.split('\n').slice(1)
  const columns = lines.filter((line) => !line.startsWith('  CONSTRAINT ')).map(columnOf)
  return [{ kind: 'table', name, comment: commentOf(tail.split('\n')[0]), columns }]
}

function columnOf(line) {
  const [, name, type] =
    /^ {2}(\w+) (.*?)(?= NOT NULL| DEFAULT| STATISTICS| STORAGE| COLLATE| --|$)/.exec(line)
  return { name, type: shortTypes[type] ?? type, comment: commentOf(line) }
}

const shortTypes = {
  'double precision': 'float8',
  integer: 'int',
  'timestamp with time zone': 'timestamptz',
}

function commentOf(line) {
  return / -- (.*)$/.exec(line)?.[1] ?? ''
}
