import { ConfigError } from '../../core/errors.ts'
import type { PostgresJs, PostgresJsSettings } from './postgres-js-shapes.ts'

/** What every parser that rows pass through must give. */
const EXPECTED: readonly (readonly [oid: number, text: string, value: unknown])[] = [
  [16, 't', true],
  [23, '7', 7],
  [25, 'text', 'text'],
  [701, '1.5', 1.5],
]

/** Refuses what is no root `sql`, and one that renames columns or changes values on their way. */
export function checkRoot(sql: unknown): asserts sql is PostgresJs {
  const given: Partial<PostgresJs> = typeof sql === 'function' ? (sql as object) : {}
  const advice = 'Give it the result of postgres(…): postgresJsDriver(postgres(dsn))'
  if (typeof given.unsafe !== 'function')
    throw new ConfigError(`postgresJsDriver was given something that is not postgres.js. ${advice}`)
  if (typeof given.begin !== 'function' || typeof given.options !== 'object')
    throw new ConfigError(`postgresJsDriver was given a transaction or one connection. ${advice}`)
  // A reserved connection and a transaction are the same object shape with one thing more.
  if ('release' in given || 'savepoint' in given)
    throw new ConfigError(`postgresJsDriver was given a transaction or one connection. ${advice}`)
  checkSettings(given.options)
}

function checkSettings({ transform, parsers }: PostgresJsSettings): void {
  if (transform?.column?.from || transform?.value?.from || transform?.row?.from)
    throw new ConfigError(
      'postgresJsDriver was given an sql with "transform", which changes the rows that Chancy ' +
        'reads. Make a second one without it: postgresJsDriver(postgres(dsn))',
    )
  for (const [oid, text, value] of EXPECTED) {
    const parse = parsers?.[oid]
    if (parse !== undefined && parse(text) !== value)
      throw new ConfigError(
        `postgresJsDriver was given an sql whose "types" change how the type with OID ${oid} is ` +
          'read. Make a second one without them: postgresJsDriver(postgres(dsn))',
      )
  }
}

/** Where a thread reaches the server, in the words of `pg`. Null when it cannot be said in them. */
export function addressOf(settings: PostgresJsSettings): Readonly<Record<string, unknown>> | null {
  const { host, port, path, user, pass, database, ssl, socket } = settings
  if (socket || typeof pass === 'function' || (host?.length ?? 0) > 1) return null
  const tls = tlsOf(ssl)
  if (tls === null) return null
  return {
    // pg takes the folder of a Unix socket, postgres.js the socket itself.
    host: typeof path === 'string' ? path.replace(/\/\.s\.PGSQL\.\d+$/, '') : host?.[0],
    port: Number(port?.[0]),
    user,
    database,
    ...(typeof pass === 'string' && pass !== '' ? { password: pass } : {}),
    ssl: tls,
  }
}

function tlsOf(ssl: unknown): unknown {
  if (!ssl) return false
  if (ssl === true || ssl === 'verify-full') return true
  if (ssl === 'require' || ssl === 'allow') return { rejectUnauthorized: false }
  if (typeof ssl !== 'object') return null
  const plain = (value: unknown) =>
    typeof value !== 'function' && (typeof value !== 'object' || value instanceof Uint8Array)
  return Object.values(ssl).every(plain) ? { ...ssl } : null
}
