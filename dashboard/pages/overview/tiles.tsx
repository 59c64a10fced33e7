import type { ComponentChildren } from 'preact'
import type { WireOverview } from '../../../src/http/wire.ts'
import { quoted } from '../../filter-words.ts'
import { useKeys } from '../../keys.ts'
import { countText, percentText, rateText, shortText } from '../../numbers.ts'
import { navigate, to, toJobs } from '../../router.ts'
import { spanText } from '../../time.ts'

/** Five numbers, each a link to its list. Keys 1 to 5 open them. */
export function Tiles({ overview }: { overview: WireOverview | null }) {
  const totals = overview?.totals
  const age = ageText(totals)
  const tiles = [
    {
      label: 'Waiting',
      href: toJobs('state:waiting', 'line'),
      value:
        totals &&
        (totals.isEstimate ? `≈ ${shortText(totals.waiting)}` : countText(totals.waiting)),
      note:
        totals &&
        [
          age,
          totals.scheduled > 0 && `${shortText(totals.scheduled)} scheduled`,
          totals.blocked > 0 && `${shortText(totals.blocked)} blocked`,
        ]
          .filter(Boolean)
          .join(' · '),
    },
    {
      label: 'Running',
      href: toJobs('state:running'),
      value: totals && (
        <>
          {countText(totals.running)}
          {totals.slots !== null && <small>/{countText(totals.slots)}</small>}
        </>
      ),
      note:
        totals &&
        (totals.workers === 0
          ? 'no worker alive'
          : `${totals.workers} ${totals.workers === 1 ? 'worker' : 'workers'}`),
      tone: totals?.workers === 0 ? 'bad' : '',
    },
    {
      label: 'Done',
      href: toJobs('state:succeeded'),
      value: totals && unknownOr(totals.donePerSecond, rateText),
      note: totals && 'in the last minute',
    },
    {
      label: 'Failing',
      href: to('failures'),
      value: totals && unknownOr(totals.failingRatio, percentText),
      note:
        totals && (totals.failingRatio === null ? 'no attempt ended' : 'of attempts, last minute'),
      tone: (totals?.failingRatio ?? 0) >= 0.05 ? 'bad' : '',
    },
    {
      label: 'Oldest',
      href:
        totals?.oldestQueue == null
          ? toJobs('state:waiting', 'line')
          : toJobs(`state:waiting queue:${quoted(totals.oldestQueue)}`, 'line'),
      value: totals && unknownOr(totals.oldestMs, spanText),
      note: totals && (totals.oldestQueue === null ? 'nothing waits' : `in ${totals.oldestQueue}`),
    },
  ]
  useKeys(
    () =>
      tiles.map(({ label, href }, at) => ({
        keys: String(at + 1),
        says: label,
        of: 'This page',
        run: () => navigate(href),
      })),
    [totals?.oldestQueue],
  )
  return (
    <div class="tiles" aria-busy={totals === undefined}>
      {tiles.map(({ label, href, value, note, tone }) => (
        <a class="tile" href={href} key={label}>
          <span class="label">{label}</span>
          <div class={`value ${tone ?? ''}`}>{(value ?? '…') as ComponentChildren}</div>
          <div class="note">{note}</div>
        </a>
      ))}
    </div>
  )
}

function unknownOr(value: number | null, text: (value: number) => string): string {
  return value === null ? '–' : text(value)
}

/** Counts that are young do not need to say their age. */
function ageText(totals: WireOverview['totals'] | undefined): string | null {
  if (totals === undefined) return null
  if (totals.ageMs === null) return 'not counted yet'
  return totals.ageMs > 10_000 ? `${spanText(totals.ageMs)} old` : null
}
