import type { WireStep, WireWorkflow } from '../../../src/http/wire.ts'
import type { GraphNode } from '../../components/graph.tsx'
import { to } from '../../router.ts'

/** From this size on, steps that are alike become one node. */
const FOLD_FROM = 300
const MAX_ITEMS = 12

interface Folded {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly (readonly [string, string])[]
}

/**
 * The steps as nodes. Items of a map that has many, and steps of a large graph that wait for the same ones, are
 * one node: "parse × 412".
 */
export function foldedGraph({ steps }: WireWorkflow): Folded {
  const groups = new Map<string, WireStep[]>()
  for (const step of steps) {
    const key = keyOf(step, steps)
    const group = groups.get(key) ?? []
    group.push(step)
    groups.set(key, group)
  }
  const nodeOf = new Map<string, string>()
  for (const [key, group] of groups) for (const { name } of group) nodeOf.set(name, key)
  const edges = new Map<string, readonly [string, string]>()
  const add = (from: string | undefined, target: string) => {
    if (from !== undefined && from !== target) edges.set(`${from}\0${target}`, [from, target])
  }
  for (const step of steps) {
    const key = nodeOf.get(step.name)!
    for (const name of step.after) add(nodeOf.get(name), key)
    if (step.map !== null) add(nodeOf.get(step.map), key)
  }
  return { nodes: [...groups].map(([id, group]) => nodeFor(id, group)), edges: [...edges.values()] }
}

function keyOf(step: WireStep, steps: readonly WireStep[]): string {
  if (step.map !== null) {
    const items = steps.filter(({ map }) => map === step.map).length
    if (items > MAX_ITEMS) return `${step.map} *`
  }
  if (steps.length <= FOLD_FROM) return step.name
  const stem = step.name.replace(/[\d.[\]-]+$/, '')
  return `${stem} \0${[...step.after].sort().join()}`
}

function nodeFor(id: string, group: readonly WireStep[]): GraphNode {
  const [first] = group
  if (group.length === 1 && first !== undefined)
    return {
      id,
      label: first.name,
      state: first.state,
      note: first.error === null || first.error.kind === first.state ? '' : first.error.kind,
      href: first.job === null ? null : to('jobs', first.job),
    }
  const count = (state: string) => group.filter((one) => one.state === state).length
  const state =
    ['failed', 'running', 'retrying', 'pending', 'waiting', 'cancelled'].find(
      (one) => count(one) > 0,
    ) ?? 'succeeded'
  const stem = first?.map ?? first?.name.replace(/[\d.[\]-]+$/, '') ?? id
  return {
    id,
    label: `${stem} × ${group.length}`,
    state,
    note: `${count('succeeded')} done`,
    href: null,
  }
}
