import type { ComponentChildren } from 'preact'
import type { WireQueue } from '../../../src/http/wire.ts'
import { Meter } from '../../components/meter.tsx'
import { Spark } from '../../components/spark.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { boundedText, countText, rateText, shortText } from '../../numbers.ts'
import { link, to } from '../../router.ts'
import { spanText } from '../../time.ts'

type Sparks = ReadonlyMap<string, readonly (number | null)[]>

/** Queues as rows: what waits, runs, flows, and until when it takes. */
export function QueueTable(props: {
  queues: readonly WireQueue[]
  sparks?: Sparks | undefined
  sort?: string
  /** What can be done to the queue of a row. */
  acts?: (queue: WireQueue) => ComponentChildren
}) {
  const hasForecast = props.queues.some(({ forecast }) => forecast !== null)
  return (
    <div class="scroll">
      <table class="cards">
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col">State</th>
            <Head name="waiting" {...props} />
            <Head name="running" {...props} />
            <Head name="scheduled" {...props} isRoomy />
            <Head name="blocked" {...props} isRoomy />
            <Head name="oldest" {...props} />
            <th scope="col" class="num">
              Ended
            </th>
            {props.sparks !== undefined && (
              <th scope="col" class="roomy">
                1 h
              </th>
            )}
            {hasForecast && (
              <th scope="col" class="num">
                Empty
              </th>
            )}
            {props.acts !== undefined && (
              <th scope="col">
                <span class="unseen">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {props.queues.map((queue) => (
            <Row
              key={queue.name}
              queue={queue}
              sparks={props.sparks}
              hasForecast={hasForecast}
              acts={props.acts}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Head({ name, sort, isRoomy }: { name: string; sort?: string; isRoomy?: boolean }) {
  const label = name[0]!.toUpperCase() + name.slice(1)
  return (
    <th
      scope="col"
      class={`num ${isRoomy === true ? 'roomy' : ''}`}
      aria-sort={sort === name ? 'descending' : undefined}
    >
      {sort === undefined ? label : <a href={link(['queues'], { sort: name })}>{label}</a>}
    </th>
  )
}

function Row(props: {
  queue: WireQueue
  sparks: Sparks | undefined
  hasForecast: boolean
  acts: ((queue: WireQueue) => ComponentChildren) | undefined
}) {
  const { queue, sparks, hasForecast } = props
  const { counts, rates } = queue
  const isOld = (counts?.ageMs ?? 0) > 300_000
  const tone = isOld ? 'soft' : ''
  const number = (value: number | undefined) => {
    if (value === undefined) return <span class="soft">–</span>
    if (value === 0) return <span class="soft">0</span>
    return boundedText(value, { about: counts?.isEstimate === true && value >= 10_000 })
  }
  const failed = rates === null ? 0 : rates.failed + rates.crashed + rates.retried
  const ended = rates === null ? null : rates.succeeded + rates.cancelled + failed
  return (
    <tr data-row="">
      <th scope="row" class="full">
        <a class="name" href={to('queues', queue.name)}>
          {queue.name}
        </a>
      </th>
      <td>
        <StateMark
          state={queue.workers === 0 && queue.state === 'active' ? 'doubted' : queue.state}
          word={queue.workers === 0 && queue.state === 'active' ? 'no worker' : queue.state}
        />
      </td>
      <td class={`num ${tone}`} data-label="waiting" title={ageTitle(queue)}>
        {number(counts?.waiting)}
        {isOld && <span class="line">{spanText(counts?.ageMs ?? 0)} old</span>}
      </td>
      <td class={`num ${tone}`} data-label="running">
        {number(counts?.running)}
        {queue.concurrency === null || counts === null || queue.workers === 0 ? (
          <>
            {' '}
            <span class="wide-only roomy meter" />
          </>
        ) : (
          <>
            <span class="soft">/{countText(queue.concurrency * queue.workers)}</span>{' '}
            <span class="wide-only roomy">
              <Meter part={counts.running} of={queue.concurrency * queue.workers} />
            </span>
          </>
        )}
      </td>
      <td class={`num wide-only roomy ${tone}`}>{number(counts?.scheduled)}</td>
      <td class={`num wide-only roomy ${tone}`}>{number(counts?.blocked)}</td>
      <td class={`num ${queue.oldestMs === null ? 'wide-only' : ''}`} data-label="oldest">
        {queue.oldestMs === null ? <span class="soft">–</span> : spanText(queue.oldestMs)}
      </td>
      <td class="num wide-only">
        {ended === null ? (
          <span class="soft">–</span>
        ) : (
          <span class={ended === 0 ? 'soft' : ''}>{rateText(ended / 60)}</span>
        )}
        {failed > 0 && (
          <span class="bad" title={`${failed} failed attempts in the last minute`}>
            {' '}
            {shortText(failed)} failed
          </span>
        )}
      </td>
      {sparks !== undefined && (
        <td class="wide-only roomy">
          <Spark
            values={sparks.get(queue.name) ?? []}
            label={`Ended attempts of ${queue.name}, one hour`}
          />
        </td>
      )}
      {hasForecast && <td class="num wide-only">{forecastText(queue)}</td>}
      {props.acts !== undefined && <td class="row-acts wide-only">{props.acts(queue)}</td>}
    </tr>
  )
}

/** "about 49 min", or how it grows. */
export function forecastText({ forecast, counts }: WireQueue): string {
  if (counts !== null && counts.waiting === 0) return '–'
  if (forecast?.drainMs != null) return `in about ${spanText(forecast.drainMs)}`
  if (forecast?.growsPerSecond != null && forecast.growsPerSecond > 0)
    return `grows by ${rateText(forecast.growsPerSecond)}`
  return '–'
}

export function ageTitle({ counts }: WireQueue): string | undefined {
  if (counts?.ageMs == null) return undefined
  const kind = counts.isEstimate ? 'estimated' : 'counted'
  return `${countText(counts.waiting)}, ${kind} ${spanText(counts.ageMs)} ago`
}
