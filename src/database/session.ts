import type { Session } from './driver.ts'
import {
  isFunction,
  isShape,
  type Refusal,
  refused,
  SESSION,
  type SessionLibrary,
  type Shape,
} from './session-library.ts'
import { drizzle } from './sessions/drizzle.ts'
import { knex } from './sessions/knex.ts'
import { kysely } from './sessions/kysely.ts'
import { mikroOrm } from './sessions/mikro-orm.ts'
import { pg } from './sessions/pg.ts'
import { pglite } from './sessions/pglite.ts'
import { postgresJs } from './sessions/postgres-js.ts'
import { prisma } from './sessions/prisma.ts'
import { sequelize } from './sessions/sequelize.ts'
import { typeorm } from './sessions/typeorm.ts'

/** The client libraries first: an ORM has more to wait for than a few properties that are absent. */
const LIBRARIES: readonly SessionLibrary[] = [
  ...[pg, postgresJs, pglite],
  ...[drizzle, prisma, knex, kysely, typeorm, sequelize, mikroOrm],
]

const ACCEPTED =
  'It takes a connected client of pg, a transaction of postgres.js, PGlite, Knex, Kysely, Drizzle, Prisma, ' +
  'TypeORM, Sequelize or MikroORM, or customSession((text, values) => rows)'

/** No library has it: an object that answers it answers everything. */
const PROBE = Symbol('chancy.probe')

/**
 * The caller's own transaction as a session, known by its shape. A pool or a root object is refused, since
 * each of its statements may run on another connection: the job would silently be outside of the transaction.
 *
 * Nothing is prepared on a caller's session, because a stale plan would abort the transaction, and its errors
 * go through untouched. Only a deadline that a query names is kept: how long the transaction may take is the
 * caller's to say.
 *
 * @throws {ConfigError} that says what was given, and what to give instead
 */
export function asSession(given: unknown): Session {
  if (!isShape(given)) throw refused({ found: describe(given), advice: ACCEPTED })
  let answer: Session | Refusal
  try {
    answer = recognised(given)
  } catch (cause) {
    throw refused({ found: 'an object that cannot be read', advice: ACCEPTED }, cause)
  }
  if ('found' in answer) throw refused(answer)
  return answer
}

function recognised(given: Shape): Session | Refusal {
  if (given[PROBE] !== undefined)
    return { found: 'an object that has every property, such as a mock', advice: ACCEPTED }
  const adapter = given[SESSION]
  if (isFunction(adapter)) return adapter.call(given) as Session
  const library = LIBRARIES.find((one) => one.knows(given))
  if (library === undefined) return { found: describe(given), advice: ACCEPTED }
  return library.refusal(given) ?? library.session(given)
}

/** A driver of Chancy: each of its statements may run on another connection. */
function isDriver(given: Shape): boolean {
  return isFunction(given.query) && isFunction(given.reserve) && isFunction(given.transaction)
}

function describe(given: unknown): string {
  if (given === null || given === undefined) return String(given)
  if (!isShape(given)) return `a ${typeof given}`
  if (isDriver(given)) return 'a driver of Chancy'
  if (isFunction(given.then)) return 'a promise, which is to be awaited'
  if (isFunction(given)) return 'a function it does not know'
  const { constructor: made } = given
  const name = isFunction(made) ? made.name : 'Object'
  return name === '' || name === 'Object'
    ? 'an object it does not know'
    : `an object of the class "${name}"`
}
