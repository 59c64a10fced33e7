import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { useKeys } from '../keys.ts'
import { placesOf } from './graph-places.ts'
import { type GraphLayout, NODE, type PlainGraph } from './graph-shape.ts'
import { Icon } from './icon.tsx'
import { Bones } from './panel.tsx'
import { iconPath, toneOf } from './state-mark.tsx'

export interface GraphNode {
  readonly id: string
  readonly label: string
  readonly state: string
  readonly note: string
  readonly href: string | null
}

/** A graph whose nodes are links. It is moved by dragging and by the arrows, and zoomed by keys, wheel and buttons. */
export function Graph(props: {
  label: string
  nodes: readonly GraphNode[]
  edges: readonly (readonly [string, string])[]
}) {
  const { nodes, edges } = props
  const layout = useLayout(nodes, edges)
  const host = useRef<HTMLElement>(null)
  const [zoom, setZoom] = useState<number | null>(null)
  const fitting = () => {
    const { clientWidth = 800, clientHeight = 400 } = host.current ?? {}
    if (layout === null || layout.width === 0) return 1
    return Math.min(
      1,
      Math.max(
        0.3,
        Math.min(clientWidth / layout.width, Math.max(clientHeight, 240) / layout.height),
      ),
    )
  }
  const scale = zoom ?? fitting()
  const by = (factor: number) => setZoom(Math.min(2.5, Math.max(0.2, scale * factor)))
  const pan = (x: number, y: number) => host.current?.scrollBy(x * 80, y * 80)
  const next = () => {
    const running = [
      ...(host.current?.querySelectorAll<SVGElement>(
        '[data-state="running"] a, a[data-state="running"]',
      ) ?? []),
    ]
    const at = running.indexOf(document.activeElement as unknown as SVGElement)
    const found = running[(at + 1) % running.length]
    found?.focus()
    found?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }
  const key = (keys: string, says: string, run: () => void) => ({ keys, says, of: 'Graph', run })
  useKeys(
    () => [
      key('+', 'closer', () => by(1.25)),
      key('-', 'farther', () => by(0.8)),
      key('0', 'all of it', () => setZoom(null)),
      key('ArrowLeft', 'left', () => pan(-1, 0)),
      key('ArrowRight', 'right', () => pan(1, 0)),
      key('ArrowUp', 'up', () => pan(0, -1)),
      key('ArrowDown', 'down', () => pan(0, 1)),
      key('n', 'next that runs', next),
    ],
    [scale, layout],
  )
  useDragging(host)
  // It follows what runs, until it is moved.
  useEffect(() => {
    const running = host.current?.querySelector('a[data-state="running"]')
    if (running && host.current) {
      const place = running.getBoundingClientRect()
      const frame = host.current.getBoundingClientRect()
      if (place.right > frame.right || place.left < frame.left)
        host.current.scrollBy(place.left - frame.left - frame.width / 2, 0)
    }
  }, [layout !== null])
  return (
    <div class="graph">
      <div class="graph-tools">
        <button
          type="button"
          class="button small icon"
          aria-label="Closer (+)"
          onClick={() => by(1.25)}
        >
          <Icon name="plus" />
        </button>
        <button
          type="button"
          class="button small icon"
          aria-label="Farther (-)"
          onClick={() => by(0.8)}
        >
          <Icon name="minus" />
        </button>
        <button
          type="button"
          class="button small icon"
          aria-label="All of it (0)"
          onClick={() => setZoom(null)}
        >
          <Icon name="fit" />
        </button>
      </div>

      <section class="graph-view" ref={host} aria-label={props.label}>
        {layout === null ? (
          <Bones rows={4} />
        ) : (
          <svg
            role="presentation"
            width={layout.width * scale}
            height={layout.height * scale}
            viewBox={`0 0 ${layout.width} ${layout.height}`}
          >
            {layout.lines.map((points, at) => (
              <path key={String(at)} class="edge" d={pathOf(points)} />
            ))}
            {nodes.map((node) => {
              const place = layout.places[node.id]
              return place === undefined ? null : (
                <Node key={node.id} node={node} x={place.x} y={place.y} />
              )
            })}
          </svg>
        )}
      </section>
    </div>
  )
}

function Node({ node, x, y }: { node: GraphNode; x: number; y: number }) {
  const inner = (
    <>
      <rect width={NODE.width} height={NODE.height} rx="6" />
      <path class="mark" transform="translate(10 14) scale(0.667)" d={iconPath(node.state)} />
      <text x="32" y="19" class="label">
        {cut(node.label, 18)}
      </text>
      <text x="32" y="34" class="note">
        {cut(node.note === '' ? node.state : `${node.state} · ${node.note}`, 22)}
      </text>
    </>
  )
  const common = {
    class: `node ${toneOf(node.state)}`,
    'data-state': node.state,
    transform: `translate(${x} ${y})`,
  }
  return node.href === null ? (
    <g {...common}>{inner}</g>
  ) : (
    <a {...common} href={node.href}>
      {inner}
    </a>
  )
}

const cut = (text: string, length: number): string =>
  [...text].length > length ? `${[...text].slice(0, length - 1).join('')}…` : text

function pathOf(points: readonly { x: number; y: number }[]): string {
  const [first, ...rest] = points
  if (first === undefined) return ''
  const last = rest.at(-1) ?? first
  const middle = (first.x + last.x) / 2
  if (rest.length <= 2)
    return `M${first.x},${first.y}C${middle},${first.y} ${middle},${last.y} ${last.x},${last.y}`
  return `M${first.x},${first.y}${rest.map(({ x, y }) => `L${x},${y}`).join('')}`
}

/** A layout is made once for a shape: states move within it. */
function useLayout(
  nodes: readonly GraphNode[],
  edges: readonly (readonly [string, string])[],
): GraphLayout | null {
  const [layout, setLayout] = useState<GraphLayout | null>(null)
  const shape = useMemo(() => JSON.stringify([nodes.map(({ id }) => id), edges]), [nodes, edges])
  useEffect(() => {
    const own = new AbortController()
    const graph: PlainGraph = { nodes: nodes.map(({ id }) => id), edges }
    placesOf(graph, own.signal).then(
      (found) => {
        if (!own.signal.aborted) setLayout(found)
      },
      () => {},
    )
    return () => own.abort()
  }, [shape])
  return layout
}

/** One pointer drags; a finger scrolls as the browser does it. */
function useDragging(host: { current: HTMLElement | null }): void {
  useEffect(() => {
    const element = host.current
    if (element === null) return
    let from: { x: number; y: number } | null = null
    const down = (event: PointerEvent) => {
      if (event.pointerType === 'mouse' && event.button === 0)
        from = { x: event.clientX, y: event.clientY }
    }
    const move = (event: PointerEvent) => {
      if (from === null) return
      element.scrollBy(from.x - event.clientX, from.y - event.clientY)
      from = { x: event.clientX, y: event.clientY }
    }
    const up = () => {
      from = null
    }
    element.addEventListener('pointerdown', down)
    addEventListener('pointermove', move)
    addEventListener('pointerup', up)
    return () => {
      element.removeEventListener('pointerdown', down)
      removeEventListener('pointermove', move)
      removeEventListener('pointerup', up)
    }
  }, [])
}
