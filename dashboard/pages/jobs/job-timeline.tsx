import type { WireJob } from '../../../src/http/wire.ts'
import { Icon, type IconName } from '../../components/icon.tsx'
import { iconOf, toneOf } from '../../components/state-mark.tsx'
import { fullText, now, spanText, stampText } from '../../time.ts'

interface Moment {
  readonly at: number
  readonly word: string
  readonly icon: IconName
  readonly tone: string
  readonly note?: string
}

/** Every attempt from the push to the end, with what lies between: upright where the screen is narrow. */
export function JobTimeline({ job }: { job: WireJob }) {
  const moments = momentsOf(job)
  const end = moments.at(-1)!
  const isOpen = job.finishedAt === null
  return (
    <ol class="timeline">
      {moments.map((moment, index) => {
        const next = moments[index + 1]
        const until = next?.at ?? (isOpen ? Math.max(now.value, moment.at) : null)
        return (
          <li key={`${moment.at} ${moment.word}`}>
            <span class={`dot ${moment.tone}`}>
              <Icon name={moment.icon} />
            </span>
            <span class="what">
              <b>{moment.word}</b>
              <time
                dateTime={new Date(moment.at).toISOString()}
                title={fullText(moment.at)}
                class="soft"
              >
                {stampText(moment.at)}
              </time>
              {moment.note !== undefined && (
                <span class={`note clip ${moment.tone}`} title={moment.note}>
                  {moment.note}
                </span>
              )}
            </span>
            {until !== null && moment !== end && (
              <span class="gap">{gapText(until - moment.at)}</span>
            )}
            {until !== null && moment === end && isOpen && (
              <span class="gap open">
                {job.state === 'running' ? 'runs' : 'waits'} for{' '}
                {gapText(Math.round((until - moment.at) / 1_000) * 1_000)}
              </span>
            )}
          </li>
        )
      })}
      {isOpen && waitsUntil(job) !== null && (
        <li>
          <span class="dot still">
            <Icon name="clock" />
          </span>
          <span class="what">
            <b>due</b>
            <span class="soft">{stampText(waitsUntil(job)!)}</span>
          </span>
        </li>
      )}
    </ol>
  )
}

const gapText = (ms: number): string => spanText(Math.max(0, ms))

function waitsUntil({ state, scheduledAt }: WireJob): number | null {
  const at = scheduledAt === null ? Number.NaN : Date.parse(scheduledAt)
  return state === 'pending' && at > now.value ? at : null
}

/** Starts of failed attempts are their ends less what they took, where that was measured. */
function momentsOf(job: WireJob): Moment[] {
  const found: Moment[] = [
    { at: Date.parse(job.createdAt), word: 'pushed', icon: 'plus', tone: 'still' },
  ]
  for (const error of job.errors.items) {
    const at = Date.parse(error.at)
    if (error.usage !== null)
      found.push({
        at: at - error.usage.wallMs,
        word: `attempt ${error.attempt}`,
        icon: 'play',
        tone: 'busy',
      })
    found.push({
      at,
      word: error.kind === 'error' ? 'failed' : error.kind,
      icon: 'cross',
      tone: 'bad',
      note: error.message === '' ? error.name : error.message,
    })
  }
  const started = job.startedAt === null ? null : Date.parse(job.startedAt)
  const last = job.errors.items.at(-1)
  const isOfLast = last !== undefined && last.attempt >= job.attempts
  if (started !== null && !isOfLast && job.attempts > 0)
    found.push({ at: started, word: `attempt ${job.attempts}`, icon: 'play', tone: 'busy' })
  if (job.finishedAt !== null) {
    const at = Date.parse(job.finishedAt)
    const isFailed = job.state === 'failed' && isOfLast
    if (isFailed) found.pop()
    found.push({
      at,
      word: job.state,
      icon: iconOf(job.state),
      tone: toneOf(job.state),
      ...(isFailed ? { note: last.message === '' ? last.name : last.message } : {}),
    })
  } else if (job.state === 'retrying' || (job.state === 'pending' && job.attempts > 0))
    found.push({
      at: last === undefined ? Date.parse(job.startedAt ?? job.createdAt) : Date.parse(last.at) + 1,
      word: job.state === 'retrying' ? 'waits to be retried' : 'waits again',
      icon: 'again',
      tone: 'warn',
    })
  return found.sort((a, b) => a.at - b.at)
}
