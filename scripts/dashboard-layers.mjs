// What a file of the dashboard may import: types of src/http/wire.ts and nothing else of src, and of packages only
// what the page is built of. Only dashboard/api talks to the server. Nothing imports in a circle.
import { existsSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { importsOf, loadsOf, root, sourceFiles, targetOf, textOf, walk } from './source-tree.mjs'

const WIRE = 'src/http/wire.ts'
const PACKAGES = ['preact', 'preact/hooks', '@preact/signals', 'uplot', '@dagrejs/dagre']
const MAX_LINES = 300
/** From the lowest to the highest: a file imports only what stands before it, or beside it. */
const FLOORS = [
  /^dashboard\/(router|stored|theme|time|keys|policy|numbers|filter-words|rows|page-list)\.ts$|icon\.tsx$/,
  /^dashboard\/api\//,
  /^dashboard\/(session|stream-places|live|loading|series)\.ts$/,
  /^dashboard\/(components\/|acting\.ts$)/,
  /^dashboard\/pages\//,
  /^dashboard\/(shell\.tsx|shell-keys\.ts|main\.tsx|vite\.config\.ts)$/,
]
const SERVER = ['fetch', 'EventSource', 'XMLHttpRequest', 'WebSocket']

export function dashboardProblems() {
  const files = sourceFiles('dashboard')
  return [
    ...files.flatMap(strays),
    ...files.flatMap(talkers),
    ...sizes(),
    ...circles(files),
    ...openings(),
  ]
}

function strays(file) {
  if (file.endsWith('vite.config.ts')) return []
  const values = loadsOf(file)
  return importsOf(file).flatMap((one) => {
    const why = refusal(file, one, values.includes(one))
    return why === null ? [] : [`${file} imports ${one}: ${why}`]
  })
}

function refusal(file, wanted, isValue) {
  if (!wanted.startsWith('.'))
    return PACKAGES.includes(wanted.replace(/\/dist\/.*\.css$/, ''))
      ? null
      : `only ${PACKAGES.join(', ')}`
  const target = targetOf(file, wanted.replace(/\?.*$/, ''))
  if (target.startsWith('src/')) {
    if (target !== WIRE) return `of src only ${WIRE}`
    return isValue ? 'only its types' : null
  }
  if (target.endsWith('.css')) return null
  const [from, to] = [floorOf(file), floorOf(target)]
  if (from < 0 || to < 0) return 'a file without a floor: add it to scripts/dashboard-layers.mjs'
  return from >= to ? null : `${target} stands above it`
}

const floorOf = (file) => FLOORS.findIndex((floor) => floor.test(file))

/** Uses of what talks to a server, outside of dashboard/api. */
function talkers(file) {
  const found = new Set()
  if (file.startsWith('dashboard/api/')) return []
  walk(file, (node) => {
    const name = /^(Call|New)Expression$/.test(node.type) ? node.callee.name : undefined
    if (SERVER.includes(name)) found.add(name)
  })
  return [...found].map((name) => `${file} uses ${name}: only dashboard/api talks to the server`)
}

function sizes() {
  return readdirSync(join(root, 'dashboard'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(tsx?|css)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .map((file) => [file, textOf(file).split('\n').length])
    .filter(([, lines]) => lines > MAX_LINES)
    .map(([file, lines]) => `${file} has ${lines} lines: ${MAX_LINES} at most`)
}

function circles(files) {
  const done = new Set()
  const found = []
  const next = (file) =>
    importsOf(file)
      .filter((one) => one.startsWith('.') && /\.tsx?(\?|$)/.test(one) && !one.includes('src/'))
      .map((one) => targetOf(file, one.replace(/\?.*$/, '')))
  const follow = (file, path) => {
    if (path.includes(file))
      found.push(`a circle of imports: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`)
    if (done.has(file) || path.includes(file)) return
    for (const one of next(file)) follow(one, [...path, file])
    done.add(file)
  }
  for (const file of files) follow(file, [])
  return found
}

function openings() {
  return ['', 'api/', 'components/', 'pages/']
    .map((folder) => `dashboard/${folder}README.md`)
    .filter((file) => !existsSync(join(root, file)))
    .map((file) => `${file} is missing: what the folder is for, and which file to read first`)
}
