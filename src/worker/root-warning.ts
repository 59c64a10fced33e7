import type { Logger } from '../core/logger.ts'

let isSaid = false

/** Says once in a process that jobs run as root: whatever a job may do wrong, it may do everywhere. */
export function warnOfRoot(log: Logger): void {
  if (isSaid || process.getuid?.() !== 0) return
  isSaid = true
  log.warn(
    {},
    'worker runs as root, and so do its jobs: executors limit resources and are no sandbox, so run it as a user of its own',
  )
}
