import path from 'node:path'
import type { Style } from '../terminal/style.ts'
import { printable, printableLines } from '../terminal/text-width.ts'
import type { DevEvent } from './dev-session.ts'

const MAX_NAMED = 3

/** What a terminal shows of an event, with paths from the working directory. */
export function devText(event: DevEvent, style: Style, folder = process.cwd()): string {
  const place = (file: string): string => printable(path.relative(folder, file) || '.')
  switch (event.event) {
    case 'database': {
      const { url, data, app, watch } = event
      const again = watch ? ', loaded again when a module changes' : ''
      return [
        `${style('bold', 'database')}  ${url}`,
        ...(data === null ? [] : [`${style('bold', 'data')}      ${place(data)}`]),
        `${style('bold', 'app')}       ${place(app)}${again}`,
        '',
      ].join('\n')
    }
    case 'running':
      return style('green', `the worker runs, after ${(event.startMs / 1_000).toFixed(1)} s`)
    case 'changed': {
      const { modules } = event
      const named = modules.slice(0, MAX_NAMED).map(place).join(', ')
      const more = modules.length > MAX_NAMED ? ` and ${modules.length - MAX_NAMED} more` : ''
      return style('cyan', `${named}${more} changed, the worker starts again`)
    }
    case 'failed': {
      const next = event.isFinal ? '' : '\nThe worker starts again when a module changes.'
      return `${style('red', 'the worker does not run:')} ${printableLines(event.message)}${next}`
    }
    case 'limit':
      return `${style('yellow', 'watching:')} ${printable(event.message)}`
    case 'stopping':
      return 'stopping: jobs that run have 5 s to end'
    default:
      return event satisfies never
  }
}
