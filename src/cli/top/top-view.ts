import { durationText } from '../terminal/duration-text.ts'
import type { Style } from '../terminal/style.ts'
import { cutText, printable } from '../terminal/text-width.ts'
import { type Column, gridLines } from './grid.ts'
import type { TopJob, TopQueue, TopState, TopWorker } from './top-state.ts'

export interface ViewOptions {
  readonly columns: number
  readonly rows: number
  readonly style: Style
  /** What the view is of, such as the server and the schema. */
  readonly title: string
  /** Why nothing newer is shown, or null. */
  readonly problem: string | null
}

/** From this width on there is room for what is worth less. */
const WIDE = 110
/** Counts that are older stand still: no worker leads, or the server is busy. */
const OLD_MS = 30_000
/** Lines that are none of a section: the title, the summary, the last one; and of each section a space and a head. */
const FRAME = 3
const SECTION = 2

/** The lines of the view, at most `rows`, each of at most `columns`. */
export function topLines(state: TopState, options: ViewOptions): string[] {
  const { columns, rows, style } = options
  const isWide = columns >= WIDE
  const queues = byWeight(state.queues, rows)
  const workers = [...state.workers].sort((a, b) => Number(b.alive) - Number(a.alive))
  const running = [...state.running].sort((a, b) => timeOf(a.startedAt) - timeOf(b.startedAt))
  const wants = [workers.length, queues.length, running.length].map((want) => Math.max(1, want))
  const heights = shares(wants, rows - FRAME - SECTION * wants.length)
  const grid = { columns, style }
  const sections = [
    gridLines(workers, workerColumns(state, isWide), { ...grid, height: heights[0] ?? 1 }),
    gridLines(queues, queueColumns(state), { ...grid, height: heights[1] ?? 1 }),
    gridLines(running, jobColumns(state, isWide), {
      ...grid,
      height: heights[2] ?? 1,
      hasMore: state.hasMore,
    }),
  ]
  const lines = [titleLine(state, options), summaryLine(state, options)]
  for (const section of sections) lines.push('', ...section)
  const foot = cutText(footText(state), columns)
  const isOld = (state.countsAgeMs ?? 0) > OLD_MS
  return [...lines.slice(0, Math.max(1, rows - 1)), style(isOld ? 'yellow' : 'dim', foot)].slice(
    0,
    rows,
  )
}

/**
 * How many lines each gets of what there is: what it wants, and where that is too much, in turns from the first one.
 * Each gets one at least.
 */
export function shares(wants: readonly number[], room: number): number[] {
  const given = wants.map(() => 1)
  for (let left = room - given.length; left > 0; ) {
    const before = left
    for (const [at, want] of wants.entries()) {
      if (left === 0 || (given[at] ?? 0) >= want) continue
      given[at] = (given[at] ?? 0) + 1
      left -= 1
    }
    if (left === before) break
  }
  return given
}

function titleLine({ at }: TopState, { columns, style, title }: ViewOptions): string {
  const clock = `${at.toISOString().slice(11, 19)} UTC`
  const text = cutText(`chancy top  ${printable(title)}`, Math.max(1, columns - clock.length - 2))
  const gap = ' '.repeat(Math.max(1, columns - text.length - clock.length))
  return cutText(`${text}${gap}${clock}`, columns).replace(
    /^chancy top/,
    style('bold', 'chancy top'),
  )
}

function summaryLine(state: TopState, { columns, style, problem }: ViewOptions): string {
  if (problem !== null) return style('red', cutText(printable(problem), columns))
  const sum = (of: (queue: TopQueue) => number | undefined): number =>
    state.queues.reduce((total, queue) => total + (of(queue) ?? 0), 0)
  const alive = state.workers.filter((one) => one.alive).length
  const running = state.hasMore ? sum(({ jobs }) => jobs?.running) : state.running.length
  const parts = [
    `${alive} ${alive === 1 ? 'worker' : 'workers'}`,
    `${numberText(Math.max(running, state.running.length))} running`,
  ]
  if (state.hasMetrics) {
    parts.push(
      `${numberText(sum(({ jobs }) => jobs?.waiting))} waiting`,
      `${numberText(sum(({ jobs }) => jobs?.scheduled))} scheduled`,
      `${rateText(sum(({ rate }) => rate?.perSecond))}/s`,
      `${numberText(sum(failures))} failed in a minute`,
    )
  }
  const text = cutText(parts.join(' · '), columns)
  return alive === 0 ? style('yellow', text) : text
}

function footText({ hasMetrics, countsAgeMs }: TopState): string {
  if (!hasMetrics) return 'q quit · without the plugin of metrics, queues are not counted'
  if (countsAgeMs === null)
    return 'q quit · queues are counted when a worker has run for some seconds'
  return `q quit · counted ${durationText(Math.round(countsAgeMs / 1_000) * 1_000)} ago; ended/s and failed: a whole minute`
}

function workerColumns({ at }: TopState, isWide: boolean): Column<TopWorker>[] {
  return [
    { title: 'WORKER', cell: ({ id }) => id },
    { title: 'STATE', cell: workerState, format: workerFormat },
    {
      title: 'RUNNING',
      cell: ({ running }) => (running === null ? '-' : numberText(running)),
      isNumber: true,
    },
    { title: 'UP', cell: ({ startedAt }) => ageText(startedAt, at), isNumber: true },
    ...(isWide
      ? [
          {
            title: 'RENEWED',
            cell: ({ renewedAt }: TopWorker) => ageText(renewedAt, at),
            isNumber: true,
          },
          { title: 'LABEL', cell: ({ label }: TopWorker) => label ?? '-', isFlexible: true },
        ]
      : []),
    {
      title: 'QUEUES',
      cell: ({ queues }) => queues.join(' ') || '-',
      isFlexible: true,
      isOptional: true,
    },
  ]
}

