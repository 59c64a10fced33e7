import type { Terminal } from '../terminal/terminal.ts'

const [ENTER, LEAVE] = ['\x1b[?1049h\x1b[?25l', '\x1b[?25h\x1b[?1049l']
const [INTERRUPT, SUSPEND] = ['\x03', '\x1a']

interface RawInput {
  setRawMode?(isRaw: boolean): unknown
}

export interface ScreenListener {
  onKey(key: string): void
  onResize(): void
}

/**
 * The other screen of a terminal, which leaves what was printed before as it is. `leave` restores it, also when the
 * process ends by an error or by `process.exit`.
 */
export class FullScreen {
  readonly #terminal: Terminal
  readonly #listener: ScreenListener
  #isShown = false

  constructor(terminal: Terminal, listener: ScreenListener) {
    this.#terminal = terminal
    this.#listener = listener
  }

  enter(): void {
    if (this.#isShown) return
    const { stdin, stdout } = this.#terminal
    this.#isShown = true
    stdout.write(ENTER)
    stdout.on('resize', this.#resize)
    process.on('exit', this.#leave).on('uncaughtExceptionMonitor', this.#leave)
    if (stdin.isTTY !== true) return
    ;(stdin as RawInput).setRawMode?.(true)
    stdin.on('data', this.#read)
    stdin.resume()
  }

  draw(lines: readonly string[]): void {
    if (!this.#isShown) return
    // Each line is emptied first: behind one that fills the width, the last column would be.
    const text = lines.map((line) => `\x1b[2K${line}`).join('\r\n')
    this.#terminal.stdout.write(`\x1b[H${text}\x1b[J`)
  }

  leave(): void {
    if (!this.#isShown) return
    const { stdin, stdout } = this.#terminal
    this.#isShown = false
    process.off('exit', this.#leave).off('uncaughtExceptionMonitor', this.#leave)
    stdout.off('resize', this.#resize)
    stdout.write(LEAVE)
    if (stdin.isTTY !== true) return
    stdin.off('data', this.#read)
    ;(stdin as RawInput).setRawMode?.(false)
    stdin.pause()
  }

  readonly #leave = (): void => this.leave()
  readonly #resize = (): void => this.#listener.onResize()

  /** In raw mode the terminal makes no signals of keys. */
  readonly #read = (data: Buffer | string): void => {
    for (const key of String(data)) {
      if (key === INTERRUPT) process.kill(process.pid, 'SIGINT')
      else if (key === SUSPEND && process.platform !== 'win32') this.#suspend()
      else this.#listener.onKey(key)
    }
  }

  #suspend(): void {
    this.leave()
    process.once('SIGCONT', () => {
      this.enter()
      this.#listener.onResize()
    })
    // The whole group, as the terminal does it: npx waits for this process.
    process.kill(0, 'SIGTSTP')
  }
}
