// Draws the states of a job into docs/learning/lifecycle.md from the table of transitions (--write),
// or says that the drawing is stale.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { TRANSITIONS } from '../dist/core/job-state.js'
import { FINISHED_STATES } from '../dist/core/queued-job.js'
import { writeOrCompare } from './compare.mjs'
import { root } from './source-tree.mjs'

const file = 'docs/learning/lifecycle.md'
const begin = '<!-- Drawn from src/core/job-state.ts by scripts/states-doc.mjs. -->\n'
const end = '<!-- End of the drawing. -->\n'

const arrows = Object.entries(TRANSITIONS).flatMap(([from, steps]) => {
  return [...grouped(steps)].map(([to, names]) => `    ${from} --> ${to}: ${names.join(', ')}`)
})
const drawing = [
  '```mermaid',
  'stateDiagram-v2',
  '    [*] --> pending: push',
  ...arrows,
  ...FINISHED_STATES.map((state) => `    ${state} --> [*]: retention is over`),
  '```',
]

const text = readFileSync(join(root, file), 'utf8')
const [before, rest] = text.split(begin)
const after = rest?.split(end)[1]
if (after === undefined) throw new Error(`${file} has no place for the drawing: ${begin}${end}`)
writeOrCompare(file, `${before}${begin}\n${drawing.join('\n')}\n\n${end}${after}`)

/** Verbs by the state they lead to; Node 20 has no Map.groupBy. */
function grouped(steps) {
  const verbs = new Map()
  for (const [verb, to] of Object.entries(steps)) verbs.set(to, [...(verbs.get(to) ?? []), verb])
  return verbs
}
