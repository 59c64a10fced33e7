import { hrefWith, query } from '../router.ts'
import { Icon } from './icon.tsx'

/**
 * The pages of a list by their cursors. The address has the cursors of the pages before, so that each one is a link
 * and Back works.
 */
export function Pager({ next }: { next: string | null }) {
  const cursor = query.value.get('cursor')
  if (cursor === null && next === null) return null
  return (
    <nav class="pager" aria-label="Pages of the list">
      {cursor !== null && (
        <a class="button small" href={hrefWith({ cursor: null })} data-newer="">
          <Icon name="left" /> Newest
        </a>
      )}
      {next !== null && (
        <a class="button small" href={hrefWith({ cursor: next })} data-older="">
          Older <Icon name="right" />
        </a>
      )}
    </nav>
  )
}
