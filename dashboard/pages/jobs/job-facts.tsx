import type { ComponentChildren } from 'preact'
import type { WireJob } from '../../../src/http/wire.ts'
import { Stamp } from '../../components/ago.tsx'
import { quoted } from '../../filter-words.ts'
import { bytesText, countText } from '../../numbers.ts'
import { to, toJobs } from '../../router.ts'
import { spanText } from '../../time.ts'

/** What a job is and belongs to, as links where there is more. */
export function JobFacts({ job }: { job: WireJob }) {
  const { usage, limits, waitsFor } = job
  const rows: readonly [string, ComponentChildren][] = [
    ['Queue', <a href={to('queues', job.queue)}>{job.queue}</a>],
    ['Attempts', `${job.attempts}${job.maxAttempts === null ? '' : ` of ${job.maxAttempts}`}`],
    ['Priority', countText(job.priority)],
    ['Pushed', <Stamp at={job.createdAt} />],
    ['Not before', job.scheduledAt && <Stamp at={job.scheduledAt} />],
    ['Started', job.startedAt && <Stamp at={job.startedAt} />],
    ['Finished', job.finishedAt && <Stamp at={job.finishedAt} />],
    ['Wall time', usage && spanText(usage.wallMs)],
    ['CPU', usage?.cpuMs != null && spanText(usage.cpuMs)],
    ['Memory', usage?.peakBytes != null && `${bytesText(usage.peakBytes)} at most`],
    [
      'Worker',
      job.workerId && (
        <a href={to('workers', job.workerId)}>
          <code>{job.workerId.slice(0, 13)}…</code>
        </a>
      ),
    ],
    ['Group', job.group && <a href={to('groups', job.group)}>{job.group}</a>],
    [
      'Unique key',
      job.uniqueKey && <a href={toJobs(`unique:${quoted(job.uniqueKey)}`)}>{job.uniqueKey}</a>,
    ],
    ['Schedule', job.schedule && <a href={to('schedules', job.schedule)}>{job.schedule}</a>],
    [
      'Limits',
      limits !== null &&
        limits.length > 0 &&
        limits
          .map((one) =>
            one.kind === 'memory' ? `${bytesText(one.bytes)} memory` : `${spanText(one.ms)} time`,
          )
          .join(', '),
    ],
    [
      'Waits for',
      waitsFor?.map((one) => (
        <span class="line" key={one.name}>
          {one.kind === 'signal' ? `signal ${one.signals.join(', ')}` : `${one.kind} ${one.name}`}
          {one.until !== null && (
            <>
              {' '}
              until <Stamp at={one.until} />
            </>
          )}
        </span>
      )),
    ],
  ]
  return (
    <section class="panel" aria-label="Facts">
      <header>
        <h2>Facts</h2>
        <div class="end">
          <a href={toJobs(`name:${quoted(job.name)}`)}>Jobs of this name</a>
        </div>
      </header>
      <dl class="facts body">
        {rows.map(([name, value]) =>
          value === null || value === false || value === undefined ? null : (
            <>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </>
          ),
        )}
      </dl>
    </section>
  )
}
