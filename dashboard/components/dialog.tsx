import { signal } from '@preact/signals'
import type { ComponentChildren, VNode } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Icon } from './icon.tsx'

/** The dialog that is shown, of which there is one at most. */
const shown = signal<(() => VNode) | null>(null)

export function openDialog(view: () => VNode): void {
  shown.value = view
}

export function closeDialog(): void {
  shown.value = null
}

export function DialogHost() {
  const View = shown.value
  return View === null ? null : <View />
}

/** A modal `<dialog>`: the browser keeps the focus in it and puts it back at its end. */
export function Dialog(props: {
  title: string
  children: ComponentChildren
  footer?: ComponentChildren
  wide?: boolean
  onSubmit?: () => void
}) {
  const element = useRef<HTMLDialogElement>(null)
  const before = useRef(document.activeElement)
  useEffect(() => {
    const dialog = element.current!
    if (!dialog.open) dialog.showModal()
    const back = before.current
    return () => {
      dialog.close()
      if (back instanceof HTMLElement && back.isConnected) back.focus()
      else document.querySelector<HTMLElement>('main')?.focus()
    }
  }, [])
  const inner = (
    <>
      <header>
        <h2 id="dialog-title">{props.title}</h2>
        <button
          type="button"
          class="button quiet icon"
          aria-label="Close"
          onClick={() => closeDialog()}
        >
          <Icon name="cross" />
        </button>
      </header>

      <div class="content" tabIndex={props.onSubmit === undefined ? 0 : -1}>
        {props.children}
      </div>
      {props.footer !== undefined && <footer>{props.footer}</footer>}
    </>
  )
  return (
    <dialog
      ref={element}
      class={props.wide === true ? 'wide' : ''}
      aria-labelledby="dialog-title"
      onClose={() => closeDialog()}
      onMouseDown={(event) => {
        if (event.target === element.current) closeDialog()
      }}
    >
      {props.onSubmit === undefined ? (
        <div class="inner">{inner}</div>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault()
            props.onSubmit!()
          }}
        >
          {inner}
        </form>
      )}
    </dialog>
  )
}
