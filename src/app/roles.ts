import { inspect } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'
import { isStorable } from '../core/storable-text.ts'
import { namesOf } from '../database/names.ts'
import { ROLE_KINDS, type RoleKind } from '../database/rights.ts'
import { grantTexts } from '../database/statements/rights.ts'
import type { OwnRights } from '../plugin/parts/plugin-rights.ts'
import type { Plugin } from '../plugin/plugin.ts'
import type { Chancy } from './chancy.ts'

const MAX_NAME_BYTES = 63

export interface GrantSqlOptions {
  readonly schema?: string
  readonly plugins?: readonly Plugin[]
}

/** The statements of a grant as SQL. @throws {ConfigError} */
export function grantSql(
  kind: RoleKind,
  role: string,
  { schema = 'chancy', plugins = [] }: GrantSqlOptions = {},
): string {
  const own = rightsOf(plugins, checkKind(kind))
  const texts = grantTexts(namesOf(schema), kind, checkRole(role), own)
  return texts.map((text) => `${text};\n`).join('')
}

/**
 * Runs that SQL in one transaction, for the plugins of the Chancy, which must be connected as the owner of the
 * schema.
 *
 * @throws {ConfigError} for another kind, or a name that cannot be a role's
 * @throws {DatabaseError} when there is no such role, or the grant is refused
 */
export async function grant(chancy: Chancy, kind: RoleKind, role: string): Promise<void> {
  const { database, plugins, translatingErrors } = chancy.internals
  const own = rightsOf(plugins.plugins, checkKind(kind))
  const texts = grantTexts(database.names, kind, checkRole(role), own)
  await translatingErrors(() =>
    database.driver.transaction(async (session) => {
      for (const text of texts) await database.execute(text, session)
    }),
  )
}

function rightsOf(plugins: readonly Plugin[], kind: RoleKind): readonly OwnRights[] {
  return plugins.flatMap(({ rights }) => rights?.[kind] ?? [])
}

function checkKind(kind: unknown): RoleKind {
  const known = ROLE_KINDS.find((one) => one === kind)
  if (known !== undefined) return known
  throw new ConfigError(`grant: expected one of ${ROLE_KINDS.join(', ')}, got ${inspect(kind)}.`)
}

function checkRole(role: unknown): string {
  const isName = typeof role === 'string' && role !== '' && isStorable(role)
  if (isName && Buffer.byteLength(role) <= MAX_NAME_BYTES) return role
  throw new ConfigError(
    `grant: expected the name of a role, of 1 to ${MAX_NAME_BYTES} bytes, got ${inspect(role)}.`,
  )
}
