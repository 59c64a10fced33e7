// Makes docs/architecture/tables.md from the comments of the schema (--write), or says that it is stale.
import { writeOrCompare } from './compare.mjs'
import { schemaComments } from './schema-comments.mjs'

const objects = schemaComments()
const tables = objects.filter(({ kind }) => kind === 'table')
const others = objects.filter(({ kind }) => kind !== 'table')

writeOrCompare(
  'docs/architecture/tables.md',
  `# Tables

What each table and column means, and which function or statement writes it. Functions are in
\`src/database/sql/functions\`, statements in \`src/database/statements\`. The whole schema with its indexes is in
\`test/schema.sql\`.

<!-- Made from the comments of the schema by scripts/tables-doc.mjs. -->

${tables.map(sectionOf).join('\n')}
## Views, sequences and domains

${others.map(({ kind, name, comment }) => `- \`${name}\` (${kind}): ${comment}`).join('\n')}
`,
)

function sectionOf({ name, comment, columns }) {
  const list = columns.map((one) => `- \`${one.name}\` ${one.type}: ${one.comment}`)
  return `## ${name}\n\n${comment}\n\n${list.join('\n')}\n`
}
