import { hrefWith } from '../router.ts'
import type { Range } from '../series.ts'

/** The range of the charts, which stands in the address. */
export function RangeTabs({ ranges, at }: { ranges: readonly Range[]; at: Range }) {
  return (
    <nav class="tabs" aria-label="Range">
      {ranges.map((one) => (
        <a
          key={one}
          href={hrefWith({ range: one, from: null, to: null })}
          aria-current={one === at ? 'true' : undefined}
        >
          {one}
        </a>
      ))}
    </nav>
  )
}
