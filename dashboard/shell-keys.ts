import { openDialog } from './components/dialog.tsx'
import { KeyHelp } from './components/key-help.tsx'
import { dismissAll, undoNewest } from './components/toast.tsx'
import { addKeys, type KeyBinding } from './keys.ts'
import { reload, togglePaused } from './live.ts'
import { PAGES } from './page-list.ts'
import { navigate, to } from './router.ts'
import { moveRow, pressMarked, selectRow } from './rows.ts'
import { switchZone } from './time.ts'

/** The keys that hold on every page. */
export function startShellKeys(): void {
  const everywhere = binding('Everywhere')
  const lists = binding('Lists')
  addKeys([
    everywhere('?', 'this help', () => openDialog(KeyHelp)),
    everywhere('/', 'to the filter', focusFilter),
    everywhere('r', 'read everything again', reload),
    everywhere('p', 'pause or continue', togglePaused),
    everywhere('z', 'switch between UTC and your zone', switchZone),
    everywhere('u', 'undo the newest action', undoNewest),
    everywhere('Escape', 'dismiss messages', dismissAll),
    lists('j', 'next row', () => moveRow(1)),
    lists('k', 'row before', () => moveRow(-1)),
    // The row's link has the focus, so the browser opens it.
    lists('Enter', 'open the row', () => (document.activeElement as HTMLElement | null)?.click()),
    lists('x', 'select the row', () => selectRow(false)),
    lists('X', 'select up to the row', () => selectRow(true)),
    lists('[', 'newer page', () => pressMarked('data-newer')),
    lists(']', 'older page', () => pressMarked('data-older')),
    ...PAGES.map(({ part, title, key }) => ({
      keys: `g ${key}`,
      says: title,
      of: 'Pages',
      run: () => navigate(to(...(part === '' ? [] : [part]))),
    })),
  ])
}

const binding =
  (of: string) =>
  (keys: string, says: string, run: () => void): KeyBinding => ({ keys, says, of, run })

function focusFilter(): void {
  const input = document.querySelector<HTMLInputElement>('[data-filter]')
  input?.focus()
  input?.select()
}
