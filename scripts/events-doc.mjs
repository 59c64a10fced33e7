// Makes docs/reference/events.md from the map of events (--write), or says that it is stale.
import { writeOrCompare } from './compare.mjs'
import { sourceFiles, textOf, walk } from './source-tree.mjs'

const core = 'src/events/event-map.ts'
/** The plugins add theirs to the map. */
const sources = [core, ...sourceFiles('src/plugins')]
const rows = sources.flatMap((source) => {
  const text = textOf(source)
  const found = []
  walk(source, (node) => {
    const name = source === core ? 'CoreEventMap' : 'EventMap'
    if (node.type !== 'TSInterfaceDeclaration' || node.id.name !== name) return
    let from = node.body.start
    for (const member of node.body.body) {
      const said = text.slice(from, member.start).match(/\/\*\*([\s\S]*?)\*\//)?.[1]
      if (said === undefined) throw new Error(`${source}: ${member.key.value} does not say when`)
      found.push(
        entry(text, member.key.value, sentence(said), member.typeAnnotation.typeAnnotation),
      )
      from = member.end
    }
  })
  return found
})

writeOrCompare(
  'docs/reference/events.md',
  `# Events

\`chancy.on(name, listener)\` calls the listener with what happens in this process, and returns a function that ends the
listening. Events are facts, and they are not kept: what must not be missed is read from the jobs. A
listener that throws is logged and disturbs no other.

<!-- Made from src/events/event-map.ts and the plugins by scripts/events-doc.mjs. -->

${rows.join('\n')}`,
)

function entry(text, name, when, type) {
  const fields =
    type.type === 'TSTypeLiteral' ? type.members.map((member) => field(text, member)) : []
  return `## ${name}\n\n${when}\n${fields.length === 0 ? '' : `\n${fields.join('\n')}\n`}`
}

function field(text, { key, typeAnnotation }) {
  const { start, end } = typeAnnotation.typeAnnotation
  return `- \`${key.name}\`: \`${text.slice(start, end)}\``
}

function sentence(comment) {
  return comment
    .replace(/^\s*\*/gm, '')
    .replace(/\s+/g, ' ')
    .trim()
}
