/** One sprite: paths on a grid of 24, drawn as strokes. */
const PATHS = {
  overview: 'M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z',
  queues: 'M4 6h16M4 12h16M4 18h10',
  jobs: 'M5 4h14v16H5zM9 9h6M9 13h6M9 17h3',
  failures: 'M12 4l9 16H3zM12 10v4M12 17.2v.3',
  workflows: 'M4 5h6v5H4zM14 14h6v5h-6zM7 10v6.5h7',
  schedules: 'M12 21a9 9 0 100-18 9 9 0 000 18zM12 7v5l3.5 2',
  workers: 'M6 6h12v12H6zM10 10h4v4h-4zM9 2v4M15 2v4M9 18v4M15 18v4M2 9h4M2 15h4M18 9h4M18 15h4',
  groups: 'M7 11V8a5 5 0 0110 0v3M5 11h14v9H5zM12 15v2',
  charts: 'M4 4v16h16M8 15l4-5 3 3 5-6',
  actions: 'M9 5H5v15h14V5h-4M9 3h6v4H9zM8.5 13l2.5 2.5 4.5-4.5',
  check: 'M4.5 12.5l5 5 10-11',
  cross: 'M6 6l12 12M18 6L6 18',
  play: 'M7 5l12 7-12 7z',
  pause: 'M8 5v14M16 5v14',
  stop: 'M6 6h12v12H6z',
  clock: 'M12 21a9 9 0 100-18 9 9 0 000 18zM12 7v5l3.5 2',
  again: 'M20 5v5h-5M19.5 10A8 8 0 105 16.5',
  undo: 'M4 5v5h5M4.5 10A8 8 0 1119 16.5',
  dots: 'M4.4 12h1.2M11.4 12h1.2M18.4 12h1.2',
  circle: 'M12 20a8 8 0 100-16 8 8 0 000 16z',
  ring: 'M12 20a8 8 0 100-16 8 8 0 000 16zM12 9.5v5M9.5 12h5',
  slash: 'M12 20a8 8 0 100-16 8 8 0 000 16zM6.5 6.5l11 11',
  warning: 'M12 4l9 16H3zM12 10v4M12 17.2v.3',
  info: 'M12 21a9 9 0 100-18 9 9 0 000 18zM12 11v6M12 7.5v.3',
  help: 'M12 21a9 9 0 100-18 9 9 0 000 18zM9.5 9.5a2.5 2.5 0 115 0c0 1.7-2.5 2-2.5 4M12 17v.3',
  search: 'M10.5 17a6.5 6.5 0 100-13 6.5 6.5 0 000 13zM15.5 15.5L21 21',
  down: 'M6 9l6 6 6-6',
  up: 'M6 15l6-6 6 6',
  left: 'M15 6l-6 6 6 6',
  right: 'M9 6l6 6-6 6',
  copy: 'M8 8h12v12H8zM16 8V4H4v12h4',
  sun: 'M12 16a4 4 0 100-8 4 4 0 000 8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5',
  moon: 'M20 14.5A8.5 8.5 0 119.5 4a7 7 0 0010.5 10.5z',
  half: 'M12 20a8 8 0 100-16 8 8 0 000 16zM12 4v16',
  out: 'M14 4h6v6M20 4l-9 9M18 14v6H4V6h6',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  list: 'M4 6h.01M4 12h.01M4 18h.01M9 6h11M9 12h11M9 18h11',
  download: 'M12 4v11M7 11l5 5 5-5M4 20h16',
  fit: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  skip: 'M5 5l8 7-8 7zM18 5v14',
  bell: 'M6 16V11a6 6 0 0112 0v5l2 2H4zM10 21h4',
  mute: 'M6 16V11a6 6 0 019-5.2M18 11v5l2 2H8M10 21h4M3 3l18 18',
} as const

export const pathOfIcon = (name: IconName): string => PATHS[name]

export type IconName = keyof typeof PATHS

/** A picture beside a word: it says nothing on its own. */
export function Icon({ name, class: extra }: { name: IconName; class?: string }) {
  return (
    <svg class={`icon-svg ${extra ?? ''}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}
