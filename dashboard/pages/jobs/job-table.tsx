import type { WireJobRow } from '../../../src/http/wire.ts'
import { Ago, Stamp } from '../../components/ago.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { bytesText, countText } from '../../numbers.ts'
import { to } from '../../router.ts'
import { now, spanText } from '../../time.ts'
import type { Selection } from './selection.ts'

/** Columns by name; `args.user.id` is a path into args, and so of meta. */
export const COLUMNS = [
  'name',
  'queue',
  'attempts',
  'priority',
  'created',
  'started',
  'finished',
  'wait',
  'took',
  'memory',
  'worker',
  'group',
  'args',
  'error',
] as const

export const DEFAULT_COLUMNS = ['name', 'queue', 'attempts', 'created', 'took', 'error', 'args']

const NUMBERS = ['attempts', 'priority', 'wait', 'took', 'memory']

/** Jobs as rows, to open and, with a selection, to act on. */
export function JobTable(props: {
  jobs: readonly WireJobRow[]
  columns: readonly string[]
  selection?: Selection
}) {
  const { jobs, columns, selection } = props
  const isDefault = columns.join() === DEFAULT_COLUMNS.join()
  return (
    <div class="scroll">
      <table class="cards jobs">
        <thead>
          <tr>
            {selection !== undefined && (
              <th scope="col" class="pick">
                <input
                  type="checkbox"
                  aria-label="All of this page"
                  checked={selection.isWholePage}
                  onClick={() => selection.togglePage()}
                />
              </th>
            )}
            <th scope="col">State</th>
            {columns.map((column) => (
              <th
                key={column}
                scope="col"
                class={`${NUMBERS.includes(column) ? 'num' : ''} ${isDefault && ROOMY.includes(column) ? 'roomy' : ''}`}
              >
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <Row key={job.id} job={job} columns={columns} selection={selection} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row(props: {
  job: WireJobRow
  columns: readonly string[]
  selection: Selection | undefined
}) {
  const { job, columns, selection } = props
  const isChosen = selection?.has(job.id) === true
  const isDefault = columns.join() === DEFAULT_COLUMNS.join()
  return (
    <tr data-row="" class={isChosen ? 'chosen' : ''}>
      {selection !== undefined && (
        <td class="pick">
          <input
            type="checkbox"
            aria-label={`Select ${job.name} ${job.id}`}
            checked={isChosen}
            onClick={(event) => selection.toggle(job.id, event.shiftKey)}
          />
        </td>
      )}
      <td class="is-state">
        <a href={to('jobs', job.id)} class="row-link" title={job.id}>
          <StateMark state={shownState(job)} />
          {!columns.includes('name') && <span class="unseen">{job.name}</span>}
        </a>
      </td>
      {columns.map((column) => (
        <td key={column} class={classOf(column, isDefault, columns)}>
          <Cell job={job} column={column} />
        </td>
      ))}
    </tr>
  )
}

/** A pending job whose time has not come is scheduled. */
export function shownState(job: Pick<WireJobRow, 'state' | 'scheduledAt' | 'startedAt'>): string {
  const isLater =
    job.state === 'pending' &&
    job.startedAt === null &&
    job.scheduledAt !== null &&
    Date.parse(job.scheduledAt) > now.value
  return isLater ? 'scheduled' : job.state
}

/** Of the default ones, what a screen of 768 has no room for; each stands on the page of the job too. */
const ROOMY = ['attempts', 'args']

function classOf(column: string, isDefault: boolean, columns: readonly string[]): string {
  const when = TIMES.find((one) => columns.includes(one))
  const place = column === when ? 'is-when' : columnClass(column)
  return isDefault && ROOMY.includes(column) ? `${place} roomy` : place
}

/** Of these the first one that is shown stands on the card of a narrow screen. */
const TIMES = ['created', 'started', 'finished']

function columnClass(column: string): string {
  if (NUMBERS.includes(column)) return 'num wide-only'
  if (column === 'error') return 'is-error clip-cell'
  if (column === 'args' || column.includes('.')) return 'wide-only clip-cell mono'
  return column === 'name' ? 'is-name name' : 'name wide-only'
}

function Cell({ job, column }: { job: WireJobRow; column: string }) {
  switch (column) {
    case 'name':
      return <b class="name">{job.name}</b>
    case 'queue':
      return <a href={to('queues', job.queue)}>{job.queue}</a>
    case 'attempts':
      return (
        <>
          {job.attempts}
          {job.maxAttempts !== null && <span class="soft">/{job.maxAttempts}</span>}
        </>
      )
    case 'priority':
      return <>{countText(job.priority)}</>
    case 'created':
      return <Ago at={job.createdAt} />
    case 'started':
      return <Stamp at={job.startedAt} />
    case 'finished':
      return <Stamp at={job.finishedAt} />
    case 'wait':
      return <>{waitText(job)}</>
    case 'took':
      return <Took job={job} />
    case 'memory':
      return <>{job.usage?.peakBytes == null ? '' : bytesText(job.usage.peakBytes)}</>
    case 'worker':
      return job.workerId === null ? null : (
        <a href={to('workers', job.workerId)}>{job.workerId.slice(0, 8)}</a>
      )
    case 'group':
      return job.group === null ? null : <a href={to('groups', job.group)}>{job.group}</a>
    case 'args':
      return <Clipped text={job.args.json === 'null' ? '' : job.args.json} isCut={job.args.isCut} />
    case 'error':
      return job.lastError === null || job.state === 'succeeded' ? null : (
        <span class="clip bad" title={`${job.lastError.name}: ${job.lastError.message}`}>
          {job.lastError.message || job.lastError.kind}
        </span>
      )
    default:
      return <Clipped text={pathText(job, column)} isCut={false} />
  }
}

/** As measured, or from the start to the end where the executor measures nothing. */
function Took({ job }: { job: WireJobRow }) {
  if (job.usage !== null) return <>{spanText(job.usage.wallMs)}</>
  if (job.startedAt === null) return null
  const from = Date.parse(job.startedAt)
  if (job.finishedAt !== null)
    return <>{spanText(Math.max(0, Date.parse(job.finishedAt) - from))}</>
  if (job.state !== 'running') return null
  const ms = Math.round(Math.max(0, now.value - from) / 1_000) * 1_000
  return (
    <span class="soft" title="It runs: so long by now">
      {spanText(ms)}
    </span>
  )
}

function Clipped({ text, isCut }: { text: string; isCut: boolean }) {
  return (
    <span class="clip soft" title={text}>
      {text}
      {isCut && '…'}
    </span>
  )
}

function waitText(job: WireJobRow): string {
  if (job.startedAt === null || job.attempts > 1) return ''
  const from = Math.max(Date.parse(job.createdAt), Date.parse(job.scheduledAt ?? job.createdAt))
  return spanText(Math.max(0, Date.parse(job.startedAt) - from))
}

/** What stands at a path of args or meta, where the list has that much of it. */
function pathText(job: WireJobRow, path: string): string {
  const [root, ...keys] = path.split('.')
  const part = root === 'meta' ? job.meta : root === 'args' ? job.args : null
  if (part === null) return ''
  let value: unknown
  try {
    value = JSON.parse(part.json)
  } catch {
    return '…'
  }
  for (const key of keys) value = (value as Record<string, unknown> | null)?.[key]
  return value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)
}
