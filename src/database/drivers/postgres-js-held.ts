import { Deadline } from '../../core/clock.ts'
import { DEFAULT_DEADLINE_MS, type Query, type ReservedSession } from '../driver.ts'
import { deadlineError, sessionGone, unreachable } from './deadline.ts'
import { isLastWords, PostgresJsHeldSession } from './postgres-js-session.ts'
import type { PostgresJs, PostgresJsSession } from './postgres-js-shapes.ts'

/**
 * A transaction through `sql.begin`.
 *
 * @param tries How often to begin again when BEGIN met the last words of an earlier session.
 */
export async function transactionOn<T>(
  sql: PostgresJs,
  tries: number,
  work: (session: PostgresJsHeldSession) => Promise<T>,
): Promise<T> {
  for (let left = tries; ; left--) {
    let hasBegun = false
    try {
      return await transactOnce(sql, (session) => {
        hasBegun = true
        return work(session)
      })
    } catch (error) {
      if (hasBegun) throw error
      if (left <= 0 || !isLastWords(error)) throw unreachable(error)
    }
  }
}

/**
 * One transaction, with an end to every wait: BEGIN and COMMIT have no deadline
 * of their own there. And once the connection is lost its body must not end at all, well or badly:
 * postgres.js would send COMMIT or ROLLBACK to a socket that is no more, and end the process.
 */
function transactOnce<T>(
  sql: PostgresJs,
  work: (session: PostgresJsHeldSession) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let session: PostgresJsHeldSession | undefined
    let stage: 'beginning' | 'working' | 'ending' | 'over' = 'beginning'
    let failure: { readonly error: unknown } | undefined
    let deadline = new Deadline(DEFAULT_DEADLINE_MS, onDeadline)

    function over(settle: () => void): void {
      deadline.clear()
      stage = 'over'
      settle()
    }
    function onDeadline(): void {
      const error = deadlineError(DEFAULT_DEADLINE_MS, session !== undefined)
      session?.destroy(error)
      over(() => reject(failure ? failure.error : error))
    }
    async function body(own: PostgresJsSession): Promise<T> {
      deadline.clear()
      // No caller waits for it any more; rejecting rolls it back.
      if (stage === 'over') throw deadlineError(DEFAULT_DEADLINE_MS, false)
      stage = 'working'
      session = new PostgresJsHeldSession(own)
      let result: T | undefined
      try {
        result = await work(session)
      } catch (error) {
        failure = { error }
      }
      if (session.isGone) {
        const { error } = failure ?? { error: session.lostBy }
        over(() => reject(error))
        return await new Promise<never>(() => {})
      }
      stage = 'ending'
      deadline = new Deadline(DEFAULT_DEADLINE_MS, onDeadline)
      if (failure !== undefined) throw failure.error
      return result as T // there is one, since `work` did not reject
    }
    sql.begin('ISOLATION LEVEL READ COMMITTED' as never, body).then(
      (result) => {
        session?.gone('the transaction has ended')
        over(() => resolve(result as T))
      },
      (error) => {
        session?.gone(error)
        // Its next statement is refused, and what it makes of that is the answer.
        if (stage !== 'working') over(() => reject(failure ? failure.error : error))
      },
    )
  })
}

// Shows the connection, and with it what marks it as held.
const HELLO: Query = { text: 'SELECT 1', values: [] }
const BEGIN: Query = { text: 'BEGIN', values: [] }
const COMMIT: Query = { text: 'COMMIT', values: [] }

/**
 * A session of its own. `sql.reserve` is not used: a reservation that fails to connect stays in its
 * queue and swallows a later connection forever, and with `fetch_types: false` a fresh connection
 * never arrives. `sql.begin` holds a connection too. So its transaction is ended immediately, the
 * connection is kept, and another transaction is begun for `sql.begin` to commit.
 */
export function reserveFrom(sql: PostgresJs, tries: number): Promise<ReservedSession> {
  return new Promise((resolve, reject) => {
    const hold = async (session: PostgresJsHeldSession): Promise<void> => {
      await session.query(HELLO)
      const mark = session.holdMark
      // postgres.js takes an idle connection back unless this says that it will be returned.
      if (!mark) throw sessionGone('postgres.js does not let its connection be held')
      mark.release = true
      await session.query(COMMIT)
      await new Promise<void>((done) => resolve(reservedOn(session, done)))
      delete mark.release
      if (!session.isGone) await session.query(BEGIN)
    }
    // Once it is lent, its user is notified of its end.
    transactionOn(sql, tries, hold).catch(reject)
  })
}

function reservedOn(session: PostgresJsHeldSession, done: () => void): ReservedSession {
  let isReleased = false
  return {
    query: (query) => {
      if (isReleased) return Promise.reject(sessionGone('it was released'))
      return session.query(query)
    },
    release: (destroy = false) => {
      if (isReleased) return
      isReleased = true
      if (destroy) session.destroy('it was destroyed')
      done()
    },
  }
}
