import { systemClock } from '../../core/clock.ts'
import { columnsOf, type TerminalOutput } from './terminal.ts'
import { cutText } from './text-width.ts'

/** How often it is drawn at most, in milliseconds. */
const EVERY_MS = 100
const BAR = 24

export interface Progress {
  readonly done: number
  /** Null: not known, so there is no bar. */
  readonly total: number | null
  /** What stands beside it. */
  readonly text: string
}

/** One line on the standard error that is drawn again; nothing where that is no terminal. */
export class ProgressBar {
  readonly #output: TerminalOutput
  #drawnAt = Number.NEGATIVE_INFINITY
  #isDrawn = false

  constructor(output: TerminalOutput) {
    this.#output = output
  }

  update(progress: Progress): void {
    const columns = columnsOf(this.#output)
    const now = systemClock.monotonic()
    if (columns === null || now - this.#drawnAt < EVERY_MS) return
    this.#drawnAt = now
    this.#isDrawn = true
    // The last column stays free: some terminals wrap when it is filled.
    this.#output.write(`\r\x1b[2K${cutText(lineOf(progress), columns - 1)}`)
  }

  /** Removes the line. */
  end(): void {
    if (this.#isDrawn) this.#output.write('\r\x1b[2K')
    this.#isDrawn = false
  }
}

function lineOf({ done, total, text }: Progress): string {
  if (total === null || total <= 0) return text
  const part = Math.min(1, Math.max(0, done / total))
  const full = Math.floor(part * BAR)
  const bar = `${'█'.repeat(full)}${'░'.repeat(BAR - full)}`
  return `${bar} ${String(Math.floor(part * 100)).padStart(3)} %  ${text}`
}
