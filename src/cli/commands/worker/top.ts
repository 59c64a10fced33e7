import { systemClock } from '../../../core/clock.ts'
import { type Chancy, ConfigError } from '../../../index.ts'
import { type Call, command } from '../../program/command.ts'
import { placeOf } from '../../program/server-place.ts'
import { durationText } from '../../terminal/duration-text.ts'
import { styleOf } from '../../terminal/style.ts'
import { columnsOf, rowsOf } from '../../terminal/terminal.ts'
import { FullScreen } from '../../top/full-screen.ts'
import { readTop } from '../../top/top-state.ts'
import { topLines } from '../../top/top-view.ts'

const EVERY_MS = 1_000

export const top = command({
  name: 'top',
  summary: 'show workers, queues and running jobs, redrawn each second, until q',
  details:
    'Jobs of queues are counted by the worker that leads, every two seconds. Ended and failed attempts are those of the last minute that all workers have written, which ended 10 to 20 seconds ago. With --json it prints a line a second.',
  interruptible: true,
  async run(call) {
    const { terminal, global } = call
    if (global.json !== true && terminal.stdout.isTTY !== true) {
      throw new ConfigError(
        'top: the output is no terminal. Add --json for a line a second, or use "chancy queue list".',
      )
    }
    const over = new AbortController()
    const end = (): void => over.abort()
    terminal.stdout.once('error', end).once('close', end)
    call.signal.addEventListener('abort', end, { once: true })
    if (call.signal.aborted) end()
    if (global.json === true) await printLines(call, over.signal)
    else await show(call, over)
    if (call.signal.aborted) throw call.signal.reason
    return undefined
  },
})

async function printLines(call: Call, over: AbortSignal): Promise<void> {
  const chancy = call.chancy()
  while (!over.aborted) {
    const state = await readTop(chancy)
    if (!over.aborted) call.terminal.stdout.write(`${JSON.stringify(state)}\n`)
    await systemClock.sleep(EVERY_MS, over)
  }
}

async function show(call: Call, over: AbortController): Promise<void> {
  const { terminal } = call
  const chancy = call.chancy()
  // What cannot be read at all is said below the command, and not on a screen that goes away.
  let state = await readTop(chancy)
  const title = await titleOf(chancy)
  let problem: Problem | null = null
  const screen = new FullScreen(terminal, {
    onKey: (key) => {
      if (key === 'q' || key === 'Q') over.abort()
    },
    onResize: () => draw(),
  })
  const draw = (): void => {
    const { stdout } = terminal
    screen.draw(
      topLines(state, {
        columns: columnsOf(stdout) ?? 80,
        rows: rowsOf(stdout),
        style: styleOf(stdout),
        title,
        problem: problem === null ? null : problemText(problem),
      }),
    )
  }
  screen.enter()
  try {
    while (!over.signal.aborted) {
      draw()
      await systemClock.sleep(EVERY_MS, over.signal)
      const read = readTop(chancy).then(
        (found) => {
          state = found
          problem = null
        },
        (error: Error) => {
          problem = { sinceMs: problem?.sinceMs ?? systemClock.now(), reason: error.message }
        },
      )
      // A statement that waits for its answer must not keep the view from ending.
      if (!over.signal.aborted) await Promise.race([read, aborted(over.signal)])
    }
  } finally {
    screen.leave()
  }
}

interface Problem {
  readonly sinceMs: number
  readonly reason: string
}

function problemText({ sinceMs, reason }: Problem): string {
  return `nothing new for ${durationText(systemClock.now() - sinceMs)}: ${reason}`
}

async function titleOf(chancy: Chancy): Promise<string> {
  const { driver, names } = chancy.internals.database
  const address = await driver.address?.()
  return `${placeOf(address)}, schema ${names.plainSchema}`
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
