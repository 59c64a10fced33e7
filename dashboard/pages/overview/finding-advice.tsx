import type { ComponentChildren } from 'preact'
import type { WireFinding, WireOverview, WireQueue } from '../../../src/http/wire.ts'
import { PausedBy } from '../../components/paused-by.tsx'
import { quoted } from '../../filter-words.ts'
import { plural, shortText } from '../../numbers.ts'
import { link, to, toJobs } from '../../router.ts'
import { spanText } from '../../time.ts'

/** What can be done about a finding. */
export interface Advice {
  /** The page that it is about. */
  readonly href: string
  readonly what: ComponentChildren
  /** Where it is done, and the word of the button that leads there. */
  readonly way: string
  readonly word: string
  /** How much it is, where it is not known since when. */
  readonly extent: string
}

export function adviceOf(found: WireFinding, overview: WireOverview): Advice {
  const { kind, subject } = found
  const queue = overview.queues.find(({ name }) => name === subject)
  const ofQueue = subject === null ? to('queues') : to('queues', subject)
  const ofWorker = subject === null ? to('workers') : to('workers', subject)
  const advice = (what: ComponentChildren, way: string, word: string, href = way): Advice => ({
    ...{ what, way, word, href },
    extent: queue === undefined ? '' : waitText(queue),
  })
  switch (kind) {
    case 'queue-without-worker':
      return advice(
        `Start a worker with a tag that fits ${queue?.tags.join(' or ') ?? 'those of the queue'}, or change the tags of the queue.`,
        to('workers'),
        'Workers',
        ofQueue,
      )
    case 'queue-undeclared':
      return advice(
        'No worker may run its jobs until it is declared, or they are moved to another queue.',
        ofQueue,
        'Declare…',
      )
    case 'queue-paused':
      return advice(
        <PausedBy queue={subject ?? ''} resumeAt={queue?.resumeAt ?? null} />,
        ofQueue,
        'Resume…',
      )
    case 'queue-failing':
      return advice(
        'See which failures are alike, and retry them when their cause is gone.',
        to('failures'),
        'Failures',
        toJobs(`queue:${quoted(subject ?? '')} state:failed`, 'ended'),
      )
    case 'queue-waiting-long':
      return advice('See what holds its jobs, or give it more slots or workers.', ofQueue, 'Why')
    case 'lease-doubted':
      return advice(
        'Its event loop is blocked, or it does not reach the database. Its jobs are recovered when the lease ends.',
        ofWorker,
        'Worker',
      )
    case 'no-worker':
      return {
        ...advice('Start one: npx chancy worker start', to('workers'), 'Workers'),
        extent: `${shortText(overview.totals.waiting)} wait`,
      }
    case 'versions-mixed':
      return advice('A deploy is under way, or it left out some workers.', to('workers'), 'Workers')
    case 'old-transaction':
      return advice(
        'npx chancy doctor names its session. End it, or the tables grow.',
        to('queues'),
        'Queues',
      )
    case 'failure-new':
      return ofFailure(found, overview)
  }
}

function ofFailure({ subject }: WireFinding, { failures }: WireOverview): Advice {
  const found = failures?.find(({ fingerprint }) => fingerprint === subject)
  const page = subject === null ? to('failures') : to('failures', subject)
  return {
    href: page,
    way: page,
    word: 'Retry or mute…',
    extent: '',
    what: (
      <>
        <span class="mono">{found?.message}</span>
        {found !== undefined && ` · ${plural(found.total, 'attempt')}`}
        {found?.firstVersion != null && (
          <>
            {' · since '}
            <a href={link(['failures'], { version: found.firstVersion })}>{found.firstVersion}</a>
          </>
        )}
      </>
    ),
  }
}

function waitText({ counts, oldestMs }: WireQueue): string {
  return [
    (counts?.waiting ?? 0) > 0 && `${shortText(counts?.waiting ?? 0)} wait`,
    oldestMs !== null && `oldest ${spanText(oldestMs)}`,
  ]
    .filter(Boolean)
    .join(', ')
}
