import { type Clock, callAfter, systemClock } from '../core/clock.ts'

/** What the signals stop. */
interface Stoppable {
  stop(): Promise<void>
}

interface StoppedBySignals {
  readonly worker: Stoppable
  readonly clock: Clock
  readonly shutdownTimeoutMs: number
}

const SIGNALS = { SIGTERM: 15, SIGINT: 2 } as const
/**
 * What the program does after its workers have stopped may take this long, in milliseconds: the second
 * number when the shutdown has used up its time, so that the process ends within a second of it.
 */
const AFTER_MS = 1_000
const AFTER_LATE_MS = 200

/**
 * The same signal again within this time, in milliseconds, is the first one: a terminal sends Ctrl+C to its whole
 * group, and a parent such as tsx or npm passes its own on as well.
 */
const ECHO_MS = 250

// One set and one handler for all workers of the process: a worker that has stopped must not end the
// process under another whose jobs still run.
const stoppables = new Set<StoppedBySignals>()
let isStopping = false
let first: { readonly signal: NodeJS.Signals; readonly atMs: number } | null = null

/**
 * The first SIGTERM or SIGINT stops the worker, and then the process, with exit code 0, when all
 * workers with this option have stopped; the second ends it immediately, unless it is an echo of the first.
 * Returns a function that removes the worker.
 */
export function stopOnSignals(
  worker: Stoppable,
  { clock, shutdownTimeoutMs }: { readonly clock: Clock; readonly shutdownTimeoutMs: number },
): () => void {
  const one = { worker, clock, shutdownTimeoutMs }
  if (stoppables.size === 0 && !isStopping) {
    for (const signal of Object.keys(SIGNALS)) process.on(signal, handle)
  }
  stoppables.add(one)
  // It was starting when the signal came.
  if (isStopping) void worker.stop()
  return () => {
    stoppables.delete(one)
    // While the process stops the second signal must still end it.
    if (stoppables.size > 0 || isStopping) return
    for (const signal of Object.keys(SIGNALS)) process.off(signal, handle)
  }
}

function handle(signal: NodeJS.Signals): void {
  const nowMs = systemClock.monotonic()
  if (first !== null) {
    if (signal === first.signal && nowMs - first.atMs < ECHO_MS) return
    process.exit(128 + SIGNALS[signal as keyof typeof SIGNALS])
  }
  first = { signal, atMs: nowMs }
  isStopping = true
  void stopAll()
}

async function stopAll(): Promise<void> {
  const ends = [...stoppables].map(({ clock, shutdownTimeoutMs }) => {
    const endsAt = clock.monotonic() + shutdownTimeoutMs + AFTER_MS - AFTER_LATE_MS
    return (): number => endsAt - clock.monotonic()
  })
  // Again for those that were added in between. One that cannot stop must not cut the others short.
  const failures: unknown[] = []
  for (let left = [...stoppables]; left.length > 0; left = [...stoppables]) {
    const settled = await Promise.allSettled(left.map(({ worker }) => worker.stop()))
    for (const one of settled) if (one.status === 'rejected') failures.push(one.reason)
    for (const one of left) stoppables.delete(one)
  }
  if (failures.length > 0) throw failures[0]
  // A program that ends by itself does so before; one that does not is ended.
  const leftMs = Math.max(...ends.map((left) => left()))
  const afterMs = Math.max(AFTER_LATE_MS, Math.min(AFTER_MS, leftMs))
  callAfter(systemClock, afterMs, () => process.exit(), 'lets-process-end')
}
