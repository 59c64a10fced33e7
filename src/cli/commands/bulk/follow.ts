import { systemClock } from '../../../core/clock.ts'
import type { BulkAction } from '../../../index.ts'
import type { Answer, Call } from '../../program/command.ts'
import { ProgressBar } from '../../terminal/progress-bar.ts'
import { bulkRow } from './bulk-row.ts'

/** How often the row is read, in milliseconds. */
const EVERY_MS = 200

/**
 * Carries an action on until its end, beside the workers that do, and shows how far it is. A signal ends the command and
 * not the action.
 *
 * @param total how many jobs it is about, or null
 */
export async function follow(
  call: Call,
  started: BulkAction,
  total: number | null,
): Promise<Answer> {
  const { bulk } = call.chancy()
  const { id } = started
  const { signal } = call
  const bar = new ProgressBar(call.terminal.stderr)
  call.atEnd(() => bar.end())
  const over = new AbortController()
  const carrying = carry(bulk, AbortSignal.any([signal, over.signal]))
  try {
    let action = started
    while (action.finishedAt === null) {
      const { done, skipped, failed, state, ratePerSecond } = action
      const text = `${done.toLocaleString('en')} done, ${state}, ${ratePerSecond}/s`
      bar.update({ done: done + skipped + failed, total, text })
      await systemClock.sleep(EVERY_MS, signal)
      action = (await bulk.get(id)) ?? action
    }
    bar.end()
    if (action.undoUntil !== null) call.note(`Take it back within an hour: chancy bulk undo ${id}`)
    return { value: action, shown: bulkRow(action), isNo: action.failed > 0 }
  } catch (error) {
    bar.end()
    if (signal.aborted)
      call.note(
        `The action continues where a worker runs. How far it is: chancy bulk show ${id}. To end it: chancy bulk stop ${id}`,
      )
    throw error
  } finally {
    over.abort()
    await carrying
  }
}

/** A role that only starts actions may lack the rights to carry them on: workers do. */
async function carry(
  bulk: { carry(options: { readonly signal: AbortSignal }): Promise<void> },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await bulk.carry({ signal }).catch(() => {})
    await systemClock.sleep(EVERY_MS, signal).catch(() => {})
  }
}
