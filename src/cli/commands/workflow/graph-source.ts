import type { PushedStep, PushedWorkflow } from '../../../index.ts'
import { printable } from '../../terminal/text-width.ts'

interface Graph {
  readonly nodes: readonly { readonly id: string; readonly step: PushedStep }[]
  readonly edges: readonly (readonly [from: string, to: string])[]
}

const COLOURS: Readonly<Record<string, string>> = {
  succeeded: '#2da44e',
  failed: '#cf222e',
  cancelled: '#bf8700',
  running: '#0969da',
  retrying: '#bf8700',
  skipped: '#8c959f',
}

/** The graph in the language of Graphviz. */
export function dotText({ name, steps }: PushedWorkflow): string {
  const { nodes, edges } = graphOf(steps)
  return [
    `digraph ${dotString(name)} {`,
    '  rankdir=LR;',
    '  node [shape=box, style=rounded, fontname="sans-serif"];',
    ...nodes.map(({ id, step }) => {
      const label = `${dotEscaped(step.name)}\\n${step.state}`
      const colour = COLOURS[step.state]
      return `  ${id} [label="${label}"${colour === undefined ? '' : `, color="${colour}"`}];`
    }),
    ...edges.map(([from, to]) => `  ${from} -> ${to};`),
    '}',
  ].join('\n')
}

/** The graph in the language of Mermaid. */
export function mermaidText({ steps }: PushedWorkflow): string {
  const { nodes, edges } = graphOf(steps)
  const states = [...new Set(nodes.map(({ step }) => step.state))]
  return [
    'flowchart LR',
    ...nodes.map(({ id, step }) => `  ${id}["${mermaidEscaped(step.name)}<br>${step.state}"]`),
    ...edges.map(([from, to]) => `  ${from} --> ${to}`),
    ...states.flatMap((state) => {
      const colour = COLOURS[state]
      if (colour === undefined) return []
      const ids = nodes.filter(({ step }) => step.state === state).map(({ id }) => id)
      return [`  classDef ${state} stroke:${colour}`, `  class ${ids.join(',')} ${state}`]
    }),
  ].join('\n')
}

/** Without the items of maps. The ids are numbers, since names may hold anything. */
function graphOf(steps: readonly PushedStep[]): Graph {
  const nodes = steps.filter(({ map }) => map === null).map((step, at) => ({ id: `s${at}`, step }))
  const ids = new Map(nodes.map(({ id, step }) => [step.name, id]))
  const edges = nodes.flatMap(({ id, step }) =>
    step.after.flatMap((name) => {
      const from = ids.get(name)
      return from === undefined ? [] : [[from, id] as const]
    }),
  )
  return { nodes, edges }
}

function dotString(text: string): string {
  return `"${dotEscaped(text)}"`
}

function dotEscaped(text: string): string {
  return printable(text).replaceAll(/[\\"]/g, '\\$&')
}

/** As entities: quotes, angles and backticks mean something in a label. */
function mermaidEscaped(text: string): string {
  return printable(text).replaceAll(/[^\p{L}\p{N} ._:,-]/gu, (one) => `#${one.codePointAt(0)};`)
}
