// Before `npm pack` and `npm publish`: builds what is packed, or refuses with one line of what to do.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const FLOOR = [20, 19]

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < FLOOR[0] || (major === FLOOR[0] && minor < FLOOR[1]))
  refuse(
    `Node ${process.versions.node} is too old to build it. Use Node ${FLOOR.join('.')} or newer.`,
  )

if (!runs('build.mjs'))
  refuse('The build failed, for the reason above. Correct it until "npm run build" ends with 0.')
if (!runs('dashboard.mjs', '--budget'))
  refuse('The dashboard cannot be built within its budget, for the reason above.')
if (!runs('llms.mjs', '--write'))
  refuse(
    'llms.txt cannot be made, for the reason above. Correct it until "node scripts/llms.mjs --write" ends with 0.',
  )

const description = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const missing = [...pathsOf(description.exports), ...pathsOf(description.bin)].filter(
  (path) => !existsSync(join(root, path)),
)
if (missing.length > 0)
  refuse(
    `package.json names ${missing.join(', ')}, which the build did not make. Correct "exports" or "bin".`,
  )

/** The standard output is that of npm: `npm pack --json` prints a document there. */
function runs(script, ...args) {
  const command = [join(root, 'scripts', script), ...args]
  return spawnSync(process.execPath, command, { cwd: root, stdio: ['ignore', 2, 2] }).status === 0
}

function pathsOf(value) {
  return typeof value === 'string' ? [value] : Object.values(value).flatMap(pathsOf)
}

function refuse(why) {
  console.error(`Not packed: ${why}`)
  process.exit(1)
}
