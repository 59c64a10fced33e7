// What the checks share: the files of a folder, the syntax tree of a file, and a walk over it.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'oxc-parser'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** The paths of the TypeScript files under a folder, seen from the root. */
export function sourceFiles(folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()
}

export const textOf = (file) => readFileSync(join(root, file), 'utf8')

/** Calls `visit` with each node of a file's syntax tree. */
export function walk(file, visit) {
  const { program, errors } = parseSync(file, textOf(file))
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`)
  descend(program)

  function descend(node) {
    if (Array.isArray(node)) return node.forEach(descend)
    if (typeof node?.type !== 'string') return
    visit(node)
    for (const value of Object.values(node)) if (typeof value === 'object') descend(value)
  }
}

/** What a file imports, exports again or loads, in values and in types, as it is written there. */
export function importsOf(file) {
  const found = new Set()
  walk(file, (node) => {
    if (/^(Import|Export|TSImport)/.test(node.type) && typeof node.source?.value === 'string')
      found.add(node.source.value)
  })
  return [...found]
}

/** What a file loads when it runs: `importsOf` without the types. */
export function loadsOf(file) {
  const found = new Set()
  walk(file, (node) => {
    const isType = (node.importKind ?? node.exportKind) === 'type'
    if (/^(Import|Export)/.test(node.type) && typeof node.source?.value === 'string' && !isType)
      found.add(node.source.value)
  })
  return [...found]
}

/** The file that a relative import means, seen from the root. */
export const targetOf = (file, wanted) => relative(root, resolve(root, dirname(file), wanted))

export const lineOf = (file, offset) => textOf(file).slice(0, offset).split('\n').length

/** Prints what is wrong and ends the process accordingly. */
export function report(problems, allIsWell) {
  for (const problem of problems) console.error(problem)
  if (problems.length === 0) console.log(allIsWell)
  process.exitCode = problems.length === 0 ? 0 : 1
}
