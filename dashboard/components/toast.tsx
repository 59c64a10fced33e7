import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { Icon, type IconName } from './icon.tsx'

interface Toast {
  readonly id: number
  readonly text: ComponentChildren
  readonly tone: 'good' | 'warn' | 'bad'
  readonly undo: (() => void) | null
  readonly href: string | null
}

const toasts = signal<readonly Toast[]>([])
let count = 0
const LIFE_MS = { good: 8_000, warn: 15_000, bad: 30_000 }
const ICONS: Readonly<Record<Toast['tone'], IconName>> = {
  good: 'check',
  warn: 'warning',
  bad: 'cross',
}

/** Says what became of an action, and offers its way back. */
export function say(text: ComponentChildren, options: Partial<Omit<Toast, 'id' | 'text'>> = {}) {
  const tone = options.tone ?? 'good'
  const made = {
    id: ++count,
    text,
    tone,
    undo: options.undo ?? null,
    href: options.href ?? null,
  }
  toasts.value = [...toasts.value.slice(-3), made]
  setTimeout(() => dismiss(made.id), LIFE_MS[tone] * (made.undo === null ? 1 : 2))
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id)
}

/** Takes back the newest action that can be. Returns whether there was one. */
export function undoNewest(): boolean {
  const found = toasts.value.findLast(({ undo }) => undo !== null)
  if (found === undefined) return false
  dismiss(found.id)
  found.undo!()
  return true
}

export function dismissAll(): void {
  toasts.value = []
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((one) => (
        <div class="toast" key={one.id}>
          <Icon name={ICONS[one.tone]} class={one.tone} />
          <div>
            {one.text}
            {one.href !== null && (
              <>
                {' '}
                <a href={one.href}>Show</a>
              </>
            )}
          </div>
          {one.undo !== null && (
            <button
              type="button"
              class="button small"
              onClick={() => {
                dismiss(one.id)
                one.undo!()
              }}
            >
              Undo
            </button>
          )}
          <button
            type="button"
            class="button quiet icon small"
            aria-label="Dismiss"
            onClick={() => dismiss(one.id)}
          >
            <Icon name="cross" />
          </button>
        </div>
      ))}
    </div>
  )
}
