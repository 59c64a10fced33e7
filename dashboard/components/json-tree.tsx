import { useState } from 'preact/hooks'
import { plural } from '../numbers.ts'

/**
 * JSON as it is stored. It is read here and not by `JSON.parse`, so that numbers beyond 2^53 keep their digits; what
 * was cut off ends with an ellipsis.
 */
export type JsonNode =
  | { readonly kind: 'plain'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly fields: readonly (readonly [string, JsonNode])[] }

const MAX_SHOWN = 100

export function JsonTree({ node, open = 2 }: { node: JsonNode; open?: number }) {
  return (
    <div class="json">
      <Value node={node} open={open} />
    </div>
  )
}

function Value({ node, open, label }: { node: JsonNode; open: number; label?: string }) {
  const [limit, setLimit] = useState(MAX_SHOWN)
  const [isOpen, setOpen] = useState(open > 0)
  const name = label === undefined ? null : <bdi class="key">{label}: </bdi>
  if (node.kind === 'plain' || node.kind === 'text')
    return (
      <div>
        {name}
        <span class={node.kind}>
          {node.kind === 'text' ? JSON.stringify(node.text) : node.text}
        </span>
      </div>
    )
  const entries: readonly (readonly [string, JsonNode])[] =
    node.kind === 'list' ? node.items.map((one, at) => [String(at), one]) : node.fields
  const [begin, end] = node.kind === 'list' ? '[]' : '{}'
  if (entries.length === 0)
    return (
      <div>
        {name}
        {`${begin}${end}`}
      </div>
    )
  const size = plural(entries.length, node.kind === 'list' ? 'item' : 'field')
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {name}
        {begin} <span class="soft">{size}</span>
        {!isOpen && ` ${end}`}
      </summary>
      {isOpen && (
        <div>
          {entries.slice(0, limit).map(([key, value]) => (
            <Value key={key} label={key} node={value} open={open - 1} />
          ))}
          {entries.length > limit && (
            <button type="button" class="button small" onClick={() => setLimit(limit * 10)}>
              {entries.length - limit} more
            </button>
          )}
        </div>
      )}
    </details>
  )
}

/** The tree of a text of JSON, also of one that was cut off. */
export function readJson(text: string): JsonNode {
  let at = 0
  const cut: JsonNode = { kind: 'plain', text: '…' }
  const space = () => {
    while (/\s/.test(text[at] ?? '')) at++
  }
  const string = (): string => {
    const from = at++
    while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
    at++
    const raw = text.slice(from, at)
    try {
      return JSON.parse(raw) as string
    } catch {
      return `${raw.slice(1)}…`
    }
  }
  const value = (): JsonNode => {
    space()
    const first = text[at]
    if (first === undefined) return cut
    if (first === '"') return { kind: 'text', text: string() }
    if (first === '[') return list()
    if (first === '{') return object()
    const [plain] = /^[^\s,\]}]+/.exec(text.slice(at, at + 400)) ?? ['']
    at += Math.max(plain.length, 1)
    return { kind: 'plain', text: plain === '' ? first : plain }
  }
  const list = (): JsonNode => {
    const items: JsonNode[] = []
    at++
    for (;;) {
      space()
      if (text[at] === ']') break
      if (at >= text.length) {
        items.push(cut)
        break
      }
      items.push(value())
      space()
      if (text[at] === ',') at++
    }
    at++
    return { kind: 'list', items }
  }
  const object = (): JsonNode => {
    const fields: [string, JsonNode][] = []
    at++
    for (;;) {
      space()
      if (text[at] === '}') break
      if (text[at] !== '"') {
        fields.push(['…', cut])
        at = text.length
        break
      }
      const key = string()
      space()
      if (text[at] === ':') at++
      fields.push([key, value()])
      space()
      if (text[at] === ',') at++
    }
    at++
    return { kind: 'object', fields }
  }
  return value()
}
