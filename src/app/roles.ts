import { show } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'
import { isStorable } from '../core/storable-text.ts'
import { namesOf } from '../database/names.ts'
import { ROLE_KINDS, type RoleKind } from '../database/rights.ts'
import { grantTexts } from '../database/statements/rights.ts'
import type { Chancy } from './chancy.ts'

const MAX_NAME_BYTES = 63

/**
 * The SQL that lets a role push (`producer`), run jobs (`worker`), look at everything (`reader`), or look,
 * cancel, retry and pause (`operator`). The owner of the schema runs it, once for each kind that the role
 * is to be, and again after an upgrade.
 *
 * @param options.schema Default: `'chancy'`.
 * @throws {ConfigError} for another kind, or a name that cannot be a role's
 */
export function grantSql(
  kind: RoleKind,
  role: string,
  options: { readonly schema?: string } = {},
): string {
  const texts = grantTexts(namesOf(options.schema ?? 'chancy'), checkKind(kind), checkRole(role))
  return texts.map((text) => `${text};\n`).join('')
}

/**
 * Runs that SQL in one transaction. The Chancy must be connected as the owner of the schema.
 *
 * @throws {ConfigError} for another kind, or a name that cannot be a role's
 * @throws {DatabaseError} when there is no such role, or the grant is refused
 */
export async function grant(chancy: Chancy, kind: RoleKind, role: string): Promise<void> {
  const { database, explaining } = chancy.parts
  const texts = grantTexts(database.names, checkKind(kind), checkRole(role))
  await explaining(() =>
    database.driver.transaction(async (session) => {
      for (const text of texts) await database.execute(text, session)
    }),
  )
}

function checkKind(kind: unknown): RoleKind {
  const known = ROLE_KINDS.find((one) => one === kind)
  if (known !== undefined) return known
  throw new ConfigError(`grant: expected one of ${ROLE_KINDS.join(', ')}, got ${show(kind)}.`)
}

function checkRole(role: unknown): string {
  const isName = typeof role === 'string' && role !== '' && isStorable(role)
  if (isName && Buffer.byteLength(role) <= MAX_NAME_BYTES) return role
  throw new ConfigError(
    `grant: expected the name of a role, of 1 to ${MAX_NAME_BYTES} bytes, got ${show(role)}.`,
  )
}
