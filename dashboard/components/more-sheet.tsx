import type { PageEntry } from '../page-list.ts'
import { to } from '../router.ts'
import { closeDialog, Dialog } from './dialog.tsx'
import { Icon } from './icon.tsx'

/** The pages that do not fit into the bar. */
export function MoreSheet({ pages }: { pages: readonly PageEntry[] }) {
  return (
    <Dialog title="More pages">
      <ul class="sheet">
        {pages.map((page) => (
          <li key={page.part}>
            <a href={to(page.part)} onClick={() => closeDialog()}>
              <Icon name={page.icon} /> {page.title}
            </a>
          </li>
        ))}
      </ul>
    </Dialog>
  )
}
