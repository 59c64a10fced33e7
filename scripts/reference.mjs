// Makes docs/reference/api from what the built package declares (--write), or says that it is stale: a page for each
// entry point, with every export, its signature and what its source says of it. Types that are not exported but stand
// in a signature follow at the end of the page.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeOrCompare } from './compare.mjs'
import { docBefore, exportedNames, exportOf, localOf, moduleOf } from './declarations.mjs'
import { root } from './source-tree.mjs'

const FOLDER = 'docs/reference/api'
const MADE =
  '<!-- Made from the docstrings by scripts/reference.mjs. -->\n\n<!-- blocks: none, these are declarations -->'
const WIDTH = 120
/** They are extended by plugins, and have pages of their own. */
const ELSEWHERE = {
  EventMap: 'The events and what each carries: [Events](../events.md).',
  CoreEventMap: 'The events and what each carries: [Events](../events.md).',
  ErrorCodes: 'The codes and when each is thrown: [Errors](../errors.md).',
  errorCatalogue: 'The codes and when each is thrown: [Errors](../errors.md).',
}
const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.entries(exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([subpath, target]) => ({
    subpath: join(name, subpath),
    file: target.types.replace(/^\.\//, ''),
    page: `${join(name, subpath).replaceAll('/', '-')}.md`,
  }))

/** Where each declaration is shown: the first entry point that exports it. */
const homes = new Map()
for (const entry of entries)
  for (const one of exportedNames(entry.file)) {
    const found = exportOf(entry.file, one)
    const key = keyOf(found)
    if (!homes.has(key)) homes.set(key, { page: entry.page, as: one })
  }

/** The same for types that are not exported: the first page that needs one. */
const innerHomes = new Map()

const undocumented = []
const pages = entries.map((entry) => [entry.page, pageOf(entry)])
const made = pages.map(([page]) => page)
for (const [page, text] of pages) writeOrCompare(`${FOLDER}/${page}`, text)
writeOrCompare(`${FOLDER}/README.md`, indexPage())
removeOthers()
for (const one of undocumented) {
  console.error(`${one} has no docstring: say shapes, units, defaults and errors`)
  process.exitCode = 1
}

function keyOf({ file, name: local }) {
  return `${file}#${local}`
}

function indexPage() {
  const rows = entries.map(({ subpath, file, page }) => {
    const values = exportedNames(file).map((one) => `\`${one}\``)
    return `## [\`${subpath}\`](${page})\n\n${wrap(values.join(', '))}\n`
  })
  return `# Exports\n\nEvery name that the package exports, by entry point.\n\n${MADE}\n\n${rows.join('\n')}`
}

function removeOthers() {
  const folder = join(root, FOLDER)
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    if (file === 'README.md' || made.includes(file)) continue
    if (process.argv.includes('--write')) rmSync(join(folder, file))
    else {
      console.error(
        `${FOLDER}/${file} is of no entry point: run node scripts/reference.mjs --write`,
      )
      process.exitCode = 1
    }
  }
}

function pageOf({ subpath, file, page }) {
  const names = exportedNames(file)
  const shown = []
  const others = []
  const seen = new Set()
  const queue = []
  for (const one of names) {
    const found = exportOf(file, one)
    const home = homes.get(keyOf(found))
    if (home.page === page && home.as === one) {
      seen.add(keyOf(found))
      shown.push([one, found])
    } else
      others.push(
        `- \`${one}\`: [${home.page === page ? home.as : home.page.replace(/\.md$/, '')}](${home.page === page ? '' : home.page}#${anchor(home.as)})`,
      )
  }
  for (const [, found] of shown) queue.push(...typesIn(found))
  const inner = []
  const innerElsewhere = []
  for (const found of queue) {
    const key = keyOf(found)
    if (seen.has(key) || homes.has(key)) continue
    seen.add(key)
    if (!innerHomes.has(key)) innerHomes.set(key, page)
    if (innerHomes.get(key) !== page) {
      innerElsewhere.push([found.name, innerHomes.get(key)])
      continue
    }
    inner.push([found.name, found])
    queue.push(...typesIn(found))
  }
  const parts = [
    `# \`${subpath}\``,
    MADE,
    ...(others.length === 0 ? [] : ['Exported here too:', others.join('\n')]),
    ...shown.map(([as, found]) => section(as, found, true)),
  ]
  const rest = inner.filter(([as], index) => inner.findIndex(([other]) => other === as) === index)
  if (rest.length + innerElsewhere.length > 0) parts.push('## Types that stand in signatures')
  if (innerElsewhere.length > 0) {
    const links = innerElsewhere.map(([as, home]) => `[\`${as}\`](${home}#${anchor(as)})`)
    parts.push(wrap(`Shown elsewhere: ${links.sort().join(', ')}.`))
  }
  if (rest.length > 0) {
    parts.push('Not exported:')
    for (const [as, found] of rest.sort(([a], [b]) => (a < b ? -1 : 1)))
      parts.push(section(as, found, false))
  }
  return `${formatBlocks(parts.join('\n\n'))}\n`
}

