import { useEffect, useState } from 'preact/hooks'
import { Icon } from './icon.tsx'

/** A text that narrows a list, a moment after the last key. */
export function TextFilter(props: {
  value: string
  label: string
  isBroad?: boolean
  onChange: (value: string) => void
}) {
  const [text, setText] = useState(props.value)
  useEffect(() => setText(props.value), [props.value])
  useEffect(() => {
    if (text === props.value) return
    const timer = setTimeout(() => props.onChange(text), 200)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <label class={`text-filter ${props.isBroad === true ? 'broad' : ''}`}>
      <Icon name="search" />
      <span class="unseen">{props.label}</span>
      <input
        class="input"
        type="search"
        value={text}
        placeholder={`${props.label}…`}
        spellcheck={false}
        autocomplete="off"
        data-filter=""
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur()
        }}
      />
    </label>
  )
}
