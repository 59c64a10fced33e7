import { useEffect, useId, useRef, useState } from 'preact/hooks'
import type { WireSuggestions } from '../../src/http/wire.ts'
import { suggest } from '../api/jobs.ts'
import type { ApiProblem } from '../api/problem.ts'
import { openDialog } from './dialog.tsx'
import { FilterSheet } from './filter-sheet.tsx'
import { Icon } from './icon.tsx'

/** The filter of the jobs: what is typed, what may follow, what each term costs, and where it is wrong. */
export function FilterBox(props: {
  value: string
  fault: ApiProblem | null
  onChange: (value: string) => void
}) {
  const [text, setText] = useState(props.value)
  const [at, setAt] = useState(text.length)
  const [isOpen, setOpen] = useState(false)
  const [chosen, setChosen] = useState(-1)
  const input = useRef<HTMLInputElement>(null)
  const id = useId()
  useEffect(() => setText(props.value), [props.value])
  const offered = useSuggestions(text, at, isOpen)
  const items = offered?.items ?? []
  const mistakes = offered?.mistakes ?? []
  const commit = (next = text) => {
    setOpen(false)
    setText(next)
    props.onChange(next.trim())
  }
  const take = (index: number) => {
    const item = items[index]
    if (item === undefined) return
    const isWhole = item.kind === 'value'
    const next = `${text.slice(0, item.at)}${item.text}${isWhole ? ' ' : ''}${text.slice(item.end).trimStart()}`
    const place = item.at + item.text.length + (isWhole ? 1 : 0)
    setText(next)
    setAt(place)
    setChosen(-1)
    requestAnimationFrame(() => input.current?.setSelectionRange(place, place))
  }
  const onKey = (event: KeyboardEvent) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (move !== undefined && items.length > 0) {
      event.preventDefault()
      setOpen(true)
      setChosen((chosen + move + items.length + 1) % (items.length + 1) || 0)
    } else if (event.key === 'Enter') {
      event.preventDefault()
      if (isOpen && chosen >= 0 && chosen < items.length && !event.ctrlKey) take(chosen)
      else commit()
    } else if (event.key === 'Escape') {
      if (isOpen && items.length > 0) setOpen(false)
      else input.current?.blur()
      event.stopPropagation()
    }
  }
  const fault = mistakes[0]?.message ?? props.fault?.message ?? null
  return (
    <div class="filter-box">
      <div class="line">
        <label class="unseen" for={id}>
          Filter of the jobs
        </label>
        <Icon name="search" />
        <input
          ref={input}
          id={id}
          class="input mono"
          role="combobox"
          aria-expanded={isOpen && items.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={
            chosen >= 0 && chosen < items.length ? `${id}-${chosen}` : undefined
          }
          aria-autocomplete="list"
          aria-invalid={fault !== null}
          aria-describedby={fault === null ? undefined : `${id}-fault`}
          value={text}
          placeholder="state:failed queue:mail args.user.id:7 created:<2h"
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          data-filter=""
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={onKey}
          onSelect={(event) => setAt(event.currentTarget.selectionStart ?? text.length)}
          onInput={(event) => {
            setText(event.currentTarget.value)
            setAt(event.currentTarget.selectionStart ?? event.currentTarget.value.length)
            setOpen(true)
            setChosen(-1)
          }}
        />
        {text !== '' && (
          <button
            type="button"
            class="button quiet icon small"
            aria-label="Clear the filter"
            onClick={() => commit('')}
          >
            <Icon name="cross" />
          </button>
        )}
        <button
          type="button"
          class="button small narrow-only"
          onClick={() => openDialog(() => <FilterSheet value={text} onChange={commit} />)}
        >
          Fields…
        </button>
        <button type="button" class="button small" onClick={() => commit()}>
          Filter
        </button>
      </div>
      {isOpen && items.length > 0 && (
        <div class="suggestions" role="listbox" id={`${id}-list`} aria-label="What may stand here">
          {items.map((item, index) => (
            <div
              key={item.text}
              tabIndex={-1}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === chosen}
              onMouseDown={(event) => {
                event.preventDefault()
                take(index)
              }}
            >
              <code class="name">{item.text}</code>
              {item.about !== null && <span class="soft">{item.about}</span>}
            </div>
          ))}
        </div>
      )}
      {fault !== null && (
        <p class="filter-fault bad" id={`${id}-fault`}>
          <Icon name="warning" /> <Mistake text={text} mistakes={mistakes} fault={props.fault} />
          {fault}
        </p>
      )}
    </div>
  )
}

/** The filter with the place that is wrong underlined. */
function Mistake(props: {
  text: string
  mistakes: WireSuggestions['mistakes']
  fault: ApiProblem | null
}) {
  const given = props.fault?.details.at
  const first = props.mistakes[0]
  const from = first?.at ?? (typeof given === 'number' ? given : null)
  if (from === null) return null
  const to = first?.end ?? props.text.indexOf(' ', from)
  const end = to < 0 ? props.text.length : to
  return (
    <code>
      {props.text.slice(Math.max(0, from - 12), from)}
      <u>{props.text.slice(from, end)}</u>{' '}
    </code>
  )
}

/** Asked a moment after the last key; an answer that comes too late is not shown. */
function useSuggestions(text: string, at: number, isOpen: boolean): WireSuggestions | null {
  const [found, setFound] = useState<WireSuggestions | null>(null)
  useEffect(() => {
    if (!isOpen) return
    const own = new AbortController()
    const timer = setTimeout(() => {
      suggest(text, at, own.signal).then(setFound, () => setFound(null))
    }, 120)
    return () => {
      clearTimeout(timer)
      own.abort()
    }
  }, [text, at, isOpen])
  return found
}
