import { loadedAt, lostSince, mode, pollMs, reload, togglePaused } from '../live.ts'
import { clockText, minuteText, now, spanText } from '../time.ts'

/** How fresh the page is, and the switch that stops it. */
export function LiveState() {
  const everyMs = pollMs.value
  // Nothing on it asks again: a page about what has ended.
  const shown = mode.value === 'poll' && everyMs === null ? 'still' : mode.value
  const [sign, word, tone, title] = {
    connecting: ['○', 'connecting', 'still', 'The stream is being opened.'],
    live: ['●', 'live', 'good', 'The page moves with the data. Pause it (p)'],
    poll: [
      '◌',
      `every ${spanText(everyMs ?? 0)}`,
      'busy',
      'The page asks again and again. Pause it (p)',
    ],
    still: [
      '○',
      loadedAt.value === null ? 'as it was' : `as of ${clockText(loadedAt.value)}`,
      'still',
      'Nothing on this page changes by itself. Read it again (r)',
    ],
    paused: ['‖', 'paused', 'warn', 'Nothing is read until you continue (p)'],
    lost: [
      '▲',
      `since ${minuteText(lostSince.value ?? now.peek())}`,
      'bad',
      'The server does not answer. The page continues when it does.',
    ],
  }[shown] as [string, string, string, string]
  return (
    <button
      type="button"
      class="button quiet live"
      data-mode={shown}
      title={title}
      onClick={shown === 'still' ? reload : togglePaused}
    >
      <span class={tone} aria-hidden="true">
        {sign}
      </span>
      <span>{word}</span>
    </button>
  )
}
