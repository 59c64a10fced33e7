import type { Database } from '../../database/database.ts'
import type { Session } from '../../database/driver.ts'
import { aboutServer } from '../../database/statements/diagnosis-server.ts'
import { type Check, ok, warning } from './check.ts'

/** How often the session of a connection is compared. */
const ROUNDS = 10

export const pooler: Check = {
  id: 'pooler',
  title: 'pooler',
  needsSchema: false,
  connects: true,
  async run({ database, isPoolerNamed }) {
    if (isPoolerNamed) {
      return ok(
        'There is a transaction pooler, as the option pooler says: work is found by polling.',
      )
    }
    const found = database.isPooled
      ? 'transaction'
      : ((await database.driver.findPooler?.()) ?? null)
    if (found === null) return ok('There is none between here and the server.')
    if (found === 'unknown' && database.driver.sessions < 2) {
      return ok('There is one. Whether it keeps sessions cannot be seen with one connection.')
    }
    if (found === 'unknown' && !(await changesSessions(database))) {
      return ok('There is one, and it keeps sessions.')
    }
    return warning(
      'There is a pooler in transaction mode, such as PgBouncer, that the options do not name: each statement may reach another process of the server, prepared statements fail, and notifications do not arrive.',
      "Give pooler: 'transaction' to the Chancy, and to its driver; or the address of the server itself.",
    )
  },
}

/**
 * Whether another process of the server answers one connection while a second connection is in a transaction: a pooler in
 * transaction mode gives the free one to the first statement.
 */
async function changesSessions(database: Database): Promise<boolean> {
  const { driver } = database
  const pidOf = async (session: Session): Promise<number | undefined> => {
    const [row] = await database.run(aboutServer, [], { session, prepare: false })
    return row?.pid
  }
  const one = await driver.reserve()
  try {
    const first = await pidOf(one)
    for (let round = 0; round < ROUNDS; round++) {
      const pid = await driver.transaction(async (busy) => {
        await pidOf(busy)
        return pidOf(one)
      })
      if (pid !== first) return true
    }
    return false
  } finally {
    one.release()
  }
}
