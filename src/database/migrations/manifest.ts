import type { Names } from '../names.ts'
import type * as Sql from '../sql.generated.ts'
import type { Migration } from './migration.ts'
import { forSchema } from './schema-text.ts'

/** A file of `sql/functions`, `sql/public` or `sql/replaced`, without its ending: `claim@1` makes `claim_1`. */
export type FunctionFile = keyof typeof Sql.functions

type TablesFile = keyof typeof Sql.tables extends infer File
  ? File extends `${infer Name}.up`
    ? Name
    : never
  : never

/** A function of a version before that has a file in `sql/replaced`. */
type ReplacedFile<File = FunctionFile> = File extends `replaced/${infer Name}`
  ? Name extends FunctionFile
    ? Name
    : never
  : never

type Part =
  | { readonly kind: 'replaced'; readonly files: readonly ReplacedFile[] }
  | { readonly kind: 'functions'; readonly files: readonly FunctionFile[] }
  | { readonly kind: 'tables'; readonly file: TablesFile }
  | { readonly kind: 'comments'; readonly file: keyof typeof Sql.comments }

/** Makes functions. Down drops them again. */
export const functions = (...files: readonly FunctionFile[]): Part => ({ kind: 'functions', files })

/**
 * Gives functions of a version before the bodies of `sql/replaced`, under the same arguments: the release before calls
 * them too. Down gives them their own bodies again.
 */
export const replaced = (...files: readonly ReplacedFile[]): Part => ({ kind: 'replaced', files })

/** Runs `sql/tables/NAME.up.sql`. Down runs `NAME.down.sql`. */
export const tables = (file: TablesFile): Part => ({ kind: 'tables', file })

/** Runs `sql/comments/NAME.sql`. Down does nothing: comments go with what they are on. */
export const comments = (file: keyof typeof Sql.comments): Part => ({ kind: 'comments', file })

/** A migration of the core: names of files of `sql`, up in this order and down in the reverse. */
export function manifest(version: number, parts: readonly Part[]): Migration {
  return Object.freeze({
    version,
    up: async (t: Names) => {
      const sql = await load()
      return parts.flatMap((part) => up(part, sql, t))
    },
    down: async (t: Names) => {
      const sql = await load()
      return [...parts].reverse().flatMap((part) => down(part, sql, t))
    },
  })
}

/** Only here: a process that pushes or works on a schema that is there does not parse 200 KB of SQL. */
const load = (): Promise<typeof Sql> => import('../sql.generated.ts')

function up(part: Part, sql: typeof Sql, t: Names): string[] {
  if (part.kind === 'tables') return sql.tables[`${part.file}.up`].map((text) => forSchema(text, t))
  if (part.kind === 'comments') return [together(sql.comments[part.file], t)]
  if (part.kind === 'replaced')
    return part.files.map((file) => forSchema(sql.functions[`replaced/${file}`], t))
  // PostgreSQL lets every role call a new function: none may before it was granted.
  const names = part.files.map((file) => nameOf(file, t)).join(', ')
  return [
    ...part.files.map((file) => forSchema(sql.functions[file], t)),
    `REVOKE EXECUTE ON FUNCTION ${names} FROM PUBLIC`,
  ]
}

/** One call for a hundred comments. */
function together(texts: readonly string[], t: Names): string {
  return forSchema(`DO $body$ BEGIN\n${texts.join(';\n')};\nEND $body$`, t)
}

function down(part: Part, sql: typeof Sql, t: Names): string[] {
  if (part.kind === 'tables')
    return sql.tables[`${part.file}.down`].map((text) => forSchema(text, t))
  if (part.kind === 'comments') return []
  if (part.kind === 'replaced') return part.files.map((file) => forSchema(sql.functions[file], t))
  return [...part.files].reverse().map((file) => `DROP FUNCTION ${nameOf(file, t)}`)
}

function nameOf(file: FunctionFile, t: Names): string {
  const name = file.startsWith('public/')
    ? file.replace(/^public\/|@\d+$/g, '')
    : file.replace('@', '_')
  return t.own(name)
}