/** A paused worker may lead, too: that it claims nothing is what matters. */
function workerState({ alive, paused, leads }: TopWorker): string {
  if (!alive) return 'lost'
  if (paused) return 'paused'
  return leads ? 'leads' : 'alive'
}

function workerFormat({ alive, paused }: TopWorker): 'green' | 'yellow' | 'red' {
  if (!alive) return 'red'
  return paused ? 'yellow' : 'green'
}

function queueColumns(state: TopState): Column<TopQueue>[] {
  const count = (title: string, of: 'waiting' | 'scheduled' | 'blocked') => ({
    title,
    cell: ({ jobs }: TopQueue) => (jobs === null ? '-' : numberText(jobs[of])),
    isNumber: true,
    isOptional: title !== 'WAITING',
  })
  const stateColumn: Column<TopQueue> = {
    title: 'STATE',
    cell: (one) => one.state,
    format: (one) => (one.state === 'active' ? null : one.state === 'paused' ? 'yellow' : 'red'),
  }
  return [
    { title: 'QUEUE', cell: ({ name }) => name, isFlexible: true },
    ...(state.queues.some((one) => one.state !== 'active') ? [stateColumn] : []),
    count('WAITING', 'waiting'),
    {
      title: 'RUNNING',
      cell: (queue) => {
        const running = runningOf(queue, state)
        return running === null ? '-' : numberText(running)
      },
      isNumber: true,
    },
    count('SCHEDULED', 'scheduled'),
    count('BLOCKED', 'blocked'),
    {
      title: 'OLDEST',
      cell: ({ jobs }) => (jobs?.oldestMs == null ? '-' : ageOf(jobs.oldestMs)),
      isNumber: true,
    },
    { title: 'ENDED/S', cell: ({ rate }) => rateText(rate?.perSecond ?? 0), isNumber: true },
    {
      title: 'FAILED',
      cell: (queue) => numberText(failures(queue)),
      format: (queue) => (failures(queue) > 0 ? 'red' : null),
      isNumber: true,
    },
  ]
}

function jobColumns({ at }: TopState, isWide: boolean): Column<TopJob>[] {
  return [
    { title: 'RUNNING JOB', cell: ({ name }) => name, isFlexible: true },
    { title: 'ID', cell: ({ id }) => id },
    { title: 'QUEUE', cell: ({ queue }) => queue, isFlexible: true },
    { title: 'FOR', cell: ({ startedAt }) => ageText(startedAt, at), isNumber: true },
    {
      title: 'TRY',
      cell: ({ attempts, maxAttempts }) =>
        maxAttempts === null ? String(attempts) : `${attempts}/${maxAttempts}`,
      isNumber: true,
    },
    ...(isWide
      ? [
          {
            title: 'PROGRESS',
            cell: ({ progress }: TopJob) =>
              progress === null
                ? '-'
                : typeof progress === 'string'
                  ? progress
                  : JSON.stringify(progress),
            isFlexible: true,
          },
        ]
      : []),
  ]
}

/** In the order of their names, which does not jump; where there are too many, those with the most to do first. */
function byWeight(queues: readonly TopQueue[], rows: number): readonly TopQueue[] {
  if (queues.length <= rows / 3) return queues
  const weight = ({ jobs, rate }: TopQueue): number =>
    (jobs?.waiting ?? 0) + (jobs?.running ?? 0) + (rate?.started ?? 0)
  return [...queues].sort((a, b) => weight(b) - weight(a))
}

/** Those that were read, where all were: the counted ones are older. */
function runningOf({ name, jobs }: TopQueue, { hasMore, running }: TopState): number | null {
  if (hasMore) return jobs?.running ?? null
  return running.filter(({ queue }) => queue === name).length
}

/** Attempts that failed, whether or not another one follows. */
function failures({ rate }: TopQueue): number {
  return rate === null ? 0 : rate.failed + rate.retried + rate.crashed
}

function timeOf(at: Date | null): number {
  return at?.getTime() ?? Number.POSITIVE_INFINITY
}

function ageText(from: Date | null, at: Date): string {
  return from === null ? '-' : ageOf(at.getTime() - from.getTime())
}

/** To the second: what changes faster cannot be read. */
function ageOf(ms: number): string {
  return durationText(Math.max(0, Math.floor(ms / 1_000) * 1_000)).replace(/^0ms$/, '0s')
}

/** `1,204`, `123k`, `4.5M`: at most six characters. */
export function numberText(value: number): string {
  if (value < 100_000) return Math.round(value).toLocaleString('en')
  if (value < 1_000_000) return `${Math.round(value / 1_000)}k`
  if (value < 100_000_000) return `${(value / 1_000_000).toFixed(1)}M`
  return `${Math.round(value / 1_000_000)}M`
}

function rateText(perSecond: number): string {
  if (perSecond === 0) return '0'
  return perSecond < 100 ? perSecond.toFixed(1).replace(/^0\.0$/, '<0.1') : numberText(perSecond)
}
