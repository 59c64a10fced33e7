// Gathers the modules that a producer imports in two files, since a module costs more to find, to read and to link
// than to run: one of what a child of an executor loads as well, one of the rest. Each module stays where it is and
// exports from there what it did, so a deep import and the package itself have the same classes.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { build } from 'esbuild'
import { parseSync } from 'oxc-parser'

const PRODUCER = ['index.js']
const CHILD = [
  'child-index.js',
  'executors/child/process.js',
  'executors/child/thread.js',
  'executors/child/watchdog.js',
]
/** Without a comment outside of its texts. */
const LARGE = /\bsql\.generated\.js$/
const FORM = {
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  charset: 'utf8',
  legalComments: 'none',
}
/** What finds files beside itself stays in a file of its own. */
const FINDS_FILES = /\bimport\.meta\b/

/**
 * @param {string} dist The folder of the compiled modules, which are rewritten.
 * @param {readonly string[]} files All of them.
 */
export async function bundle(dist, files) {
  const texts = new Map()
  const child = new Set(await reached(CHILD))
  const modules = (await reached(PRODUCER)).filter((file) => !FINDS_FILES.test(textOf(file)))
  const homes = new Map(
    modules.map((file) => [file, child.has(file) ? 'bundle/shared.js' : 'bundle/producer.js']),
  )
  const numbers = new Map(modules.map((file, index) => [file, index]))
  const others = files.filter((file) => file.endsWith('.js') && !homes.has(file))
  const made = []
  for (const home of new Set(homes.values())) {
    const own = modules.filter((file) => homes.get(file) === home)
    made.push({ file: home, text: await gathered(home, own) })
  }
  for (const file of modules)
    made.push({ file, text: exportsFrom(file, relativeTo(file, homes.get(file))) })
  for (const file of others) made.push({ file, text: redirected(file) })
  mkdirSync(join(dist, 'bundle'), { recursive: true })
  for (const { file, text } of made) writeFileSync(join(dist, file), text)
  await withoutComments(others.filter((file) => !LARGE.test(file)))

  /** They are a third of the code, and the declarations have those of the public face. */
  async function withoutComments(outside) {
    await build({
      ...FORM,
      absWorkingDir: dist,
      entryPoints: outside,
      outdir: dist,
      allowOverwrite: true,
    })
  }

  function textOf(file) {
    if (!texts.has(file)) texts.set(file, readFileSync(join(dist, file), 'utf8'))
    return texts.get(file)
  }

  /** The modules that these import, and what those do, but not what is loaded later. */
  async function reached(entries) {
    const found = new Set(entries)
    for (const file of found) {
      for (const { moduleRequest } of parsed(file).staticImports) add(file, moduleRequest.value)
      for (const { entries: names } of parsed(file).staticExports)
        for (const { moduleRequest } of names) if (moduleRequest) add(file, moduleRequest.value)
    }
    return [...found].sort()

    function add(from, wanted) {
      if (wanted.startsWith('.')) found.add(posix.join(posix.dirname(from), wanted))
    }
  }

  function parsed(file) {
    return parseSync(file, textOf(file)).module
  }

  /** What a module exports, under the names that it has in the file that holds it. */
  function exportsFrom(file, home) {
    const names = parsed(file).staticExports.flatMap(({ entries }) =>
      entries.map(({ exportName }) => {
        if (exportName.kind === 'None') throw new Error(`${file}: "export *" has no names.`)
        return exportName.kind === 'Default' ? 'default' : exportName.name
      }),
    )
    if (names.length === 0) return `import '${home}'\n`
    const list = names.map((name) => `${aliasOf(file, name)} as ${name}`)
    return `export { ${list.join(', ')} } from '${home}'\n`
  }

  /** The module, with its imports from the files that hold what it imports. */
  function redirected(file) {
    const text = textOf(file)
    const edits = []
    for (const { start, end, moduleRequest, entries } of parsed(file).staticImports) {
      const wanted = posix.join(posix.dirname(file), moduleRequest.value)
      const isWhole = entries.some(({ importName }) => importName.kind === 'NamespaceObject')
      if (!homes.has(wanted) || entries.length === 0 || isWhole) continue
      const names = entries.map(({ importName, localName }) => {
        const name = importName.kind === 'Default' ? 'default' : importName.name
        return `${aliasOf(wanted, name)} as ${localName.value}`
      })
      const from = relativeTo(file, homes.get(wanted))
      edits.push({ start, end, by: `import { ${names.join(', ')} } from '${from}';` })
    }
    return edits
      .sort((a, b) => b.start - a.start)
      .reduce((made, { start, end, by }) => made.slice(0, start) + by + made.slice(end), text)
  }

  function aliasOf(file, name) {
    return `m${numbers.get(file)}_${name}`
  }

  /** One file with these modules. */
  async function gathered(home, own) {
    const entry = own.map((file) => {
      const [line] = exportsFrom(file, `./${file}`).split('\n')
      return line.replaceAll(/(\w+) as (\w+)/g, '$2 as $1')
    })
    const { outputFiles } = await build({
      absWorkingDir: dist,
      stdin: { contents: entry.join('\n'), resolveDir: dist, sourcefile: 'entry.js' },
      ...FORM,
      bundle: true,
      packages: 'external',
      write: false,
      ignoreAnnotations: true,
      plugins: [placing(home)],
    })
    return outputFiles[0].text
  }

  /** Modules of another file are imported from there, and those of no file and later ones where they are. */
  function placing(home) {
    return {
      name: 'placing',
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^\./ }, ({ kind, path, importer, resolveDir }) => {
          const from =
            importer === 'entry.js' || importer === '' ? '' : posix.relative(dist, resolveDir)
          const file = posix.join(from, path)
          if (homes.get(file) === home && kind !== 'dynamic-import') return undefined
          if (homes.has(file) && kind !== 'dynamic-import')
            return { path: file, namespace: 'elsewhere' }
          return { path: relativeTo(home, file), external: true }
        })
        onResolve({ filter: /^bundle-file:/ }, ({ path }) => ({
          path: relativeTo(home, path.slice('bundle-file:'.length)),
          external: true,
        }))
        onLoad({ filter: /.*/, namespace: 'elsewhere' }, ({ path }) => ({
          contents: exportsFrom(path, `bundle-file:${homes.get(path)}`),
        }))
      },
    }
  }
}

function relativeTo(from, file) {
  const path = posix.relative(posix.dirname(from), file)
  return path.startsWith('.') ? path : `./${path}`
}
