// A folder of src is a layer, and this is what each may import, types included ("The layers" in
// CONTRIBUTING.md). Nothing imports in a circle.
import { importsOf, report, sourceFiles, targetOf } from './source-tree.mjs'

const layers = {
  core: [],
  database: ['core'],
  events: ['core'],
  executors: ['core'],
  plugin: ['core', 'database', 'events'],
  app: ['core', 'database', 'events', 'plugin'],
  worker: ['core', 'database', 'events', 'executors', 'plugin', 'app'],
  plugins: ['core', 'database', 'events', 'plugin'],
  http: ['core', 'events', 'app', 'plugins'],
  cli: ['index', 'http'],
  testing: ['index'],
  index: ['core', 'database', 'events', 'executors', 'plugin', 'app', 'worker', 'plugins'],
  'child-index': ['core', 'index'],
}
/** What core may import that is no file of ours. */
const outsideOfCore = ['node:crypto', 'node:events']

const files = sourceFiles('src')
const graph = new Map(files.map((file) => [file, importsOf(file)]))
report(
  [...graph].flatMap(strayImports).concat(cycles()),
  `${files.length} files keep to their layers`,
)

function strayImports([file, wanted]) {
  const own = layerOf(file)
  if (layers[own] === undefined) return [`${file} is in no layer: add "${own}" to the table`]
  return wanted.flatMap((one) => {
    const why = one.startsWith('.') ? refusal(file, targetOf(file, one)) : outside(own, one)
    return why === null ? [] : [`${file} imports ${one}: ${why} (CONTRIBUTING.md, "The layers")`]
  })
}

function refusal(file, target) {
  const [from, to] = [layerOf(file), layerOf(target)]
  const may = layers[from].length === 0 ? 'nothing' : layers[from].join(', ')
  if (from !== to) {
    if (!layers[from].includes(to)) return `${from} may only import ${may}`
    return to === 'plugins' && !isPublic(target) ? 'only the public file of a plugin' : null
  }
  if (from !== 'plugins' || pluginOf(file) === pluginOf(target) || isPublic(target)) return null
  return 'another plugin only by its public file'
}

function outside(layer, name) {
  const isFine = layer !== 'core' || outsideOfCore.includes(name)
  return isFine ? null : `core may only use ${outsideOfCore.join(', ')}`
}

/** src/worker/worker.ts → worker; src/index.ts → index. */
function layerOf(file) {
  return file.split('/')[1].replace(/\.ts$/, '')
}

function pluginOf(file) {
  return file.split('/')[2].replace(/\.ts$/, '')
}

/** src/plugins/cron.ts, src/plugins/cron/cron.ts and src/plugins/cron/index.ts. */
function isPublic(file) {
  const name = pluginOf(file)
  return [`${name}.ts`, `${name}/${name}.ts`, `${name}/index.ts`].includes(file.slice(12))
}

function cycles() {
  const done = new Set()
  const found = []
  for (const file of files) follow(file, [])
  return found

  function follow(file, path) {
    if (path.includes(file)) {
      const circle = [...path.slice(path.indexOf(file)), file]
      found.push(`a circle of imports, types included: ${circle.join(' → ')}`)
    }
    if (done.has(file) || path.includes(file)) return
    const next = graph.get(file) ?? []
    for (const one of next) if (one.startsWith('.')) follow(targetOf(file, one), [...path, file])
    done.add(file)
  }
}
