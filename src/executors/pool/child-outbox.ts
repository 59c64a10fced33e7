import type { StopReason } from '../../core/stop-request.ts'
import type { Attempt } from '../executor.ts'
import { permitLine, runLine, stopLine, widthLine } from '../protocol.ts'
import { answerLine, type ChildAnswer, startLine } from '../request-lines.ts'

/** A message is sent when it has this many characters: a frame has a largest size (`frame.ts`). */
const MAX_CHARS = 4_000_000

/** Gathers the lines for a child and sends them as one message. */
export class ChildOutbox {
  readonly #send: (lines: string) => void
  #lines = ''
  /** Whether the message that is gathered says until when its attempts may begin. */
  #hasPermit = false

  constructor(send: (lines: string) => void) {
    this.#send = send
  }

  run(seq: number, attempt: Attempt): void {
    const { permit } = attempt
    if (permit !== undefined && !this.#hasPermit) {
      this.#hasPermit = true
      this.#lines += permitLine(permit.untilMs)
    }
    const { durable } = attempt
    if (durable !== undefined) this.#lines += startLine(seq, durable)
    this.#lines += runLine(seq, attempt)
    if (this.#lines.length > MAX_CHARS) this.flush()
  }

  /** To a request of an attempt. */
  answer(seq: number, id: number, answer: ChildAnswer): void {
    this.#lines += answerLine(seq, id, answer)
    this.flush()
  }

  stop(seq: number, reason: StopReason): void {
    this.#lines += stopLine(seq, reason)
  }

  width(width: number): void {
    this.#lines += widthLine(width)
  }

  flush(): void {
    if (this.#lines === '') return
    const lines = this.#lines
    this.#lines = ''
    this.#hasPermit = false
    this.#send(lines)
  }
}
