/** What the demo's worker can run. */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { DiscardJob, job, Limit } from 'chancy'
import { type FilePath, toBytes } from './file-path.ts'

export type Facts = {
  readonly sha256: string
  readonly size: number
  readonly lines: number
}

const CHUNK_BYTES = 64 * 1_024
const NEWLINE = 10
// Neither a link nor a pipe that took the place of a file is followed or waited for.
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** Reads a file piece by piece, however large it is, in a process beside the worker. */
export const readOneFile = job(
  { name: 'read-file', queue: 'small', maxAttempts: 3 },
  async (file: FilePath, { signal }): Promise<Facts> => {
    const handle = await open(toBytes(file), FLAGS).catch(discard)
    try {
      const hash = createHash('sha256')
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      let size = 0
      let lines = 0
      let last = NEWLINE
      for (;;) {
        signal.throwIfAborted()
        const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES).catch(discard)
        if (bytesRead === 0) break
        const piece = chunk.subarray(0, bytesRead)
        hash.update(piece)
        size += bytesRead
        for (let at = piece.indexOf(NEWLINE); at >= 0; at = piece.indexOf(NEWLINE, at + 1)) lines++
        last = piece[bytesRead - 1] ?? NEWLINE
      }
      if (last !== NEWLINE) lines++
      return { sha256: hash.digest('hex'), size, lines }
    } finally {
      await handle.close()
    }
  },
)

/** Another attempt would not find a deleted file, nor read a forbidden one. */
function discard(error: NodeJS.ErrnoException): never {
  throw new DiscardJob(error.code ?? error.message, { cause: error })
}

/** Fails twice, then succeeds. */
export const stumble = job(
  { name: 'stumble', queue: 'special', maxAttempts: 3, backoff: { base: '200ms', jitter: 0 } },
  (_: object, { attempt }) => {
    if (attempt < 3) throw new Error(`attempt ${attempt} stumbles on purpose`)
    return { succeededAt: attempt }
  },
)

/** For the job with a time of its own. */
export const later = job({ name: 'later', queue: 'special' }, () => 'on time')

/** Pushed by many callers, run for the first of them. */
export const onlyOnce = job(
  { name: 'only-once', queue: 'special', uniqueKey: 'only-once' },
  ({ caller }: { readonly caller: number }) => caller,
)

/** Runs until it is cancelled. */
export const waitForCancel = job(
  { name: 'wait-for-cancel', queue: 'special' },
  (_: object, { signal, progress }) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        progress('received')
        reject(signal.reason)
      })
    }),
)

const MIB = 1_024 ** 2

/** Takes more memory than it may, outside of the V8 heap, and keeps it. */
export const takeMemory = job(
  { name: 'take-memory', queue: 'limited', limits: [Limit.memory('256MiB')] },
  async (_: object, { signal }) => {
    const taken: Buffer[] = []
    while (taken.length < 64) {
      taken.push(Buffer.alloc(16 * MIB, 1))
      await setTimeout(10, undefined, { signal })
    }
    return taken.length * 16
  },
)

/** Never ends, and blocks the loop in which its signal could abort. */
export const spin = job(
  { name: 'spin', queue: 'limited', limits: [Limit.time('1s')] },
  (): never => {
    for (;;);
  },
)

/** Returns when it started, by this machine's clock. */
export const ping = job({ name: 'ping', queue: 'special' }, () => clockMs())

/** Milliseconds since the epoch, with fractions, and never set back. */
export function clockMs(): number {
  return performance.timeOrigin + performance.now()
}
