import type { Command } from 'commander'
import { type Chancy, ConfigError, type Plugin } from '../../index.ts'
import { answerText } from '../terminal/answer-text.ts'
import { ask, canAsk } from '../terminal/question.ts'
import { styleOf } from '../terminal/style.ts'
import type { Layout } from '../terminal/table.ts'
import { columnsOf, type Terminal } from '../terminal/terminal.ts'
import type { Application } from './application.ts'
import type { Answer, Call } from './command.ts'
import { Declined, DONE, FAILED, Interrupted } from './ending.ts'
import type { GlobalOptions } from './global-options.ts'

export interface SessionParts {
  readonly program: Command
  readonly terminal: Terminal
  readonly application: Application
  readonly signal: AbortSignal
}

/** One run of the command line: what a command is called with, what it printed, how it exits. */
export class Session implements Call {
  readonly program: Command
  readonly terminal: Terminal
  readonly signal: AbortSignal
  readonly application: Application
  /** Whether the command ends by itself after a signal. */
  isInterruptible = false
  isPatient = false
  exitCode = DONE
  readonly #endings: (() => void)[] = []
  #chancy: Chancy | null = null

  constructor({ program, terminal, application, signal }: SessionParts) {
    this.program = program
    this.terminal = terminal
    this.application = application
    this.signal = signal
  }

  get global(): GlobalOptions {
    return this.program.opts<GlobalOptions>()
  }

  get app(): Chancy | null {
    return this.application.given
  }

  get layout(): Layout {
    const { stdout } = this.terminal
    return { columns: columnsOf(stdout), style: styleOf(stdout) }
  }

  chancy(plugins: readonly Plugin[] = []): Chancy {
    if (this.app !== null || plugins.length > 0)
      return this.application.open(this.global, { plugins, isPatient: this.isPatient })
    this.#chancy ??= this.application.open(this.global, { isPatient: this.isPatient })
    return this.#chancy
  }

  async confirm(question: string): Promise<void> {
    if (this.global.yes === true) return
    if (!canAsk(this.terminal)) {
      throw new ConfigError(
        `This needs a yes, and there is no terminal to ask on: "${question}" Add --yes.`,
      )
    }
    let isInterrupted = false
    const isYes = await ask(this.terminal, question, () => {
      isInterrupted = true
    })
    if (isInterrupted) throw new Interrupted('SIGINT')
    if (!isYes) throw new Declined()
  }

  note(line: string): void {
    this.terminal.stderr.write(`${line}\n`)
  }

  atEnd(work: () => void): void {
    this.#endings.push(work)
  }

  /** What the answer is printed as. */
  textOf({ value, shown = value }: Answer): string {
    if (this.global.json !== true) return answerText(shown, this.layout)
    return `${JSON.stringify(value ?? null, null, 2)}\n`
  }

  take(answer: Answer | undefined): void {
    if (answer === undefined) return
    this.terminal.stdout.write(this.textOf(answer))
    if (answer.isNo === true) this.exitCode = FAILED
  }

  end(): void {
    for (const work of this.#endings.splice(0)) work()
  }
}
