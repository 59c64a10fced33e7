import { DatabaseError } from '../core/errors.ts'
import { textArray } from '../database/array-literal.ts'
import type { Database } from '../database/database.ts'
import { quoteIdentifier } from '../database/names.ts'
import { RIGHTS } from '../database/rights.ts'
import { type MissingRight, missingRights } from '../database/statements/rights.ts'

/**
 * Says at the start what a worker would otherwise only meet days later, such as when the next days of the
 * history are to be made. A schema that is not there is left to the check of the migrations.
 *
 * @throws {DatabaseError} `RIGHTS_MISSING`, with the GRANT that is wanted
 */
export async function checkRights(database: Database): Promise<void> {
  const wanted = RIGHTS.worker.tables.flatMap(({ privileges, on }) =>
    on.flatMap((name) => privileges.map((privilege) => ({ name, privilege }))),
  )
  const missing = await database.run(missingRights, [
    textArray(wanted.map(({ name }) => name)),
    textArray(wanted.map(({ privilege }) => privilege)),
  ])
  const [first] = missing
  if (first === undefined) return
  const { names } = database
  const role = quoteIdentifier(first.role)
  const grants = missing.map((right) => `${grantOf(right, names.own)} TO ${role};`)
  throw new DatabaseError(
    `The role ${role} lacks rights that a worker of the schema "${names.plainSchema}" needs. Run as the owner of the schema: chancy grant worker ${first.role}, or in SQL: ${grants.join(' ')}`,
    { code: 'RIGHTS_MISSING', details: { role: first.role, grants } },
  )
}

function grantOf({ privilege, kind, name }: MissingRight, own: (name: string) => string): string {
  if (kind === 'SCHEMA') return `GRANT ${privilege} ON SCHEMA ${quoteIdentifier(name)}`
  return `GRANT ${privilege} ON ${kind} ${own(name)}`
}
