import { checkOneOf, checkOptions, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import {
  ROLE_KINDS,
  type RoleKind,
  TABLE_PRIVILEGES,
  type TableRights,
} from '../../database/rights.ts'

/** What a role needs on what the plugin owns. */
export interface OwnRights {
  /** On its tables, by their names: `{ privileges: ['SELECT'], on: ['acme_audit_entries'] }`. */
  readonly tables?: readonly TableRights[]
  /** Functions of its migrations. A worker may call all functions of the schema. */
  readonly functions?: readonly string[]
}

/** By the kind of the role: what is left out needs nothing. */
export type PluginRights = Readonly<Partial<Record<RoleKind, OwnRights>>>

/** @throws {ConfigError} */
export function checkPluginRights(value: unknown, prefix: string, what: string): void {
  const rights = checkOptions(value, ROLE_KINDS, what)
  for (const [kind, given] of Object.entries(rights)) {
    const at = `${what}.${kind}`
    const { tables = [], functions = [] } = checkOptions(given, ['tables', 'functions'], at)
    for (const name of listOf(functions, `${at}.functions`))
      ownName(name, prefix, `${at}.functions`)
    for (const one of listOf(tables, `${at}.tables`)) {
      const { privileges, on } = checkOptions(one, ['privileges', 'on'], `${at}.tables`)
      for (const name of listOf(on, `${at}.tables: on`)) ownName(name, prefix, `${at}.tables: on`)
      for (const privilege of listOf(privileges, `${at}.tables: privileges`))
        checkOneOf(privilege, TABLE_PRIVILEGES, `${at}.tables: privileges`)
    }
  }
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new ConfigError(`${what}: expected an array, got ${inspect(value)}.`)
}

function ownName(name: unknown, prefix: string, what: string): void {
  if (typeof name === 'string' && name.startsWith(prefix)) return
  throw new ConfigError(
    `${what}: expected names that begin with "${prefix}", got ${inspect(name)}.`,
  )
}
