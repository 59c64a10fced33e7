import { constants } from 'node:os'

/** The same signal again this soon is the first one, passed on by npm or tsx; in milliseconds. */
const ECHO_MS = 250

/** Aborts on Ctrl-C and the like, so that everything can be cleaned up; a second one ends immediately. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController()
  let first = { name: '', atMs: 0 }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      const status = 128 + constants.signals[name]
      const atMs = performance.now()
      if (controller.signal.aborted) {
        if (name === first.name && atMs - first.atMs < ECHO_MS) return
        process.exit(status)
      }
      first = { name, atMs }
      process.exitCode = status
      controller.abort(new Error(`Interrupted by ${name}: cleaning up.`))
    })
  }
  // The reader of the output has ended, such as `head`.
  process.stdout.on('error', () => {
    process.exitCode ??= 1
    controller.abort(new Error('The output is not read any more.'))
  })
  return controller.signal
}
