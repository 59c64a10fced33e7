import type { Query, Session } from '../driver.ts'
import { deadlineError, withDeadline } from '../drivers/deadline.ts'
import { isShape, type Refusal, refused } from '../session-library.ts'

/** What statements are sent with: `$1 …` and their values. Resolves to the rows as objects. */
export type SendText = (text: string, values: (string | number | boolean | null)[]) => unknown

/**
 * A session over a library's own way to send a statement.
 *
 * @param refusal asked before each statement: a transaction may end between two of them, and what was its
 *   connection then belongs to another transaction.
 */
export function foreignSession(send: SendText, refusal?: () => Refusal | undefined): Session {
  return {
    async query<Row>({ text, values, deadlineMs }: Query): Promise<Row[]> {
      const why = refusal?.()
      if (why !== undefined) throw refused(why)
      const answer = Promise.resolve(
        send(
          text,
          values.map((value) => value ?? null),
        ),
      )
      if (deadlineMs === undefined) return rowsOf(await answer)
      // The statement cannot be cancelled: it runs to its end, and its transaction is the caller's.
      return rowsOf(await withDeadline(answer, deadlineMs, () => deadlineError(deadlineMs, true)))
    },
  }
}

function rowsOf<Row>(answer: unknown): Row[] {
  if (!Array.isArray(answer) || !answer.every((row) => isShape(row) && !Array.isArray(row)))
    throw refused({
      found: 'a session that does not answer with rows',
      advice: 'Return the rows of the statement, as an array of objects: often result.rows',
    })
  // The statement asks for these columns; the library cannot know them.
  return answer as Row[]
}
