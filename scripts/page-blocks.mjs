// What a page holds besides its text: code blocks, code that is not shown, and what comments say of a block.
//
//   <!-- blocks: run -->             the "ts" blocks of this page are a program, which is run
//   <!-- blocks: types, REASON -->   they are compiled, and not run for this reason
//   <!-- ts … -->                    code between the blocks that readers do not see; "sql", "sh" and "text" too
//   <!-- run -->                     the next "sh" block is run
//   <!-- file: PATH -->              the next block is the text of this file, seen from the root
//   <!-- unchecked: REASON -->       the next block is not checked
const ITEM =
  /^<!-- (?<verb>blocks|unchecked|file): (?<said>[^>]*?) -->$|^<!-- (?<run>run) -->$|^<!-- (?<hidden>ts|sql|sh|text)\n(?<code>[\s\S]*?)^-->$|^(?<fence>```+)(?<kind>\w*)\n(?<body>[\s\S]*?)^\k<fence>$/gm

/** The blocks of a page in their order: kind, text, first line, and the comments before each. */
export function blocksOf(text) {
  const blocks = []
  const faults = []
  let mode = null
  let before = {}
  for (const { groups, index } of text.matchAll(ITEM)) {
    const line = text.slice(0, index).split('\n').length + 1
    if (groups.verb === 'blocks') mode = groups.said
    else if (groups.verb !== undefined) before[groups.verb] = groups.said
    else if (groups.run !== undefined) before.run = true
    else {
      const isHidden = groups.hidden !== undefined
      const [kind, body] = isHidden ? [groups.hidden, groups.code] : [groups.kind, groups.body]
      blocks.push({ kind, text: body, line, isHidden, ...before })
      before = {}
    }
  }
  if (Object.keys(before).length > 0)
    faults.push(`the last comment "${Object.keys(before)}" has no block after it`)
  const rest = text.replaceAll(ITEM, (found) => found.replaceAll(/[^\n]/g, ''))
  for (const { 0: found, index } of rest.matchAll(
    /^<!-- (?:blocks|unchecked|file|run|ts|sql|sh|text)\b.*$|^```.*$/gm,
  ))
    faults.push(`${rest.slice(0, index).split('\n').length}: "${found}" is not understood`)
  return { mode, blocks, faults }
}

/** The file that the first line of a block names, as in `// app.ts`. */
export const nameOf = ({ text }) => /^(?:\/\/|#) ([\w./-]+\.\w+)\n/.exec(text)?.[1]
