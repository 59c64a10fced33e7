import { styleText } from 'node:util'
import type { TerminalOutput } from './terminal.ts'

type Format = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
/** Colours a text, or leaves it as it is where the output is no terminal or colours are refused. */
export type Style = (format: Format, text: string) => string

/** `util.styleText` knows NO_COLOR and FORCE_COLOR. */
export function styleOf(output: TerminalOutput): Style {
  return (format, text) => styleText(format, text, { stream: output, validateStream: true })
}

export const plainStyle: Style = (_, text) => text

const FORMATS: Readonly<Record<string, Format>> = {
  ...{ succeeded: 'green', active: 'green', running: 'cyan', alive: 'green', ok: 'green' },
  ...{ failed: 'red', broken: 'red', error: 'red', lost: 'red', undeclared: 'red' },
  ...{
    retrying: 'yellow',
    cancelled: 'yellow',
    paused: 'yellow',
    warning: 'yellow',
    behind: 'red',
  },
}

/** A state in its colour. */
export function styledState(state: string, style: Style): string {
  const format = FORMATS[state.trim()]
  return format === undefined ? state : style(format, state)
}
