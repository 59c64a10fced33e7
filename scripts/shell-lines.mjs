// What can be said of a command line in a document without running it: that the script, the package, or the command
// of Chancy with its options exists.
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, textOf } from './source-tree.mjs'

const { name, scripts, dependencies, devDependencies, peerDependencies } = JSON.parse(
  textOf('package.json'),
)
const packages = { ...dependencies, ...devDependencies, ...peerDependencies }
const helps = new Map()

/** What is wrong with the lines of a block. */
export async function commandFault(text) {
  const lines = text
    .replaceAll(/\\\n\s*/g, '')
    .trim()
    .split('\n')
  const found = await Promise.all(lines.map((line) => faultOf(line)))
  return found.filter((it) => it !== null)
}

async function faultOf(line) {
  const words = line
    .replace(/\s+#.*$/, '')
    .split(/\s+/)
    .filter(
      (word, index, all) =>
        !(/^[A-Z_]+=/.test(word) && all.slice(0, index).every((it) => /^[A-Z_]+=/.test(it))),
    )
  if (words.length === 0 || line.startsWith('#')) return null
  if (words[0] === 'npx') words.shift()
  const [tool, verb] = words
  if (tool === 'npm') return npmFault(verb, words.slice(2))
  if (tool === name) return chancyFault(words.slice(1))
  return `"${line}" is not checked: put "<!-- run -->" or "<!-- unchecked: why -->" before the block`
}

function npmFault(verb, words) {
  if (verb === 'run') return scripts[words[0]] ? null : `there is no script "${words[0]}"`
  if (verb === 'ci' || verb === 'pack' || verb === 'test') return null
  if (verb !== 'install') return `"npm ${verb}" is not checked`
  const given = words
    .filter((word) => !word.startsWith('-'))
    .map((word) => word.replace(/(?<=.)@.*/, ''))
  const strange = given.filter((one) => one !== name && packages[one] === undefined)
  return strange.length === 0
    ? null
    : `"${strange}" is not among the packages that this is tested with`
}

async function chancyFault(words) {
  const command = []
  const flags = []
  for (const [index, word] of words.entries()) {
    if (word.startsWith('-')) flags.push(word.replace(/=.*/, ''))
    else if (/^(--app|--database|--schema)$/.test(words[index - 1] ?? '')) continue
    else if (
      flags.every((it) => /^(--app|--database|--schema)$/.test(it)) &&
      /^[a-z][a-z-]*$/.test(word)
    )
      command.push(word)
    else if (flags.length === 0) break
  }
  const { usage, help } = await helpOf(command)
  if (usage.length === 0 || usage[0] !== command[0])
    return `chancy has no command "${command.join(' ')}"`
  const strange = flags.filter(
    (flag) => flag !== '--help' && !new RegExp(`(^|[\\s,])${flag}(?![\\w-])`, 'm').test(help),
  )
  return strange.length === 0 ? null : `chancy ${usage.join(' ')} has no ${strange}`
}

/** The words of the command that is meant, and what `--help` prints of it and of the whole. */
function helpOf(command) {
  const key = command.join(' ')
  if (!helps.has(key)) helps.set(key, readHelp(command))
  return helps.get(key)
}

async function readHelp(command) {
  const [own, whole] = await Promise.all([printed(command), printed([])])
  const [, said = ''] = /^Usage: chancy ([a-z -]*)/.exec(own) ?? []
  const usage = said.trim().split(' ').filter(Boolean)
  return { usage, help: `${own}\n${whole}` }
}

const runs = new Map()
function printed(words) {
  const key = words.join(' ')
  if (!runs.has(key)) runs.set(key, run(words))
  return runs.get(key)
}

function run(words) {
  const main = join(root, 'dist', 'cli', 'main.js')
  const args = [main, '--app', appWithAll(), ...words, '--help']
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root }, (_, stdout, stderr) =>
      resolve(stdout || stderr),
    )
  })
}

/** An application with every plugin that has commands. */
function appWithAll() {
  const folder = join(root, '.blocks', 'commands')
  const file = join(folder, 'app.js')
  mkdirSync(folder, { recursive: true })
  const text = `import { Chancy } from 'chancy'
import { cron } from 'chancy/plugins/cron'
import { reprioritize } from 'chancy/plugins/reprioritize'
import { triggers } from 'chancy/plugins/triggers'
export default new Chancy('postgresql://127.0.0.1:1/none', { plugins: [cron(), triggers()] })
void reprioritize
`
  writeFileSync(file, text)
  return file
}
