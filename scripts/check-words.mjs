// Words and names that do not belong into the repository, and the size of a file ("Words, names and
// sizes" in CONTRIBUTING.md).
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { missingFromLock } from './complete-lock.mjs'
import { report, root } from './source-tree.mjs'

const MAX_LINES = 500
const drawers = /^(utils?|helpers?|common|types|interfaces|lib|misc)\.[cm]?[jt]sx?$/
// Put together here, so that this file does not hold them itself.
const words = [
  [new RegExp(`\\b(TO${''}DO|FIX${''}ME|XX${''}X)\\b`), 'open an issue instead'],
  [/https?:\/\/registry\.|registry\.npmjs/, 'name no registry'],
  [/(?<![\w.])\/(home|root|Users)\/[\w.-]+\//, 'name no path of a machine'],
]
const isText = /\.([cm]?[jt]sx?|json|md|sql|ya?ml|html|css|svg|txt)$|(^|\/)(run|LICENSE|\.\w+)$/

const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root })
const files = String(listed)
  .trim()
  .split('\n')
  .filter((file) => existsSync(join(root, file)))
const see = '(CONTRIBUTING.md, "Words, names and sizes")'
report(
  [...files.flatMap(problems), ...lockProblems()].map((it) => `${it} ${see}`),
  `${files.length} files are in order`,
)

function problems(file) {
  const found = drawers.test(basename(file)) ? [`${file}: name it for what it holds`] : []
  if (!isText.test(file) || file === 'package-lock.json') return found
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  if (file.startsWith('src/') && lines.length > MAX_LINES) {
    found.push(`${file} has ${lines.length} lines: ${MAX_LINES} at most`)
  }
  lines.forEach((line, index) => {
    for (const [word, advice] of words) {
      if (word.test(line))
        found.push(`${file}:${index + 1} says "${word.exec(line)[0]}": ${advice}`)
    }
  })
  return found
}

function lockProblems() {
  const text = readFileSync(join(root, 'package-lock.json'), 'utf8')
  const found = missingFromLock(JSON.parse(text)).map(
    ({ name }) => `package-lock.json lacks ${name}: run node scripts/complete-lock.mjs`,
  )
  if (/"resolved": "http/.test(text)) found.push('package-lock.json holds addresses: see .npmrc')
  const { packages } = JSON.parse(text)
  const { allowScripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const [path, one] of Object.entries(packages)) {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    // Without it only what complete-lock.mjs adds: a binary of a tool, for another platform.
    const isForeign = one.dev && one.optional && one.os && one.cpu
    if (path !== '' && !one.integrity && !isForeign)
      found.push(`package-lock.json has no integrity of ${name}: remove it and run npm install`)
    if (one.hasInstallScript && allowScripts[name] === undefined)
      found.push(`package.json does not say in "allowScripts" whether ${name} may run a script`)
  }
  return found
}
