import { findAudit } from '../api/audit.ts'
import { quoted } from '../filter-words.ts'
import { useLoad } from '../loading.ts'
import { may } from '../session.ts'
import { Ago, Stamp } from './ago.tsx'

/** Who paused a queue, since when, until when and why; without `audit.view` only until when. */
export function PausedBy({ queue, resumeAt }: { queue: string; resumeAt: string | null }) {
  const found = useLoad(may('audit.view') ? `paused ${queue} ${resumeAt}` : null, (signal) =>
    findAudit(
      {
        q: `target:${quoted(`queue:${queue}`)} verb:queues.pause outcome:done`,
        cursor: null,
        limit: 1,
      },
      signal,
    ),
  )
  const entry = found.data?.items[0]
  return (
    <>
      {entry === undefined ? (
        'It starts nothing until it is resumed'
      ) : (
        <>
          Paused <Ago at={entry.at} />
          {entry.actor !== null && (
            <>
              {' '}
              by <b class="name">{entry.actor.name ?? entry.actor.id}</b>
            </>
          )}
        </>
      )}
      {resumeAt !== null && (
        <>
          , until <Stamp at={resumeAt} />
        </>
      )}
      {entry?.reason != null && (
        <>
          : <q class="name">{entry.reason}</q>
        </>
      )}
    </>
  )
}
