import { useEffect } from 'preact/hooks'
import { stored } from './stored.ts'

/** What a key does on the page that is shown. */
export interface KeyBinding {
  /** As `KeyboardEvent.key` has it, two of a sequence apart by a space: `g j`. */
  readonly keys: string
  readonly says: string
  /** Of which part of the help it is. */
  readonly of: string
  /** False: it has nothing to do here, and the binding that it hides is run. */
  run(event: KeyboardEvent): unknown
}

/** Keys of one character can be switched off (WCAG 2.1.4). */
export const keysEnabled = stored<'on' | 'off'>('keys', 'on')

const bindings: KeyBinding[] = []
let pending: { readonly key: string; readonly at: number } | null = null
const SEQUENCE_MS = 1_200

export const currentBindings = (): readonly KeyBinding[] => bindings

/** Keys that hold while a component is shown. The one that was added last wins. */
export function useKeys(made: () => KeyBinding[], deps: readonly unknown[]): void {
  useEffect(() => addKeys(made()), [...deps])
}

export function addKeys(added: readonly KeyBinding[]): () => void {
  bindings.push(...added)
  return () => {
    for (const one of added) bindings.splice(bindings.indexOf(one), 1)
  }
}

export function startKeys(): void {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
    if (keysEnabled.value === 'off' || isTyping(event.target)) return
    // A dialog has keys of its own, and those of the page behind it would act unseen.
    if (document.querySelector('dialog[open]') !== null) return
    const first = pending !== null && event.timeStamp - pending.at < SEQUENCE_MS ? pending.key : ''
    pending = null
    const wanted = first === '' ? event.key : `${first} ${event.key}`
    const found = bindings.filter(({ keys }) => keys === wanted).reverse()
    if (found.length > 0) {
      event.preventDefault()
      found.some((one) => one.run(event) !== false)
    } else if (bindings.some(({ keys }) => keys.startsWith(`${event.key} `)))
      pending = { key: event.key, at: event.timeStamp }
  })
}

/** Where a key is text. A button keeps its own keys, Enter and the space. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable || target instanceof HTMLSelectElement) return true
  if (target instanceof HTMLTextAreaElement) return true
  return target instanceof HTMLInputElement && !/^(checkbox|radio|button)$/.test(target.type)
}
