import type { Pooler } from '../driver.ts'

/** Which backend a connection was given when it was made, and which one answers it now. */
export interface BackendPair {
  readonly given: number
  readonly answering: number
}

export const BACKEND_TEXT = 'SELECT pg_catalog.pg_backend_pid() AS pid'
export const BACKEND_DEADLINE_MS = 5_000
/** A pooler that is busy, or gives its servers out in turn, may need some queries to be detected. */
const QUERIES = 16

/**
 * Says whether there is a pooler between a driver and its server. A pooler makes up the number of the
 * backend that it reports to a client; and in transaction mode one backend answers several clients, or one
 * client is answered by several. What could not be seen is `unknown`: a pooler in session mode, or a
 * busy one.
 *
 * @param look Asks on a connection: on another one for odd numbers than for even ones, where there are
 *   several.
 */
export async function probePooler(
  look: (turn: number) => Promise<BackendPair>,
): Promise<Pooler | null> {
  const first = await look(0)
  if (first.given === first.answering) return null
  const pairs = [first]
  for (let turn = 1; turn < QUERIES; turn++) {
    const pair = await look(turn)
    const isShared = pairs.some(
      (one) => (one.given === pair.given) !== (one.answering === pair.answering),
    )
    if (isShared) return 'transaction'
    pairs.push(pair)
  }
  return 'unknown'
}
