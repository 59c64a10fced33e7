// Makes modules of the blocks of a page. Each is a module of its own, evaluated after the one before it, and sees
// what the blocks above it declare. A block whose first line names a file is that file, and is evaluated where it
// stands or where it is imported. The lines of a module are those of the page, so that what a compiler or a stack says
// of one is true of the other.
import { posix } from 'node:path'
import { parseSync } from 'oxc-parser'
import { nameOf } from './page-blocks.mjs'

/** @returns the files by their names, and the name of the last one: an import of it runs the page */
export function programOf(blocks) {
  const files = new Map()
  const declared = new Map()
  /** What the next block that is no file has to import. */
  let before = []
  for (const block of blocks) {
    const file = block.kind === 'ts' ? nameOf(block) : undefined
    const name = file ?? `block-${block.line}.ts`
    if (files.has(name)) throw new Error(`line ${block.line}: ${name} is there twice`)
    // Modules that wait, and that do not import each other, would run concurrently.
    const waits = /^(?!\s|\/\/).*\bawait /m.test(block.text)
    const follows = file === undefined || waits
    const imports = follows ? before.map((one) => `import '${pathTo(one, name)}'`) : []
    files.set(name, block.kind === 'ts' ? codeOf(block, name, imports) : stepOf(block, imports))
    before = follows ? [name] : [...before, name]
  }
  if (before.length > 1)
    files.set('last.ts', before.map((one) => `import './${jsOf(one)}'\n`).join(''))
  return { files, last: before.length > 1 ? 'last.ts' : before[0] }

  function codeOf({ text, line }, name, imports) {
    const { values, types } = namesOf(text, line)
    for (const [one, from] of declared) {
      const isOwn = values.has(one) || types.has(one)
      if (isOwn || !new RegExp(`\\b${one}\\b`).test(text)) continue
      imports.push(`import { ${one} } from '${pathTo(from, name)}'`)
    }
    for (const one of [...values, ...types]) declared.set(one, name)
    const unexported = (names) => [...names].filter((one) => !isExported(text, one)).join(', ')
    const exports = `export { ${unexported(values)} }; export type { ${unexported(types)} }`
    return `${imports.join('; ')}${'\n'.repeat(line - 1)}${text}${exports}\n`
  }
}

function stepOf({ kind, text, line }, imports) {
  return `${imports.join('; ')}\nawait page.${kind}(${JSON.stringify(text)}, ${line})\nexport {}\n`
}

function pathTo(wanted, from) {
  const path = posix.relative(posix.dirname(from), jsOf(wanted))
  return path.startsWith('.') ? path : `./${path}`
}

const jsOf = (name) => name.replace(/\.ts$/, '.js')

/** What the top level of a block declares, imports included. */
function namesOf(text, line) {
  const { program, errors } = parseSync('block.ts', text)
  if (errors.length > 0) throw new Error(`line ${line}: ${errors[0].message}`)
  const values = new Set()
  const types = new Set()
  for (const statement of program.body) {
    if (statement.type === 'ImportDeclaration') {
      for (const { local, importKind } of statement.specifiers) {
        const isType = importKind === 'type' || statement.importKind === 'type'
        ;(isType ? types : values).add(local.name)
      }
    } else addDeclared(statement.declaration ?? statement)
  }
  return { values, types }

  function addDeclared(node) {
    switch (node.type) {
      case 'VariableDeclaration':
        for (const { id } of node.declarations) addPattern(id)
        break
      case 'FunctionDeclaration':
      case 'TSDeclareFunction':
      case 'ClassDeclaration':
        values.add(node.id.name)
        break
      case 'TSInterfaceDeclaration':
      case 'TSTypeAliasDeclaration':
        types.add(node.id.name)
    }
  }

  function addPattern(node) {
    if (node.type === 'Identifier') values.add(node.name)
    else if (node.type === 'AssignmentPattern') addPattern(node.left)
    else if (node.type === 'RestElement') addPattern(node.argument)
    else if (node.type === 'ArrayPattern')
      for (const each of node.elements) each && addPattern(each)
    else if (node.type === 'ObjectPattern')
      for (const each of node.properties) addPattern(each.value ?? each)
  }
}

function isExported(text, name) {
  const declares =
    '(?:declare )?(?:abstract )?(?:async )?(?:const|let|function\\*?|class|interface|type)'
  return new RegExp(`^export (?:default )?${declares} ${name}\\b`, 'm').test(text)
}
