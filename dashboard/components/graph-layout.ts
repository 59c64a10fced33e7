import dagre from '@dagrejs/dagre'
import { type GraphLayout, NODE, type PlainGraph } from './graph-shape.ts'

/** From left to right, each node behind those that it waits for. */
export function layoutGraph({ nodes, edges }: PlainGraph): GraphLayout {
  const graph = new dagre.graphlib.Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 46, marginx: 8, marginy: 8 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const id of nodes) graph.setNode(id, { ...NODE })
  for (const [from, to] of edges) graph.setEdge(from, to)
  dagre.layout(graph)
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number }
  const places: Record<string, { x: number; y: number }> = {}
  for (const id of nodes) {
    const { x, y } = graph.node(id) as { x: number; y: number }
    places[id] = { x: x - NODE.width / 2, y: y - NODE.height / 2 }
  }
  const lines = edges.map(
    ([from, to]) => (graph.edge(from, to) as { points: { x: number; y: number }[] }).points,
  )
  return { width, height, places, lines }
}
