// Makes docs/reference/events.md from the map of events (--write), or says that it is stale.
import { writeOrCompare } from './compare.mjs'
import { textOf, walk } from './source-tree.mjs'

const source = 'src/events/event-map.ts'
const text = textOf(source)
const rows = []
walk(source, (node) => {
  if (node.type !== 'TSInterfaceDeclaration' || node.id.name !== 'EventMap') return
  let from = node.body.start
  for (const member of node.body.body) {
    const said = text.slice(from, member.start).match(/\/\*\*([\s\S]*?)\*\//)?.[1]
    if (said === undefined) throw new Error(`${source}: ${member.key.value} does not say when`)
    rows.push(entry(member.key.value, sentence(said), member.typeAnnotation.typeAnnotation))
    from = member.end
  }
})

writeOrCompare(
  'docs/reference/events.md',
  `# Events

\`chancy.on(name, listener)\` tells what happens in this process, and gives back a function that ends the
listening. Events are facts, and they are not kept: what must not be missed is read from the jobs. A
listener that throws is logged and disturbs nobody.

<!-- Made from src/events/event-map.ts by scripts/events-doc.mjs. -->

${rows.join('\n')}`,
)

function entry(name, when, type) {
  const fields = type.type === 'TSTypeLiteral' ? type.members.map(field) : []
  return `## ${name}\n\n${when}\n${fields.length === 0 ? '' : `\n${fields.join('\n')}\n`}`
}

function field({ key, typeAnnotation }) {
  const { start, end } = typeAnnotation.typeAnnotation
  return `- \`${key.name}\`: \`${text.slice(start, end)}\``
}

function sentence(comment) {
  return comment
    .replace(/^\s*\*/gm, '')
    .replace(/\s+/g, ' ')
    .trim()
}
