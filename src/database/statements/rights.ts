import { type Names, quoteIdentifier, quoteLiteral } from '../names.ts'
import { RIGHTS, type RoleKind, type TableRights } from '../rights.ts'
import { statement } from '../statement.ts'

/** What a plugin grants besides: its own tables and functions. */
interface MoreRights {
  readonly tables?: readonly TableRights[]
  readonly functions?: readonly string[]
}

/** The statements that make a role of a kind, to be run by the owner of the schema. */
export function grantTexts(
  t: Names,
  kind: RoleKind,
  role: string,
  ofPlugins: readonly MoreRights[] = [],
): readonly string[] {
  const { functions, tables } = RIGHTS[kind]
  const to = `TO ${quoteIdentifier(role)}`
  const onTables = ({ privileges, on }: TableRights): string => {
    const what = privileges.includes('USAGE') ? 'SEQUENCE ' : ''
    return `GRANT ${privileges.join(', ')}\n   ON ${what}${listed(on.map(t.own))}\n   ${to}`
  }
  const onFunctions = (names: readonly string[]): string =>
    `GRANT EXECUTE\n   ON FUNCTION ${listed(names)}\n   ${to}`
  return [
    `GRANT USAGE ON SCHEMA ${t.schema} ${to}`,
    ...tables.map(onTables),
    functions === null
      ? `GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${t.schema} ${to}`
      : onFunctions(functions.map((name) => t.fn(name))),
    ...ofPlugins.flatMap((own) => [
      ...(own.tables ?? []).map(onTables),
      ...((own.functions ?? []).length > 0 ? [onFunctions((own.functions ?? []).map(t.own))] : []),
    ]),
  ]
}

/** Names with commas, four a line. */
function listed(names: readonly string[]): string {
  return names
    .map((name, n) => (n > 0 && n % 4 === 0 ? `\n      ${name}` : name))
    .join(', ')
    .replaceAll(', \n', ',\n')
}

export interface MissingRight {
  readonly role: string
  readonly privilege: string
  /** 'SCHEMA', 'SEQUENCE', 'TABLE' or 'FUNCTION'. */
  readonly kind: string
  readonly name: string
}

/**
 * Which rights the present role lacks: on the schema, on these tables and sequences (`names` and
 * `privileges` side by side), and on these functions; all are array literals. Looked up in the catalogue,
 * since naming a table needs a right on its schema.
 */
export const missingRights = statement<
  readonly [names: string, privileges: string, functions: string],
  MissingRight
>(
  'missing_rights',
  (t) => `
    SELECT current_user::text AS role, m.privilege, m.kind, m.name
      FROM pg_catalog.pg_namespace n
     CROSS JOIN LATERAL (
             SELECT 'USAGE' AS privilege, 'SCHEMA' AS kind, n.nspname::text AS name
              WHERE NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
             UNION ALL
             SELECT w.privilege, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, w.name
               FROM unnest($1::text::text[], $2::text::text[]) AS w(name, privilege)
               JOIN pg_catalog.pg_class c ON c.relname::text = w.name AND c.relnamespace = n.oid
              WHERE NOT CASE c.relkind WHEN 'S' THEN pg_catalog.has_sequence_privilege(c.oid, w.privilege)
                                       ELSE pg_catalog.has_table_privilege(c.oid, w.privilege) END
             UNION ALL
             SELECT DISTINCT 'EXECUTE', 'FUNCTION', p.proname::text
               FROM pg_catalog.pg_proc p
              WHERE p.pronamespace = n.oid AND p.proname::text = ANY ($3::text::text[])
                AND NOT pg_catalog.has_function_privilege(p.oid, 'EXECUTE')) m
     WHERE n.nspname = ${quoteLiteral(t.plainSchema)}`,
)
