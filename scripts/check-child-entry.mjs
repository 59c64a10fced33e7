// What a child of an executor loads: its own side, the words it shares with its parent, the job
// modules, and the core; and for job modules that import this package, the face that it has in a
// child. Nothing of the database, the worker or the plugins ("The layers" in CONTRIBUTING.md).
import { importsOf, loadsOf, report, targetOf, textOf, walk } from './source-tree.mjs'

const entries = ['process', 'thread', 'watchdog'].map((name) => `src/executors/child/${name}.ts`)
const face = 'src/child-index.ts'
const { exports } = JSON.parse(textOf('package.json'))
const problems = []

const own = reachedFrom(
  entries,
  importsOf,
  /^src\/(core\/|executors\/child\/|executors\/(around|attempt-context|attempt-outcome|begin-cell|child-mark|chunk-attempt|descendants|durable-attempt|executor|frame|glob|job-modules|line-reader|outputs|protocol|request-lines|run-attempt)\.ts$)/,
)
// Types are erased when it runs, and it has those of the whole.
const shown = reachedFrom([face], loadsOf, /^src\/core\//)
if (exports['.']['chancy-child'] !== './dist/child-index.js')
  problems.push(`package.json: expected "chancy-child" of "." to lead to ${face}`)
report(problems, `${new Set([...own, ...shown]).size} files are all that a child loads`)

function reachedFrom(starts, wantedBy, allowed) {
  const reached = new Map(starts.map((start) => [start, null]))
  for (const file of reached.keys()) {
    for (const wanted of wantedBy(file)) {
      if (!wanted.startsWith('.')) {
        if (!wanted.startsWith('node:'))
          problems.push(`${file} imports ${wanted}: only node: is there`)
        continue
      }
      const target = targetOf(file, wanted)
      if (!allowed.test(target))
        problems.push(`a child would load ${target}: ${way(reached, file)} → ${target}`)
      else if (!reached.has(target)) reached.set(target, file)
    }
    for (const started of startedBy(file)) {
      if (!starts.includes(started))
        problems.push(`${file} starts ${started}, which is no entry that is checked here`)
    }
  }
  return reached.keys()
}

/** A thread's own file is named where it is started, and not imported. */
function startedBy(file) {
  const started = []
  walk(file, ({ type, callee, arguments: given }) => {
    if (type !== 'NewExpression' || callee.name !== 'URL' || given.length !== 2) return
    const name = given[0].value
    if (typeof name !== 'string')
      problems.push(`${file}: what new URL() names here cannot be read, so write it out`)
    else started.push(targetOf(file, name).replace(/\.js$/, '.ts'))
  })
  return started
}

function way(reached, file) {
  const from = reached.get(file)
  return from === null ? file : `${way(reached, from)} → ${file}`
}
