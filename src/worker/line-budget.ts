import type { Clock } from '../core/clock.ts'

/** Lines about one subject within `WINDOW_MS`; what is more is counted. */
const MAX_LINES = 50
const WINDOW_MS = 60_000
/** Subjects that are remembered. */
const MAX_SUBJECTS = 1_000

interface Window {
  readonly endsAt: number
  lines: number
  leftOut: number
}

/** Keeps what can happen a thousand times a second from filling the log: a minute has some lines, and a count of the others. */
export class LineBudget {
  readonly #clock: Clock
  /** Called with the subject and how many lines were left out: a minute after the first of them was, or at the end. */
  readonly #onLeftOut: (subject: string, count: number) => void
  readonly #windows = new Map<string, Window>()
  #over = new AbortController()

  constructor(clock: Clock, onLeftOut: (subject: string, count: number) => void) {
    this.#clock = clock
    this.#onLeftOut = onLeftOut
  }

  /** Whether a line about this subject may be written; if not, it is counted. */
  allows(subject: string): boolean {
    const now = this.#clock.monotonic()
    let window = this.#windows.get(subject)
    if (window === undefined || now >= window.endsAt) {
      this.#close(subject)
      if (this.#windows.size >= MAX_SUBJECTS) this.end()
      window = { endsAt: now + WINDOW_MS, lines: 0, leftOut: 0 }
      this.#windows.set(subject, window)
    }
    if (window.lines < MAX_LINES) {
      window.lines++
      return true
    }
    if (window.leftOut++ === 0) this.#closeLater(subject, window)
    return false
  }

  /** Says what was left out so far. */
  end(): void {
    this.#over.abort()
    this.#over = new AbortController()
    for (const subject of [...this.#windows.keys()]) this.#close(subject)
  }

  #closeLater(subject: string, window: Window): void {
    const { signal } = this.#over
    void this.#clock.sleep(window.endsAt - this.#clock.monotonic(), signal).then(() => {
      if (this.#windows.get(subject) === window) this.#close(subject)
    })
  }

  #close(subject: string): void {
    const window = this.#windows.get(subject)
    this.#windows.delete(subject)
    if (window !== undefined && window.leftOut > 0) this.#onLeftOut(subject, window.leftOut)
  }
}
