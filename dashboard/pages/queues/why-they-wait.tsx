import type { WireQueueExplanation } from '../../../src/http/wire.ts'
import { Icon } from '../../components/icon.tsx'
import { boundedText } from '../../numbers.ts'
import { to, toJobs } from '../../router.ts'

type Reason = keyof WireQueueExplanation['counts']

const WORDS: Readonly<Record<Reason, string>> = {
  ready: 'ready to start',
  'queue-paused': 'the queue is paused',
  'queue-undeclared': 'the queue is not declared',
  'no-worker': 'no worker serves it',
  'workers-paused': 'the workers that serve it are paused',
  'rate-limit': 'held by the rate limit',
  scheduled: 'their time has not come',
  backoff: 'wait after a failed attempt',
  dependency: 'wait for steps of a workflow',
  durable: 'wait for a signal, a time or a job',
  concurrency: 'their group is full',
  'function-unknown': 'no worker knows the function',
  running: 'running',
}
const TROUBLE: readonly Reason[] = [
  'queue-paused',
  'queue-undeclared',
  'no-worker',
  'function-unknown',
]

const HOLDING: readonly Reason[] = ['queue-paused', 'queue-undeclared', 'no-worker']

/** The waiting jobs by what keeps them, counted to 10,000 each. */
export function WhyTheyWait({ found, filter }: { found: WireQueueExplanation; filter: string }) {
  const reasons = (Object.entries(found.counts) as [Reason, { jobs: number; more: boolean }][])
    .filter(([reason, { jobs }]) => jobs > 0 && reason !== 'running')
    // Ready by themselves, and held with all of their queue: they are not about to start.
    .filter(([reason]) => reason !== 'ready' || !HOLDING.some((one) => found.counts[one].jobs > 0))
    .sort(([, a], [, b]) => b.jobs - a.jobs)
  if (reasons.length === 0) return <p class="body soft">Nothing waits in this queue.</p>
  return (
    <ul class="reasons">
      {reasons.map(([reason, count]) => (
        <li key={reason}>
          <b class={TROUBLE.includes(reason) ? 'bad' : ''}>
            {boundedText(count.jobs, { more: count.more })}
          </b>
          <span>
            {TROUBLE.includes(reason) && <Icon name="warning" class="bad" />} {WORDS[reason]}
          </span>
          <Way reason={reason} filter={filter} />
        </li>
      ))}
    </ul>
  )
}

function Way({ reason, filter }: { reason: Reason; filter: string }) {
  if (reason === 'concurrency') return <a href={to('groups')}>groups</a>
  if (reason === 'no-worker' || reason === 'workers-paused' || reason === 'function-unknown')
    return <a href={to('workers')}>workers</a>
  if (reason === 'dependency') return <a href={to('workflows')}>workflows</a>
  if (reason === 'backoff') return <a href={toJobs(`${filter} state:retrying`, 'due')}>jobs</a>
  if (reason === 'scheduled') return <a href={toJobs(`${filter} state:pending`, 'due')}>jobs</a>
  if (reason === 'ready') return <a href={toJobs(`${filter} state:waiting`, 'line')}>jobs</a>
  return null
}
