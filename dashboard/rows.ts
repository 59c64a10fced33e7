import { useKeys } from './keys.ts'

/** Keys that move in a list. A row is marked by `data-row`; its first link or button is what `Enter` opens. */
export function moveRow(by: number): void {
  const rows = allRows()
  if (rows.length === 0) return
  const present = currentRow()
  const at = present === null ? (by > 0 ? -1 : rows.length) : rows.indexOf(present)
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))]
  next?.querySelector<HTMLElement>('a[href], button')?.focus()
  next?.scrollIntoView({ block: 'nearest' })
}

/** The row that has the focus. */
export const currentRow = (): HTMLElement | null =>
  (document.activeElement?.closest('[data-row]') ?? null) as HTMLElement | null

/** Selects or deselects the row; with `isRange`, up to it from the last one. */
export function selectRow(isRange: boolean): void {
  const box = currentRow()?.querySelector<HTMLInputElement>('input[type="checkbox"]')
  box?.dispatchEvent(
    new MouseEvent('click', { bubbles: true, cancelable: true, shiftKey: isRange }),
  )
}

/** Follows the link of a page with that mark, such as `data-older`. */
export function pressMarked(mark: string): void {
  document.querySelector<HTMLElement>(`main [${mark}]`)?.click()
}

/** Keys of the buttons that each row of a list has: they act on the row that has the focus, and else on nothing. */
export function useRowKeys(of: string, keys: Readonly<Record<string, string>>): void {
  useKeys(
    () =>
      Object.entries(keys).map(([key, says]) => ({ keys: key, says, of, run: () => press(key) })),
    [],
  )
}

function press(key: string): boolean {
  const button = currentRow()?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)
  button?.click()
  return button != null
}

const allRows = () => [...document.querySelectorAll<HTMLElement>('main [data-row]')]
