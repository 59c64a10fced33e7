// Reads what the built package declares: the exports of its entry points, and what stands above each in its source.
import { dirname, join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { textOf } from './source-tree.mjs'

const modules = new Map()

/** A file of declarations: what it declares, imports and exports by name. */
export function moduleOf(file) {
  if (!modules.has(file)) modules.set(file, read(file))
  return modules.get(file)
}

function read(file) {
  const text = textOf(file)
  const { program, comments } = parseSync(file, text)
  const found = {
    file,
    text,
    comments,
    declared: new Map(),
    imported: new Map(),
    exported: new Map(),
    all: [],
  }
  for (const statement of program.body) readStatement(found, statement)
  return found
}

function readStatement(found, statement) {
  const { declared, imported, exported, all, file } = found
  const from = statement.source?.value
  const target = from?.startsWith('.') ? targetOf(file, from) : null
  if (statement.type === 'ImportDeclaration') {
    for (const { local, imported: name } of statement.specifiers)
      imported.set(local.name, { file: target, name: name?.name ?? '*' })
  } else if (statement.type === 'ExportAllDeclaration') {
    if (target !== null) all.push(target)
  } else if (statement.type === 'ExportNamedDeclaration' && statement.declaration === null) {
    for (const { local, exported: name } of statement.specifiers)
      exported.set(
        name.name,
        target === null ? { local: local.name } : { file: target, name: local.name },
      )
  } else {
    const node = statement.declaration ?? statement
    for (const name of namesOf(node)) {
      const list = declared.get(name) ?? []
      list.push({ node, start: statement.start, end: statement.end })
      declared.set(name, list)
      if (statement.type === 'ExportNamedDeclaration') exported.set(name, { local: name })
    }
  }
}

const targetOf = (file, wanted) => join(dirname(file), wanted).replace(/\.[jt]s$/, '.d.ts')

function namesOf(node) {
  if (node.type === 'VariableDeclaration') return node.declarations.map(({ id }) => id.name)
  return node.id?.name === undefined ? [] : [node.id.name]
}

/** Where a name that a file exports is declared: the file, the name there, and its declarations. */
export function exportOf(file, name) {
  const module = moduleOf(file)
  const found = module.exported.get(name)
  if (found?.file !== undefined) return exportOf(found.file, found.name)
  if (found !== undefined) return localOf(file, found.local)
  for (const other of module.all) {
    const there = exportOf(other, name)
    if (there !== null) return there
  }
  return null
}

/** The same for a name that is used in a file. Null: it is none of this package. */
export function localOf(file, name) {
  const module = moduleOf(file)
  const declarations = module.declared.get(name)
  if (declarations !== undefined) return { file, name, declarations }
  const found = module.imported.get(name)
  return found === undefined || found.file === null ? null : exportOf(found.file, found.name)
}

export function exportedNames(file) {
  const module = moduleOf(file)
  return [...new Set([...module.exported.keys(), ...module.all.flatMap(exportedNames)])].sort()
}

/** The comment that ends right before a position, parsed: its text, and its tags in their order. */
export function docBefore({ text, comments }, position) {
  const comment = comments.findLast(
    ({ end, start }) =>
      end <= position && text.slice(end, position).trim() === '' && text.startsWith('/**', start),
  )
  if (comment === undefined) return null
  const plain = comment.value
    .replace(/^\s*\*[ ]?/gm, '')
    .replace(/^\*/, '')
    .trim()
  const [body, ...tags] = `\n${plain}`.split(/(?:^|\s)(?=@(?:param|throws|returns|example|see)\b)/)
  return {
    text: body.trim(),
    tags: tags.map((tag) => {
      const [, kind, rest] = /^@(\w+)\s*([\s\S]*)$/.exec(tag)
      return { kind, text: rest.replace(/\s+/g, ' ').trim() }
    }),
  }
}
