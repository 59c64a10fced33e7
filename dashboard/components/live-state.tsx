import { lostSince, mode, pollMs, togglePaused } from '../live.ts'
import { minuteText } from '../time.ts'

/** How fresh the page is, and the switch that stops it. */
export function LiveState() {
  const [sign, word, tone] = {
    connecting: ['○', 'connecting', 'still'],
    live: ['●', 'live', 'good'],
    poll: ['◌', `every ${pollMs() / 1_000} s`, 'busy'],
    paused: ['‖', 'paused', 'warn'],
    lost: ['▲', `since ${minuteText(lostSince.value ?? Date.now())}`, 'bad'],
  }[mode.value] as [string, string, string]
  const title = {
    connecting: 'The stream is being opened.',
    live: 'The page moves with the data. Pause it (p)',
    poll: 'The page asks again and again. Pause it (p)',
    paused: 'Nothing is read until you continue (p)',
    lost: 'The server does not answer. The page continues when it does.',
  }[mode.value]
  return (
    <button
      type="button"
      class="button quiet live"
      data-mode={mode.value}
      title={title}
      onClick={togglePaused}
    >
      <span class={tone} aria-hidden="true">
        {sign}
      </span>
      <span>{word}</span>
    </button>
  )
}
