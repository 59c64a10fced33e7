// Known faults in what users install: fails on one that is high or critical. A registry that has no such
// service is said, and is no failure.
//
//   node scripts/audit.mjs
import { spawnSync } from 'node:child_process'
import { root } from './source-tree.mjs'

const args = ['audit', '--omit=dev', '--audit-level=high', '--json']
const { stdout } = spawnSync('npm', args, {
  cwd: root,
  encoding: 'utf8',
  shell: process.platform === 'win32',
})
const answer = parse(stdout)
const counts = answer.metadata?.vulnerabilities
if (counts === undefined) {
  const reason = answer.error?.summary || answer.message || 'npm gave no answer'
  console.log(`skipped: the registry does not audit (${withoutAddress(reason)})`)
} else if (counts.high + counts.critical > 0) {
  for (const { name, severity, via } of Object.values(answer.vulnerabilities)) {
    console.error(`${severity}: ${name}: ${via.map((it) => it.title ?? it).join('; ')}`)
  }
  process.exitCode = 1
} else {
  console.log(`no high or critical fault is known in ${answer.metadata.dependencies.prod} packages`)
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

function withoutAddress(text) {
  return text
    .replace(/https?:\/\/\S+/g, '')
    .replace(/\s+/g, ' ')
    .trim()
}
