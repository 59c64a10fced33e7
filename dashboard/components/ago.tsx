import { agoText, fullText, now, spanText, stampText } from '../time.ts'

/** How long ago, or until: absolute in the hint, by the clock of the server. */
export function Ago({ at }: { at: string | null }) {
  if (at === null) return <span class="soft">–</span>
  const ms = Date.parse(at)
  return (
    <time dateTime={at} title={fullText(ms)}>
      {agoText(ms)}
    </time>
  )
}

/** A time of the clock, with its day where it is not today. */
export function Stamp({ at }: { at: string | null }) {
  if (at === null) return <span class="soft">–</span>
  const ms = Date.parse(at)
  return (
    <time dateTime={at} title={`${fullText(ms)} · ${agoText(ms)}`}>
      {stampText(ms)}
    </time>
  )
}

/** How long since a time, without a word for it: 3.2 s, 4 min. */
export function Since({ at }: { at: string | null }) {
  if (at === null) return <span class="soft">–</span>
  const ms = Math.max(0, now.value - Date.parse(at))
  return <span title={fullText(Date.parse(at))}>{spanText(Math.round(ms / 1_000) * 1_000)}</span>
}

export function Span({ ms }: { ms: number | null }) {
  return ms === null ? <span class="soft">–</span> : <span>{spanText(ms)}</span>
}
