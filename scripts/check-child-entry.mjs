// What a child of an executor loads: its own side, the words it shares with its parent, the job
// modules, and the core. Nothing of the database, the worker or the plugins ("The layers" in
// CONTRIBUTING.md).
import { importsOf, report, targetOf, textOf } from './source-tree.mjs'

const entries = ['process', 'thread', 'watchdog'].map((name) => `src/executors/entry/${name}.ts`)
const allowed =
  /^src\/(core\/|executors\/entry\/|executors\/(protocol|job-modules|glob|executor)\.ts$)/

const reached = new Map(entries.map((entry) => [entry, null]))
const problems = []
for (const file of reached.keys()) {
  for (const wanted of importsOf(file)) {
    if (!wanted.startsWith('.')) {
      if (!wanted.startsWith('node:'))
        problems.push(`${file} imports ${wanted}: only node: is there`)
      continue
    }
    const target = targetOf(file, wanted)
    if (!allowed.test(target))
      problems.push(`a child would load ${target}: ${way(file)} → ${target}`)
    else if (!reached.has(target)) reached.set(target, file)
  }
}
// A thread's own file is named where it is started, and not imported.
for (const [file] of reached) {
  for (const [, name] of textOf(file).matchAll(/new URL\('\.\/(.+)\.js', import\.meta\.url\)/g)) {
    if (!entries.includes(targetOf(file, `./${name}.ts`)))
      problems.push(`${file} starts ${name}, which is no entry that is checked here`)
  }
}
report(problems, `${reached.size} files are all that a child loads`)

function way(file) {
  const from = reached.get(file)
  return from === null ? file : `${way(from)} → ${file}`
}
