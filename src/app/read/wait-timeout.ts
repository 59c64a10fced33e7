import { callAfter, systemClock } from '../../core/clock.ts'
import { WaitTimedOutError } from '../../core/errors.ts'
import type { Explanation } from '../../core/explanation.ts'
import { explanationInWords } from '../../core/explanation-words.ts'
import type { StatementRunner } from '../statement-runner.ts'

/** Jobs that are named and explained. */
const MAX_NAMED = 10
/** How long the explanation may take, in milliseconds. */
const EXPLAIN_MS = 1_000

/** A wait that is over before all were in one of the states. */
export interface OverdueWait {
  readonly left: ReadonlySet<string>
  readonly states: ReadonlySet<string>
  readonly timeoutMs: number
}

/** The error of a wait that is over, with what `explain` says of the jobs. Never rejects. */
export async function timedOut(
  statements: StatementRunner,
  overdue: OverdueWait,
): Promise<WaitTimedOutError> {
  const { left, states, timeoutMs } = overdue
  const ids = [...left].slice(0, MAX_NAMED)
  const explained = import('./explain.ts').then(({ explain }) =>
    Promise.all(ids.map((id) => explain(statements, id))),
  )
  const explanations = await within(EXPLAIN_MS, explained)
  const which = left.size === 1 ? `The job ${ids[0]} was` : `${left.size} jobs were`
  const [first] = explanations ?? []
  const why =
    first === undefined
      ? ''
      : ` ${left.size === 1 ? 'It' : `The first, ${ids[0]},`} ${explanationInWords(first)}.`
  return new WaitTimedOutError(
    `${which} not ${[...states].join(' or ')} after ${timeoutMs} ms.${why} The wait is over, the work is not: wait again, or give it more time.`,
    { details: { ids, timeoutMs, ...(explanations === null ? {} : { explanations }) } },
  )
}

/** Null when it fails or takes longer: the database may be the reason for the wait. */
function within(ms: number, work: Promise<Explanation[]>): Promise<Explanation[] | null> {
  return new Promise((resolve) => {
    const callOff = callAfter(systemClock, ms, () => resolve(null))
    work
      .catch(() => null)
      .then(resolve)
      .finally(callOff)
  })
}
