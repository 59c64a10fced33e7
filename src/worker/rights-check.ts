import { DatabaseError } from '../core/errors.ts'
import { textArray } from '../database/array-literal.ts'
import { current } from '../database/current.ts'
import type { Database } from '../database/database.ts'
import { quoteIdentifier } from '../database/names.ts'
import { RIGHTS } from '../database/rights.ts'
import { type MissingRight, missingRights } from '../database/statements/rights.ts'
import type { Plugin } from '../plugin/plugin.ts'

/**
 * Says at the start what a worker would otherwise only meet days later, such as when the next days of the
 * history are to be made. A schema that is not there is left to the check of the migrations. Of the functions only
 * those of this release are asked for: those of the next may not have been granted when this one restarts. What the
 * plugins need is asked for too.
 *
 * @throws {DatabaseError} `RIGHTS_MISSING`, with the GRANT that is wanted
 */
export async function checkRights(database: Database, plugins: readonly Plugin[]): Promise<void> {
  const ofPlugins = plugins.flatMap(({ rights }) => rights?.worker ?? [])
  const tables = [...RIGHTS.worker.tables, ...ofPlugins.flatMap((own) => own.tables ?? [])]
  const functions = ofPlugins.flatMap((own) => own.functions ?? [])
  const wanted = tables.flatMap(({ privileges, on }) =>
    on.flatMap((name) => privileges.map((privilege) => ({ name, privilege }))),
  )
  const missing = await database.run(missingRights, [
    textArray(wanted.map(({ name }) => name)),
    textArray(wanted.map(({ privilege }) => privilege)),
    textArray([...Object.values(current), ...functions]),
  ])
  const [first] = missing
  if (first === undefined) return
  const { names } = database
  const role = quoteIdentifier(first.role)
  const grants = missing.map((right) => `${grantOf(right, names.own)} TO ${role};`)
  const app = ofPlugins.length > 0 ? '--app ./app.ts ' : ''
  throw new DatabaseError(
    `The role ${role} lacks rights that a worker of the schema "${names.plainSchema}" needs. Run as the owner of the schema: chancy ${app}grant worker ${first.role}, or in SQL: ${grants.join(' ')}`,
    { code: 'RIGHTS_MISSING', details: { role: first.role, grants } },
  )
}

function grantOf({ privilege, kind, name }: MissingRight, own: (name: string) => string): string {
  if (kind === 'SCHEMA') return `GRANT ${privilege} ON SCHEMA ${quoteIdentifier(name)}`
  return `GRANT ${privilege} ON ${kind} ${own(name)}`
}
