import { checkInteger, checkOptions, checkText, inspect } from './check.ts'
import type { ClaimedJob } from './claimed-job.ts'
import { type Duration, durationMs } from './duration.ts'
import { ConfigError } from './errors.ts'
import type { Key } from './job-types.ts'
import { decodeJson } from './json.ts'

/** Runs jobs of one name together: they are pushed one by one, and a call of the function gets up to `size`. */
export interface ChunkOptions<A> {
  /** The most jobs of one call: 1 to 1,000. */
  readonly size: number
  /** How long a job waits for others at most, to 1 minute. Default: `'100ms'`. */
  readonly wait?: Duration
  /** The name of an argument: a call gets jobs with one value of it. Default: any jobs of the name. */
  readonly by?: Key<A>
}

/** The same, checked. */
export interface ChunkRule {
  readonly size: number
  readonly waitMs: number
  readonly by: string | null
}

/** One job of a chunk. */
export interface ChunkItem<A = unknown> {
  readonly id: string
  readonly args: A
  /** 1 for the first attempt. */
  readonly attempt: number
  /** Grows with each claim of this job, as `fence` of the context. */
  readonly fence: number
  /** Fails this job and no other, as a throw would; also with a `RetryJob`, `DiscardJob` or `SnoozeJob`. The last call counts. */
  fail(error: unknown): void
}

const MAX_SIZE = 1_000
const MAX_WAIT_MS = 60_000
const DEFAULT_WAIT = '100ms'
const MAX_NAME_BYTES = 200

export function checkChunk(value: unknown, what: string): ChunkRule {
  const given = checkOptions(value ?? {}, ['size', 'wait', 'by'], `${what}: chunk`)
  const size = checkInteger(given.size, `${what}: chunk.size`, { min: 1, max: MAX_SIZE })
  const waitMs = durationMs(given.wait ?? DEFAULT_WAIT, `${what}: chunk.wait`)
  if (waitMs > MAX_WAIT_MS) {
    throw new ConfigError(`${what}: chunk.wait: expected at most 1m, got ${inspect(given.wait)}.`)
  }
  const by =
    given.by === undefined
      ? null
      : checkText(given.by, { what: `${what}: chunk.by`, maxBytes: MAX_NAME_BYTES })
  return Object.freeze({ size, waitMs, by })
}

/** Which jobs may run together: those with one text. A job whose arguments are not all there is alone. */
export function chunkKey(job: ClaimedJob, { by }: ChunkRule): string {
  if (by === null) return job.name
  if (job.extras.isPartial === true) return `${job.name}\n${job.id}`
  try {
    const args = decodeJson(job.args) as Readonly<Record<string, unknown>>
    return `${job.name}\n${JSON.stringify(Object.hasOwn(args, by) ? args[by] : null)}`
  } catch {
    return `${job.name}\n${job.id}`
  }
}

/** A job of a chunk on its way to where it runs: `args` is JSON text. */
export type ChunkPart = readonly [id: string, attempt: number, fence: number, args: string]

/** The arguments of the one attempt that runs a chunk, as JSON text. */
export function encodeChunk(jobs: readonly ClaimedJob[]): string {
  return JSON.stringify({
    chunk: jobs.map((job): ChunkPart => [job.id, job.attempts, job.fence, job.args]),
  })
}

export function decodeChunk(args: string): readonly ChunkPart[] {
  return (JSON.parse(args) as { readonly chunk: readonly ChunkPart[] }).chunk
}
