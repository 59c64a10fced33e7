import { systemClock } from '../../core/clock.ts'
import type { SerializedError } from '../../core/serialize-error.ts'
import type { ChildReady } from '../protocol.ts'
import type { BootMessage } from './child-message.ts'

const NOT_READY: ChildReady = { heapLimitBytes: 0, cpuMs: 0, bytes: 0 }

/** The start of a child, as policies see it. */
export type BootOfChild = Pick<
  ChildBoot,
  'startedAt' | 'readyAt' | 'ready' | 'module' | 'error' | 'isOverdue' | 'isReported'
>

/** How the start of a child goes, from its launch until it is ready or has failed. */
export class ChildBoot {
  readonly startedAt = systemClock.monotonic()
  #ready = NOT_READY
  #readyAt = 0
  #module: string | null = null
  #error: SerializedError | null = null
  #isOverdue = false
  #isReported = false

  /** What the child has reported of itself, zeros before. */
  get ready(): ChildReady {
    return this.#ready
  }

  /** 0 before it is ready. */
  get readyAt(): number {
    return this.#readyAt
  }

  /** The module that it loads. */
  get module(): string | null {
    return this.#module
  }

  /** Why it will not be ready, or was not when it ended. The message is empty where no reason is known. */
  get error(): SerializedError | null {
    return this.#error
  }

  /** It has taken so long that another child would hardly be quicker. */
  get isOverdue(): boolean {
    return this.#isOverdue
  }

  /** The warning that it is slow was logged. */
  get isReported(): boolean {
    return this.#isReported
  }

  /** @throws {TypeError} when it was ready before */
  report(message: BootMessage): void {
    if (message.kind === 'loading') {
      this.#module = message.module
      return
    }
    if (this.#readyAt > 0) throw new TypeError('ready before')
    if (message.kind === 'boot-failed') {
      this.#error = message.error
      return
    }
    this.#ready = message.ready
    this.#readyAt = systemClock.monotonic()
  }

  /** It is given up, with this reason unless the child has reported one. */
  overdue(error: SerializedError): void {
    this.#error ??= error
    this.#isOverdue = true
  }

  reported(): void {
    this.#isReported = true
  }

  /** The child has ended. */
  ended(): void {
    if (this.#readyAt === 0) this.#error ??= { name: 'Error', message: '', stack: null }
  }
}
