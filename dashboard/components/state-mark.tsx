import { Icon, type IconName, pathOfIcon } from './icon.tsx'

interface Mark {
  readonly icon: IconName
  readonly tone: string
  readonly word?: string
}

/** Icon, word and colour of every state, of jobs, steps, queues, workers, schedules and actions. */
const MARKS: Readonly<Record<string, Mark>> = {
  pending: { icon: 'circle', tone: 'still' },
  scheduled: { icon: 'clock', tone: 'still' },
  running: { icon: 'play', tone: 'busy' },
  retrying: { icon: 'again', tone: 'warn' },
  succeeded: { icon: 'check', tone: 'good' },
  failed: { icon: 'cross', tone: 'bad' },
  cancelled: { icon: 'slash', tone: 'off' },
  skipped: { icon: 'skip', tone: 'still' },
  waiting: { icon: 'dots', tone: 'still' },
  active: { icon: 'check', tone: 'good' },
  paused: { icon: 'pause', tone: 'warn' },
  undeclared: { icon: 'warning', tone: 'warn' },
  ended: { icon: 'stop', tone: 'still' },
  broken: { icon: 'warning', tone: 'bad' },
  alive: { icon: 'check', tone: 'good' },
  lost: { icon: 'cross', tone: 'bad' },
  doubted: { icon: 'warning', tone: 'warn', word: 'not seen' },
  open: { icon: 'warning', tone: 'bad' },
  muted: { icon: 'mute', tone: 'still' },
  resolved: { icon: 'check', tone: 'good' },
  done: { icon: 'check', tone: 'good' },
  finished: { icon: 'check', tone: 'good' },
  stopped: { icon: 'stop', tone: 'off' },
  undone: { icon: 'undo', tone: 'off' },
  refused: { icon: 'slash', tone: 'bad' },
  fired: { icon: 'check', tone: 'good' },
  missed: { icon: 'warning', tone: 'warn' },
}

export const toneOf = (state: string): string => MARKS[state]?.tone ?? 'still'
export const iconOf = (state: string): IconName => MARKS[state]?.icon ?? 'circle'

export const iconPath = (state: string): string => pathOfIcon(iconOf(state))

/** A state as icon, word and colour, so that none of them is needed to understand it. */
export function StateMark({ state, word }: { state: string; word?: string }) {
  const mark = MARKS[state]
  return (
    <span class={`state ${toneOf(state)}`}>
      <Icon name={iconOf(state)} />
      {word ?? mark?.word ?? state}
    </span>
  )
}
