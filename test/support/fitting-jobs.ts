import type { Bounds, FilterTerm, JobFilter, QueuedJob } from 'chancy'
import { timeRange } from '../../dist/core/filter/time-text.js'

/** Whether a job fits a filter, by its fields alone: what the database must find. */
export function isFitting(job: QueuedJob, { terms }: JobFilter, now: number): boolean {
  return terms.every((term) => fitsTerm(job, term, now) !== (term.not ?? false))
}

const WAITING = ['pending', 'retrying']

function fitsTerm(job: QueuedJob, term: FilterTerm, now: number): boolean {
  const some = <T>(values: readonly T[], fits: (value: T) => boolean): boolean => values.some(fits)
  switch (term.key) {
    case 'id':
      return some(term.values, (value) => job.id.startsWith(value))
    case 'state':
      return some(term.values, (word) => {
        if (word === 'waiting') return WAITING.includes(job.state)
        return word === 'finished' ? job.finishedAt !== null : job.state === word
      })
    case 'name':
      return some(term.values, (match) =>
        typeof match === 'string' ? job.name === match : job.name.startsWith(match.prefix),
      )
    case 'kind':
      return some(term.values, (kind) => job.errors.at(-1)?.kind === kind)
    case 'created':
    case 'scheduled':
    case 'started':
    case 'finished': {
      const at = job[`${term.key}At`]?.getTime()
      return some(term.values, (bounds) => {
        const { from, to } = timeRange(bounds, { now, timeZone: 'UTC' }, term.key === 'scheduled')
        return at !== undefined && (from === null || at >= from) && (to === null || at < to)
      })
    }
    case 'wait':
    case 'wall':
    case 'cpu':
    case 'memory':
    case 'attempts':
    case 'priority': {
      const number = numberOf(job, term.key)
      return some(term.values, (bounds) => number !== null && isWithin(number, bounds))
    }
    case 'schedule':
      return some(term.values, (key) => fieldsAt(job.meta, ['cron', 'key']).includes(key))
    case 'args':
    case 'meta': {
      const found = fieldsAt(term.key === 'args' ? job.args : job.meta, term.path)
      return some(term.values, (value) => {
        const wanted = typeof value === 'object' && value !== null ? Number(value.number) : value
        return found.includes(wanted)
      })
    }
    default:
      return some(term.values as readonly string[], (value) => textOf(job, term.key) === value)
  }
}

function textOf(job: QueuedJob, key: FilterTerm['key']): string | null {
  if (key === 'queue') return job.queue
  if (key === 'group') return job.concurrencyKey
  if (key === 'unique') return job.uniqueKey
  return key === 'worker' ? job.workerId : null
}

function numberOf(job: QueuedJob, key: string): number | null {
  if (key === 'attempts') return job.attempts
  if (key === 'priority') return job.priority
  if (key === 'wall') return job.usage?.wallMs ?? null
  if (key === 'cpu') return job.usage?.cpuMs ?? null
  if (key === 'memory') return job.usage?.peakBytes ?? null
  if (job.startedAt === null) return null
  return (
    job.startedAt.getTime() - Math.max(job.createdAt.getTime(), job.scheduledAt?.getTime() ?? 0)
  )
}

function isWithin(number: number, { gt, gte, lt, lte }: Bounds<number>): boolean {
  return (
    (gt === undefined || number > gt) &&
    (gte === undefined || number >= gte) &&
    (lt === undefined || number < lt) &&
    (lte === undefined || number <= lte)
  )
}

/** The values at a path. The elements of an array stand for it. */
function fieldsAt(value: unknown, path: readonly string[]): unknown[] {
  const [name, ...rest] = path
  const all = Array.isArray(value) ? value : [value]
  if (name === undefined) return all
  return all.flatMap((one) =>
    typeof one === 'object' && one !== null && Object.hasOwn(one, name)
      ? fieldsAt((one as Record<string, unknown>)[name], rest)
      : [],
  )
}
