import type { PushedStep, PushedWorkflow } from '../../../index.ts'
import { styledState } from '../../terminal/style.ts'
import type { Layout } from '../../terminal/table.ts'
import { cutText, padText, printable, textWidth } from '../../terminal/text-width.ts'

/** Steps side by side that end the same way and have nothing behind them are shown up to this many. */
const MAX_ALIKE = 10
/** A name that is cut further says nothing. */
const MIN_NAME = 12
/** Other dependencies of a step that are named. */
const MAX_NAMED = 3

interface Node {
  readonly step: PushedStep
  readonly children: Node[]
}

interface Line {
  readonly lead: string
  readonly name: string
  readonly state: string
  readonly note: string
}

/**
 * The graph as text: each step once, under the last of the steps that it waits for, and the others named beside it. Of a
 * map the items are counted. Where a line is wider than the terminal its name is cut, and then its note.
 */
export function stepTree({ steps }: Pick<PushedWorkflow, 'steps'>, layout: Layout): string {
  const lines: Line[] = []
  draw(forestOf(steps), '', lines, notesOf(steps))
  const state = lines.reduce((most, line) => Math.max(most, line.state.length), 0)
  const widest = lines.reduce(
    (most, { lead, name }) => Math.max(most, textWidth(lead) + textWidth(name)),
    0,
  )
  const { columns, style } = layout
  const hasNotes = lines.some(({ note }) => note !== '')
  const most = columns === null ? widest : hasNotes ? (columns * 2) / 5 : columns - state - 2
  const room = Math.min(widest, Math.max(2 * MIN_NAME, Math.floor(most)))
  const left = columns === null ? null : columns - room - state - 4
  return lines
    .map((line) => {
      const lead = room === widest ? line.lead : lastOf(line.lead, room - MIN_NAME)
      const name = cutText(line.name, room - textWidth(lead))
      const note = left === null ? line.note : left < 4 ? '' : cutText(line.note, left)
      const shown = styledState(padText(line.state, state), style)
      return `${padText(`${lead}${name}`, room)}  ${shown}  ${note}`.trimEnd()
    })
    .map((line) => `${line}\n`)
    .join('')
}

/** The end of the lines before a name, where they are too many to be seen. */
function lastOf(lead: string, columns: number): string {
  return lead.length <= columns ? lead : `…${lead.slice(1 - columns)}`
}

/** Each step under the last one that it waits for. */
function forestOf(steps: readonly PushedStep[]): Node[] {
  const roots: Node[] = []
  const nodes = new Map<string, Node>()
  for (const step of steps) {
    if (step.map !== null) continue
    const node: Node = { step, children: [] }
    nodes.set(step.name, node)
    const parent = nodes.get(step.after.at(-1) ?? '')
    ;(parent?.children ?? roots).push(node)
  }
  return roots
}

function draw(nodes: readonly Node[], indent: string, lines: Line[], notes: Notes): void {
  const shown = gathered(nodes)
  for (const [at, node] of shown.entries()) {
    const isLast = at === shown.length - 1
    const isRoot = indent === '' && notes.isTop(node)
    const lead = isRoot ? '' : `${indent}${isLast ? '└─ ' : '├─ '}`
    if (!('step' in node)) {
      lines.push({ lead, name: `… ${node.more} more`, state: node.state, note: '' })
      continue
    }
    const below = isRoot ? ' ' : `${indent}${isLast ? '   ' : '│  '}`
    const line = ({ step }: Node, before: string): number =>
      lines.push({
        lead: before,
        name: printable(step.name),
        state: step.state,
        note: notes.of(step),
      })
    line(node, lead)
    // One after the other they stand below each other: a chain has no branches to tell apart.
    let last = node
    for (; last.children.length === 1; last = last.children[0]!) {
      line(last.children[0]!, `${below}↓ `)
    }
    draw(last.children, below, lines, notes)
  }
}

interface More {
  readonly more: number
  readonly state: string
  readonly isTop: boolean
}

/** The same nodes, of which those that are alike are counted behind the first of them. */
function gathered(nodes: readonly Node[]): (Node | More)[] {
  const alike = new Map<string, number>()
  const kept = nodes.filter(({ step, children }) => {
    if (children.length > 0) return true
    const count = (alike.get(step.state) ?? 0) + 1
    alike.set(step.state, count)
    return count <= MAX_ALIKE
  })
  const isTop = nodes.some(({ step }) => step.after.length === 0)
  const more = [...alike].filter(([, count]) => count > MAX_ALIKE)
  return [...kept, ...more.map(([state, count]) => ({ more: count - MAX_ALIKE, state, isTop }))]
}

interface Notes {
  of(step: PushedStep): string
  isTop(node: Node | More): boolean
}

function notesOf(steps: readonly PushedStep[]): Notes {
  const items = new Map<string, Map<string, number>>()
  for (const { map, state } of steps) {
    if (map === null) continue
    const counts = items.get(map) ?? new Map<string, number>()
    items.set(map, counts.set(state, (counts.get(state) ?? 0) + 1))
  }
  return {
    isTop: (node) => ('step' in node ? node.step.after.length === 0 : node.isTop),
    of(step) {
      const others = step.after.slice(0, -1)
      const named = others.slice(-MAX_NAMED).map(printable).join(', ')
      const unnamed = others.length - MAX_NAMED
      const counts = items.get(step.name)
      return [
        counts === undefined ? '' : itemsText(counts),
        step.runWhen === 'all-succeeded' ? '' : `when ${step.runWhen}`,
        others.length === 0 ? '' : `after ${named}${unnamed > 0 ? ` and ${unnamed} more` : ''}`,
        step.error === null ? '' : printable(step.error.message),
      ]
        .filter((text) => text !== '')
        .join('; ')
    },
  }
}

function itemsText(counts: ReadonlyMap<string, number>): string {
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const [[state, count] = ['', 0]] = counts
  if (count === all) return `${all} items ${state}`
  return `${all} items: ${[...counts].map(([one, n]) => `${n} ${one}`).join(', ')}`
}
