import type { WireFailure } from '../../../src/http/wire.ts'
import { Ago } from '../../components/ago.tsx'
import { Spark } from '../../components/spark.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { countText } from '../../numbers.ts'
import { link, to } from '../../router.ts'
import { now } from '../../time.ts'

/** Failures that are alike, a row each. */
export function FailureList(props: {
  failures: readonly WireFailure[]
  acts?: (failure: WireFailure) => preact.ComponentChildren
}) {
  return (
    <ul class={`failures ${props.acts === undefined ? '' : 'acting'}`}>
      {props.failures.map((one) => (
        <li key={one.fingerprint} data-row="" data-state={one.state}>
          <div class="what fail-what">
            <a class="name" href={to('failures', one.fingerprint)}>
              <b>{one.name}</b> <span class="message-text">{messageOf(one)}</span>
            </a>
            <span class="soft marks">
              {one.isNew && <span class="badge bad">new</span>}
              {one.again > 0 && <span class="badge warn">again ×{one.again}</span>}
              {one.state !== 'open' && <StateMark state={one.state} />}
              <span>
                last <Ago at={one.lastAt} />
              </span>
              <span>
                first <Ago at={one.firstAt} />
              </span>
              {one.firstVersion !== null && (
                <span>
                  since{' '}
                  <a href={link(['failures'], { version: one.firstVersion })}>{one.firstVersion}</a>
                </span>
              )}
            </span>
          </div>
          <Spark
            tone="bad"
            values={hoursOf(one, 24)}
            label={`Failures of the last 24 hours of ${one.name}`}
          />
          <span class="num total" title="failed attempts, since it was first seen">
            <b>{countText(one.total)}</b>
            <small class="line soft">{one.total === 1 ? 'attempt' : 'attempts'}</small>
          </span>
          {props.acts !== undefined && <span class="acts fail-acts">{props.acts(one)}</span>}
        </li>
      ))}
    </ul>
  )
}

export const messageOf = ({ error, message, kind }: WireFailure): string =>
  message !== '' ? message : error !== '' ? error : kind

/** Failures of each of the last hours; an hour without one is 0, since all of them were counted. */
export function hoursOf(failure: Pick<WireFailure, 'hours'>, count: number): number[] {
  const hour = 3_600_000
  const last = Math.floor(now.value / hour)
  const found = new Map(
    failure.hours.map(({ at, count }) => [Math.floor(Date.parse(at) / hour), count]),
  )
  return Array.from({ length: count }, (_, at) => found.get(last - count + 1 + at) ?? 0)
}