function anchor(text) {
  return text.toLowerCase().replaceAll(/[^\w\s-]/g, '')
}

/** The types of this package that a declaration names. */
function typesIn({ file, declarations, name: own }) {
  if (ELSEWHERE[own] !== undefined) return []
  const names = new Set()
  for (const { node } of declarations) descend(node)
  return [...names].map((one) => localOf(file, one)).filter((one) => one !== null)

  function descend(node) {
    if (Array.isArray(node)) return node.forEach(descend)
    if (typeof node?.type !== 'string') return
    if (node.type === 'TSTypeReference' && node.typeName.type === 'Identifier')
      names.add(node.typeName.name)
    if (node.type === 'TSTypeQuery' && node.exprName.type === 'Identifier')
      names.add(node.exprName.name)
    for (const each of [
      ...(node.implements ?? []),
      ...(node.type === 'TSInterfaceDeclaration' ? node.extends : []),
    ])
      if (each.expression?.type === 'Identifier') names.add(each.expression.name)
    if (node.superClass?.type === 'Identifier') names.add(node.superClass.name)
    if (isHidden(node)) return
    for (const value of Object.values(node)) if (typeof value === 'object') descend(value)
  }
}

/** Members that are for the package itself: private ones, and those under its symbols. */
function isHidden(node) {
  const key = node.key
  if (key === undefined) return false
  if (key.type === 'PrivateIdentifier' || node.accessibility === 'private') return true
  return node.computed === true && key.type !== 'MemberExpression'
}

