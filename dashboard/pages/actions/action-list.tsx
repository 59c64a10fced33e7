import type { ComponentChildren } from 'preact'
import type { WireAuditEntry } from '../../../src/http/wire.ts'
import { Stamp } from '../../components/ago.tsx'
import { Icon } from '../../components/icon.tsx'
import { withoutFrozenBound } from '../../filter-words.ts'
import { plural } from '../../numbers.ts'
import { to, toJobs } from '../../router.ts'
import { stampText } from '../../time.ts'

/** Who did what to what, why, and what came of it. */
export function ActionList({ entries }: { entries: readonly WireAuditEntry[] }) {
  return (
    <ul class="actions">
      {entries.map((one) => (
        <li key={one.id} data-row="" data-outcome={one.outcome}>
          <Icon
            name={one.outcome === 'done' ? 'check' : one.outcome === 'refused' ? 'slash' : 'cross'}
            class={one.outcome === 'done' ? 'good' : 'bad'}
          />
          <div class="what">
            <b class="name">{one.actor?.name ?? one.actor?.id ?? 'unknown actor'}</b>{' '}
            {one.outcome !== 'done' && <span class="bad">{one.outcome}: </span>}
            <span>{VERBS[one.verb] ?? one.verb}</span> <Target entry={one} />
            {one.jobs !== null && one.jobs !== 1 && (
              <span class="soft"> · {plural(one.jobs, 'job')}</span>
            )}
            <Change before={one.before} after={one.after} />
            {one.reason !== null && <q class="name">{one.reason}</q>}
          </div>
          <span class="soft">
            <Stamp at={one.at} />
          </span>
        </li>
      ))}
    </ul>
  )
}

const VERBS: Readonly<Record<string, string>> = {
  'jobs.cancel': 'cancelled',
  'jobs.retry': 'retried',
  'jobs.edit': 'edited',
  'jobs.delete': 'deleted',
  'jobs.push': 'pushed',
  'queues.pause': 'paused',
  'queues.resume': 'resumed',
  'queues.edit': 'changed',
  'queues.delete': 'deleted',
  'failures.mute': 'muted',
  'failures.unmute': 'unmuted',
  'failures.resolve': 'resolved',
  'failures.act': 'marked',
  'schedules.edit': 'changed',
  'schedules.run': 'ran',
  'workflows.act': 'acted on',
  'bulk.cancel': 'began to cancel',
  'bulk.retry': 'began to retry',
  'bulk.delete': 'began to delete',
  'bulk.run-now': 'began to run now',
  'bulk.reprioritise': 'began to change the priority of',
  'bulk.move': 'began to move',
  'bulk.undo': 'took back',
  'bulk.pause': 'paused',
  'bulk.resume': 'continued',
  'bulk.stop': 'stopped',
  'bulk.rate': 'changed the rate of',
}

const PAGES: Readonly<Record<string, string>> = {
  job: 'jobs',
  queue: 'queues',
  failure: 'failures',
  schedule: 'schedules',
  workflow: 'workflows',
}

function Target({ entry }: { entry: WireAuditEntry }): ComponentChildren {
  if (entry.target === null)
    return entry.filter === null ? null : (
      <a class="name" href={toJobs(entry.filter)} title={entry.filter}>
        <code>{withoutFrozenBound(entry.filter)}</code>
      </a>
    )
  const at = entry.target.indexOf(':')
  const [kind, name] = [entry.target.slice(0, at), entry.target.slice(at + 1)]
  if (kind === 'bulk')
    return (
      <a href={to('actions')} title={name}>
        {entry.filter === null ? (
          'an action on many jobs'
        ) : (
          <code>{withoutFrozenBound(entry.filter)}</code>
        )}
      </a>
    )
  const page = PAGES[kind]
  const text = /^[0-9a-f]{8}-[0-9a-f]{4}-/.test(name) ? `${kind} ${name.slice(0, 13)}…` : name
  return page === undefined ? (
    <span class="name">{entry.target}</span>
  ) : (
    <a class="name" href={to(page, name)}>
      {text}
    </a>
  )
}

/** A field as words: what is not here is its name and its value. */
const WORDS: Readonly<Record<string, (value: string) => string>> = {
  resumeAt: (value) => `until ${value}`,
  ratePerSecond: (value) => `at ${value}/s`,
}
/** What the verb says already. */
const SAID = ['verdict', 'state']

/** The fields that changed, in few words. */
function Change({ before, after }: { before: unknown; after: unknown }) {
  if (typeof after !== 'object' || after === null) return null
  const old = (typeof before === 'object' ? before : null) as Record<string, unknown> | null
  const changes = Object.entries(after)
    .filter(([name, value]) => JSON.stringify(old?.[name] ?? null) !== JSON.stringify(value))
    .filter(([name]) => !SAID.includes(name))
    .map(([name, value]) => {
      const from = old?.[name] == null ? '' : `${short(old[name])} → `
      return WORDS[name]?.(from + short(value)) ?? `${name} ${from}${short(value)}`
    })
  if (changes.length === 0) return null
  return <span class="soft change"> {changes.slice(0, 3).join(', ')}</span>
}

function short(value: unknown): string {
  if (value === null || value === undefined) return '–'
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*Z$/.test(value))
    return stampText(Date.parse(value))
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
