import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Icon, type IconName } from './icon.tsx'

export interface MenuItem {
  readonly label: ComponentChildren
  readonly icon?: IconName
  readonly href?: string
  /** Of a choice: whether it is the present one. */
  readonly checked?: boolean
  /** Why it cannot be chosen now. */
  readonly why?: string | null
  run?(): void
}

/** A menu button of the ARIA patterns: arrows move, Escape closes, Tab leaves. */
export function Menu(props: {
  label: ComponentChildren
  title?: string
  items: readonly MenuItem[]
  class?: string
  side?: 'left' | 'right'
}) {
  const [isOpen, setOpen] = useState(false)
  const id = useId()
  const root = useRef<HTMLDivElement>(null)
  const items = () => [...(root.current?.querySelectorAll<HTMLElement>('[role^="menuitem"]') ?? [])]
  const close = () => {
    setOpen(false)
    root.current?.querySelector<HTMLElement>('button')?.focus()
  }
  useEffect(() => {
    if (!isOpen) return
    items()[0]?.focus()
    const away = (event: Event) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false)
    }
    document.addEventListener('pointerdown', away)
    return () => document.removeEventListener('pointerdown', away)
  }, [isOpen])
  const move = (event: KeyboardEvent) => {
    const all = items()
    const at = all.indexOf(document.activeElement as HTMLElement)
    const next: Record<string, number> = {
      ArrowDown: (at + 1) % all.length,
      ArrowUp: (at - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1,
    }
    if (event.key === 'Escape') close()
    else if (event.key === 'Tab') return setOpen(false)
    else if (next[event.key] !== undefined) all[next[event.key]!]?.focus()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <div class={`menu ${props.side === 'left' ? 'left' : ''}`} ref={root}>
      <button
        type="button"
        class={`button ${props.class ?? ''}`}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        title={props.title}
        onClick={() => setOpen(!isOpen)}
      >
        {props.label}
        <Icon name="down" />
      </button>
      {isOpen && (
        <div id={id} role="menu" tabIndex={-1} onKeyDown={move} aria-label={props.title ?? 'Menu'}>
          {props.items.map((item, at) => (
            <Item key={String(at)} item={item} close={close} />
          ))}
        </div>
      )}
    </div>
  )
}

function Item({ item, close }: { item: MenuItem; close: () => void }) {
  const inner = (
    <>
      {item.checked !== undefined &&
        (item.checked ? <Icon name="check" /> : <span class="icon-svg" />)}
      {item.icon !== undefined && <Icon name={item.icon} />}
      <span>
        {item.label}
        {item.why != null && <small class="soft"> {item.why}</small>}
      </span>
    </>
  )
  if (item.href !== undefined)
    return (
      <a role="menuitem" tabIndex={-1} href={item.href} onClick={close}>
        {inner}
      </a>
    )
  return (
    <button
      type="button"
      tabIndex={-1}
      {...(item.checked === undefined
        ? { role: 'menuitem' }
        : { role: 'menuitemradio', 'aria-checked': item.checked })}
      aria-disabled={item.why != null}
      onClick={() => {
        if (item.why != null) return
        close()
        item.run?.()
      }}
    >
      {inner}
    </button>
  )
}
