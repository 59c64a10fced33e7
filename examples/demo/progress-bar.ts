const WIDTH = 30
const REDRAW_MS = 100
const LINE_MS = 2_000

/** One line that redraws itself on a terminal; elsewhere a line every two seconds. */
export class ProgressBar {
  readonly #isTerminal = process.stdout.isTTY === true
  #startedAt = performance.now()
  #drawnAt = performance.now()
  #isDrawn = false

  /** The work begins only now. */
  begin(): void {
    this.#startedAt = performance.now()
    this.#drawnAt = this.#startedAt
  }

  /** `total` is what is known so far; while `isGrowing`, there is more to come. */
  update(done: number, total: number, isGrowing: boolean): void {
    const now = performance.now()
    if (now - this.#drawnAt < (this.#isTerminal ? REDRAW_MS : LINE_MS)) return
    this.#drawnAt = now
    this.#write(done, total, isGrowing)
  }

  finish(done: number): void {
    if (this.#isTerminal) this.#write(done, done, false)
    this.end()
  }

  /** Leaves what was drawn and continues below it. */
  end(): void {
    if (this.#isDrawn) process.stdout.write('\n')
    this.#isDrawn = false
  }

  /** Prints a line above the bar. */
  say(line: string): void {
    if (this.#isDrawn) process.stdout.write('\r\x1b[K')
    this.#isDrawn = false
    console.log(line)
  }

  #write(done: number, total: number, isGrowing: boolean): void {
    const seconds = (performance.now() - this.#startedAt) / 1_000
    const rate = Math.round(done / Math.max(seconds, 0.001))
    const counts = `${number(done)} of ${number(total)}${isGrowing ? '+' : ''} files, ${number(rate)}/s`
    if (!this.#isTerminal) {
      console.log(`  ${counts}`)
      return
    }
    const filled = total === 0 ? WIDTH : Math.min(WIDTH, Math.floor((done / total) * WIDTH))
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled)
    const room = Math.max(10, (process.stdout.columns || 80) - 1)
    process.stdout.write(`\r${`${bar} ${counts}`.slice(0, room)}\x1b[K`)
    this.#isDrawn = true
  }
}

export function number(value: number): string {
  return value.toLocaleString('en')
}
