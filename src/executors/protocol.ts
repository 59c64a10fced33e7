/**
 * The protocol between a parent and its children, the same for threads and processes: lines of text,
 * any number in a frame (`frame.ts`). JSON never has a raw line feed, nor a raw tab where
 * one stands here, so arguments and results cross as the text they are and the parent parses neither.
 *
 *     parent → child        r seq TAB job TAB args     run          s seq TAB reason   stop
 *                           w n  jobs that may run concurrently from now on
 *                           t  SIGTERM follows, and is meant for the jobs
 *                           e  end: nothing more is sent
 *                           h seq TAB json  what the durable job of the next `r` starts with
 *                           y seq TAB id TAB json  answer to a request
 *     parent → watchdog     c seq                      recall: return it if it has not begun
 *     watchdog → parent     n seq  returned            k seq  kept: it has begun
 *                           g      what came to it was damaged
 *     child → parent        R TAB json  ready          F TAB json  could not be started
 *                           m TAB json  loads this module
 *                           h1, h0  jobs have handlers of SIGTERM, have none
 *                           b seq  begun               a seq  has received the stop
 *                           w n    answers w n: the loop has turned
 *                           d seq TAB usage TAB json   returned
 *                           o seq TAB usage TAB json   any other outcome
 *                           p seq TAB json  progress   l seq TAB json  a line of log
 *                           q seq TAB id TAB json  request (`request-lines.ts`)
 *                           x seq  this job ends the process
 *                           u      broken: to be replaced when it is idle
 *                           g      what came to it was damaged
 *
 * `seq` counts the attempts of one child. Whether an attempt has begun is decided in a cell that
 * the child and its recaller share (`begin-cell.ts`), so that exactly one of them gets it, also while the
 * loop of the child is blocked.
 */

import type { ClaimedJob } from '../core/claimed-job.ts'
import type { StoredLimits } from '../core/limit.ts'
import type { LogLevel } from '../core/logger.ts'
import type { Usage } from '../core/queued-job.ts'
import type { StopReason } from '../core/stop-request.ts'
import type { AroundSource } from './around.ts'

/** A child gets no more attempts than this, so that a number fits into its cell (`begin-cell.ts`). */
export const MAX_SEQ = 1e9

/** What a child is started with. */
export interface ChildConfig {
  /** URLs and paths of the job modules. */
  readonly jobs: readonly string[]
  /** What wraps the functions of the jobs, the outermost first. Default: nothing. */
  readonly around?: readonly AroundSource[]
  /** Jobs that may run concurrently, until a line `w`. */
  readonly width: number
}

/** What a child reports when it is ready. */
export interface ChildReady {
  readonly heapLimitBytes: number
  /** What its start has used. */
  readonly cpuMs: number
  readonly bytes: number
}

/** An attempt as it reaches a child. */
export interface ChildAttempt {
  readonly job: ClaimedJob
  readonly limits: StoredLimits
}

export type LogLine = readonly [level: LogLevel, fields: object, message?: string]

type JobAndLimits = readonly [job: Omit<ClaimedJob, 'args'>, limits: StoredLimits]

export function runLine(seq: number, { job, limits }: ChildAttempt): string {
  const { args, ...others } = job
  const head: JobAndLimits = [others, limits]
  // Between its tokens JSON may have line feeds; none of ours has, but a plugin's might.
  const line = args.includes('\n') ? args.replaceAll('\n', ' ') : args
  return `r${seq}\t${JSON.stringify(head)}\t${line}\n`
}

/** The attempt of a line of kind `r`, from behind its first tab. */
export function parseRun(text: string): ChildAttempt {
  const tab = text.indexOf('\t')
  const [job, limits] = JSON.parse(text.slice(0, tab)) as JobAndLimits
  return { job: { ...job, args: text.slice(tab + 1) }, limits }
}

/** Until when what is sent with it, and what was sent before, may begin. */
export const permitLine = (untilMs: number): string => `v${untilMs}\n`
export const stopLine = (seq: number, reason: StopReason): string => `s${seq}\t${reason}\n`
export const widthLine = (width: number): string => `w${width}\n`
export const TERM_LINE = 't\n'
export const RETIRE_LINE = 'e\n'
export const recallLine = (seq: number): string => `c${seq}\n`
/** The parent knows no such line, and replaces the child for it. */
export const DAMAGE_LINE = 'g what was sent to the child did not arrive as it was sent\n'

/** `wall,cpu,peak`, with nothing where a figure is not known. */
export function usageText({ wallMs, cpuMs, peakBytes }: Usage): string {
  const cpu = cpuMs === null ? '' : Math.round(cpuMs * 1_000) / 1_000
  return `${Math.round(wallMs * 1_000) / 1_000},${cpu},${peakBytes ?? ''}`
}

export function parseUsage(text: string): Usage {
  const first = text.indexOf(',')
  const second = text.indexOf(',', first + 1)
  return {
    wallMs: Number(text.slice(0, first)),
    cpuMs: second === first + 1 ? null : Number(text.slice(first + 1, second)),
    peakBytes: second === text.length - 1 ? null : Number(text.slice(second + 1)),
  }
}

/** Passes on the lines of a frame. */
export function eachLine(text: string, onLine: (line: string) => void): void {
  let from = 0
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
    onLine(text.slice(from, end))
    from = end + 1
  }
}
