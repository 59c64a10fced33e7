import { constants } from 'node:os'

/** Aborts on Ctrl-C and the like, so that everything can be cleaned up; a second one ends at once. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      const status = 128 + constants.signals[name]
      if (controller.signal.aborted) process.exit(status)
      process.exitCode = status
      controller.abort(new Error(`Interrupted by ${name}: cleaning up.`))
    })
  }
  // Whoever read the output has gone, such as `head`.
  process.stdout.on('error', () => {
    process.exitCode ??= 1
    controller.abort(new Error('Nobody reads the output any more.'))
  })
  return controller.signal
}
