import type { Driver } from 'chancy'
import { hooked } from './application.ts'

/** A driver that holds the answers of chosen statements until they are released. */
export interface HeldStatements {
  readonly driver: Driver
  /**
   * From now on, answers of at least this many rows to statements whose text contains this are held. Resolves when one is. The
   * answer to a claim has a row besides its jobs.
   */
  hold(text: string, leastRows?: number): Promise<void>
  release(): void
  /** How many statements whose text contains this were sent. */
  sent(text: string): number
}

export function heldStatements(driver: Driver): HeldStatements {
  const sent: string[] = []
  let held: { readonly text: string; readonly rows: number; readonly reached: () => void } | null =
    null
  let open: Promise<void> = Promise.resolve()
  let release = (): void => {}
  return {
    driver: hooked(driver, async (text, send) => {
      sent.push(text)
      const answer = await send()
      if (held === null || !text.includes(held.text) || answer.length < held.rows) return answer
      held.reached()
      await open
      return answer
    }),
    hold(text, rows = 0) {
      open = new Promise((resolve) => {
        release = resolve
      })
      return new Promise((reached) => {
        held = { text, rows, reached }
      })
    },
    release() {
      held = null
      release()
    },
    sent: (text) => sent.filter((one) => one.includes(text)).length,
  }
}