function section(as, found, isExported) {
  const level = isExported ? '##' : '###'
  const module = moduleOf(found.file)
  const source = found.file.replace(/^dist\//, 'src/').replace(/\.d\.ts$/, '.ts')
  const lines = [`${level} ${as}`]
  if (ELSEWHERE[as] !== undefined) return [...lines, ELSEWHERE[as], linkTo(source)].join('\n\n')
  const docs = found.declarations
    .map(({ start }) => docBefore(module, start))
    .filter((it) => it !== null)
  if (docs.length === 0 && isExported) undocumented.push(`${source}: ${as}`)
  for (const doc of docs) lines.push(prose(doc))
  const base = baseOf(found)
  for (const { node, start, end } of found.declarations) {
    const text = signature(module, node, start, end, base)
    lines.push(`\`\`\`signature\n${text.replace(new RegExp(`\\b${found.name}\\b`), as)}\n\`\`\``)
  }
  const members = found.declarations.flatMap(({ node }) => membersOf(module, node))
  if (base !== null)
    members.push(...base.declarations.flatMap(({ node }) => membersOf(moduleOf(base.file), node)))
  for (const member of members) member.doc ??= contractDoc(found, member.label)
  const own = members.filter(({ doc }) => doc !== null)
  if (own.length > 0) lines.push(own.map(({ label, doc }) => item(label, doc)).join('\n'))
  const isClass = found.declarations[0].node.type === 'ClassDeclaration'
  for (const { label, isMethod } of isClass && isExported ? members : [])
    if (isMethod && !own.some((it) => it.label === label))
      undocumented.push(`${source}: ${as}.${label}`)
  return [...lines, linkTo(source)].join('\n\n')
}

function linkTo(source) {
  return `Source: [\`${source}\`](../../../${source})`
}

/** The class of this package that one is made of and that is not shown itself. */
function baseOf({ file, declarations }) {
  const parent = declarations[0].node.superClass
  if (parent?.type !== 'Identifier') return null
  const found = localOf(file, parent.name)
  return found === null || homes.has(keyOf(found)) ? null : found
}

/** What an interface that a declaration implements or extends says of a member. */
function contractDoc({ file, declarations }, label) {
  const { node } = declarations[0]
  const parents = [
    ...(node.implements ?? []),
    ...(node.type === 'TSInterfaceDeclaration' ? node.extends : []),
  ]
  for (const { expression } of parents) {
    const contract = localOf(file, expression.name)
    if (contract === null) continue
    const members = contract.declarations.flatMap((it) =>
      membersOf(moduleOf(contract.file), it.node),
    )
    const found = members.find((it) => it.label === label && it.doc !== null)
    const doc = found?.doc ?? contractDoc(contract, label)
    if (doc !== null) return doc
  }
  return null
}

function membersOf(module, node) {
  const list = node.body?.body ?? literalOf(node)?.members ?? []
  return (Array.isArray(list) ? list : [])
    .filter((member) => !isHidden(member))
    .map((member) => ({
      label: labelOf(member, module.text),
      doc: docBefore(module, member.start),
      isMethod:
        /^(MethodDefinition|TSMethodSignature|TSAbstractMethodDefinition)$/.test(member.type) &&
        member.kind !== 'constructor' &&
        !member.computed,
    }))
}

/** The members of `Readonly<{ … }>` of a constant, or of a type that is one object. */
function literalOf(node) {
  const type =
    node.type === 'VariableDeclaration'
      ? node.declarations[0].id.typeAnnotation?.typeAnnotation
      : node.typeAnnotation
  if (type?.type === 'TSTypeLiteral') return type
  const inner = type?.typeArguments?.params?.[0]
  return inner?.type === 'TSTypeLiteral' ? inner : null
}

function labelOf(member, text) {
  if (member.kind === 'constructor') return 'constructor'
  if (member.key === undefined) return text.slice(member.start, member.start + 20).split('\n')[0]
  const key = text.slice(member.key.start, member.key.end)
  return `${member.static ? 'static ' : ''}${member.computed ? `[${key}]` : key}`
}

function signature(module, node, start, end, base) {
  let text = without(module, node, start, end)
  if (base !== null) {
    const there = moduleOf(base.file)
    const [first] = base.declarations
    const whole = without(there, first.node, first.start, first.end)
    text = `${text.slice(0, text.indexOf('{')).replace(/ extends \w+/, '')}${whole.slice(whole.indexOf('{'))}`
  }
  return text
    .replace(/^export /, '')
    .replace(/^declare /, '')
    .replace(/ implements [\w, ]+(?= \{)/, '')
}

/** The text of a declaration without comments, private members and those under symbols of the package. */
function without(module, node, start, end) {
  const cuts = module.comments
    .filter((it) => it.start >= start && it.end <= end)
    .map((it) => [it.start, it.end])
  for (const member of node.body?.body ?? [])
    if (isHidden(member)) cuts.push([member.start, member.end])
  let text = ''
  let from = start
  for (const [cutStart, cutEnd] of cuts.sort(([a], [b]) => a - b)) {
    if (cutStart < from) continue
    text += module.text.slice(from, cutStart)
    from = cutEnd
  }
  return (text + module.text.slice(from, end)).replace(/^\s*;?\s*\n/gm, '')
}

function prose({ text, tags }) {
  const rows = tags.map((tag) => wrap(`- ${tagText(tag)}`, '  '))
  return [...paragraphsOf(text), ...(rows.length === 0 ? [] : [rows.join('\n')])].join('\n\n')
}

/** Prose is wrapped again; items of a list stay items, and code stays as it is. */
function paragraphsOf(text) {
  const parts = text.split(/\n\s*\n|\n(?=```\w)|(?<=\n```)\n/).filter(Boolean)
  return parts.map((part) => {
    if (part.startsWith('```')) return part
    const [first, ...items] = part.split(/(?:^|\n)- /)
    const lead = first.trim() === '' ? [] : [wrap(first.trim().replace(/\s+/g, ' '))]
    const list = items.map((it) => wrap(`- ${it.trim().replace(/\s+/g, ' ')}`, '  '))
    return [...lead, ...(list.length === 0 ? [] : [list.join('\n')])].join('\n\n')
  })
}

function item(label, { text, tags }) {
  const all = [
    text.replace(/\s+/g, ' '),
    ...tags.map((tag) => `${tagText(tag)}.`.replace(/\.\.$/, '.')),
  ]
  return wrap(`- **\`${label}\`** ${all.filter(Boolean).join(' ')}`, '  ')
}

function tagText({ kind, text }) {
  if (kind === 'throws') {
    const [, type, why] = /^\{(\w+)\}\s*(.*)$/.exec(text) ?? [null, null, text]
    return `Throws ${type === null ? '' : `\`${type}\``} ${why}`.replaceAll(/\s+/g, ' ').trim()
  }
  if (kind === 'param') return text.replace(/^([\w.[\]]+)\s*-?\s*/, '`$1`: ')
  if (kind === 'returns') return `Returns ${text}`
  return `${kind}: ${text}`
}

function wrap(text, indent = '') {
  const lines = ['']
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== '' && last.length + 1 + word.length > WIDTH) lines.push(`${indent}${word}`)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines.join('\n')
}

/** All signatures of a page formatted in one run. */
function formatBlocks(page) {
  const blocks = [...page.matchAll(/```signature\n([\s\S]*?)\n```/g)].map(([, text]) => text)
  const mark = (index) => `// block ${index}`
  const joined = blocks.map((text, index) => `${mark(index)}\n${declared(text)}`).join('\n')
  const bin = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome')
  const formatted = execFileSync(
    process.execPath,
    [bin, 'format', '--stdin-file-path=reference.d.ts'],
    {
      cwd: root,
      input: joined,
      encoding: 'utf8',
    },
  )
  const texts = formatted.split(/^\/\/ block \d+\n/m).slice(1)
  let index = 0
  return page.replaceAll(
    /```signature\n[\s\S]*?\n```/g,
    () => `\`\`\`ts\n${texts[index++].replace(/^declare /, '').trim()}\n\`\`\``,
  )
}

function declared(text) {
  return /^(interface|type) /.test(text) ? text : `declare ${text}`
}
