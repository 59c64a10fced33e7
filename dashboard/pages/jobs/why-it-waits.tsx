import type { ComponentChildren } from 'preact'
import type { WireExplanation, WireWaitReason } from '../../../src/http/wire.ts'
import { Ago, Stamp } from '../../components/ago.tsx'
import { Icon } from '../../components/icon.tsx'
import { boundedText } from '../../numbers.ts'
import { to } from '../../router.ts'
import { spanText } from '../../time.ts'

const TROUBLE = ['queue-paused', 'queue-undeclared', 'no-worker', 'function-unknown']

/** Every reason why a job does not run, with who holds it and when it can start at the earliest. */
export function WhyItWaits({ found }: { found: WireExplanation }) {
  if (found.reasons.length === 0)
    return (
      <p class="body">
        {found.runnable
          ? 'Nothing keeps it: a worker takes it with its next claim.'
          : 'It does not wait.'}
      </p>
    )
  return (
    <>
      <ol class="reasons numbered">
        {found.reasons.map((reason) => (
          <li key={JSON.stringify(reason)}>
            <span>
              {TROUBLE.includes(reason.kind) && <Icon name="warning" class="bad" />}{' '}
              {wordsOf(reason)}
            </span>
          </li>
        ))}
      </ol>
      {found.earliestStart !== null && (
        <p class="body soft">
          It can start at <Stamp at={found.earliestStart} /> at the earliest (
          <Ago at={found.earliestStart} />
          ).
        </p>
      )}
    </>
  )
}

function wordsOf(reason: WireWaitReason): ComponentChildren {
  switch (reason.kind) {
    case 'scheduled':
      return (
        <>
          Its time comes <Ago at={reason.at} />, at <Stamp at={reason.at} />.
        </>
      )
    case 'backoff':
      return (
        <>
          It is tried again <Ago at={reason.until} />, at <Stamp at={reason.until} />.
        </>
      )
    case 'queue-paused':
      return (
        <>
          The queue <Queue name={reason.queue} /> is paused
          {reason.resumeAt !== null && (
            <>
              {' '}
              until <Stamp at={reason.resumeAt} />
            </>
          )}
          .
        </>
      )
    case 'queue-undeclared':
      return (
        <>
          The queue <Queue name={reason.queue} /> is not declared, so no worker runs it.
        </>
      )
    case 'no-worker':
      return (
        <>
          No living worker serves <Queue name={reason.queue} /> (tags{' '}
          <code>{reason.tags.join(' ')}</code>).
          {reason.refusals.map((why) => (
            <span class="line soft" key={why}>
              {why}
            </span>
          ))}{' '}
          <a href={to('workers')}>Workers</a>
        </>
      )
    case 'workers-paused':
      return (
        <>
          The workers that serve <Queue name={reason.queue} /> are paused.{' '}
          <a href={to('workers')}>Workers</a>
        </>
      )
    case 'function-unknown':
      return (
        <>
          No worker of the queue knows a function named <code>{reason.name}</code>: it was not
          deployed, or renamed.
        </>
      )
    case 'batch':
      return (
        <>
          {reason.open} of {reason.total} jobs of the batch have not ended
          {reason.isPushing && ', and more are being pushed'}.
        </>
      )
    case 'concurrency':
      return (
        <>
          Its group{' '}
          <a class="name" href={to('groups', reason.group)}>
            {reason.group}
          </a>{' '}
          is full: {reason.running} of {reason.max} run. {reason.holders.length > 0 && 'Held by '}
          {reason.holders.slice(0, 5).map((id, at) => (
            <>
              {at > 0 && ', '}
              <a href={to('jobs', id)}>
                <code>{id.slice(0, 13)}…</code>
              </a>
            </>
          ))}
        </>
      )
    case 'rate-limit':
      return (
        <>
          The rate limit of its queue, {reason.max} per {spanText(reason.perMs)}, is used up: the
          next start is at <Stamp at={reason.nextStart} />.
        </>
      )
    case 'dependency':
      return (
        <>
          It is a step of a <a href={to('workflows', reason.workflow)}>workflow</a> and waits for{' '}
          {reason.waitsFor.map(({ step, job, state }, at) => (
            <>
              {at > 0 && ', '}
              {job === null ? <code>{step}</code> : <a href={to('jobs', job)}>{step}</a>} ({state})
            </>
          ))}
          {reason.hasMore && ' and others'}.
        </>
      )
    case 'signal':
      return (
        <>
          It waits for the signal <code>{reason.signals.join(', ')}</code>
          {reason.until !== null && (
            <>
              {' '}
              until <Stamp at={reason.until} />
            </>
          )}
          .
        </>
      )
    case 'job':
      return (
        <>
          It waits for a job that its step <code>{reason.step}</code> invoked.
        </>
      )
    case 'behind':
      return (
        <>
          {boundedText(reason.ahead, { more: reason.hasMore })}{' '}
          {reason.ahead === 1 ? 'job stands' : 'jobs stand'} before it in line.
        </>
      )
  }
}

function Queue({ name }: { name: string }) {
  return (
    <a class="name" href={to('queues', name)}>
      {name}
    </a>
  )
}
