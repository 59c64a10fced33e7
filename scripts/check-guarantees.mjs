// Every sentence of GUARANTEES.md that promises something has a link to the test that shows it, with its title. And the
// mixes of faults in it are those of the program.
import { report, textOf } from './source-tree.mjs'

const file = 'GUARANTEES.md'
const page = textOf(file)
const LINK = /\[`[\w-]+`\]\((test\/[\w/.-]+)(?: (?:"([^"]+)"|'([^']+)'))?\)/g
const problems = []

const promises = page
  .slice(page.indexOf('\n## '), page.indexOf('\n## Under faults'))
  .split(/\n(?! )/)
  .filter((line) => line !== '' && !line.startsWith('#'))
for (const line of promises) checkPromise(line)
const rows = [...page.matchAll(/^\| `(\w+)`\s+\|/gm)].map(([, name]) => name)
const measured = [...page.matchAll(/^\| (\w+)\s+\|\s+\d/gm)].map(([, name]) => name)
const mixes = [...textOf('test/chaos/faults/mixes.ts').matchAll(/^ {4}name: '(\w+)'/gm)].map(
  ([, name]) => name,
)
for (const name of mixes) {
  if (!rows.includes(name)) problems.push(`${file} does not say what the mix "${name}" does`)
  if (!measured.includes(name)) problems.push(`${file} has no run of the mix "${name}"`)
}
for (const name of [...rows, ...measured])
  if (!mixes.includes(name)) problems.push(`${file} has a mix "${name}", which there is not`)
report(problems, `${promises.length} guarantees have a test`)

function checkPromise(line) {
  const links = [...line.matchAll(LINK)]
  const text = line.replaceAll(LINK, '').trim()
  if (!/^- [^.]+\.$/.test(text.replaceAll(/`[^`]*`/g, '')))
    problems.push(`${file}: write one sentence an item: "${text}"`)
  if (links.length === 0) problems.push(`${file}: "${text}" has no test`)
  for (const [, path, double, single] of links) {
    const title = double ?? single
    if (title === undefined) problems.push(`${file}: the link to ${path} names no test`)
    else if (!textOf(path).includes(title)) problems.push(`${file}: ${path} has no test "${title}"`)
  }
}
