import { systemClock } from '../../core/clock.ts'
import { Screen } from '../terminal/screen.ts'
import type { Answer } from './command.ts'
import type { Session } from './session.ts'

const EVERY_MS = 1_000

/**
 * Calls `run` each second and draws its answer again, until a signal ends it or the output is closed. In a file
 * or a pipe each answer follows the one before; with `--json` it is a line a row.
 */
export async function watch(
  session: Session,
  run: () => Promise<Answer | undefined>,
): Promise<void> {
  const { terminal, signal, global } = session
  const isDrawn = terminal.stdout.isTTY === true && global.json !== true
  const screen = new Screen(terminal.stdout)
  session.atEnd(() => screen.end())
  const closed = new AbortController()
  const close = (): void => closed.abort()
  terminal.stdout.once('error', close).once('close', close)
  const over = AbortSignal.any([signal, closed.signal])
  while (!over.aborted) {
    const answer = await run()
    if (answer !== undefined) {
      if (isDrawn) screen.draw(session.textOf(answer))
      else
        terminal.stdout.write(
          global.json === true ? linesOf(answer.value) : `${session.textOf(answer)}\n`,
        )
    }
    await systemClock.sleep(EVERY_MS, over)
  }
  if (signal.aborted) throw signal.reason
}

function linesOf(value: unknown): string {
  const rows: readonly unknown[] = Array.isArray(value) ? value : [value]
  return rows.map((row) => `${JSON.stringify(row ?? null)}\n`).join('')
}
