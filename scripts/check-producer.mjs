// What a process loads that imports the package and pushes: no logger, nothing that runs jobs, no command and no text
// of a migration, and of all packages `pg` alone. What it needs later is imported there.
import { report, targetOf, walk } from './source-tree.mjs'

const entry = 'src/index.ts'
const PACKAGES = ['pg']
const LATER = [
  /^src\/(cli|http|testing)\//,
  /^src\/executors\/(child|launch)\//,
  /^src\/executors\/pool\/(?!cpu-quota\.)/,
  /^src\/worker\/(claiming|maintenance)\//,
  /^src\/worker\/worker-parts\./,
  /^src\/app\/(pino-logger\.|doctor\/|bulk-actions\.|bounded-work\.|audit\/(?!audit\.)|bulk\/(?!bulk\.)|search\/(?!job-calls\.))/,
  /^src\/database\/(embedded\/|sql\.generated\.)/,
  /^src\/plugins\/(?!failures\/|leadership\/|metrics\/|pruner\/)/,
]

const problems = []
const reached = new Map([[entry, null]])
for (const file of reached.keys()) {
  for (const wanted of importedBy(file)) {
    if (wanted.startsWith('.')) {
      const target = targetOf(file, wanted)
      if (LATER.some((one) => one.test(target)))
        problems.push(`a producer would load ${target}: ${way(file)} → ${target}`)
      else if (!reached.has(target)) reached.set(target, file)
    } else if (!wanted.startsWith('node:') && !PACKAGES.includes(wanted)) {
      problems.push(`a producer would load the package ${wanted}: ${way(file)} → ${wanted}`)
    }
  }
}
report(problems, `${reached.size} files are all that a producer loads`)

/** What a file imports when it is loaded: neither types nor what an expression imports. */
function importedBy(file) {
  const found = new Set()
  walk(file, (node) => {
    if (!/^(Import|Export)\w*Declaration$/.test(node.type)) return
    if ((node.importKind ?? node.exportKind) === 'type') return
    if (typeof node.source?.value === 'string') found.add(node.source.value)
  })
  return found
}

function way(file) {
  const from = reached.get(file)
  return from === null ? file : `${way(from)} → ${file}`
}
