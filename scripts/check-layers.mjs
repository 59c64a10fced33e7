// A folder of src is a layer, and this is what each may import, types included ("The layers" in
// CONTRIBUTING.md). Nothing imports in a circle, neither files nor the folders of a layer, and each
// folder opens with a README.md.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { dashboardProblems } from './dashboard-layers.mjs'
import { importsOf, report, root, sourceFiles, targetOf, textOf } from './source-tree.mjs'

const layers = {
  core: [],
  database: ['core'],
  events: ['core'],
  services: ['core', 'events'],
  executors: ['core'],
  plugin: ['core', 'database', 'events', 'services'],
  app: ['core', 'database', 'events', 'services', 'plugin'],
  worker: ['core', 'database', 'events', 'services', 'executors', 'plugin', 'app'],
  plugins: ['core', 'database', 'events', 'services', 'plugin'],
  http: ['core', 'events', 'app', 'plugin', 'plugins'],
  cli: ['core', 'index', 'http', 'plugin', 'plugins'],
  testing: ['core', 'index', 'plugin', 'database'],
  index: ['core', 'database', 'events', 'executors', 'plugin', 'app', 'worker', 'plugins'],
  'child-index': ['core', 'index'],
}
/**
 * The subfolders of a layer, and which of the others each may import. Each may also import files at the
 * top of the layer, as long as those import no subfolder.
 */
const subfolders = {
  app: {
    audit: [],
    bulk: ['audit', 'read', 'search'],
    doctor: [],
    durable: ['workflows'],
    push: [],
    read: [],
    search: ['audit', 'durable', 'read'],
    workflows: ['audit', 'push', 'read'],
  },
  cli: {
    commands: ['program', 'terminal', 'dev', 'init', 'repl', 'top'],
    dev: ['program', 'terminal'],
    init: ['program'],
    program: ['terminal'],
    repl: ['terminal'],
    terminal: [],
    top: ['terminal'],
  },
  core: { durable: ['workflow'], filter: [], rule: [], workflow: [] },
  database: {
    drivers: ['embedded'],
    embedded: [],
    migrations: [],
    sessions: ['drivers'],
    statements: [],
  },
  executors: { child: [], launch: ['child'], pool: [] },
  http: { node: [], routes: ['shapes'], shapes: [] },
  plugin: { access: [], hooks: [], parts: ['access'] },
  worker: {
    attempts: [],
    claiming: ['attempts', 'maintenance'],
    lease: [],
    maintenance: ['lease'],
  },
}
/** Public files that a layer may import besides. */
const besides = {
  cli: ['src/database/drivers/embedded-postgres.ts', 'src/executors/job-modules.ts'],
}
/** Subfolders that other layers must not import. */
const inner = ['database/embedded', 'executors/child']
/** What core may import that is no file of ours. */
const outsideOfCore = ['node:crypto', 'node:events']

/** What `exports` of the package names is public. */
const exported = new Set(
  Object.values(JSON.parse(textOf('package.json')).exports).map((one) =>
    String(one.default ?? one).replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts'),
  ),
)

const files = sourceFiles('src')
const graph = new Map(files.map((file) => [file, importsOf(file)]))
report(
  [...graph].flatMap(strayImports).concat(cycles(), openings(), dashboardProblems()),
  `${files.length} files keep to their layers`,
)

function strayImports([file, wanted]) {
  const own = layerOf(file)
  if (layers[own] === undefined) return [`${file} is in no layer: add "${own}" to the table`]
  const folder = subfolderOf(file)
  if (folder !== null && own !== 'plugins' && subfolders[own]?.[folder] === undefined)
    return [`${file} is in no known subfolder: add "${folder}" to "subfolders" of ${own}`]
  return wanted.flatMap((one) => {
    const why = one.startsWith('.') ? refusal(file, targetOf(file, one)) : outside(own, one)
    return why === null ? [] : [`${file} imports ${one}: ${why} (CONTRIBUTING.md, "The layers")`]
  })
}

function refusal(file, target) {
  const [from, to] = [layerOf(file), layerOf(target)]
  const may = layers[from].length === 0 ? 'nothing' : layers[from].join(', ')
  if (from !== to) {
    if (besides[from]?.includes(target)) return null
    if (!layers[from].includes(to)) return `${from} may only import ${may}`
    const folder = `${to}/${subfolderOf(target)}`
    if (inner.includes(folder)) return `only ${to} itself may import ${folder}`
    return to === 'plugins' && !isPublic(target) ? 'only the public file of a plugin' : null
  }
  if (from !== 'plugins') return refusalWithin(file, target)
  if (pluginOf(file) === pluginOf(target) || isPublic(target)) return null
  return 'another plugin only by its public file'
}

/** Of one layer: by its table of subfolders. */
function refusalWithin(file, target) {
  const [from, to] = [subfolderOf(file), subfolderOf(target)]
  if (from === null || from === to) return null
  const layer = layerOf(file)
  if (to === null) {
    const below = (graph.get(target) ?? [])
      .filter((one) => one.startsWith('.'))
      .map((one) => targetOf(target, one))
      .find((one) => layerOf(one) === layer && subfolderOf(one) !== null)
    return below === undefined ? null : `${target} itself imports a subfolder, ${below}`
  }
  const may = subfolders[layer][from]
  if (may.includes(to)) return null
  return `${layer}/${from} may import ${may.length === 0 ? 'no other subfolder' : may.join(', ')}`
}

function outside(layer, name) {
  const isFine = layer !== 'core' || outsideOfCore.includes(name)
  return isFine ? null : `core may only use ${outsideOfCore.join(', ')}`
}

/** src/worker/worker.ts → worker; src/index.ts → index. */
function layerOf(file) {
  return file.split('/')[1].replace(/\.ts$/, '')
}

/** src/worker/lease/heartbeat.ts → lease; src/worker/worker.ts → null. */
function subfolderOf(file) {
  const parts = file.split('/')
  return parts.length > 3 ? parts[2] : null
}

function pluginOf(file) {
  return file.split('/')[2].replace(/\.ts$/, '')
}

/** src/plugins/cron.ts, src/plugins/cron/cron.ts and src/plugins/cron/index.ts. */
function isPublic(file) {
  const name = pluginOf(file)
  if (exported.has(file)) return true
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

/** A folder says in its README.md what it is for and which file to read first. */
function openings() {
  const folders = new Set(files.map((file) => file.split('/').slice(1, -1).slice(0, 2).join('/')))
  return [...folders].filter(Boolean).flatMap((folder) => {
    const opening = `src/${folder}/README.md`
    if (!isThere(opening))
      return [`${opening} is missing: what the folder is for, and which file to read first`]
    return [...textOf(opening).matchAll(/`([^` ]+\.ts)`/g)]
      .map(([, named]) => named)
      .filter((named) => ![`src/${folder}/${named}`, named].some(isThere))
      .map((named) => `${opening} names ${named}, which is not there`)
  })
}

function isThere(path) {
  return existsSync(join(root, path))
}
