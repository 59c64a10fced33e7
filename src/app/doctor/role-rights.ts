import { plainArray, textArray } from '../../database/array-literal.ts'
import { current } from '../../database/current.ts'
import { RIGHTS, ROLE_KINDS, type RoleKind } from '../../database/rights.ts'
import * as sql from '../../database/statements/diagnosis-tables.ts'
import type { Plugin } from '../../plugin/plugin.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'
import { counted, listed, quoted } from './phrase.ts'

/** What only a role of the kind has: by it a role is known that lacks something else. */
const MARKS: Readonly<Record<RoleKind, readonly [privilege: string, name: string]>> = {
  worker: ['INSERT', 'claims'],
  operator: ['EXECUTE', current.retry],
  reader: ['EXECUTE', current.list_jobs],
  producer: ['EXECUTE', current.push_jobs],
}
/** One that is of a kind has all that the kinds behind it have. */
const STRONGEST: readonly RoleKind[] = ['worker', 'operator', 'reader', 'producer']

export const roleRights: Check = {
  id: 'rights',
  title: 'rights of roles',
  needsSchema: true,
  async run({ read, plugins }) {
    const wanted = ROLE_KINDS.flatMap((kind) => wantedBy(kind, plugins))
    const rows = await read(sql.roleRights, [
      textArray(wanted.map(({ kind }) => kind)),
      textArray(wanted.map(({ name }) => name)),
      textArray(wanted.map(({ privilege }) => privilege)),
      plainArray(wanted.map(({ kind, name, privilege }) => isMark(kind, privilege, name))),
    ])
    return judgeRights(rows)
  },
}

export function judgeRights(rows: readonly sql.RoleRightsRow[]): Finding {
  const roles = [...new Set(rows.map(({ role }) => role))]
  const lacking = roles.flatMap((role) => {
    const own = rows.filter((row) => row.role === role)
    const kind = STRONGEST.find((one) => own.some((row) => row.kind === one && row.marked))
    const row = own.find((one) => one.kind === kind && one.missing > 0)
    return row === undefined ? [] : [row]
  })
  if (lacking.length > 0) {
    const said = lacking.map(
      ({ role, kind, missing, first }) =>
        `${quoted(role)} is a ${kind} and lacks ${counted(missing, 'right')}, such as ${first}`,
    )
    const grants = lacking.map(({ role, kind }) => `chancy grant ${kind} ${role}`)
    return error(`${listed(said)}.`, `As the owner of the schema: ${listed(grants)}.`)
  }
  const present = rows.filter((row) => row.present)
  const name = present[0]?.role ?? ''
  const kinds = STRONGEST.filter((kind) =>
    present.some((row) => row.kind === kind && row.missing === 0),
  )
  if (kinds.length === 0) {
    return warning(
      `The role of this command, ${quoted(name)}, has no right on the schema and sees little.`,
      `Run doctor as the owner of the schema, or grant it: chancy grant reader ${name}.`,
    )
  }
  return ok(`${quoted(name)} has all rights of: ${kinds.join(', ')}.`)
}

interface Wanted {
  readonly kind: RoleKind
  readonly name: string
  readonly privilege: string
}

function wantedBy(kind: RoleKind, plugins: readonly Plugin[]): readonly Wanted[] {
  const { functions, tables } = RIGHTS[kind]
  const own = plugins.flatMap(({ rights }) => rights?.[kind] ?? [])
  const names = [
    ...(functions === null ? Object.values(current) : functions.map((name) => current[name])),
    ...own.flatMap((one) => one.functions ?? []),
  ]
  const all = [...tables, ...own.flatMap((one) => one.tables ?? [])]
  return [
    ...names.map((name) => ({ kind, name, privilege: 'EXECUTE' })),
    ...all.flatMap(({ privileges, on }) =>
      on.flatMap((name) => privileges.map((privilege) => ({ kind, name, privilege }))),
    ),
  ]
}

function isMark(kind: RoleKind, privilege: string, name: string): boolean {
  const [of, on] = MARKS[kind]
  return of === privilege && on === name
}
