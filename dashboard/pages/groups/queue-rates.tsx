import { Meter } from '../../components/meter.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { useTopic } from '../../live.ts'
import { countText } from '../../numbers.ts'
import { to } from '../../router.ts'
import { spanText } from '../../time.ts'

/** The other kind of limit: how often jobs of a queue start. */
export function QueueRates() {
  const state = useTopic('queues')
  const limited = (state.data?.items ?? []).filter(({ rateLimit }) => rateLimit !== null)
  return (
    <Panel
      title="Rate limits of queues"
      state={state}
      isEmpty={() => limited.length === 0}
      empty={
        <Empty title="No queue has a rate limit">
          A queue may have one: starts of all workers in any window.
        </Empty>
      }
    >
      {() => (
        <ul class="shares body">
          {limited.map((queue) => {
            const { max, perMs } = queue.rateLimit!
            const used = queue.rates?.startedPerSecond ?? 0
            const allowed = (max * 1_000) / perMs
            return (
              <li key={queue.name}>
                <a class="name" href={to('queues', queue.name)}>
                  {queue.name}
                </a>
                <Meter part={used} of={allowed} tone={used >= allowed * 0.95 ? 'warn' : ''} />
                <span class="num">
                  {countText((used * perMs) / 1_000)} of {countText(max)} per {perText(perMs)}
                </span>
              </li>
            )
          })}
        </ul>
      )}
    </Panel>
  )
}

/** "min" rather than "1 min". */
const perText = (ms: number): string => spanText(ms).replace(/^1 /, '')
